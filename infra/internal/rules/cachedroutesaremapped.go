package rules

import (
	"fmt"
	"strings"
)

// A cached Allow also counts for a request that adds an Authorization header,
// which the authorizer itself would refuse.
var cachedRoutesAreMapped = Rule{
	Name:     "TH-CachedRoutesAreMapped",
	Sentence: "A method behind an authorizer that caches results does not pass on the client's headers: its integration is not a proxy.",
	method: func(m *Method) []string {
		if !m.authorized() || !m.Authorizer.caches() || !strings.HasSuffix(m.Integration, "_PROXY") {
			return nil
		}
		return one(fmt.Sprintf("passes on the client's headers (%s) behind an authorizer that caches for %d s: "+
			"use a mapped integration (HTTP), or set AuthorizerResultTtlInSeconds to 0", m.Integration, m.Authorizer.TTL))
	},
}

package rules

import (
	"fmt"
	"strconv"
)

// The function refuses tokens that would expire before the cached result does.
var authorizerCacheAge = Rule{
	Name:     "TH-AuthorizerCacheAge",
	Sentence: "The function of an authorizer that caches results knows for how long, so that no result outlives its token.",
	method: func(m *Method) []string {
		a := m.Authorizer
		if !m.authorized() || !a.caches() || a.Function == nil || a.Function.CacheTTL == strconv.Itoa(a.TTL) {
			return nil
		}
		return one(fmt.Sprintf("has an authorizer that caches for %d s, and its function has CACHE_TTL %q: they must be equal, or results outlive their tokens",
			a.TTL, a.Function.CacheTTL))
	},
}

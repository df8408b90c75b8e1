package rules

import (
	"fmt"
	"slices"
	"strings"
)

// decisionSources are the parts of every request that the authorizer's decision
// depends on. The CSRF header is one more: see proofFault.
var decisionSources = []string{
	"method.request.header.cookie", "method.request.header.origin", "method.request.header.sec-fetch-site",
	"context.httpmethod", "context.path",
}

// A cached result is used again for every request with the same identity
// sources.
var authorizerCacheKey = Rule{
	Name:     "TH-AuthorizerCacheKey",
	Sentence: "An authorizer caches no results, or by everything its decision depends on: cookies, origin, site, CSRF header, method and path.",
	method: func(m *Method) []string {
		a := m.Authorizer
		if !m.authorized() || !a.caches() {
			return nil
		}
		for _, needed := range decisionSources {
			if !a.hasSource(needed) {
				return one(fmt.Sprintf("has an authorizer that caches for %d s without %s among its identity sources: "+
					"set AuthorizerResultTtlInSeconds to 0, or put all that the decision depends on into the key", a.TTL, needed))
			}
		}
		if a.OnlySafe && !isSafe(m.HTTPMethod) {
			return one("has the authorizer for GET and HEAD: give it AuthorizerFor this method, which has another cache")
		}
		return one(a.proofFault(m.HTTPMethod))
	},
}

// proofFault checks that the CSRF header is in the key.
func (a *Authorizer) proofFault(httpMethod string) string {
	const mend = "methods that change something need an authorizer of their own"
	if a.Function != nil {
		if header := a.Function.proofHeader(httpMethod); header != "" && !a.hasSource("method.request.header."+header) {
			return fmt.Sprintf("has an authorizer that caches for %d s without the CSRF header %s among its identity sources: %s", a.TTL, header, mend)
		}
		return ""
	}
	if isSafe(httpMethod) {
		return ""
	}
	// The name of the CSRF header is unknown: some other header must be there.
	if !slices.ContainsFunc(a.Sources, func(s string) bool {
		s = strings.ToLower(strings.TrimSpace(s))
		return strings.HasPrefix(s, "method.request.header.") && !slices.Contains(decisionSources, s)
	}) {
		return fmt.Sprintf("has an authorizer that caches for %d s without the CSRF header among its identity sources: %s", a.TTL, mend)
	}
	return ""
}

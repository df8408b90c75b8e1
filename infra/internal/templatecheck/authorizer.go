package templatecheck

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Authorizer is what the rule reads of an authorizer.
type Authorizer struct {
	Type    string
	TTL     int // seconds; the default is 300
	Sources []string

	// Function is the OAuth proxy it invokes; nil: it is in no template at hand.
	Function *Function
}

// DefaultTTL is used where an authorizer names none: "The default value is
// 300" (AWS::ApiGateway::Authorizer, AuthorizerResultTtlInSeconds).
const DefaultTTL = 300

// Fault says why an authorizer cannot be a token handler's, or "".
//
// A cached result is used again for every request with the same identity
// sources, so that all the decision reads must be among them: the cookie, the
// origin, the site, the method and the path. For the CSRF header see MethodFault.
func (a Authorizer) Fault() string {
	if a.Type != "REQUEST" {
		return fmt.Sprintf("has an authorizer of type %s: expected REQUEST, which sees cookie, origin and CSRF header", a.Type)
	}
	if a.TTL == 0 {
		return ""
	}
	for _, needed := range []string{"method.request.header.cookie", "method.request.header.origin", "method.request.header.sec-fetch-site",
		"context.httpmethod", "context.path"} {
		if !a.hasSource(needed) {
			return fmt.Sprintf("has an authorizer that caches for %d s without %s among its identity sources: "+
				"expected AuthorizerResultTtlInSeconds 0, or all that the decision reads in the key", a.TTL, needed)
		}
	}
	// The function lets no token through that would end before the result does.
	if a.Function != nil && a.Function.CacheTTL != strconv.Itoa(a.TTL) {
		return fmt.Sprintf("has an authorizer that caches for %d s, and its function has CACHE_TTL %q: expected the same, or results outlive their tokens",
			a.TTL, a.Function.CacheTTL)
	}
	return ""
}

func (a Authorizer) hasSource(name string) bool {
	return slices.ContainsFunc(a.Sources, func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), name) })
}

// MethodFault says why a method cannot have this authorizer of the token
// handler's, or "": one that caches decides by its key alone.
func (a Authorizer) MethodFault(m Method) string {
	switch {
	case a.TTL == 0:
		return ""
	// A cached Allow is used again for a request that adds an Authorization
	// header, which uncached is refused.
	case strings.HasSuffix(m.Integration, "_PROXY"):
		return fmt.Sprintf("hands the client's headers on (%s) behind an authorizer that caches for %d s: "+
			"expected a mapped integration (HTTP), or AuthorizerResultTtlInSeconds 0", m.Integration, a.TTL)
	case a.Function != nil:
		if proof := a.Function.proof(m.HTTPMethod); proof != "" && !a.hasSource("method.request.header."+proof) {
			return fmt.Sprintf("has an authorizer that caches for %d s without the CSRF header %s among its identity sources: "+
				"expected one of its own for methods that change something", a.TTL, proof)
		}
		return ""
	case m.HTTPMethod == "GET", m.HTTPMethod == "HEAD":
		return ""
	}
	// The name of the CSRF header is not known.
	others := slices.ContainsFunc(a.Sources, func(s string) bool {
		s = strings.ToLower(strings.TrimSpace(s))
		name, isHeader := strings.CutPrefix(s, "method.request.header.")
		return isHeader && !slices.Contains([]string{"cookie", "origin", "sec-fetch-site"}, name)
	})
	if !others {
		return fmt.Sprintf("has an authorizer that caches for %d s without the CSRF header among its identity sources: "+
			"expected one of its own for methods that change something", a.TTL)
	}
	return ""
}

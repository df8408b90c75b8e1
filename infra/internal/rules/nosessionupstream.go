package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

var noSessionUpstream = Rule{
	Name:     "TH-NoSessionUpstream",
	Sentence: "No HTTP integration passes on the session cookies or the client's own Authorization header.",
	method: func(m *Method) []string {
		kind := m.Kind()
		if kind != Protected && kind != Public || !m.http() || kind == Protected && m.Authorization == "NONE" {
			return nil
		}
		var faults []string
		for _, target := range slices.Sorted(maps.Keys(m.Parameters)) {
			source := m.Parameters[target]
			switch {
			// Without an authorizer there is no token, and a mapping from a missing
			// value leaves the client's own header in place.
			case kind == Public && strings.EqualFold(target, AuthorizationTarget) && (target != AuthorizationTarget || !isConstant(source)):
				faults = append(faults, fmt.Sprintf("is public and maps %s from %s: it must map it from a constant or not at all", target, source))
			case isSession(source) && !strings.EqualFold(target, AuthorizationTarget):
				faults = append(faults, fmt.Sprintf("maps %s from %s: cookies and the client's Authorization must not go upstream", target, source))
			}
		}
		if m.Integration != "HTTP_PROXY" {
			return faults
		}
		// HTTP_PROXY passes on every header that no mapping overwrites.
		const mend = "from a constant such as 'none', or use an HTTP integration without proxy"
		if !isConstant(m.Parameters[CookieTarget]) {
			faults = append(faults, fmt.Sprintf("passes the session cookies upstream: map %s %s", CookieTarget, mend))
		}
		if kind == Public && m.Parameters[AuthorizationTarget] == "" {
			faults = append(faults, fmt.Sprintf("passes the client's Authorization upstream: map %s %s", AuthorizationTarget, mend))
		}
		return faults
	},
}

// isSession reports whether a mapping reads a header that must stay at the
// gateway.
func isSession(source string) bool {
	for _, position := range []string{"header", "multivalueheader"} {
		for _, name := range []string{"cookie", "authorization"} {
			if strings.EqualFold(source, "method.request."+position+"."+name) {
				return true
			}
		}
	}
	return false
}

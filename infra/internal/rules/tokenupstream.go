package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

var tokenUpstream = Rule{
	Name:     "TH-TokenUpstream",
	Sentence: "An HTTP integration of a protected method maps Authorization from the authorizer's token, and from nowhere else.",
	method: func(m *Method) []string {
		if m.Kind() != Protected || m.Authorization == "NONE" || !m.http() {
			return nil
		}
		var faults []string
		if m.Parameters[AuthorizationTarget] == "" {
			faults = append(faults, fmt.Sprintf("does not give its integration the token: map %s from %s", AuthorizationTarget, TokenSource))
		}
		// In the order of names, so that the message does not change.
		for _, target := range slices.Sorted(maps.Keys(m.Parameters)) {
			source := m.Parameters[target]
			if strings.EqualFold(target, AuthorizationTarget) && (target != AuthorizationTarget || source != TokenSource) {
				faults = append(faults, fmt.Sprintf("maps %s from %s: it must map %s from %s only", target, source, AuthorizationTarget, TokenSource))
			}
		}
		return faults
	},
}

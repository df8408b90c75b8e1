package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

var readableIntegration = Rule{
	Name:     "TH-ReadableIntegration",
	Sentence: "The type of an integration is literal, and no request template overrides headers, because neither could be checked otherwise.",
	method: func(m *Method) []string {
		if m.Integration == "unreadable" {
			return one("has an integration whose type cannot be read: it must be literal")
		}
		if !m.http() {
			return nil
		}
		var faults []string
		for _, contentType := range slices.Sorted(maps.Keys(m.Templates)) {
			// $context.requestOverride.header.* wins over a mapping.
			if strings.Contains(strings.ToLower(m.Templates[contentType]), "requestoverride") {
				faults = append(faults, fmt.Sprintf("overrides the request in its template for %s, which cannot be checked: map parameters instead", contentType))
			}
		}
		return faults
	},
}

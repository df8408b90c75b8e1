package rules

import (
	"maps"
	"slices"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

// FunctionsOf lists the OAuth proxies of several templates, for
// Options.Functions: an authorizer may invoke the function of another stack.
func FunctionsOf(files []cloudformation.File) map[string]Function {
	found := map[string]Function{}
	for _, f := range files {
		maps.Copy(found, Functions(f.Template))
	}
	return found
}

// Check applies every rule to a template.
func Check(t *cloudformation.Template, options Options) Report {
	m := newModel(t, options)
	report := Report{Methods: map[string]int{}, Public: map[string]string{}}
	for _, rule := range All() {
		for _, api := range m.apis {
			report.Findings = append(report.Findings, rule.check(api)...)
		}
		if rule.template != nil {
			rule.template(m, rule.reporter(&report.Findings))
		}
	}
	slices.SortStableFunc(report.Findings, byPlace)
	for _, api := range m.apis {
		for _, method := range api.Methods {
			report.Methods[method.Kind()]++
			if method.Kind() == Public {
				report.Public[method.HTTPMethod+" "+method.Path] = method.Public
			}
		}
	}
	return report
}

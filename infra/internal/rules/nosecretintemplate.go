package rules

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/cloudformation"
	"github.com/tokenhandler/aws/internal/settings"
)

// SecretInTemplate is the fault of a secret whose value is in the template.
const SecretInTemplate = "has its value in the template: let Secrets Manager generate it, or put it there by other means"

var noSecretInTemplate = Rule{
	Name:     "TH-NoSecretInTemplate",
	Sentence: "Secrets and the Lambdas' secret settings have no value in the template.",
	template: func(m *model, found found) {
		secret := secretVariables()
		for _, id := range m.ids {
			switch r := m.template.Resources[id]; r.Type {
			case "AWS::SecretsManager::Secret":
				if value := r.Properties["SecretString"]; value != nil && !isReference(value) && !m.options.OnlyUsers {
					found(place(r), nil, SecretInTemplate)
				}
			case "AWS::Lambda::Function":
				variables := variables(r)
				if _, proxy := m.proxies[id]; m.options.OnlyUsers && !proxy && !isAgent(variables) {
					continue
				}
				for _, name := range slices.Sorted(maps.Keys(variables)) {
					if secret[name] && !isReference(variables[name]) {
						found(place(r), nil, fmt.Sprintf("has the value of %s in the template: it must be a reference such as {{resolve:secretsmanager:…}}", name))
					}
				}
			}
		}
	},
}

// isReference reports whether a value comes from elsewhere: a dynamic
// reference, a parameter or an attribute.
func isReference(v any) bool {
	if s, ok := v.(string); ok {
		return strings.HasPrefix(s, "{{resolve:") || s == ""
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return false
	}
	return len(cloudformation.Mentions(v)) > 0 || cloudformation.Imports(v) != "" || strings.Contains(string(raw), "{{resolve:")
}

func secretVariables() map[string]bool {
	names := map[string]bool{}
	for _, v := range slices.Concat(settings.Describe(settings.Agent{}), settings.Describe(settings.Authorizer{})) {
		if v.Secret {
			names[v.Name] = true
		}
	}
	return names
}

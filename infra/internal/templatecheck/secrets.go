package templatecheck

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/settings"
)

// secrets finds values of secrets in the template: of Secrets Manager's
// secrets, and of the Lambdas' settings that are secret.
func (c *checker) secrets(id string, r Resource) {
	switch r.Type {
	case "AWS::SecretsManager::Secret":
		if c.options.OnlyUsers {
			return // anybody's
		}
		if value := r.Properties["SecretString"]; value != nil && !isReference(value) {
			c.fail(id, r.construct(), "has its value in the template: let Secrets Manager generate it, or put it there by other means")
		}
	case "AWS::Lambda::Function":
		_, proxy := c.functions[id]
		if c.options.OnlyUsers && !proxy && !hasAll(r.variables(), requiredVariables(settings.Agent{})) {
			return
		}
		variables := r.variables()
		for _, name := range slices.Sorted(maps.Keys(variables)) {
			if secretVariables()[name] && !isReference(variables[name]) {
				c.fail(id, r.construct(), fmt.Sprintf("has the value of %s in the template: expected a reference such as {{resolve:secretsmanager:…}}", name))
			}
		}
	}
}

// isReference reports whether a value comes from somewhere else: a dynamic
// reference, a parameter or an attribute.
func isReference(v any) bool {
	if s, ok := v.(string); ok {
		return strings.HasPrefix(s, "{{resolve:") || s == ""
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return false
	}
	for _, function := range []string{"{{resolve:", `{"Ref":`, `{"Fn::GetAtt":`, `{"Fn::ImportValue":`, `{"Fn::GetStackOutput":`} {
		if strings.Contains(string(raw), function) {
			return true
		}
	}
	return false
}

func secretVariables() map[string]bool {
	names := map[string]bool{}
	for _, list := range [][]settings.Variable{settings.Describe(settings.Agent{}), settings.Describe(settings.Authorizer{})} {
		for _, v := range list {
			if v.Secret {
				names[v.Name] = true
			}
		}
	}
	return names
}

package rules

import (
	"fmt"
	"strings"

	"github.com/tokenhandler/aws/internal/cloudformation"
	"github.com/tokenhandler/aws/internal/settings"
)

// A deployment fails with "Lambda was unable to configure your environment
// variables because the environment variables you have provided exceeded the 4KB
// limit".
var environmentSize = Rule{
	Name:     "TH-EnvironmentSize",
	Sentence: "The variables of the OAuth proxy and of the agent fit into the 4,096 bytes of a Lambda's environment.",
	template: func(m *model, found found) {
		for _, id := range m.ids {
			r := m.template.Resources[id]
			if r.Type != "AWS::Lambda::Function" || !isProxy(variables(r)) && !isAgent(variables(r)) {
				continue
			}
			total, largest, name := 0, 0, ""
			for variable, value := range variables(r) {
				size := len(variable) + variableSize(m.template, value)
				if total += size; size > largest || size == largest && variable < name {
					largest, name = size, variable
				}
			}
			if total > settings.MaxEnvironment {
				found(place(r), nil, fmt.Sprintf("has about %d bytes of environment variables, and Lambda allows %d: %s takes %d", total, settings.MaxEnvironment, name, largest))
			}
		}
	},
}

// variableSize estimates a value after deployment. A parameter with a default is
// expected to keep it.
func variableSize(t *cloudformation.Template, v any) int {
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, "{{resolve:") {
			return settings.ReferenceSize
		}
		return len(v)
	case map[string]any:
		if byDefault, ok := t.Parameters[cloudformation.String(v["Ref"])]["Default"].(string); ok {
			return len(byDefault)
		}
		list := cloudformation.List(v["Fn::Join"])
		if len(list) != 2 {
			return settings.ReferenceSize
		}
		parts, size := cloudformation.List(list[1]), 0
		if len(parts) > 0 && strings.HasPrefix(cloudformation.String(parts[0]), "{{resolve:") {
			return settings.ReferenceSize
		}
		for _, part := range parts {
			size += variableSize(t, part)
		}
		return size
	}
	return 0
}

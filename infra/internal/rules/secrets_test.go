package rules

import (
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

// P20, G3, A3: no value of a secret is in a template.
func TestCheckFindsSecrets(t *testing.T) {
	key := strings.Repeat("ab", 32)
	for _, tt := range []struct {
		name, kind, part, property string
		value                      any
		want                       string
	}{
		{"client secret", "AWS::Lambda::Function", "Agent", "CLIENT_SECRET", "hunter2", "has the value of CLIENT_SECRET in the template"},
		{"key of the authorizer", "AWS::Lambda::Function", "Authorizer", "ENCRYPTION_KEY", key, "has the value of ENCRYPTION_KEY in the template"},
		{"key, joined", "AWS::Lambda::Function", "Authorizer", "ENCRYPTION_KEY", map[string]any{"Fn::Join": []any{"", []any{key[:32], key[32:]}}}, "has the value of ENCRYPTION_KEY"},
		{"reference", "AWS::Lambda::Function", "Agent", "CLIENT_SECRET", "{{resolve:secretsmanager:x:SecretString:::}}", ""},
		{"secret resource", "AWS::SecretsManager::Secret", "ClientSecret", "", "hunter2", "has its value in the template"},
		{"secret resource from a parameter", "AWS::SecretsManager::Secret", "ClientSecret", "", map[string]any{"Ref": "Parameter"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			template := sound(t)
			p := template.Resources[find(t, template, tt.kind, tt.part)].Properties
			if tt.property == "" {
				p["SecretString"] = tt.value
			} else {
				cloudformation.Object(cloudformation.Object(p["Environment"])["Variables"])[tt.property] = tt.value
			}
			got := lines(Check(template, Options{}))
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if s, ok := tt.value.(string); ok && tt.want != "" && strings.Contains(got, s) {
				t.Errorf("the finding shows the value: %q", got)
			}
		})
	}
}

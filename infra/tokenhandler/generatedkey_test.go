package tokenhandler

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
)

// A secret of the same app that is no key is seen at synthesis, not when the
// Lambdas do not start.
func TestGeneratedKey(t *testing.T) {
	sound := func(change func(*awssecretsmanager.SecretStringGenerator)) *awssecretsmanager.SecretStringGenerator {
		g := *keySecret().GenerateSecretString
		change(&g)
		return &g
	}
	for _, tt := range []struct {
		name      string
		generator *awssecretsmanager.SecretStringGenerator
		want      string // "": a key
	}{
		{"ours", sound(func(*awssecretsmanager.SecretStringGenerator) {}), ""},
		{"upper case too", sound(func(g *awssecretsmanager.SecretStringGenerator) {
			g.ExcludeUppercase = jsii.Bool(false)
			g.ExcludeCharacters = jsii.String("ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ")
		}), ""},
		{"too short", sound(func(g *awssecretsmanager.SecretStringGenerator) { g.PasswordLength = jsii.Number(32) }), "generates 32 characters"},
		{"of the default length", sound(func(g *awssecretsmanager.SecretStringGenerator) { g.PasswordLength = nil }), "generates 32 characters"},
		{"too long", sound(func(g *awssecretsmanager.SecretStringGenerator) { g.PasswordLength = jsii.Number(65) }), "generates 65 characters"},
		{"all letters", sound(func(g *awssecretsmanager.SecretStringGenerator) { g.ExcludeCharacters = nil }), "may generate 'g'"},
		{"upper-case letters", sound(func(g *awssecretsmanager.SecretStringGenerator) { g.ExcludeUppercase = nil }), "may generate 'G'"},
		{"punctuation", sound(func(g *awssecretsmanager.SecretStringGenerator) { g.ExcludePunctuation = nil }), `may generate '!'`},
		{"space", sound(func(g *awssecretsmanager.SecretStringGenerator) { g.IncludeSpace = jsii.Bool(true) }), `may generate " "`},
		{"JSON", sound(func(g *awssecretsmanager.SecretStringGenerator) {
			g.SecretStringTemplate, g.GenerateStringKey = jsii.String(`{"user":"a"}`), jsii.String("key")
		}), "generates JSON"},
		{"CDK's default", nil, "generates 32 characters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stack := newStack(t)
			props := oneOrigin()
			props.CookieKeySecret = awssecretsmanager.NewSecret(stack, jsii.String("Given"), &awssecretsmanager.SecretProps{GenerateSecretString: tt.generator})
			got := panicOf(func() { New(stack, "TokenHandler", props) })
			if tt.want == "" && got != "" {
				t.Error(got)
			} else if tt.want != "" {
				mustContain(t, got, "tokenhandler: Props.CookieKeySecret Test/Stack/Given/Resource "+tt.want+": expected 64 hexadecimal characters")
			}
		})
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
	"github.com/oasdiff/yaml"

	"github.com/tokenhandler/aws/infra/internal/rules"
	"github.com/tokenhandler/aws/infra/tokenhandler"
	"github.com/tokenhandler/aws/internal/cloudformation"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/internal/setup"
)

var made = sync.OnceValues(newTemplate)

// templateFile writes the template to a file.
func templateFile(t *testing.T) string {
	t.Helper()
	raw, err := made()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), templateName)
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func readTemplate(t *testing.T) *cloudformation.Template {
	t.Helper()
	template, err := cloudformation.Read(templateFile(t))
	if err != nil {
		t.Fatal(err)
	}
	return template
}

func TestTemplateIsPlain(t *testing.T) {
	raw, err := made()
	if err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{"cdk", "Bootstrap", ".invalid", prefix, placeholder, "hnb659fds", "ReleaseStack"} {
		if strings.Contains(string(raw), forbidden) {
			t.Errorf("the template contains %q", forbidden)
		}
	}
	again, err := newTemplate()
	if err != nil || string(again) != string(raw) {
		t.Errorf("a second template differs: %v", err)
	}
	template := readTemplate(t)
	if n := len(template.Parameters); n > 200 { // AWS CloudFormation quotas
		t.Errorf("%d parameters, CloudFormation takes 200", n)
	}
	known := []string{"AWS::Region", "AWS::AccountId", "AWS::Partition", "AWS::URLSuffix", "AWS::NoValue"}
	for id, r := range template.Resources {
		for _, list := range []any{r.Properties, r.After()} {
			for name := range cloudformation.Mentions(list) {
				if template.Resources[name] == nil && template.Parameters[name] == nil && !slices.Contains(known, name) {
					t.Errorf("%s refers to %s, which is not in the template", id, name)
				}
			}
		}
	}
	for name, p := range template.Parameters {
		if !strings.Contains(string(raw), `{"Ref": "`+name+`"}`) && !regexp.MustCompile(`"Ref": "`+name+`"|\$\{`+name+`\}`).Match(raw) {
			t.Errorf("parameter %s is not used", name)
		}
		if len(p["Description"].(string)) > 4000 { // "A description" quota
			t.Errorf("the description of %s is too long", name)
		}
	}
}

// Tools that try all combinations of conditions need memory for each.
func TestTemplateHasFewConditions(t *testing.T) {
	if n := len(readTemplate(t).Conditions); n > 8 {
		t.Errorf("%d conditions, want at most 8", n)
	}
}

func TestTemplateHasNoSecret(t *testing.T) {
	template := readTemplate(t)
	report := rules.Check(template, rules.Options{})
	for _, finding := range report.Findings {
		t.Error(finding)
	}
	if report.Methods[rules.Agent] != 7 || report.Methods[rules.Preflight] != 7 {
		t.Errorf("methods %v, want 7 of the agent and 7 preflights", report.Methods)
	}
	secrets := map[string]bool{}
	for _, v := range slices.Concat(settings.Describe(settings.Agent{}), settings.Describe(settings.Authorizer{})) {
		secrets[v.Name] = v.Secret
	}
	for _, id := range []string{agent, authorizer} {
		for name, value := range variablesOf(template, id) {
			if text, _ := json.Marshal(value); secrets[name] && !strings.Contains(string(text), "{{resolve:secretsmanager:") {
				t.Errorf("%s of %s is no dynamic reference: %s", name, id, text)
			}
		}
	}
}

func variablesOf(t *cloudformation.Template, id string) map[string]any {
	return cloudformation.Object(cloudformation.Object(t.Resources[id].Properties["Environment"])["Variables"])
}

// Both Lambdas get from the template the environment that the construct gives
// them.
func TestEnvironmentIsThatOfTheConstruct(t *testing.T) {
	plain := readTemplate(t)
	for _, tt := range []struct {
		name  string
		props func(scope awscdk.Stack) *tokenhandler.Props
	}{
		{"least", func(s awscdk.Stack) *tokenhandler.Props {
			return &tokenhandler.Props{
				Application: tokenhandler.Application{TrustedWebOrigins: []string{"https://www.example.com"}, RedirectURI: "https://www.example.com/"},
				Provider:    tokenhandler.Provider{Issuer: "https://login.example.com", ClientID: "spa", ClientSecret: secret(s, "prod/spa")},
			}
		}},
		{"verified tokens, two origins", func(s awscdk.Stack) *tokenhandler.Props {
			return &tokenhandler.Props{
				Application: tokenhandler.Application{
					TrustedWebOrigins: []string{"https://www.example.com", "https://admin.example.com"}, RedirectURI: "https://www.example.com/",
					PostLogoutRedirectURI: "https://www.example.com/bye",
				},
				Provider: tokenhandler.Provider{
					Issuer: "https://login.example.com", ClientID: "spa", Scope: "openid offline_access", JWKSEndpoint: "https://login.example.com/jwks",
					Authentication: tokenhandler.Authentication{Method: tokenhandler.PrivateKeyJWT, PrivateKey: secret(s, "prod/private-key"), KeyID: "k1"},
					Requests:       tokenhandler.Requests{Push: true, Sign: true, ResponseMode: "jwt", ExtraParameters: []string{"prompt", "login_hint"}},
				},
				Cookies:      tokenhandler.Cookies{NamePrefix: "shop", Domain: "example.com"},
				Session:      tokenhandler.Session{IdleLifetime: 30 * 60e9, Lifetime: 8 * 3600e9, Logout: "local"},
				AccessTokens: tokenhandler.AccessTokens{VerifyTokens: true, Audience: []string{"https://api.example.com"}},
				Operation:    tokenhandler.Operation{Metrics: "none"},
			}
		}},
		{"phantom tokens", func(s awscdk.Stack) *tokenhandler.Props {
			return &tokenhandler.Props{
				Application:  tokenhandler.Application{TrustedWebOrigins: []string{"https://www.example.com"}, RedirectURI: "https://www.example.com/"},
				Provider:     tokenhandler.Provider{Issuer: "https://login.example.com", ClientID: "spa", ClientSecret: secret(s, "prod/spa")},
				PhantomToken: tokenhandler.PhantomToken{Enabled: true, IntrospectionURL: "https://login.example.com/introspect", ClientID: "api", ClientSecret: secret(s, "prod/api"), MaxAge: tokenhandler.None},
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			byConstruct := constructEnvironments(t, tt.props)
			values := map[string]any{}
			for name, p := range plain.Parameters {
				values[name] = p["Default"]
			}
			origins, second, _ := strings.Cut(byConstruct[agent]["TRUSTED_WEB_ORIGINS"].(string), ",")
			values["TrustedWebOrigin"], values["SecondTrustedWebOrigin"] = origins, second
			for _, s := range parameterSettings() {
				for _, id := range s.lambdas {
					if value, ok := byConstruct[id][s.Name].(string); ok {
						value = strings.TrimSuffix(strings.TrimPrefix(value, "{{resolve:secretsmanager:"), ":SecretString:::}}")
						values[s.parameter] = arnRE.ReplaceAllString(value, "")
					}
				}
			}
			resolver := cloudformation.Resolver{Template: plain, Ref: func(id string, _ int) (any, error) {
				if value, ok := values[id]; ok && value != nil {
					return value, nil
				}
				return id, nil
			}}
			for _, id := range []string{agent, authorizer} {
				got, err := resolver.Resolve(variablesOf(plain, id), 0)
				if err != nil {
					t.Fatal(err)
				}
				// The Lambdas take an empty variable for a missing one.
				maps.DeleteFunc(got.(map[string]any), func(_ string, value any) bool { return value == "" })
				if diff := cmp.Diff(byConstruct[id], got); diff != "" {
					t.Errorf("%s (-construct +template):\n%s", id, diff)
				}
			}
		})
	}
}

// arnRE matches the part of a secret's ARN before its name.
var arnRE = regexp.MustCompile(`^arn:.*:secret:`)

func secret(scope awscdk.Stack, name string) awssecretsmanager.ISecret {
	return awssecretsmanager.Secret_FromSecretNameV2(scope, jsii.String(strings.ReplaceAll(name, "/", "-")), jsii.String(name))
}

// constructEnvironments synthesizes the construct and returns the environments of
// its functions. References to its key have the name of that of the template.
func constructEnvironments(t *testing.T, props func(awscdk.Stack) *tokenhandler.Props) map[string]map[string]any {
	t.Helper()
	app := awscdk.NewApp(&awscdk.AppProps{Context: &map[string]any{"aws:cdk:bundling-stacks": []string{}}})
	stack := awscdk.NewStack(awscdk.NewStage(app, jsii.String("Test"), nil), jsii.String("Stack"), nil)
	handler := tokenhandler.New(stack, construct, props(stack))
	handler.Protect(tokenhandler.Route{Path: "/orders", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/"})
	raw, err := json.Marshal(assertions.Template_FromStack(stack, nil).ToJSON())
	if err != nil {
		t.Fatal(err)
	}
	template := &cloudformation.Template{}
	if err := json.Unmarshal(raw, template); err != nil {
		t.Fatal(err)
	}
	resolver := cloudformation.Resolver{Template: template, Ref: func(id string, _ int) (any, error) {
		return strings.TrimPrefix(hashRE.ReplaceAllString(id, ""), construct), nil
	}}
	found := map[string]map[string]any{}
	for id, r := range template.Resources {
		name := strings.TrimPrefix(hashRE.ReplaceAllString(id, ""), construct)
		if r.Type != "AWS::Lambda::Function" {
			continue
		}
		variables, err := resolver.Resolve(variablesOf(template, id), 0)
		if err != nil {
			t.Fatal(err)
		}
		found[name] = variables.(map[string]any)
	}
	return found
}

// Every setting of the Lambdas is a parameter, or docs/without-go.md says that it
// is not.
func TestEverySettingIsAParameterOrDocumented(t *testing.T) {
	document, err := os.ReadFile("../../docs/without-go.md")
	if err != nil {
		t.Fatal(err)
	}
	variables := append(settings.Describe(settings.Agent{}), settings.Describe(settings.Authorizer{})...)
	for _, name := range slices.Sorted(maps.Keys(unsupported)) {
		if !slices.ContainsFunc(variables, func(v settings.Variable) bool { return v.Name == name }) {
			t.Errorf("unsupported has %s, which is no variable", name)
		}
		if !strings.Contains(string(document), "`"+name+"`") && name != "TRUSTED_WEB_ORIGINS" && name != "DEPLOYMENT" {
			t.Errorf("docs/without-go.md does not name %s", name)
		}
	}
	names := map[string]bool{}
	for _, s := range parameterSettings() {
		if names[s.parameter] {
			t.Errorf("two settings have the parameter %s", s.parameter)
		}
		names[s.parameter] = true
	}
}

// The origin is written into templates of the gateway, so it must be an origin.
func TestOriginsAreBounded(t *testing.T) {
	pattern := regexp.MustCompile(readTemplate(t).Parameters["TrustedWebOrigin"]["AllowedPattern"].(string))
	for origin, want := range map[string]bool{
		"https://www.example.com": true, "https://www.example.com:8443": true, "http://www.example.localhost:3000": true,
		"": false, "*": false, "https://www.example.com/": false, "http://www.example.com": false, `https://a" || "" == "`: false,
		"https://a.example,https://b.example": false, "https://a.example'": false, "https://$x": false, "https://a.example\n": false,
	} {
		if got := pattern.MatchString(origin); got != want {
			t.Errorf("%q: got %t, want %t", origin, got, want)
		}
	}
}

// The example for SAM in docs/without-go.md follows the rules.
func TestSAMExample(t *testing.T) {
	document, err := os.ReadFile("../../docs/without-go.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(document), "```yaml\n")
	example, _, _ = strings.Cut(example, "```\n")
	raw, err := yaml.YAMLToJSON([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	template := &cloudformation.Template{}
	if err := json.Unmarshal(raw, template); err != nil {
		t.Fatal(err)
	}
	parameters := readTemplate(t).Parameters
	given := cloudformation.Object(template.Resources["TokenHandler"].Properties["Parameters"])
	for name := range given {
		if parameters[name] == nil {
			t.Errorf("the template has no parameter %s", name)
		}
	}
	for name, p := range parameters {
		if p["Default"] == nil && given[name] == nil {
			t.Errorf("the required parameter %s is missing", name)
		}
	}
	template.Transform = nil // which changes the resource TokenHandler only
	report := rules.Check(template, rules.Options{Authorizers: []string{"TokenHandler.Outputs.AuthorizerId"}})
	for _, finding := range report.Findings {
		t.Error(finding)
	}
	if report.Methods[rules.Protected] != 1 || report.Methods[rules.Preflight] != 1 {
		t.Errorf("methods %v, want 1 protected and 1 preflight", report.Methods)
	}
}

// The example in TypeScript is synthesized from the template. CDK finds no fault
// with it, and infra/check passes.
func TestTypeScriptExample(t *testing.T) {
	if _, _, err := setup.Node(t.Context()); err != nil {
		t.Skip(err)
	}
	const dir = "../../examples/cdk-typescript"
	if _, err := setup.Packages(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	app, err := filepath.Abs(filepath.Join(dir, "build", "app.js"))
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"npm", "run", "--silent", "build"}, {"node", app}} {
		cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TOKEN_HANDLER_TEMPLATE="+templateFile(t), "CDK_OUTDIR="+out, "CDK_VALIDATION=true",
			"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20")
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, output)
		}
	}
	template, err := cloudformation.Read(filepath.Join(out, "Orders.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	report := rules.Check(template, rules.Options{})
	for _, finding := range report.Findings {
		t.Error(finding)
	}
	if report.Methods[rules.Protected] != 5 || report.Methods[rules.Agent] != 7 || report.Methods[rules.Preflight] != 9 {
		t.Errorf("methods %v, want 5 protected, 7 of the agent and 9 preflights", report.Methods)
	}
	// CDK writes it if it has validated, also without findings.
	raw, err := os.ReadFile(filepath.Join(out, "validation-report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var validation struct {
		PluginReports []struct {
			Conclusion string
			Violations []struct{ RuleName, Description, Severity string }
		}
	}
	if err := json.Unmarshal(raw, &validation); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	for _, plugin := range validation.PluginReports {
		for _, v := range plugin.Violations {
			t.Error(fmt.Sprint(v))
		}
	}
}

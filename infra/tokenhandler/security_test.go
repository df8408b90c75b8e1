package tokenhandler

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
)

// Least privilege: the test lists every permission of the stack, with its
// principal and resource.
func TestEveryPermission(t *testing.T) {
	want := []string{
		`[AgentFunctionRole] may "kms:Decrypt" on Key.Arn`,
		`[AgentFunctionRole] may ["logs:CreateLogStream","logs:PutLogEvents"] on AgentFunctionLogs.Arn`,
		`[AuthorizerFunctionRole] may "kms:Decrypt" on Key.Arn`,
		`[AuthorizerFunctionRole] may ["logs:CreateLogStream","logs:PutLogEvents"] on AuthorizerFunctionLogs.Arn`,
		`AgentFunctionRole is for {"Service":"lambda.amazonaws.com"}`,
		`AuthorizerFunctionRole is for {"Service":"lambda.amazonaws.com"}`,
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, grants(t, synth(t, oneOrigin(), nil))); diff != "" {
		t.Error(diff)
	}
}

// Only X-Ray adds permissions on "*", because it has no resources.
func TestEveryPermissionOfTracing(t *testing.T) {
	without := grants(t, synth(t, oneOrigin(), nil))
	more := slices.DeleteFunc(grants(t, synth(t, operated(Operation{Tracing: true, AccessLogs: true, WebACL: "arn:aws:wafv2:eu-north-1:123456789012:regional/webacl/a/b"}), nil)),
		func(grant string) bool { return slices.Contains(without, grant) })
	want := []string{
		`[AgentFunctionRole] may ["xray:PutTelemetryRecords","xray:PutTraceSegments"] on *`,
		`[AuthorizerFunctionRole] may ["xray:PutTelemetryRecords","xray:PutTraceSegments"] on *`,
	}
	if diff := cmp.Diff(want, more); diff != "" {
		t.Error(diff)
	}
}

// grants lists the permissions that roles have, and whom they are for.
func grants(t *testing.T, got template) []string {
	t.Helper()
	var grants []string
	for id, r := range got.Resources {
		switch r.Type {
		case "AWS::IAM::Policy":
			for _, s := range dig(t, r.Properties, "PolicyDocument", "Statement").([]any) {
				s := s.(map[string]any)
				if s["Effect"] != "Allow" || s["NotAction"] != nil || s["NotResource"] != nil {
					t.Errorf("%s has statement %s", id, text(s))
				}
				grant := short(r.Properties["Roles"]) + " may " + text(s["Action"]) + " on " + short(s["Resource"])
				if s["Condition"] != nil {
					grant += " if " + text(s["Condition"])
				}
				grants = append(grants, grant)
			}
		case "AWS::IAM::Role":
			for _, field := range []string{"ManagedPolicyArns", "Policies"} {
				if r.Properties[field] != nil {
					t.Errorf("%s has %s", id, field)
				}
			}
			grants = append(grants, short(map[string]any{"Ref": id})+" is for "+text(dig(t, r.Properties, "AssumeRolePolicyDocument", "Statement", 0, "Principal")))
		case "AWS::ApiGateway::Account":
			t.Errorf("%s changes a setting of the whole account", id)
		}
	}
	slices.Sort(grants)
	return grants
}

// API Gateway may invoke the functions for this API only (P16): the authorizer as
// an authorizer, the agent for any method. One permission for each method would
// exceed the size of a function's policy.
func TestInvokePermissionsHaveASourceArn(t *testing.T) {
	var got []string
	for id, r := range synth(t, oneOrigin(), nil).only("AWS::Lambda::Permission") {
		if r.Properties["Action"] != "lambda:InvokeFunction" || r.Properties["Principal"] != "apigateway.amazonaws.com" {
			t.Errorf("%s: %s", id, text(r.Properties))
		}
		got = append(got, short(r.Properties["FunctionName"])+" for "+short(r.Properties["SourceArn"]))
	}
	slices.Sort(got)
	const api = "arn:AWS::Partition:execute-api:AWS::Region:AWS::AccountId:Api"
	want := []string{"AuthorizerFunction.Arn for " + api + "/authorizers/Authorizer", "AgentFunction.Arn for " + api + "/*/*/*"}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

var hashRE = regexp.MustCompile(`^TokenHandler(.*?)[0-9A-F]{8}$`)

// short writes a reference without CDK's hash and the construct's name.
func short(v any) string {
	switch v := v.(type) {
	case []any:
		var parts []string
		for _, part := range v {
			parts = append(parts, short(part))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case map[string]any:
		if ref, ok := v["Ref"].(string); ok {
			return hashRE.ReplaceAllString(ref, "$1")
		}
		if att, ok := v["Fn::GetAtt"].([]any); ok {
			return short(map[string]any{"Ref": att[0]}) + "." + fmt.Sprint(att[1])
		}
		if join, ok := v["Fn::Join"].([]any); ok {
			text := ""
			for _, part := range join[1].([]any) {
				text += short(part)
			}
			return text
		}
	}
	return fmt.Sprint(v)
}

// P4, P17: no cache and no identity source, so that the Lambda decides every
// request.
func TestAuthorizer(t *testing.T) {
	got := synth(t, oneOrigin(), nil).only("AWS::ApiGateway::Authorizer")
	if len(got) != 1 {
		t.Fatalf("got %d authorizers, want 1", len(got))
	}
	for _, r := range got {
		if p := r.Properties; p["Type"] != "REQUEST" || p["AuthorizerResultTtlInSeconds"] != 0.0 || p["IdentitySource"] != "" {
			t.Errorf("got %s", text(p))
		}
	}
}

// Outside the agent's endpoints and the preflights, every method has the
// authorizer.
func TestOnlyTheAgentIsOpen(t *testing.T) {
	var open []string
	for name, m := range synth(t, oneOrigin(), withItem).methods() {
		if m["AuthorizationType"] == "NONE" && !strings.HasPrefix(name, "OPTIONS ") {
			open = append(open, name)
		}
	}
	slices.Sort(open)
	want := strings.Split("GET /oauth-agent/claims,GET /oauth-agent/session,GET /oauth-agent/userInfo,POST /oauth-agent/login/end,"+
		"POST /oauth-agent/login/start,POST /oauth-agent/logout,POST /oauth-agent/refresh", ",")
	if diff := cmp.Diff(want, open); diff != "" {
		t.Error(diff)
	}
}

// P20, G3, A3: environments contain secrets as references only, the
// authorizer's only secret is the key, and a KMS key encrypts both
// environments.
func TestSecretsAreReferences(t *testing.T) {
	got := synth(t, oneOrigin(), nil)
	references := map[string]string{
		"AgentFunction.CLIENT_SECRET":       "{{resolve:secretsmanager:ClientSecret:SecretString:::}}",
		"AgentFunction.ENCRYPTION_KEY":      "{{resolve:secretsmanager:EncryptionKey:SecretString:::}}",
		"AuthorizerFunction.ENCRYPTION_KEY": "{{resolve:secretsmanager:EncryptionKey:SecretString:::}}",
	}
	found := map[string]string{}
	for id, f := range got.only("AWS::Lambda::Function") {
		function := short(map[string]any{"Ref": id})
		for name, value := range dig(t, f.Properties, "Environment", "Variables").(map[string]any) {
			if s := short(value); strings.Contains(s, "resolve") || strings.Contains(name, "SECRET") || strings.Contains(name, "KEY") {
				found[function+"."+name] = s
			}
		}
		if key := short(dig(t, f.Properties, "KmsKeyArn")); key != "Key.Arn" {
			t.Errorf("%s: environment encrypted with %s", function, key)
		}
	}
	if diff := cmp.Diff(references, found); diff != "" {
		t.Error(diff)
	}
	for _, s := range got.only("AWS::SecretsManager::Secret") {
		if s.Properties["SecretString"] != nil {
			t.Errorf("a secret's value is in the template: %s", text(s.Properties))
		}
	}
	if run := regexp.MustCompile(`[0-9a-fA-F]{64}`).FindAllString(strings.ReplaceAll(string(got.raw), ".zip", ""), -1); len(run) != 2 {
		t.Errorf("got %d runs of 64 hexadecimal digits, want the two assets' hashes only: %v", len(run), run)
	}
	for _, k := range got.only("AWS::KMS::Key") {
		if k.Properties["EnableKeyRotation"] != true {
			t.Error("the key does not rotate")
		}
	}
}

// The generated key must be one the Lambdas accept.
func TestGeneratedKeyIsHexadecimal(t *testing.T) {
	for id, s := range synth(t, oneOrigin(), nil).only("AWS::SecretsManager::Secret") {
		if short(map[string]any{"Ref": id}) != "EncryptionKey" {
			continue
		}
		g := dig(t, s.Properties, "GenerateSecretString").(map[string]any)
		if g["PasswordLength"] != 64.0 || g["ExcludePunctuation"] != true || g["ExcludeUppercase"] != true ||
			g["IncludeSpace"] != false || g["RequireEachIncludedType"] != false {
			t.Errorf("got %s", text(g))
		}
		var left string
		for _, c := range "abcdefghijklmnopqrstuvwxyz0123456789" {
			if !strings.ContainsRune(fmt.Sprint(g["ExcludeCharacters"]), c) {
				left += string(c)
			}
		}
		if left != "abcdef0123456789" {
			t.Errorf("the generator draws from %q", left)
		}
	}
}

func TestGivenSecrets(t *testing.T) {
	got := func() template {
		stack := newStack(t)
		props := oneOrigin()
		props.Provider.ClientSecret = awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String("Given"), jsii.String("prod/client-credentials"))
		New(stack, "TokenHandler", props).Protect(orders())
		return read(t, stack)
	}()
	if n := len(got.only("AWS::SecretsManager::Secret")); n != 1 {
		t.Errorf("got %d secrets, want the cookie key only", n)
	}
	mustContain(t, string(got.raw), `resolve:secretsmanager:prod/client-credentials:SecretString:::}}`)
}

// P20: a secret with its value in the template stops synthesis.
func TestLiteralSecretIsRefused(t *testing.T) {
	stack := newStack(t)
	props := oneOrigin()
	props.Provider.ClientSecret = awssecretsmanager.NewSecret(stack, jsii.String("Literal"), &awssecretsmanager.SecretProps{
		SecretStringValue: awscdk.SecretValue_UnsafePlainText(jsii.String("hunter2")),
	})
	New(stack, "TokenHandler", props).Protect(orders())
	got := panicOf(func() { read(t, stack) })
	mustContain(t, got, "Test/Stack/Literal/Resource has its value in the template")
	if strings.Contains(got, "hunter2") {
		t.Error("the error shows the secret")
	}
}

// A consumer's feature flags must not change the deployment.
func TestIndependentOfFeatureFlags(t *testing.T) {
	render := func(flags map[string]any) map[string]int {
		flags["aws:cdk:bundling-stacks"] = []string{}
		stack := stackWith(flags)
		New(stack, "TokenHandler", oneOrigin()).Protect(orders())
		types := map[string]int{}
		for _, r := range read(t, stack).Resources {
			types[r.Type]++
		}
		return types
	}
	if diff := cmp.Diff(render(cdkJSON(t)), render(map[string]any{})); diff != "" {
		t.Error(diff)
	}
}

// An authorizer that moves to another function must reach the stage, also
// without CDK's feature flag for it.
func TestDeploymentFollowsTheAuthorizer(t *testing.T) {
	deployment := func(function string) string {
		stack := stackWith(map[string]any{"aws:cdk:bundling-stacks": []string{}})
		h := New(stack, "TokenHandler", oneOrigin())
		h.Protect(orders())
		h.AuthorizerFunction.Node().DefaultChild().(awscdk.CfnResource).OverrideLogicalId(jsii.String(function))
		for id := range read(t, stack).only("AWS::ApiGateway::Deployment") {
			return id
		}
		return ""
	}
	if a, b := deployment("One"), deployment("Two"); a == b {
		t.Errorf("the deployment is %s for both", a)
	}
}

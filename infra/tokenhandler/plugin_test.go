package tokenhandler

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/enforce"
)

// The template shows changes that the construct tree does not show. CDK asks
// the plugin below an App only, which package infra tests.
func TestPlugin(t *testing.T) {
	findings := func(change func(*TokenHandler)) []string {
		stack := newStack(t)
		h := New(stack, "TokenHandler", oneOrigin())
		h.Protect(orders())
		change(h)
		stage := awscdk.Stage_Of(stack)
		if message := panicOf(func() { stage.Synth(nil) }); message != "" {
			t.Fatal(message)
		}
		found := []string{}
		for _, v := range violations(stage) {
			if *v.Severity != "fatal" {
				t.Errorf("%s is %s: somebody could acknowledge it away", *v.Description, *v.Severity)
			}
			found = append(found, *v.Description)
		}
		return found
	}
	override := func(property string, value any) func(*TokenHandler) {
		return func(h *TokenHandler) {
			get := h.API.Root().GetResource(jsii.String("orders")).Node().FindChild(jsii.String("GET"))
			get.Node().DefaultChild().(awscdk.CfnResource).AddPropertyOverride(jsii.String(property), value)
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*TokenHandler)
		want   string // "": sound
	}{
		{"sound", func(*TokenHandler) {}, ""},
		{"authorizer taken away", override("AuthorizationType", "NONE"), "GET /orders has no authorizer"},
		{"another token", override("Integration.RequestParameters", map[string]any{"integration.request.header.Authorization": "method.request.header.Authorization"}), "maps integration.request.header.Authorization from"},
		{"results kept", func(h *TokenHandler) {
			h.Authorizer.Node().DefaultChild().(awscdk.CfnResource).AddPropertyOverride(jsii.String("AuthorizerResultTtlInSeconds"), 300)
		}, "caches for 300 s"},
		{"another function", func(h *TokenHandler) {
			h.Authorizer.Node().DefaultChild().(awscdk.CfnResource).AddPropertyOverride(jsii.String("AuthorizerUri"), *h.AgentFunction.FunctionArn())
		}, "does not invoke the OAuth proxy"},
		{"a key in the environment", func(h *TokenHandler) {
			h.AgentFunction.AddEnvironment(jsii.String("CLIENT_SECRET"), jsii.String("hunter2"), nil)
		}, "has the value of CLIENT_SECRET in the template"},
		{"an API of others", func(h *TokenHandler) {
			awsapigateway.NewRestApi(awscdk.Stack_Of(h), jsii.String("Theirs"), nil).Root().AddMethod(jsii.String("GET"), nil, nil)
		}, ""},
		{"an empty stack", func(h *TokenHandler) {
			awscdk.NewStack(awscdk.Stage_Of(h), jsii.String("Empty"), nil)
		}, ""},
		{"a method of a nested stack", func(h *TokenHandler) {
			nested := awscdk.NewNestedStack(awscdk.Stack_Of(h), jsii.String("Nested"), nil)
			inner := New(nested, "TokenHandler", oneOrigin())
			inner.Protect(Route{Path: "/inner", Methods: []string{"GET"}, Upstream: "https://inner.internal.example/"})
			get := inner.API.Root().GetResource(jsii.String("inner")).Node().FindChild(jsii.String("GET"))
			get.Node().DefaultChild().(awscdk.CfnResource).AddPropertyOverride(jsii.String("AuthorizationType"), "NONE")
		}, "GET /inner has no authorizer"},
		{"an API of others that uses the function", func(h *TokenHandler) {
			stack := awscdk.NewStack(awscdk.Stage_Of(h), jsii.String("Theirs"), nil)
			api := awsapigateway.NewRestApi(stack, jsii.String("Api"), nil)
			function := awslambda.Function_FromFunctionArn(stack, jsii.String("Function"), h.AuthorizerFunction.FunctionArn())
			api.Root().AddMethod(jsii.String("GET"), nil, &awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_CUSTOM,
				Authorizer: awsapigateway.NewRequestAuthorizer(stack, jsii.String("Authorizer"), &awsapigateway.RequestAuthorizerProps{
					Handler: function, IdentitySources: &[]*string{}, ResultsCacheTtl: awscdk.Duration_Seconds(jsii.Number(0))})})
			api.Root().AddMethod(jsii.String("POST"), nil, nil)
		}, "POST / has no authorizer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := findings(tt.change)
			if (len(got) == 0) != (tt.want == "") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			for _, line := range got {
				if !strings.Contains(line, tt.want) || strings.Contains(line, "hunter2") {
					t.Errorf("got %q, want %q and no secret", line, tt.want)
				}
			}
		})
	}
}

// violations are the findings of the plugin of a stage.
func violations(stage awscdk.Stage) []*awscdk.PolicyViolation {
	return *plugin(stage, groupOf(stage)).Validate(nil).Violations
}

// The plugin of a stage checks the templates of that stage only.
func TestPluginChecksItsStage(t *testing.T) {
	stack := newStack(t)
	h := New(stack, "TokenHandler", oneOrigin())
	h.Protect(orders())
	other := awscdk.NewStack(awscdk.Stage_Of(stack), jsii.String("Other"), nil)
	h.Extend(other, "TokenHandler", awsapigateway.NewRestApi(other, jsii.String("Api"), nil)).Protect(orders())
	inner := awscdk.NewStage(stack, jsii.String("Inner"), nil)
	nested := New(awscdk.NewStack(inner, jsii.String("Stack"), nil), "TokenHandler", oneOrigin())
	nested.Protect(orders())
	get := nested.API.Root().GetResource(jsii.String("orders")).Node().FindChild(jsii.String("GET"))
	get.Node().DefaultChild().(awscdk.CfnResource).AddPropertyOverride(jsii.String("AuthorizationType"), "NONE")

	outer := awscdk.Stage_Of(stack)
	outer.Synth(nil)
	if a, b := len(groupOf(outer).members), len(groupOf(inner).members); a != 2 || b != 1 {
		t.Errorf("got %d and %d token handlers, want 2 and 1", a, b)
	}
	if a, b := len(violations(outer)), len(violations(inner)); a != 0 || b != 1 {
		t.Errorf("got %d and %d findings, want 0 and 1", a, b)
	}
}

var _ awscdk.IPolicyValidationPlugin = (*enforce.Plugin)(nil)

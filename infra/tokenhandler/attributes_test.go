package tokenhandler

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

const proxyARN = "arn:aws:lambda:eu-north-1:123456789012:function:oauth-proxy"

// imported is an app of another team, whose API a token handler protects that
// is deployed elsewhere.
func imported(stack awscdk.Stack, change func(*TokenHandlerAttributes)) *ProtectedAPI {
	props := &TokenHandlerAttributes{
		AuthorizerFunction: awslambda.Function_FromFunctionAttributes(stack, jsii.String("OAuthProxy"), &awslambda.FunctionAttributes{
			FunctionArn: jsii.String(proxyARN), SameEnvironment: jsii.Bool(true)}),
		API:         awsapigateway.NewRestApi(stack, jsii.String("Api"), &awsapigateway.RestApiProps{CloudWatchRole: jsii.Bool(false)}),
		Application: Application{TrustedWebOrigins: []string{"https://www.example.com"}},
	}
	if change != nil {
		change(props)
	}
	return FromTokenHandlerAttributes(stack, "TokenHandler", props)
}

func TestFromAttributes(t *testing.T) {
	stack := newStack(t)
	h := imported(stack, nil)
	h.Protect(orders())
	got := read(t, stack)
	for _, kind := range []string{"AWS::Lambda::Function", "AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::IAM::Role", "AWS::IAM::Policy"} {
		if n := len(got.only(kind)); n != 0 {
			t.Errorf("the stack has %d of %s", n, kind)
		}
	}
	authorizer := one(t, got, "AWS::ApiGateway::Authorizer")
	if authorizer["Type"] != "REQUEST" || authorizer["AuthorizerResultTtlInSeconds"] != 0.0 || !strings.Contains(text(authorizer["AuthorizerUri"]), proxyARN) {
		t.Errorf("the authorizer is %s", text(authorizer))
	}
	permission := one(t, got, "AWS::Lambda::Permission")
	if permission["FunctionName"] != proxyARN || !strings.HasSuffix(short(permission["SourceArn"]), "/authorizers/Authorizer") {
		t.Errorf("the permission is %s", text(permission))
	}
	get := got.methods()["GET /orders"]
	if get["AuthorizationType"] != "CUSTOM" || dig(t, get, "Integration", "RequestParameters", "integration.request.header.Authorization") != "context.authorizer.token" {
		t.Errorf("GET /orders is %s", text(get))
	}
	mustContain(t, text(got.methods()["OPTIONS /orders"]), "https://www.example.com", "x-th-csrf")

	// The rule for templates knows the authorizer by its name.
	if found := violations(awscdk.Stage_Of(stack)); len(found) != 0 {
		t.Errorf("got %q", *found[0].Description)
	}
}

func TestFromAttributesIsEnforced(t *testing.T) {
	stack := newStack(t)
	h := imported(stack, nil)
	h.Protect(orders())
	h.API.Root().AddMethod(jsii.String("GET"), nil, nil)
	mustContain(t, panicOf(func() { assertions.Template_FromStack(stack, nil) }), "[Test/Stack/TokenHandler] GET / at Test/Stack/Api/Default/GET/Resource has no authorizer")

	stack = newStack(t)
	h = imported(stack, nil)
	h.Protect(orders())
	h.API.Root().GetResource(jsii.String("orders")).Node().FindChild(jsii.String("GET")).Node().DefaultChild().(awscdk.CfnResource).
		AddPropertyOverride(jsii.String("AuthorizationType"), "NONE")
	read(t, stack)
	if found := violations(awscdk.Stage_Of(stack)); len(found) != 1 || !strings.Contains(*found[0].Description, "GET /orders has no authorizer") {
		t.Errorf("got %d findings", len(found))
	}
}

func TestFromAttributesIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*TokenHandlerAttributes)
		want   string
	}{
		{"no function", func(p *TokenHandlerAttributes) { p.AuthorizerFunction = nil }, "TokenHandlerAttributes must have AuthorizerFunction and API"},
		{"no API", func(p *TokenHandlerAttributes) { p.API = nil }, "TokenHandlerAttributes must have AuthorizerFunction and API"},
		{"no origins", func(p *TokenHandlerAttributes) { p.Application.TrustedWebOrigins = nil }, "TokenHandlerAttributes.Application.TrustedWebOrigins is empty"},
		{"wildcard", func(p *TokenHandlerAttributes) { p.Application.TrustedWebOrigins = []string{"*"} }, "TokenHandlerAttributes.Application.TrustedWebOrigins[0] must be an origin"},
		{"prefix", func(p *TokenHandlerAttributes) { p.Cookies.NamePrefix = "a b" }, "TokenHandlerAttributes.Cookies.NamePrefix must be 1 to 32"},
		{"CORS", func(p *TokenHandlerAttributes) { p.CORS.AllowHeaders = []string{"*"} }, "CORS.AllowHeaders[0]"},
	} {
		mustContain(t, panicOf(func() { imported(newStack(t), tt.change) }), "tokenhandler: ", tt.want)
	}
	h := imported(newStack(t), nil)
	scoped := orders()
	scoped.Scopes = []string{"orders"}
	mustContain(t, panicOf(func() { h.Protect(scoped) }), "tokenhandler: Route.Scopes and Route.Claims of /orders cannot be combined with FromTokenHandlerAttributes")
	mustContain(t, panicOf(func() { FromTokenHandlerAttributes(newStack(t), "TokenHandler", nil) }), "tokenhandler: TokenHandlerAttributes must have")
}

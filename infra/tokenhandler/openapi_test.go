package tokenhandler

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/rules"
	"github.com/tokenhandler/aws/internal/cloudformation"
)

// definition is an API that others define, with the token handler's scheme.
func definition(h *TokenHandler) map[string]any {
	return map[string]any{
		"openapi":    "3.0.1",
		"info":       map[string]any{"title": "reports", "version": "1"},
		"components": map[string]any{"securitySchemes": map[string]any{"session": h.OpenAPISecurityScheme()}},
		"paths": map[string]any{"/reports": map[string]any{
			"get": map[string]any{
				"security":  []any{map[string]any{"session": []any{}}},
				"responses": map[string]any{"200": map[string]any{"description": "reports"}},
				"x-amazon-apigateway-integration": map[string]any{
					"type": "http", "httpMethod": "GET", "uri": "https://reports.internal.example/",
					"requestParameters": map[string]any{"integration.request.header.Authorization": "context.authorizer.token"},
					"responses":         map[string]any{"default": map[string]any{"statusCode": "200"}},
				},
			},
			"options": h.OpenAPIPreflight([]string{"GET"}, "x-report"),
		}},
	}
}

// withSpec makes a token handler and, in api's stack, an API of a definition
// that change changes.
func withSpec(t *testing.T, api awscdk.Stack, handler awscdk.Stack, o Operation, change func(map[string]any)) *TokenHandler {
	t.Helper()
	h := New(handler, "TokenHandler", operated(o))
	h.Protect(orders())
	body := definition(h)
	if change != nil {
		change(body)
	}
	h.ExtendSpec(awsapigateway.NewSpecRestApi(api, jsii.String("Reports"), &awsapigateway.SpecRestApiProps{
		ApiDefinition: awsapigateway.ApiDefinition_FromInline(body), CloudWatchRole: jsii.Bool(false),
	}))
	return h
}

func TestSpecRestApi(t *testing.T) {
	for name, o := range map[string]Operation{"function": {}, "alias": {Authorizer: FunctionOptions{ProvisionedConcurrency: 1}}} {
		t.Run(name, func(t *testing.T) {
			stack := newStack(t)
			withSpec(t, stack, stack, o, nil)
			got := read(t, stack)
			checkTemplate(t, got, map[string]string{})
			var permissions []string
			for _, p := range got.only("AWS::Lambda::Permission") {
				if arn := short(p.Properties["SourceArn"]); strings.HasSuffix(arn, "/authorizers/*") {
					permissions = append(permissions, short(p.Properties["FunctionName"])+" for "+arn)
				}
			}
			if len(permissions) != 1 || !strings.Contains(permissions[0], "AuthorizerFunction") || !strings.Contains(permissions[0], ":Reports") {
				t.Errorf("the API may invoke the authorizer by %q", permissions)
			}
			denied := 0
			for _, r := range got.only("AWS::ApiGateway::GatewayResponse") {
				if r.Properties["ResponseType"] == "ACCESS_DENIED" && r.Properties["StatusCode"] == "401" {
					denied++
				}
			}
			if denied != 2 {
				t.Errorf("%d APIs answer refusals with 401, want 2", denied)
			}
			mustContain(t, string(got.raw), "#if($origin == \\\"https://www.example.com\\\")", `"Unused"`)
		})
	}
}

// The function is in another stack: its name comes from there.
func TestSpecRestApiInAnotherStack(t *testing.T) {
	for name, change := range map[string]func(map[string]any){"sound": nil, "open": func(body map[string]any) {
		delete(operation(body), "security")
	}} {
		t.Run(name, func(t *testing.T) {
			stack := newStack(t)
			other := awscdk.NewStack(awscdk.Stage_Of(stack), jsii.String("Other"), nil)
			withSpec(t, other, stack, Operation{}, change)
			if change != nil {
				mustContain(t, panicOf(func() { read(t, other) }), "GET /reports at Test/Other/Reports/Resource has no authorizer")
				return
			}
			read(t, other)
		})
	}
}

func operation(body map[string]any) map[string]any {
	return body["paths"].(map[string]any)["/reports"].(map[string]any)["get"].(map[string]any)
}

// An operation of the definition that is open stops synthesis before there is
// a template.
func TestSpecRestApiIsEnforced(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(map[string]any)
		want   string // "": sound
	}{
		{"no security", func(body map[string]any) { delete(operation(body), "security") }, "GET /reports at Test/Stack/Reports/Resource has no authorizer"},
		{"public", func(body map[string]any) {
			delete(operation(body), "security")
			delete(operation(body)["x-amazon-apigateway-integration"].(map[string]any), "requestParameters")
			operation(body)["x-tokenhandler-public"] = "the prices are on the web site"
		}, ""},
		{"no token for upstream", func(body map[string]any) {
			delete(operation(body)["x-amazon-apigateway-integration"].(map[string]any), "requestParameters")
		}, "GET /reports at Test/Stack/Reports/Resource does not give its integration the token"},
		{"another path", func(body map[string]any) {
			body["paths"].(map[string]any)["/admin/{proxy+}"] = map[string]any{"x-amazon-apigateway-any-method": map[string]any{
				"x-amazon-apigateway-integration": map[string]any{"type": "http_proxy", "httpMethod": "ANY", "uri": "https://admin.internal.example/{proxy}"}}}
		}, "ANY /admin/{proxy+} at Test/Stack/Reports/Resource has no authorizer"},
		{"cached", func(body map[string]any) {
			scheme := body["components"].(map[string]any)["securitySchemes"].(map[string]any)["session"].(map[string]any)
			delete(scheme["x-amazon-apigateway-authorizer"].(map[string]any), "authorizerResultTtlInSeconds")
		}, "caches for 300 s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stack := newStack(t)
			withSpec(t, stack, stack, Operation{}, tt.change)
			if got := panicOf(func() { read(t, stack) }); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// The check reads every API that was given to ExtendSpec. An API with an
// unreadable definition, or without a scheme of ours, does not count as a
// foreign API.
func TestExtendSpecLeavesNothingOut(t *testing.T) {
	file := filepath.Join(t.TempDir(), "api.json")
	if err := os.WriteFile(file, []byte(`{"openapi":"3.0.1","info":{"title":"x","version":"1"},"paths":{"/open":{"get":{}}}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	open := map[string]any{"openapi": "3.0.1", "info": map[string]any{"title": "x", "version": "1"},
		"paths": map[string]any{"/open": map[string]any{"get": map[string]any{"x-amazon-apigateway-integration": map[string]any{"type": "mock"}}}}}
	for name, tt := range map[string]struct {
		definition func() awsapigateway.ApiDefinition
		want       string
	}{
		"in a file": {func() awsapigateway.ApiDefinition {
			return awsapigateway.ApiDefinition_FromAsset(jsii.String(file), nil)
		}, "Theirs/Resource is defined by an OpenAPI file in S3, which cannot be checked"},
		"without": {func() awsapigateway.ApiDefinition { return awsapigateway.ApiDefinition_FromInline(open) }, "GET /open at Test/Stack/Theirs/Resource has no authorizer"},
	} {
		for _, extended := range []bool{false, true} {
			stack := newStack(t)
			h := New(stack, "TokenHandler", oneOrigin())
			h.Protect(orders())
			if extended {
				h.Extend(stack, "Second", awsapigateway.NewRestApi(stack, jsii.String("Api"), nil)).Protect(orders())
			}
			h.ExtendSpec(awsapigateway.NewSpecRestApi(stack, jsii.String("Theirs"), &awsapigateway.SpecRestApiProps{
				ApiDefinition: tt.definition(), CloudWatchRole: jsii.Bool(false)}))
			if got := panicOf(func() { read(t, stack) }); !strings.Contains(got, tt.want) {
				t.Errorf("%s, of Extend %v: got %q, want %q", name, extended, got, tt.want)
			}
		}
	}
}

// The rules do not apply to an API that does not use the token handler.
func TestForeignSpecRestApi(t *testing.T) {
	stack := newStack(t)
	New(stack, "TokenHandler", oneOrigin()).Protect(orders())
	awsapigateway.NewSpecRestApi(stack, jsii.String("Theirs"), &awsapigateway.SpecRestApiProps{CloudWatchRole: jsii.Bool(false),
		ApiDefinition: awsapigateway.ApiDefinition_FromInline(map[string]any{"openapi": "3.0.1", "info": map[string]any{"title": "x", "version": "1"},
			"paths": map[string]any{"/open": map[string]any{"get": map[string]any{"x-amazon-apigateway-integration": map[string]any{"type": "mock"}}}}})})
	read(t, stack)
}

func TestOpenAPIIsRefused(t *testing.T) {
	h := New(newStack(t), "TokenHandler", oneOrigin())
	mustContain(t, panicOf(func() { h.ExtendSpec(nil) }), "tokenhandler: ExtendSpec got no API")
	mustContain(t, panicOf(func() { h.OpenAPIPreflight([]string{"OPTIONS"}) }), `tokenhandler: OpenAPIPreflight got method "OPTIONS"`)
	cached := oneOrigin()
	cached.AuthorizerCaching = AuthorizerCaching{TTL: 30e9}
	mustContain(t, panicOf(func() { New(newStack(t), "TokenHandler", cached).OpenAPISecurityScheme() }), "tokenhandler: OpenAPISecurityScheme: expected neither")
}

// The scheme of the construct is one that the stand-alone check accepts.
func TestOpenAPISecuritySchemeIsReadable(t *testing.T) {
	stack := newStack(t)
	withSpec(t, stack, stack, Operation{}, nil)
	decoded := &cloudformation.Template{}
	if err := json.Unmarshal(read(t, stack).raw, decoded); err != nil {
		t.Fatal(err)
	}
	report := rules.Check(decoded, rules.Options{})
	if len(report.Findings) > 0 || report.Methods["protected"] != 3 {
		t.Errorf("got %+v", report)
	}
}

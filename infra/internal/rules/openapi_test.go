package rules

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

const soundBody = `{
  "openapi": "3.0.1",
  "components": {"securitySchemes": {
    "handler": {"type": "apiKey", "x-amazon-apigateway-authtype": "custom",
      "x-amazon-apigateway-authorizer": {"type": "request", "authorizerResultTtlInSeconds": 0, "authorizerUri": {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Proxy.Arn}/invocations"}}},
    "foreign": {"x-amazon-apigateway-authorizer": {"type": "request", "authorizerResultTtlInSeconds": 0, "authorizerUri": {"Fn::Sub": "${Other.Arn}"}}},
    "cached": {"x-amazon-apigateway-authorizer": {"type": "request", "authorizerUri": {"Fn::GetAtt": ["Proxy", "Arn"]}, "identitySource": "method.request.header.Cookie"}},
    "token": {"x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": {"Fn::GetAtt": ["Proxy", "Arn"]}, "authorizerResultTtlInSeconds": 0}}}},
  "paths": {
    "/orders": {
      "get": {"security": [{"handler": []}], "x-amazon-apigateway-integration": {"type": "http", "requestParameters":
        {"integration.request.header.Authorization": "context.authorizer.token"}}},
      "options": {"x-amazon-apigateway-integration": {"type": "mock"}}}}}`

// SpecRestApi and SAM put the methods into the API's Body.
func TestCheckReadsOpenAPI(t *testing.T) {
	for _, tt := range []struct{ name, from, to, want string }{
		{"sound", "", "", ""},
		{"no security", `"security": [{"handler": []}], `, "", "Api: GET /orders has no authorizer"},
		{"emptied security", `[{"handler": []}]`, "[]", "GET /orders has no authorizer"},
		{"security at the root only", `"security": [{"handler": []}], `, "", "GET /orders has no authorizer"},
		{"alternatives", `[{"handler": []}]`, `[{"handler": []}, {"token": []}]`, "alternative security requirements"},
		{"no security as an alternative", `[{"handler": []}]`, `[{"handler": []}, {}]`, "alternative security requirements"},
		{"unknown scheme", `[{"handler": []}]`, `[{"oauth": []}]`, "security scheme oauth, which is not an authorizer"},
		{"another function", `[{"handler": []}]`, `[{"foreign": []}]`, "has authorizer foreign, which does not invoke the OAuth proxy"},
		{"TOKEN authorizer", `[{"handler": []}]`, `[{"token": []}]`, "authorizer of type TOKEN"},
		{"P4 cached by the cookie", `[{"handler": []}]`, `[{"cached": []}]`, "caches for 300 s"},
		{"no token", `"integration.request.header.Authorization": "context.authorizer.token"`, "", "does not give its integration the token"},
		{"transparent", `"type": "http"`, `"type": "http_proxy"`, "passes the session cookies"},
		{"preflight that is not MOCK", `"type": "mock"`, `"type": "http_proxy"`, "OPTIONS /orders has no authorizer and integration HTTP_PROXY"},
		{"greedy", `"options": {`, `"x-amazon-apigateway-any-method": {`, "ANY /orders has no authorizer"},
		{"path elsewhere", `"options": {`, `"$ref": "x.json", "options": {`, "refers to a definition elsewhere"},
		{"included", `"paths"`, `"Fn::Transform": {"Name": "AWS::Include"}, "paths"`, "without readable paths"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var body any
			if err := json.Unmarshal([]byte(strings.Replace(soundBody, tt.from, tt.to, 1)), &body); err != nil {
				t.Fatal(err)
			}
			proxy := map[string]any{"TRUSTED_WEB_ORIGINS": "https://www.example.com", "COOKIE_NAME_PREFIX": "th", "DEPLOYMENT": "stack", "ENCRYPTION_KEY": "{{resolve:secretsmanager:key}}"}
			template := &cloudformation.Template{Resources: map[string]*cloudformation.Resource{
				"Api":   {Type: "AWS::ApiGateway::RestApi", Properties: map[string]any{"Body": body}},
				"Proxy": {Type: "AWS::Lambda::Function", Properties: map[string]any{"Environment": map[string]any{"Variables": proxy}}},
				"Other": {Type: "AWS::Lambda::Function"},
			}}
			got := lines(Check(template, Options{OnlyUsers: true}))
			if all := lines(Check(template, Options{})); tt.want != "" && all != got {
				t.Errorf("got %q of the APIs that use it, %q of all", got, all)
			}
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	api := &cloudformation.Resource{Type: "AWS::ApiGateway::RestApi", Properties: map[string]any{"BodyS3Location": map[string]any{"Key": "x"}}}
	if got := lines(Check(&cloudformation.Template{Resources: map[string]*cloudformation.Resource{"Api": api}}, Options{})); !strings.Contains(got, "OpenAPI file in S3") {
		t.Errorf("got %q", got)
	}
}

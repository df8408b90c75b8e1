package rules

import (
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

// withWebSocket adds a WebSocket API as ProtectWebSocket makes it.
func withWebSocket(t *testing.T) *cloudformation.Template {
	t.Helper()
	template := sound(t)
	function := find(t, template, "AWS::Lambda::Function", "AuthorizerFunction")
	ref := func(id string) any { return map[string]any{"Ref": id} }
	for id, r := range map[string]*cloudformation.Resource{
		"Events": {Type: "AWS::ApiGatewayV2::Api", Properties: map[string]any{"ProtocolType": "WEBSOCKET"}},
		"EventsAuthorizer": {Type: "AWS::ApiGatewayV2::Authorizer", Properties: map[string]any{"ApiId": ref("Events"), "AuthorizerType": "REQUEST",
			"AuthorizerUri": map[string]any{"Fn::Join": []any{"", []any{"arn:", map[string]any{"Fn::GetAtt": []any{function, "Arn"}}, "/invocations"}}}}},
		"Connect": {Type: "AWS::ApiGatewayV2::Route", Properties: map[string]any{"ApiId": ref("Events"), "RouteKey": "$connect",
			"AuthorizationType": "CUSTOM", "AuthorizerId": ref("EventsAuthorizer")}},
		"Default": {Type: "AWS::ApiGatewayV2::Route", Properties: map[string]any{"ApiId": ref("Events"), "RouteKey": "$default", "AuthorizationType": "NONE"}},
		"Other":   {Type: "AWS::ApiGatewayV2::Route", Properties: map[string]any{"ApiId": ref("Others"), "RouteKey": "$connect", "AuthorizationType": "NONE"}},
	} {
		template.Resources[id] = r
	}
	return template
}

func TestAuthorizerOnConnect(t *testing.T) {
	if got := lines(Check(withWebSocket(t), Options{})); got != "" {
		t.Errorf("got %s, want no finding", got)
	}
	for name, tt := range map[string]struct {
		id, property string
		value        any
		want         string
	}{
		"no authorization":   {"Connect", "AuthorizationType", "NONE", "Connect: lacks the token handler's authorizer"},
		"missing":            {"Connect", "AuthorizationType", nil, "Connect: lacks the token handler's authorizer"},
		"IAM":                {"Connect", "AuthorizationType", "AWS_IAM", "Connect: lacks the token handler's authorizer"},
		"another authorizer": {"Connect", "AuthorizerId", "abc123", "Connect: lacks the token handler's authorizer"},
		"type":               {"EventsAuthorizer", "AuthorizerType", "JWT", `EventsAuthorizer: has type "JWT"`},
		"HTTP API":           {"Events", "ProtocolType", "HTTP", "EventsAuthorizer: is an authorizer of an HTTP API"},
	} {
		t.Run(name, func(t *testing.T) {
			template := withWebSocket(t)
			template.Resources[tt.id].Properties[tt.property] = tt.value
			if got := lines(Check(template, Options{})); !strings.HasPrefix(got, tt.want) || !strings.Contains(got, "[TH-AuthorizerOnConnect]") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

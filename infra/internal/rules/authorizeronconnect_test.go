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
		"Live":    {Type: "AWS::ApiGatewayV2::Stage", Properties: map[string]any{"ApiId": ref("Events"), "DefaultRouteSettings": map[string]any{"DataTraceEnabled": false}}},
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
		"no such route":      {"Connect", "RouteKey", "connect", "EventsAuthorizer: is for an API without a route $connect"},
		"route of another":   {"Connect", "ApiId", "abc123", "EventsAuthorizer: is for an API without a route $connect"},
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

func TestNoDataTraceOfWebSockets(t *testing.T) {
	for name, properties := range map[string]map[string]any{
		"all routes": {"DefaultRouteSettings": map[string]any{"DataTraceEnabled": true}},
		"one route":  {"RouteSettings": map[string]any{"$default": map[string]any{"DataTraceEnabled": "true"}}},
		"a function": {"DefaultRouteSettings": map[string]any{"DataTraceEnabled": map[string]any{"Ref": "Trace"}}},
	} {
		template := withWebSocket(t)
		properties["ApiId"] = map[string]any{"Ref": "Events"}
		template.Resources["Live"].Properties = properties
		if got := lines(Check(template, Options{})); !strings.HasPrefix(got, "Live: has DataTraceEnabled") || !strings.Contains(got, "[TH-NoDataTrace]") {
			t.Errorf("%s: got %q", name, got)
		}
		properties["ApiId"] = map[string]any{"Ref": "Others"}
		if got := lines(Check(template, Options{})); got != "" {
			t.Errorf("%s of another API: got %q", name, got)
		}
	}
}

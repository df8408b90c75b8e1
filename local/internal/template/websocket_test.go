package template

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// withWebSocket adds the resources of testdata/websocket.json, as CDK synthesizes a WebSocketApi whose routes lead to
// a function, and then lets edit change the template. The resources have logical ids of CDK.
func withWebSocket(t *testing.T, edit func(resources map[string]any)) func(map[string]any) {
	t.Helper()
	text, err := os.ReadFile("testdata/websocket.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(resources map[string]any) {
		var more map[string]any
		if err := json.Unmarshal(text, &more); err != nil {
			t.Fatal(err)
		}
		for id, r := range more {
			resources[id] = r
		}
		if edit != nil {
			edit(resources)
		}
	}
}

// Logical ids in testdata/websocket.json.
const (
	socketAPI         = "EventsD32975C2"
	socketConnect     = "EventsconnectRouteCBE6D747"
	socketDefault     = "EventsdefaultRoute27A41620"
	socketResponse    = "EventsdefaultRouteResponse30AACA04"
	socketIntegration = "EventsdefaultRouted73206269"
	socketAuthorizer  = "EventsA830599CD"
	socketStage       = "Stage0E8C2AF5"
)

func propertiesOf(resources map[string]any, id string) map[string]any {
	return resources[id].(map[string]any)["Properties"].(map[string]any)
}

func TestLoadWebSocketAPI(t *testing.T) {
	tmpl := load(t, withWebSocket(t, func(r map[string]any) {
		propertiesOf(r, socketStage)["StageVariables"] = map[string]any{"colour": "blue"}
		propertiesOf(r, socketIntegration)["TimeoutInMillis"] = 1500
		r["Chat"] = map[string]any{"Type": "AWS::ApiGatewayV2::Route", "Properties": map[string]any{
			"ApiId": map[string]any{"Ref": socketAPI}, "RouteKey": "chat", "AuthorizationType": "NONE",
			"Target": map[string]any{"Fn::Sub": "integrations/${" + socketIntegration + "}"}}}
		r["ChatPermission"] = map[string]any{"Type": "AWS::Lambda::Permission", "Properties": map[string]any{
			"Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com", "FunctionName": map[string]any{"Ref": "Agent255F68E9"},
			"SourceArn": map[string]any{"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${" + socketAPI + "}/*/chat"}}}
		r["Mapping"] = map[string]any{"Type": "AWS::ApiGatewayV2::ApiMapping", "Properties": map[string]any{
			"ApiId": map[string]any{"Ref": socketAPI}, "Stage": map[string]any{"Ref": socketStage}, "DomainName": "ws.example.com", "ApiMappingKey": "live"}}
		propertiesOf(r, "Agent255F68E9")["Environment"] = map[string]any{"Variables": map[string]any{
			"EVENTS_URL": map[string]any{"Fn::Sub": "${" + socketAPI + ".ApiEndpoint}/${" + socketStage + "}"}}}
	}), Options{})
	apis := tmpl.WebSocketAPIs()
	if len(apis) != 1 {
		t.Fatalf("got %d APIs", len(apis))
	}
	api := apis[0]
	if len(api.ID) != 10 || api.ID == tmpl.API().ID || api.Stage != "events" || api.StageVariables["colour"] != "blue" || api.RouteSelection != "$request.body.action" {
		t.Errorf("got %+v", api)
	}
	if d := cmp.Diff([]string{"/events", "/live"}, api.Paths); d != "" {
		t.Errorf("paths (-want +got):\n%s", d)
	}
	if want := api.ID + ".execute-api.eu-west-1.amazonaws.com"; api.Host != want {
		t.Errorf("host %q, want %q", api.Host, want)
	}
	agent := tmpl.Functions()[0]
	if got := agent.Environment["EVENTS_URL"]; got != "wss://"+api.Host+"/events" {
		t.Errorf("ApiEndpoint resolves to %q", got)
	}
	type route struct {
		Key, Function string
		Authorizer    bool
		Timeout       time.Duration
		TwoWay        bool
	}
	var got []route
	for _, r := range api.Routes {
		got = append(got, route{r.Key, r.FunctionID, r.Authorizer != nil, r.Timeout, r.TwoWay})
	}
	want := []route{
		{"$connect", "Agent255F68E9", true, 29 * time.Second, false},
		{"$default", "Agent255F68E9", false, 1500 * time.Millisecond, true},
		{"chat", "Agent255F68E9", false, 1500 * time.Millisecond, false},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("routes (-want +got):\n%s", d)
	}
	if a := api.Authorizer(); a == nil || !slices.Equal(a.IdentitySources, []string{"route.request.header.Authorization"}) || a.FunctionID != "Agent255F68E9" {
		t.Errorf("authorizer %+v", a)
	}
}

// A function that only a WebSocket API invokes is needed as much as one of the REST API.
func TestWebSocketFunctionRuntime(t *testing.T) {
	edit := withWebSocket(t, func(r map[string]any) {
		propertiesOf(r, "Agent255F68E9")["Runtime"] = "python3.13"
		for _, v := range r {
			if m := v.(map[string]any); m["Type"] == "AWS::ApiGateway::Method" {
				m["Properties"].(map[string]any)["Integration"] = map[string]any{"Type": "MOCK", "IntegrationResponses": []any{map[string]any{"StatusCode": "200"}}}
			}
		}
	})
	if _, err := Load(assembly(t, edit), "Fixture", Options{HostRuntimes: true}); err == nil || !strings.Contains(err.Error(), `"python3.13" is not implemented`) {
		t.Errorf("got %v, want the runtime refused", err)
	}
}

// An HTTP API beside the REST API is left out, and says so. Functions still get an address of it.
func TestHTTPAPIIsLeftOut(t *testing.T) {
	http := map[string]any{"Ref": "Http"}
	edit := withWebSocket(t, func(r map[string]any) {
		for id, v := range map[string]map[string]any{
			"Http":            {"Type": "Api", "Properties": map[string]any{"Name": "Http", "ProtocolType": "HTTP", "CorsConfiguration": map[string]any{"MaxAge": 5}}},
			"HttpStage":       {"Type": "Stage", "Properties": map[string]any{"ApiId": http, "StageName": "$default", "AutoDeploy": true}},
			"HttpRoute":       {"Type": "Route", "Properties": map[string]any{"ApiId": http, "RouteKey": "GET /x", "Target": "integrations/abc"}},
			"HttpIntegration": {"Type": "Integration", "Properties": map[string]any{"ApiId": http, "IntegrationType": "HTTP_PROXY", "PayloadFormatVersion": "1.0"}},
			"HttpLink":        {"Type": "VpcLink", "Properties": map[string]any{"Name": "Link", "SubnetIds": []any{"subnet-1"}}},
		} {
			v["Type"] = "AWS::ApiGatewayV2::" + v["Type"].(string)
			r[id] = map[string]any(v)
		}
		propertiesOf(r, "Agent255F68E9")["Environment"] = map[string]any{"Variables": map[string]any{"OTHER": map[string]any{"Fn::GetAtt": []any{"Http", "ApiEndpoint"}}}}
	})
	tmpl := load(t, edit, Options{IgnoreOthers: true})
	var out []string
	for _, i := range tmpl.Ignored() {
		if i.Reason == NotImplemented {
			out = append(out, i.LogicalID)
		}
	}
	if d := cmp.Diff([]string{"Http", "HttpIntegration", "HttpLink", "HttpRoute", "HttpStage"}, out); d != "" {
		t.Errorf("left out (-want +got):\n%s", d)
	}
	if apis := tmpl.WebSocketAPIs(); len(apis) != 1 || len(apis[0].Routes) != 2 {
		t.Errorf("got %v", apis)
	}
	if got := tmpl.Functions()[0].Environment["OTHER"]; !strings.HasPrefix(got, "https://") {
		t.Errorf("ApiEndpoint resolves to %q", got)
	}
	if _, err := Load(assembly(t, edit), "Fixture", Options{}); err == nil || !strings.Contains(err.Error(), `property ProtocolType: "HTTP" is not implemented`) {
		t.Errorf("without IgnoreOthers: got %v", err)
	}
}

func TestLoadRefusesWebSocket(t *testing.T) {
	set := func(id, name string, value any) func(map[string]any) {
		return func(r map[string]any) { propertiesOf(r, id)[name] = value }
	}
	add := func(typ string, properties map[string]any) func(map[string]any) {
		return func(r map[string]any) { r["Extra"] = map[string]any{"Type": typ, "Properties": properties} }
	}
	ref := map[string]any{"Ref": socketAPI}
	for _, tt := range []struct {
		name string
		edit func(map[string]any)
		want string
	}{
		{"API body", set(socketAPI, "Body", map[string]any{"openapi": "3"}), "property Body"},
		{"stage of HTTP APIs", set(socketStage, "StageName", "$default"), "property StageName"},
		{"two stages", add("AWS::ApiGatewayV2::Stage", map[string]any{"ApiId": ref, "StageName": "other", "AutoDeploy": true}), "expected one AWS::ApiGatewayV2::Stage, found 2"},
		{"no stage", func(r map[string]any) { delete(r, socketStage) }, "expected one AWS::ApiGatewayV2::Stage, found 0"},
		{"stage without deployment", set(socketStage, "AutoDeploy", false), "property DeploymentId"},
		{"client certificate", set(socketStage, "ClientCertificateId", "id"), "property ClientCertificateId"},
		{"API key", set(socketConnect, "ApiKeyRequired", true), "property ApiKeyRequired"},
		{"IAM", set(socketConnect, "AuthorizationType", "AWS_IAM"), `"AWS_IAM" is not implemented`},
		{"authorizer on a message", set(socketDefault, "AuthorizationType", "CUSTOM"), "CUSTOM is possible on $connect only"},
		{"unknown authorizer", set(socketConnect, "AuthorizerId", "abc"), "property AuthorizerId"},
		{"authorizer credentials", set(socketAuthorizer, "AuthorizerCredentialsArn", "arn"), "property AuthorizerCredentialsArn"},
		{"authorizer of another type", set(socketAuthorizer, "AuthorizerType", "JWT"), `"JWT" is not implemented`},
		{"HTTP proxy", func(r map[string]any) {
			p := propertiesOf(r, socketIntegration)
			p["IntegrationType"], p["IntegrationMethod"], p["IntegrationUri"] = "HTTP_PROXY", "GET", "https://example.com"
		}, `"HTTP_PROXY" is not implemented on a WebSocket API`},
		{"reserved route key", set(socketDefault, "RouteKey", "$other"), `"$other" is not a route key`},
		{"model", set(socketDefault, "RequestModels", map[string]any{"a": "b"}), "property RequestModels"},
		{"unknown integration", set(socketDefault, "Target", "integrations/abc"), "property Target"},
		{"no integration", func(r map[string]any) { delete(propertiesOf(r, socketDefault), "Target") }, "property Target: is required"},
		{"response without a RouteResponse", func(r map[string]any) { delete(r, socketResponse) }, "property RouteResponseSelectionExpression"},
		{"RouteResponse without an expression", set(socketDefault, "RouteResponseSelectionExpression", ""), "property RouteResponseSelectionExpression"},
		{"other expression", set(socketDefault, "RouteResponseSelectionExpression", "$x"), "must be $default"},
		{"other response key", set(socketResponse, "RouteResponseKey", "x"), "property RouteResponseKey"},
		{"mock", set(socketIntegration, "IntegrationType", "MOCK"), `"MOCK" is not implemented on a WebSocket API`},
		{"templates", set(socketIntegration, "RequestTemplates", map[string]any{"a": "b"}), "property RequestTemplates"},
		{"content handling", set(socketIntegration, "ContentHandlingStrategy", "CONVERT_TO_BINARY"), "property ContentHandlingStrategy"},
		{"credentials", set(socketIntegration, "CredentialsArn", "arn"), "property CredentialsArn"},
		{"VPC link", set(socketIntegration, "ConnectionType", "VPC_LINK"), "property ConnectionType"},
		{"timeout", set(socketIntegration, "TimeoutInMillis", 30000), "property TimeoutInMillis"},
		{"integration response", add("AWS::ApiGatewayV2::IntegrationResponse", map[string]any{"ApiId": ref}), "AWS::ApiGatewayV2::IntegrationResponse"},
		{"route of an imported API", set(socketDefault, "ApiId", "imported00"), "property ApiId: is not an API of this template"},
		{"same path twice", func(r map[string]any) {
			r["Other"] = map[string]any{"Type": "AWS::ApiGatewayV2::Api", "Properties": map[string]any{"Name": "Other", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action"}}
			r["OtherStage"] = map[string]any{"Type": "AWS::ApiGatewayV2::Stage", "Properties": map[string]any{"ApiId": map[string]any{"Ref": "Other"}, "StageName": "events", "AutoDeploy": true}}
		}, "has the same path /events"},
		{"no permission of the route", func(r map[string]any) { delete(r, "EventsconnectRoutecPermission14931CDA") }, "as integration of $connect"},
		{"no permission of the authorizer", func(r map[string]any) { delete(r, "EventsSEventsA6A542283Permission7D29DB1A") }, "as authorizer A"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(assembly(t, withWebSocket(t, tt.edit)), "Fixture", Options{IgnoreOthers: true})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if lines := strings.Split(err.Error(), "\n"); len(lines) > 1 || !strings.Contains(lines[0], "AWS::") {
				t.Errorf("got %q, want one line that names the resource", lines)
			}
		})
	}
}

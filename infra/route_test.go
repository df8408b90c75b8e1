package main

import (
	"encoding/json"
	"strings"
	"testing"
)

const (
	orders = "arn:aws:lambda:eu-north-1:123456789012:function:orders"
	live   = orders + ":live"
)

// Routes to an existing Lambda and into an existing VPC. CDK does not know the
// account of the stage "example", and must still write the permission.
func TestRoutesToWhatExists(t *testing.T) {
	const routes = `[
		{"path":"/orders/{proxy+}","methods":["ANY"],"function":"` + orders + `"},
		{"path":"/carts","methods":["GET","POST"],"function":"` + live + `"},
		{"path":"/health","methods":["GET"],"function":"` + orders + `","public":"asked by the load balancer"},
		{"path":"/stock","methods":["GET"],"upstream":"https://stock.internal.example.com/","vpcLinkId":"a1b2c3"},
		{"path":"/files/{proxy+}","methods":["ANY"],"upstream":"https://files.internal.example.com/{proxy}","transparent":true,"vpcLinkId":"a1b2c3"}]`
	for _, stage := range []string{"example", "cross-origin"} {
		outdir, stderr, status := runApp(t, nil, map[string]any{"stage": stage, "routes": routes})
		if status != 0 || stderr != "" {
			t.Fatalf("stage %s: exit status %d: %s", stage, status, stderr)
		}
		template := readTemplate(t, outdir, "TokenHandler-"+stage)
		permitted := map[string]int{}
		for _, p := range template.only("AWS::Lambda::Permission") {
			if function, ok := p["FunctionName"].(string); ok {
				permitted[function]++
				if source, _ := json.Marshal(p["SourceArn"]); p["Principal"] != "apigateway.amazonaws.com" || !strings.Contains(string(source), "execute-api:") {
					t.Errorf("stage %s: the permission is %v", stage, p)
				}
			}
		}
		if permitted[orders] != 1 || permitted[live] != 1 || len(permitted) != 2 {
			t.Errorf("stage %s: got permissions to invoke %v, want one for each function", stage, permitted)
		}

		type method struct{ authorization, kind, link string }
		got := map[method]int{}
		for _, m := range template.only("AWS::ApiGateway::Method") {
			integration := m["Integration"].(map[string]any)
			uri, _ := json.Marshal(integration["Uri"])
			link, _ := integration["ConnectionId"].(string)
			if strings.Contains(string(uri), orders) || link != "" && integration["ConnectionType"] == "VPC_LINK" {
				got[method{m["AuthorizationType"].(string), integration["Type"].(string), link}]++
			}
		}
		for want, n := range map[method]int{
			{"CUSTOM", "AWS_PROXY", ""}:        3,
			{"NONE", "AWS_PROXY", ""}:          1,
			{"CUSTOM", "HTTP", "a1b2c3"}:       1,
			{"CUSTOM", "HTTP_PROXY", "a1b2c3"}: 1,
		} {
			if got[want] != n {
				t.Errorf("stage %s: got %d methods of %v, want %d", stage, got[want], want, n)
			}
		}
	}
}

// A route lists the upstream statuses that reach the page unchanged.
func TestStatusesOfARoute(t *testing.T) {
	outdir, stderr, status := runApp(t, nil, map[string]any{"stage": "example",
		"routes": `[{"path":"/orders","methods":["GET"],"upstream":"https://orders.internal.example.com/orders","statuses":[404,409]}]`})
	if status != 0 {
		t.Fatalf("exit status %d: %s", status, stderr)
	}
	mapped := 0
	for _, m := range readTemplate(t, outdir, "TokenHandler-example").only("AWS::ApiGateway::Method") {
		if m["AuthorizationType"] == "CUSTOM" {
			mapped++
			if n := len(m["MethodResponses"].([]any)); n != 7 {
				t.Errorf("got %d statuses, want 404, 409, 502 and the four of every method", n)
			}
		}
	}
	if mapped != 1 {
		t.Errorf("got %d mapped methods, want 1", mapped)
	}
	_, stderr, status = runApp(t, nil, map[string]any{"stage": "example",
		"routes": `[{"path":"/orders","methods":["GET"],"upstream":"https://orders.internal.example.com/orders","statuses":[99]}]`})
	if want := "infra: routes[0].statuses[0] must be"; status != 1 || !strings.HasPrefix(stderr, want) {
		t.Errorf("exit status %d: %q, want %q", status, stderr, want)
	}
}

package gateway

import (
	"testing"
)

// Preflights: ours, and the one that CDK's addCorsPreflight generates.
func TestPreflights(t *testing.T) {
	const a, b = "https://www.example.com", "https://admin.example.com"
	tests := []struct {
		name, path, origin  string
		opts                Options
		origins, credential string
	}{
		{"own, first origin", "/orders", a, Options{}, a, "true"},
		{"own, second origin", "/orders", b, Options{}, b, "true"},
		{"own, HTTP/1.1 spelling", "/orders", b, Options{CanonicalHeaders: true}, b, "true"},
		{"own, unknown origin", "/orders", "https://evil.example", Options{}, "", ""},
		{"own, no origin", "/orders", "", Options{}, "", ""},
		{"own, below a greedy resource", "/files/a/b", a, Options{}, a, "true"},
		// CDK's template looks for "Origin" first and compares null with "": its fallback is dead, so a browser over
		// HTTP/2 from the second origin gets the first one's header.
		{"cdk, second origin over HTTP/2", "/profile", b, Options{}, a, "true"},
		{"cdk, second origin over HTTP/1.1", "/profile", b, Options{CanonicalHeaders: true}, b, "true"},
		{"cdk, unknown origin", "/profile", "https://evil.example", Options{CanonicalHeaders: true}, a, "true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := (&fixture{opts: tt.opts}).start(t)
			kv := []string{"Access-Control-Request-Method", "POST", "Accept", "*/*"}
			if tt.origin != "" {
				kv = append(kv, "Origin", tt.origin)
			}
			res := f.do(t, "OPTIONS", tt.path, "", kv...)
			res.want(t, 204, "")
			res.wantHeader(t, "Access-Control-Allow-Origin", tt.origins)
			res.wantHeader(t, "Access-Control-Allow-Credentials", tt.credential)
			res.wantHeader(t, "Vary", "Origin")
			if res.body != "" {
				t.Errorf("body %q", res.body)
			}
			if f.invocations(authorizerFn) != 0 {
				t.Error("the authorizer was asked")
			}
		})
	}
}

// API Gateway reads a MOCK's statusCode leniently.
func TestMockStatus(t *testing.T) {
	tests := []struct {
		body string
		want int // 0: "Unable to parse statusCode"
	}{
		{`{ statusCode: 200 }`, 200},
		{`{"statusCode": 200}`, 200},
		{`{'statusCode': 201}`, 201},
		{"\n{\n \"statusCode\" : 404,\n}\n", 404},
		{`{"statusCode":200,"message":"x"}`, 200},
		{`{"a":1,"statusCode":200}`, 200},
		{`{"statusCode":"200"}`, 0},
		{`{"statusCode":200`, 0},
		{`"statusCode":200}`, 0},
		{`{}`, 0},
		{``, 0},
		{`{"statusCode":20}`, 0},
		{`{"statusCode":2000}`, 0},
	}
	for _, tt := range tests {
		got, ok := mockStatus(tt.body)
		if got != tt.want || ok != (tt.want != 0) {
			t.Errorf("mockStatus(%q) = %d, %v; want %d", tt.body, got, ok, tt.want)
		}
	}
}

// The status picks the integration response; a Content-Type without a template passes the body through.
func TestMockSelection(t *testing.T) {
	f := (&fixture{edit: func(r map[string]any) {
		in := integration(r, "orders/OPTIONS/Resource")
		in["RequestTemplates"] = map[string]any{"application/json": `{"statusCode": $input.params("s")}`}
		in["IntegrationResponses"] = append(in["IntegrationResponses"].([]any),
			map[string]any{"StatusCode": "404", "SelectionPattern": "4\\d{2}", "ResponseTemplates": map[string]any{"application/json": `{"path":"$context.resourcePath"}`}},
			map[string]any{"StatusCode": "204", "SelectionPattern": "410"}) // never reached: the first match wins
		p := properties(r, "orders/OPTIONS/Resource")
		p["MethodResponses"] = append(p["MethodResponses"].([]any), map[string]any{"StatusCode": "404"})
	}}).start(t)
	f.do(t, "OPTIONS", "/orders?s=200", "").want(t, 204, "")
	f.do(t, "OPTIONS", "/orders?s=410", "").want(t, 404, `{"path":"/orders"}`)
	f.do(t, "OPTIONS", "/orders?s=%22200%22", "").want(t, 500, "")
	f.do(t, "OPTIONS", "/orders?s=200", "plain", "Content-Type", "text/plain").want(t, 500, "")
	f.do(t, "OPTIONS", "/orders", `{"statusCode":404}`, "Content-Type", "text/plain").want(t, 404, "")
}

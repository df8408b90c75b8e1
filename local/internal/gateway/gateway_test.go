package gateway

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoutes(t *testing.T) {
	f := (&fixture{}).start(t)
	want := []Route{
		{"ANY", "/files/{proxy+}", true, "HTTP_PROXY ANY http://127.0.0.1:3003/files/{proxy}"},
		{"OPTIONS", "/files/{proxy+}", false, "MOCK"},
		{"POST", "/oauth-agent/login/start", false, "AWS_PROXY " + agentFn},
		{"GET", "/oauth-agent/session", false, "AWS_PROXY " + agentFn},
		{"POST", "/open/admin", true, "AWS_PROXY " + agentFn},
		{"PUT", "/open/{id}", true, "AWS_PROXY " + agentFn},
		{"ANY", "/open/{proxy+}", false, "AWS_PROXY " + agentFn},
		{"GET", "/orders", true, "HTTP GET http://127.0.0.1:3003/orders"},
		{"OPTIONS", "/orders", false, "MOCK"},
		{"POST", "/orders", true, "HTTP POST http://127.0.0.1:3003/orders"},
		{"GET", "/profile", true, "AWS_PROXY " + agentFn},
		{"OPTIONS", "/profile", false, "MOCK"},
	}
	if d := cmp.Diff(want, f.gw.Routes()); d != "" {
		t.Errorf("routes (-want +got):\n%s", d)
	}
}

// "API Gateway selects the resource and method pair": recorded from AWS, a resource without the verb falls through to a
// greedy sibling.
func TestRouting(t *testing.T) {
	f := (&fixture{}).start(t)
	tests := []struct {
		method, path string
		resource     string // "" for MISSING_AUTHENTICATION_TOKEN
		proxy        any
	}{
		{"GET", "/oauth-agent/session", "/oauth-agent/session", nil},
		{"GET", "/oauth-agent/session/", "/oauth-agent/session", nil}, // trailing slash
		{"POST", "/oauth-agent/session", "", nil},                     // unknown verb
		{"HEAD", "/oauth-agent/session", "", nil},                     // HEAD is not implied by GET
		{"GET", "/oauth-agent", "", nil},                              // a resource without methods
		{"GET", "/oauth-agent/session/x", "", nil},
		{"GET", "/OAUTH-AGENT/session", "", nil},
		{"GET", "/", "", nil},
		{"GET", "/nothing", "", nil},
		{"POST", "/open/admin", "/open/admin", nil},       // literal before parameter and greedy
		{"PUT", "/open/7", "/open/{id}", nil},             // parameter before greedy
		{"PUT", "/open/admin", "/open/{id}", nil},         // falls through to the parameter
		{"GET", "/open/7", "/open/{proxy+}", "7"},         // {id} has no GET
		{"GET", "/open/admin", "/open/{proxy+}", "admin"}, // the hazard
		{"PUT", "/open/a/b", "/open/{proxy+}", "a/b"},     // deeper than the parameter
		{"PATCH", "/open/a/b/", "/open/{proxy+}", "a/b"},  // the slash is not part of the value
		{"GET", "/open/a//b", "/open/{proxy+}", "a//b"},   // double slashes stay
		{"GET", "/open/a%20b%2Fc", "/open/{proxy+}", "a b/c"},
		{"HEAD", "/open/x", "/open/{proxy+}", "x"}, // ANY has every verb
		{"GET", "/open/", "", nil},                 // {proxy+} does not match nothing
		{"GET", "/open", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			before := f.invocations(agentFn)
			res := f.do(t, tt.method, tt.path, "")
			if tt.resource == "" {
				body := `{"message":"Missing Authentication Token"}`
				if tt.method == "HEAD" {
					body = ""
				}
				res.want(t, 403, body)
				res.wantHeader(t, "x-amzn-ErrorType", "MissingAuthenticationTokenException")
				if f.invocations(agentFn) != before {
					t.Error("a function was invoked")
				}
				return
			}
			res.want(t, 200, "")
			e := f.lastEvent(t, agentFn)
			if e["resource"] != tt.resource {
				t.Errorf("resource %v, want %s", e["resource"], tt.resource)
			}
			if p, _ := e["pathParameters"].(map[string]any); tt.proxy != nil && p["proxy"] != tt.proxy {
				t.Errorf("proxy = %v, want %v", p["proxy"], tt.proxy)
			}
		})
	}
}

// The sibling hazard: POST /open/admin has an authorizer, yet GET /open/admin is served by the unprotected
// /open/{proxy+} ANY, and no authorizer runs.
func TestFallThroughSkipsTheAuthorizer(t *testing.T) {
	f := (&fixture{authorizer: func(map[string]any) (Result, error) { return ok(policyJSON("Deny", `{}`)) }}).start(t)
	f.do(t, "POST", "/open/admin", "").want(t, 401, "")
	if f.invocations(authorizerFn) != 1 {
		t.Fatal("POST did not ask the authorizer")
	}
	f.do(t, "GET", "/open/admin", "").want(t, 200, "")
	if f.invocations(authorizerFn) != 1 {
		t.Error("GET asked the authorizer")
	}
}

// "When sending requests to an API by passing the X-HTTP-Method-Override header, API Gateway overrides the method."
func TestMethodOverride(t *testing.T) {
	f := (&fixture{}).start(t)
	f.do(t, "GET", "/open/admin", "", "X-Http-Method-Override", "post").want(t, 200, "")
	e := f.lastEvent(t, authorizerFn)
	if e["httpMethod"] != "POST" || !strings.HasSuffix(e["methodArn"].(string), "/api/POST/open/admin") {
		t.Errorf("httpMethod %v, methodArn %v", e["httpMethod"], e["methodArn"])
	}
	f.do(t, "POST", "/oauth-agent/login/start", "", "X-Http-Method-Override", "DELETE").want(t, 403, "")
}

// Quotas of a REST API: URL 10,240 characters, headers 10,240 bytes, payload 10 MB, method ARN 1,600 bytes.
func TestLimits(t *testing.T) {
	f := (&fixture{edit: func(r map[string]any) {
		// Neither default reaches these answers: they come from in front of the API, and 413 cannot be customised.
		for _, typ := range []string{"DEFAULT_4XX", "REQUEST_TOO_LARGE"} {
			gatewayResponseResource(r, typ, "499", map[string]any{"gatewayresponse.header.X-Custom": "'yes'"}, nil)
		}
	}}).start(t)
	longPath := "/open/" + strings.Repeat("a", 1700)
	tests := []struct {
		name, path, body string
		header           string // value of one header
		status           int
	}{
		{"URL at the limit", "/open/a?q=" + strings.Repeat("x", 10240-len("/open/a?q=")), "", "", 200},
		{"URL over", "/open/a?q=" + strings.Repeat("x", 10240-len("/open/a?q=")+1), "", "", 414},
		{"headers within", "/open/a", "", strings.Repeat("h", 9900), 200},
		{"headers over", "/open/a", "", strings.Repeat("h", 10240), 431},
		{"body over", "/open/a", strings.Repeat("b", 10<<20+1), "", 413},
		{"method ARN over", longPath, "", "", 414},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var kv []string
			if tt.header != "" {
				kv = []string{"X-Long", tt.header}
			}
			res := f.do(t, "POST", tt.path, tt.body, kv...)
			res.want(t, tt.status, "")
			res.wantHeader(t, "X-Custom", "")
			if tt.status == 413 && res.body != `{"message":"Request Too Long"}` {
				t.Errorf("body %s", res.body)
			}
		})
	}
	if f.invocations(authorizerFn) != 0 {
		t.Error("an authorizer ran")
	}
}

// "Total combined size of all header values, in bytes: 10,240": counted with names, separators and line ends.
func TestHeaderLimitIsExact(t *testing.T) {
	f := (&fixture{}).start(t)
	send := func(fill int) string {
		conn, err := net.Dial("tcp", f.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET /oauth-agent/session HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: %s\r\n\r\n", strings.Repeat("x", fill))
		var b [12]byte
		if _, err := conn.Read(b[:]); err != nil {
			t.Fatal(err)
		}
		return string(b[9:])
	}
	fixed := len("Host: a\r\nConnection: close\r\nX: \r\n")
	if got := send(10240 - fixed); got != "200" {
		t.Errorf("10240 bytes: %s", got)
	}
	if got := send(10240 - fixed + 1); got != "431" {
		t.Errorf("10241 bytes: %s", got)
	}
}

// "The plain text pipe character (|) and curly brace characters are not supported"; "the semicolon … results in the data
// being split".
func TestQueryString(t *testing.T) {
	f := (&fixture{}).start(t)
	f.do(t, "GET", "/oauth-agent/session?a=1;b=2&a=3&c=%7C&d", "").want(t, 200, "")
	e := f.lastEvent(t, agentFn)
	if d := cmp.Diff(map[string]any{"a": "3", "b": "2", "c": "|", "d": ""}, e["queryStringParameters"]); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]any{"1", "3"}, e["multiValueQueryStringParameters"].(map[string]any)["a"]); d != "" {
		t.Error(d)
	}
	for _, q := range []string{"a=|", "a={b}"} {
		f.do(t, "GET", "/oauth-agent/session?"+q, "").want(t, 400, "")
	}
}

// A request validator with ValidateRequestParameters: required parameters must be there and not empty.
func TestRequiredParameters(t *testing.T) {
	f := (&fixture{edit: func(r map[string]any) {
		r["Validator"] = map[string]any{"Type": "AWS::ApiGateway::RequestValidator", "Properties": map[string]any{
			"RestApiId": map[string]any{"Ref": "ApiF70053CD"}, "ValidateRequestParameters": true}}
		p := properties(r, "oauth-agent/session/GET/Resource")
		p["RequestValidatorId"] = map[string]any{"Ref": "Validator"}
		p["RequestParameters"] = map[string]any{"method.request.header.X-Need": true, "method.request.querystring.q": true, "method.request.querystring.opt": false}
	}}).start(t)
	f.do(t, "GET", "/oauth-agent/session?q=1", "", "X-Need", "x").want(t, 200, "")
	res := f.do(t, "GET", "/oauth-agent/session?q=", "")
	res.want(t, 400, `{"message":"Missing required request parameters: [X-Need, q]"}`)
	res.wantHeader(t, "x-amzn-ErrorType", "BadRequestException")
}

// The log names the event and contains no data of the request or response.
func TestLogHoldsNoSecrets(t *testing.T) {
	up := newUpstream(t, nil)
	f := (&fixture{upstream: up.URL}).start(t)
	f.agent = func(map[string]any) (Result, error) { return ok(`{"statusCode":"secret-status"}`) }
	send := func(method, path string) {
		f.do(t, method, path+"?q=secret-query", "secret-body", "Cookie", "secret-cookie", "Authorization", "secret-bearer", "X-Csrf", "secret-csrf")
	}
	send("GET", "/orders")
	send("POST", "/oauth-agent/login/start")
	send("GET", "/files/secret-path")
	send("GET", "/nothing/secret-path")
	f.authorizer = func(map[string]any) (Result, error) { return functionError("secret-error") }
	send("GET", "/orders")
	f.authorizer = func(map[string]any) (Result, error) { return ok(policyJSON("Deny", `{"code":"secret-code"}`)) }
	send("GET", "/orders")
	f.authorizer = func(map[string]any) (Result, error) {
		return ok(`{"principalId":"secret-principal","policyDocument":"secret-policy","context":{"token":"secret-token"}}`)
	}
	send("GET", "/orders")
	f.Close()
	log := f.log.String()
	if strings.Contains(log, "secret") || strings.Contains(log, "upstream-token") {
		t.Errorf("log has a secret:\n%s", log)
	}
	for _, want := range []string{"resource=/orders", "type=AUTHORIZER_CONFIGURATION_ERROR", "malformed Lambda proxy response"} {
		if !strings.Contains(log, want) {
			t.Errorf("log lacks %q:\n%s", want, log)
		}
	}
}

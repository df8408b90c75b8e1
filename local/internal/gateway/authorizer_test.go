package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// AWS: "Input to an API Gateway Lambda authorizer", type REQUEST: everything of the request but its body.
func TestAuthorizerEvent(t *testing.T) {
	up := newUpstream(t, nil)
	f := (&fixture{upstream: up.URL}).start(t)
	f.do(t, "POST", "/files/a%20b/c?q=1&q=2", "body", "Host", "api.example.localhost:3001", "Cookie", "a=b", "X-Csrf", "1",
		"Origin", "https://www.example.com", "User-Agent", "test", "Expect", "100-continue", "TE", "trailers", "X-Forwarded-For", "9.9.9.9")
	e := f.lastEvent(t, authorizerFn)
	id := f.gw.api.ID
	if got, want := e["methodArn"], "arn:aws:execute-api:eu-west-1:123456789012:"+id+"/api/POST/files/a%20b/c"; got != want {
		t.Errorf("methodArn %v, want %s", got, want)
	}
	for name, want := range map[string]any{
		"type": "REQUEST", "resource": "/files/{proxy+}", "path": "/files/a%20b/c", "httpMethod": "POST",
		"queryStringParameters":           map[string]any{"q": "2"},
		"multiValueQueryStringParameters": map[string]any{"q": []any{"1", "2"}},
		"pathParameters":                  map[string]any{"proxy": "a b/c"},
		"stageVariables":                  map[string]any{"colour": "blue"},
	} {
		if d := cmp.Diff(want, e[name]); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	for _, name := range []string{"body", "isBase64Encoded"} {
		if _, has := e[name]; has {
			t.Errorf("authorizer event has %s", name)
		}
	}
	h := e["headers"].(map[string]any)
	// Browsers speak HTTP/2, so names come in lower case, but for those that API Gateway writes itself.
	for name, want := range map[string]any{"cookie": "a=b", "x-csrf": "1", "origin": "https://www.example.com",
		"Host": "api.example.localhost:3001", "User-Agent": "test", "X-Forwarded-For": "9.9.9.9, 127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "3001"} {
		if h[name] != want {
			t.Errorf("header %s = %v, want %v", name, h[name], want)
		}
	}
	for name := range h {
		for _, dropped := range droppedFromEvents {
			if strings.EqualFold(name, dropped) {
				t.Errorf("header %s should be dropped", name)
			}
		}
	}
	if !strings.HasPrefix(h["X-Amzn-Trace-Id"].(string), "Root=1-") {
		t.Errorf("trace id %v", h["X-Amzn-Trace-Id"])
	}
	rc := e["requestContext"].(map[string]any)
	for name, want := range map[string]any{"stage": "api", "apiId": id, "accountId": "123456789012", "httpMethod": "POST",
		"resourcePath": "/files/{proxy+}", "path": "/files/a%20b/c", "protocol": "HTTP/1.1", "domainName": "api.example.localhost", "domainPrefix": "api"} {
		if rc[name] != want {
			t.Errorf("requestContext.%s = %v, want %v", name, rc[name], want)
		}
	}
	if ip := rc["identity"].(map[string]any)["sourceIp"]; ip != "127.0.0.1" {
		t.Errorf("sourceIp = %v", ip)
	}

	// Missing values are null.
	f.do(t, "GET", "/profile", "")
	e = f.lastEvent(t, authorizerFn)
	for _, name := range []string{"queryStringParameters", "multiValueQueryStringParameters", "pathParameters"} {
		if v, has := e[name]; !has || v != nil {
			t.Errorf("%s = %v, want null", name, v)
		}
	}
}

func TestCanonicalHeaders(t *testing.T) {
	f := (&fixture{opts: Options{CanonicalHeaders: true}}).start(t)
	f.do(t, "GET", "/profile", "", "x-csrf", "1")
	if h := f.lastEvent(t, authorizerFn)["headers"].(map[string]any); h["X-Csrf"] != "1" {
		t.Errorf("headers %v", h)
	}
}

// An authorizer's failures, and the client's view of them.
func TestAuthorizerFailures(t *testing.T) {
	statement := func(s string) string {
		return `{"principalId":"p","policyDocument":{"Version":"2012-10-17","Statement":` + s + `}}`
	}
	const allow = `{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}`
	const arn = "arn:aws:execute-api:eu-west-1:123456789012:"
	const configuration = "AuthorizerConfigurationException"
	tests := []struct {
		name      string
		result    Result
		err       error
		status    int
		body      string
		exception string
	}{
		{name: "allow", result: Result{Payload: []byte(statement(`[` + allow + `]`))}, status: 200},
		{name: "single statement", result: Result{Payload: []byte(statement(allow))}, status: 200},
		{name: "lists and wildcards", result: Result{Payload: []byte(statement(`[{"Effect":"Allow","Action":["execute-api:*"],"Resource":["x","` + arn + `*/api/GET/prof?le"]}]`))}, status: 200},
		{name: "thrown Unauthorized", result: Result{Payload: []byte(`{"errorMessage":"Unauthorized","errorType":"errorString"}`), FunctionError: true},
			status: 401, body: `{"message":"Unauthorized"}`, exception: "UnauthorizedException"},
		{name: "wrapped Unauthorized", result: Result{Payload: []byte(`{"errorMessage":"check: Unauthorized","errorType":"wrapError"}`), FunctionError: true},
			status: 500, body: `{"message":null}`, exception: configuration},
		{name: "unauthorized in lower case", result: Result{Payload: []byte(`{"errorMessage":"unauthorized","errorType":"errorString"}`), FunctionError: true},
			status: 500, body: `{"message":null}`, exception: configuration},
		{name: "panic", result: Result{Payload: []byte(`{"errorMessage":"boom","errorType":"Panic","stackTrace":[]}`), FunctionError: true},
			status: 500, body: `{"message":null}`, exception: configuration},
		{name: "function error that is not JSON", result: Result{Payload: []byte(`x`), FunctionError: true}, status: 500, exception: configuration},
		{name: "not invokable", err: errors.New("no process"), status: 500, body: `{"message":null}`, exception: configuration},
		{name: "timeout", err: context.DeadlineExceeded, status: 500, body: `{"message":null}`, exception: configuration},
		{name: "null", result: Result{Payload: []byte(`null`)}, status: 500, exception: configuration},
		{name: "not JSON", result: Result{Payload: []byte(`yes`)}, status: 500, exception: configuration},
		{name: "no principal", result: Result{Payload: []byte(`{"policyDocument":{"Statement":[` + allow + `]}}`)}, status: 500, exception: configuration},
		{name: "no policy", result: Result{Payload: []byte(`{"principalId":"p"}`)}, status: 500, exception: configuration},
		{name: "policy with a condition", result: Result{Payload: []byte(statement(`[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{}}]`))}, status: 500, exception: configuration},
		{name: "policy with NotResource", result: Result{Payload: []byte(statement(`[{"Effect":"Allow","Action":"*","NotResource":"x","Resource":"*"}]`))}, status: 500, exception: configuration},
		{name: "unknown effect", result: Result{Payload: []byte(statement(`[{"Effect":"allow","Action":"*","Resource":"*"}]`))}, status: 500, exception: configuration},
		{name: "resource of 512 characters", result: Result{Payload: []byte(statement(`[` + allow + `,{"Effect":"Deny","Action":"*","Resource":"` + strings.Repeat("x", 512) + `"}]`))}, status: 200},
		{name: "resource of 513 characters", result: Result{Payload: []byte(statement(`[` + allow + `,{"Effect":"Deny","Action":"*","Resource":"` + strings.Repeat("x", 513) + `"}]`))}, status: 500, exception: configuration},
		{name: "nested context", result: Result{Payload: []byte(policyJSON("Allow", `{"a":{"b":1}}`))}, status: 500, exception: configuration},
		{name: "list in context", result: Result{Payload: []byte(policyJSON("Allow", `{"a":["b"]}`))}, status: 500, exception: configuration},
		{name: "null in context", result: Result{Payload: []byte(policyJSON("Allow", `{"a":null}`))}, status: 500, exception: configuration},
		{name: "explicit deny", result: Result{Payload: []byte(statement(`[` + allow + `,{"Effect":"Deny","Action":"execute-api:Invoke","Resource":"*"}]`))}, status: 403,
			body: `{"Message":"User is not authorized to access this resource with an explicit deny"}`, exception: "AccessDeniedException"},
		{name: "no statement matches", result: Result{Payload: []byte(statement(`[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"` + arn + `*/api/POST/*"}]`))}, status: 403,
			body: `{"Message":"User is not authorized to access this resource"}`, exception: "AccessDeniedException"},
		{name: "other action", result: Result{Payload: []byte(statement(`[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]`))}, status: 403, exception: "AccessDeniedException"},
		{name: "no statements", result: Result{Payload: []byte(statement(`[]`))}, status: 403, exception: "AccessDeniedException"},
	}
	f := (&fixture{edit: func(r map[string]any) { // the defaults, without the fixture's gateway responses
		for id, v := range r {
			if v.(map[string]any)["Type"] == "AWS::ApiGateway::GatewayResponse" {
				delete(r, id)
			}
		}
	}}).start(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f.authorizer = func(map[string]any) (Result, error) { return tt.result, tt.err }
			before := f.invocations(agentFn)
			res := f.do(t, "GET", "/profile", "")
			res.want(t, tt.status, tt.body)
			res.wantHeader(t, "x-amzn-ErrorType", tt.exception)
			if res.header.Get("x-amzn-RequestId") == "" || res.header.Get("x-amz-apigw-id") == "" {
				t.Error("response lacks its request ids")
			}
			if ran := f.invocations(agentFn) > before; ran != (tt.status == 200) {
				t.Errorf("integration ran: %v", ran)
			}
		})
	}
}

// A denial's context reaches the ACCESS_DENIED response: its status, its body template and its headers.
func TestDenyContextReachesAccessDenied(t *testing.T) {
	f := (&fixture{}).start(t)
	f.authorizer = func(map[string]any) (Result, error) {
		return ok(policyJSON("Deny", `{"code":"token_expired","message":"expired","allowedOrigin":"https://admin.example.com"}`))
	}
	res := f.do(t, "GET", "/orders", "", "Origin", "https://admin.example.com")
	res.want(t, 401, `{"code":"token_expired","error_code":"token_expired","message":"expired"}`)
	res.wantHeader(t, "Access-Control-Allow-Origin", "https://admin.example.com")
	res.wantHeader(t, "Access-Control-Allow-Credentials", "true")
	res.wantHeader(t, "Vary", "Origin")
	res.wantHeader(t, "Content-Type", "application/json")

	// Without allowedOrigin the header is left out, not sent empty.
	f.authorizer = func(map[string]any) (Result, error) {
		return ok(policyJSON("Deny", `{"code":"unauthorized_request","message":"no"}`))
	}
	res = f.do(t, "GET", "/orders", "")
	res.want(t, 401, `{"code":"unauthorized_request","error_code":"unauthorized_request","message":"no"}`)
	if _, has := res.header["Access-Control-Allow-Origin"]; has {
		t.Error("Access-Control-Allow-Origin without an allowed origin")
	}
	// After a thrown Unauthorized there is no context, and ACCESS_DENIED is not used.
	f.authorizer = func(map[string]any) (Result, error) { return functionError("Unauthorized") }
	f.do(t, "GET", "/orders", "").want(t, 401, `{"message":"Unauthorized"}`)
}

// cached gives the fixture's authorizer a TTL and identity sources.
func cached(ttl int, sources string) func(map[string]any) {
	return func(r map[string]any) {
		p := properties(r, "OAuthProxy/Resource")
		p["AuthorizerResultTtlInSeconds"], p["IdentitySource"] = ttl, sources
	}
}

// "API Gateway verifies that all specified identity sources are present … returns a 401 Unauthorized HTTP response
// without calling the Lambda authorizer function."
func TestIdentitySources(t *testing.T) {
	f := (&fixture{edit: cached(60, "method.request.header.Cookie, method.request.querystring.tenant, context.httpMethod, stageVariables.colour")}).start(t)
	tests := []struct {
		name, path string
		headers    []string
		status     int
	}{
		{"all", "/profile?tenant=t", []string{"Cookie", "a=b"}, 200},
		{"missing header", "/profile?tenant=t", nil, 401},
		{"empty header", "/profile?tenant=t", []string{"Cookie", ""}, 401},
		{"missing query", "/profile", []string{"Cookie", "a=b"}, 401},
		{"empty query", "/profile?tenant=", []string{"Cookie", "a=b"}, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := f.invocations(authorizerFn)
			res := f.do(t, "GET", tt.path, "", tt.headers...)
			res.want(t, tt.status, "")
			if tt.status == 401 {
				res.want(t, 401, `{"message":"Unauthorized"}`)
				if f.invocations(authorizerFn) != before {
					t.Error("the authorizer was called")
				}
			}
		})
	}
	// "If you turn off authorization caching … API Gateway directly passes the request to the Lambda function."
	g := (&fixture{edit: cached(0, "method.request.header.Cookie")}).start(t)
	g.do(t, "GET", "/profile", "").want(t, 200, "")
}

func TestAuthorizerCache(t *testing.T) {
	clk := &clock{now: time.Unix(1_800_000_000, 0)}
	f := (&fixture{edit: cached(60, "method.request.header.Cookie,context.httpMethod"), opts: Options{Now: clk.Now}}).start(t)
	get := func(cookie string) int { return f.do(t, "GET", "/profile", "", "Cookie", cookie).status }
	step := func(what string, status, wantStatus, wantCalls int) {
		t.Helper()
		if status != wantStatus || f.invocations(authorizerFn) != wantCalls {
			t.Errorf("%s: status %d, %d calls; want %d, %d", what, status, f.invocations(authorizerFn), wantStatus, wantCalls)
		}
	}
	step("first", get("a=1"), 200, 1)
	step("again", get("a=1"), 200, 1)
	step("other cookie", get("a=2"), 200, 2)
	step("other method", f.do(t, "POST", "/open/admin", "", "Cookie", "a=1").status, 200, 3)
	clk.advance(59 * time.Second)
	step("just before the end", get("a=1"), 200, 3)
	clk.advance(time.Second)
	step("at the end", get("a=1"), 200, 4)

	// Denials are cached like permissions; errors are not.
	f.authorizer = func(map[string]any) (Result, error) { return ok(policyJSON("Deny", `{}`)) }
	step("deny", get("a=3"), 401, 5)
	f.authorizer = func(map[string]any) (Result, error) { return functionError("Unauthorized") }
	step("cached deny", get("a=3"), 401, 5)
	step("error", get("a=4"), 401, 6)
	step("error again", get("a=4"), 401, 7)
}

// "Ensure that your policy is applicable to all resources and methods across your API": the gateway caches the
// policy, and evaluates it for each request's own method ARN.
func TestCachedPolicyIsEvaluatedPerRequest(t *testing.T) {
	f := (&fixture{edit: cached(300, "method.request.header.Cookie")}).start(t)
	f.authorizer = func(e map[string]any) (Result, error) {
		return ok(fmt.Sprintf(`{"principalId":"p","policyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":%q}]}}`, e["methodArn"]))
	}
	f.do(t, "GET", "/profile", "", "Cookie", "a").want(t, 200, "")
	f.do(t, "POST", "/open/admin", "", "Cookie", "a").want(t, 401, "") // ACCESS_DENIED, customised to 401
	if n := f.invocations(authorizerFn); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

// A cached Allow skips every per-request check of the authorizer when the key has only the cookie: defect P4 of comparable
// software, and the reason for a TTL of 0.
func TestCacheWithCookieOnlySkipsChecks(t *testing.T) {
	check := func(e map[string]any) (Result, error) {
		h := e["headers"].(map[string]any)
		if e["httpMethod"] != http.MethodGet && h["x-csrf"] == nil {
			return ok(policyJSON("Deny", `{}`))
		}
		return ok(policyJSON("Allow", allowContext))
	}
	for _, tt := range []struct {
		name   string
		edit   func(map[string]any)
		status int
	}{
		{"cookie only", cached(60, "method.request.header.Cookie"), 200},
		{"cookie and method", cached(60, "method.request.header.Cookie,context.httpMethod"), 401},
		{"no caching", nil, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := (&fixture{edit: tt.edit, authorizer: check}).start(t)
			f.do(t, "GET", "/profile", "", "Cookie", "a").want(t, 200, "")
			f.do(t, "POST", "/open/admin", "", "Cookie", "a").want(t, tt.status, "")
		})
	}
}

func TestCacheKeyKeepsOrderAndBoundaries(t *testing.T) {
	keys := map[[32]byte]bool{}
	for _, id := range [][]string{{"a", "b"}, {"b", "a"}, {"ab"}, {"ab", ""}, {"", "ab"}, nil} {
		keys[cacheKey(id)] = true
	}
	if len(keys) != 6 {
		t.Errorf("%d different keys, want 6", len(keys))
	}
}

func FuzzParseDecision(f *testing.F) {
	f.Add([]byte(policyJSON("Allow", allowContext)))
	f.Add([]byte(`{"principalId":"p","policyDocument":{"Statement":{"Effect":"Deny","Action":["*"],"Resource":["*"]}},"context":{"a":"\ud800"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parseDecision(b)
		if err != nil {
			return
		}
		if d.principal == "" {
			t.Error("accepted without a principal")
		}
		if d.policy.evaluate("arn:x") == allowed && !strings.Contains(string(b), "Allow") {
			t.Error("allowed without an Allow")
		}
	})
}

package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/local/internal/template"
)

// AWS: "Input format of a Lambda function for proxy integration".
func TestProxyEvent(t *testing.T) {
	f := (&fixture{}).start(t)
	f.do(t, "GET", "/profile?a=1", "", "Cookie", "c=d", "X-Multi", "one", "X-Multi", "two").want(t, 200, "")
	e := f.lastEvent(t, agentFn)
	if e["body"] != nil || e["isBase64Encoded"] != false {
		t.Errorf("body %v, isBase64Encoded %v", e["body"], e["isBase64Encoded"])
	}
	if h := e["headers"].(map[string]any); h["x-multi"] != "two" || h["cookie"] != "c=d" {
		t.Errorf("headers %v", h)
	}
	if d := cmp.Diff([]any{"one", "two"}, e["multiValueHeaders"].(map[string]any)["x-multi"]); d != "" {
		t.Error(d)
	}
	// Context values arrive as strings.
	a := e["requestContext"].(map[string]any)["authorizer"].(map[string]any)
	delete(a, "integrationLatency")
	want := map[string]any{"principalId": "user", "token": "Bearer upstream-token", "allowedOrigin": "https://www.example.com", "sub": "alice", "n": "7", "b": "true"}
	if d := cmp.Diff(want, a); d != "" {
		t.Errorf("authorizer (-want +got):\n%s", d)
	}
	f.do(t, "POST", "/oauth-agent/login/start", `{"a":"\u00e9"}`, "Content-Type", "application/json").want(t, 200, "")
	e = f.lastEvent(t, agentFn)
	if e["body"] != `{"a":"\u00e9"}` {
		t.Errorf("body %v", e["body"])
	}
	if _, has := e["requestContext"].(map[string]any)["authorizer"]; has {
		t.Error("authorizer context without an authorizer")
	}
	// Without a binary media type a payload is text; bytes that are not UTF-8 are lost.
	f.do(t, "POST", "/oauth-agent/login/start", "a\xffb")
	if got := f.lastEvent(t, agentFn)["body"]; got != "a\uFFFDb" {
		t.Errorf("body %q", got)
	}
}

func TestBinaryMediaTypes(t *testing.T) {
	types := func(list ...string) func(map[string]any) {
		return func(r map[string]any) { properties(r, "Fixture/Api/Resource")["BinaryMediaTypes"] = list }
	}
	tests := []struct {
		name                string
		edit                func(map[string]any)
		contentType, accept string
		base64Event         bool
		wantBody            string
	}{
		{"none", nil, "image/png", "image/png", false, "AAE="},
		{"request and response match", types("image/png"), "image/png", "image/png,*/*", true, "\x00\x01"},
		{"only the first Accept counts", types("image/png"), "text/plain", "text/html,image/png", false, "AAE="},
		{"wildcard subtype", types("image/*"), "image/webp; q=1", "image/jpeg", true, "\x00\x01"},
		{"everything", types("*/*"), "application/json", "", true, "\x00\x01"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := (&fixture{edit: tt.edit}).start(t)
			f.agent = func(map[string]any) (Result, error) {
				return ok(`{"statusCode":200,"isBase64Encoded":true,"body":"AAE=","headers":{"Content-Type":"image/png"}}`)
			}
			res := f.do(t, "POST", "/oauth-agent/login/start", "xy", "Content-Type", tt.contentType, "Accept", tt.accept)
			res.want(t, 200, tt.wantBody)
			e := f.lastEvent(t, agentFn)
			if e["isBase64Encoded"] != tt.base64Event || tt.base64Event && e["body"] != "eHk=" {
				t.Errorf("event body %v, isBase64Encoded %v", e["body"], e["isBase64Encoded"])
			}
		})
	}
}

// AWS: "Output format of a Lambda function for proxy integration"; the malformed cases were recorded from AWS.
func TestProxyResponse(t *testing.T) {
	tests := []struct {
		name, payload string
		status        int
		body          string
		header        map[string]string
	}{
		{"plain", `{"statusCode":201,"headers":{"X-A":"b"},"body":"hi"}`, 201, "hi", map[string]string{"X-A": "b", "Content-Type": "application/json"}},
		{"no statusCode", `{"body":"x"}`, 200, "x", nil},
		{"statusCode as string", `{"statusCode":"201"}`, 201, "", nil},
		{"empty object", `{}`, 200, "", nil},
		{"null headers and body", `{"statusCode":200,"headers":null,"multiValueHeaders":null,"body":null}`, 200, "", nil},
		{"boolean header", `{"headers":{"X-A":true,"X-B":1}}`, 200, "", map[string]string{"X-A": "true", "X-B": "1"}},
		{"own content type", `{"headers":{"content-type":"text/html"},"body":"<p>"}`, 200, "<p>", map[string]string{"Content-Type": "text/html"}},
		{"single and multi merge, multi first", `{"headers":{"x-a":"solo"},"multiValueHeaders":{"X-A":["m1","m2"]}}`, 200, "", map[string]string{"X-A": "m1|m2|solo"}},
		{"same pair in both counts once", `{"headers":{"X-A":"m"},"multiValueHeaders":{"X-A":["m"]}}`, 200, "", map[string]string{"X-A": "m"}},
		{"several Set-Cookie", `{"multiValueHeaders":{"Set-Cookie":["a=1; Path=/","b=2; Path=/","c=; Max-Age=0"]}}`, 200, "",
			map[string]string{"Set-Cookie": "a=1; Path=/|b=2; Path=/|c=; Max-Age=0"}},
		{"duplicate Set-Cookie", `{"multiValueHeaders":{"Set-Cookie":["a=1","a=1"]}}`, 200, "", map[string]string{"Set-Cookie": "a=1|a=1"}},
		{"remapped", `{"headers":{"WWW-Authenticate":"Bearer","Date":"x","Server":"y"}}`, 200, "",
			map[string]string{"X-Amzn-Remapped-Www-Authenticate": "Bearer", "X-Amzn-Remapped-Server": "y", "Www-Authenticate": "", "Server": ""}},
		{"unknown key", `{"statusCode":200,"cookies":["a=b"]}`, 502, "", nil},
		{"multiValueHeaders not lists", `{"multiValueHeaders":{"X-A":"b"}}`, 502, "", nil},
		{"header object", `{"headers":{"X-A":{}}}`, 502, "", nil},
		{"body not a string", `{"statusCode":200,"body":{"a":1}}`, 502, "", nil},
		{"statusCode not a number", `{"statusCode":"ok"}`, 502, "", nil},
		{"statusCode out of range", `{"statusCode":99}`, 502, "", nil},
		{"not an object", `"hello"`, 502, "", nil},
		{"null", `null`, 502, "", nil},
		{"empty", ``, 502, "", nil},
	}
	f := (&fixture{edit: func(r map[string]any) { delete(r, "ApiDefault5xx350DA352") }}).start(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f.agent = func(map[string]any) (Result, error) { return ok(tt.payload) }
			res := f.do(t, "POST", "/oauth-agent/login/start", "")
			want := tt.body
			if tt.status == 502 {
				want = `{"message":"Internal server error"}`
				res.wantHeader(t, "x-amzn-ErrorType", "InternalServerErrorException")
			}
			if res.status != tt.status || res.body != want {
				t.Errorf("got %d %q; want %d %q", res.status, res.body, tt.status, want)
			}
			for name, value := range tt.header {
				res.wantHeader(t, name, value)
			}
		})
	}
}

// Set-Cookie values stay lines of their own: joined with commas, browsers would lose all but the first.
func TestSetCookieLines(t *testing.T) {
	f := (&fixture{}).start(t)
	f.agent = func(map[string]any) (Result, error) {
		return ok(`{"statusCode":200,"headers":{"Set-Cookie":"solo=1"},"multiValueHeaders":{"Set-Cookie":["a=1","b=2"]}}`)
	}
	res := f.do(t, "GET", "/oauth-agent/session", "")
	if d := cmp.Diff([]string{"a=1", "b=2", "solo=1"}, res.header.Values("Set-Cookie")); d != "" {
		t.Error(d)
	}
	if n := len((&http.Response{Header: res.header}).Cookies()); n != 3 {
		t.Errorf("%d cookies, want 3", n)
	}
}

func TestLambdaFailures(t *testing.T) {
	tests := []struct {
		name   string
		result Result
		err    error
		status int
	}{
		{"function error", Result{Payload: []byte(`{"errorMessage":"x","errorType":"y"}`), FunctionError: true}, nil, 502},
		{"integration timeout", Result{}, context.DeadlineExceeded, 504},
		{"cannot be run", Result{}, errors.New("no process"), 500},
		{"response over 6 MB", Result{Payload: []byte(`{"body":"` + strings.Repeat("x", 6<<20) + `"}`)}, nil, 502},
	}
	f := (&fixture{}).start(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f.agent = func(map[string]any) (Result, error) { return tt.result, tt.err }
			res := f.do(t, "GET", "/profile", "")
			res.want(t, tt.status, "")
			// DEFAULT_5XX of the fixture applies, with the origin that the authorizer allowed.
			if !strings.HasPrefix(res.body, `{"code":"server_error","request":"`) {
				t.Errorf("body %s", res.body)
			}
			res.wantHeader(t, "Access-Control-Allow-Origin", "https://www.example.com")
		})
	}
}

func FuzzProxyResponse(f *testing.F) {
	f.Add([]byte(`{"statusCode":200,"headers":{"a":"b"},"multiValueHeaders":{"Set-Cookie":["a","b"]},"body":"x","isBase64Encoded":true}`))
	c := &call{g: &Gateway{api: &template.API{BinaryMediaTypes: []string{"*/*"}}}}
	f.Fuzz(func(t *testing.T, b []byte) {
		if out, err := c.parseProxyResponse(b); err == nil && (out.status < 200 || out.status > 599) {
			t.Errorf("status %d", out.status)
		}
	})
}

package gateway

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// browser is the headers of a signed-in page's request.
var browser = []string{"Cookie", "__Host-th-at=sealed; __Host-th-csrf=sealed", "X-Th-Csrf", "csrf-token", "Token-Handler-Version", "1",
	"Origin", "https://www.example.com", "Accept", "application/json", "Accept-Language", "sv", "Referer", "https://www.example.com/",
	"Authorization", "Bearer from-client", "User-Agent", "browser"}

// Recorded from AWS: a non-proxy HTTP integration sends only mapped headers and Accept, Content-Length, Host, User-Agent,
// X-Amzn-Apigateway-Api-Id and X-Amzn-Trace-Id. So no cookie, no CSRF header and no client Authorization
// reaches a mapped upstream.
func TestMappedHTTPSendsOnlyWhatIsMapped(t *testing.T) {
	up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Set-Cookie", "upstream=1")
		w.Header().Set("X-Internal", "x")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		fmt.Fprint(w, "orders")
	})
	f := (&fixture{upstream: up.URL}).start(t)
	res := f.do(t, "POST", "/orders?page=2&page=3&secret=x", `{"a":1}`, append([]string{"Content-Type", "application/vnd.x+json"}, browser...)...)
	res.want(t, 200, "orders")
	req, body := up.got(t)
	if body != `{"a":1}` {
		t.Errorf("body %q", body)
	}
	if req.URL.RawQuery != "page=3" {
		t.Errorf("query %q, want only the mapped parameter", req.URL.RawQuery)
	}
	got := req.Header.Clone()
	if !strings.HasPrefix(got.Get("X-Amzn-Trace-Id"), "Root=1-") {
		t.Error("no trace id")
	}
	got.Del("X-Amzn-Trace-Id")
	want := http.Header{"Accept": {"application/json"}, "Authorization": {"Bearer upstream-token"}, "Content-Length": {"7"},
		"Content-Type": {"application/vnd.x+json"}, "User-Agent": {"AmazonAPIGateway_" + f.gw.api.ID}, "X-Amzn-Apigateway-Api-Id": {f.gw.api.ID}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("upstream headers (-want +got):\n%s", d)
	}
	// Down come the mapped headers only.
	res.wantHeader(t, "Content-Type", "text/plain")
	res.wantHeader(t, "Access-Control-Allow-Origin", "https://www.example.com")
	res.wantHeader(t, "Access-Control-Allow-Credentials", "true")
	res.wantHeader(t, "Vary", "Origin")
	res.wantHeader(t, "Set-Cookie", "")
	res.wantHeader(t, "X-Internal", "")
}

// "Request without Content-Type: API Gateway defaults to application/json"; the client's own is not counted on unless
// it is mapped.
func TestMappedHTTPContentType(t *testing.T) {
	up := newUpstream(t, nil)
	f := (&fixture{upstream: up.URL, edit: func(r map[string]any) {
		delete(integration(r, "orders/POST/Resource")["RequestParameters"].(map[string]any), "integration.request.header.Content-Type")
	}}).start(t)
	f.do(t, "POST", "/orders", "a=b", "Content-Type", "application/x-www-form-urlencoded").want(t, 200, "")
	req, body := up.got(t)
	if req.Header.Get("Content-Type") != "application/json" || body != "a=b" {
		t.Errorf("Content-Type %q, body %q", req.Header.Get("Content-Type"), body)
	}
	f.do(t, "GET", "/orders", "").want(t, 200, "")
	if req, _ = up.got(t); req.Header.Get("Content-Type") != "" {
		t.Errorf("GET has Content-Type %q", req.Header.Get("Content-Type"))
	}
}

// The selection pattern is a regular expression for the whole status; the response without one is the default.
func TestIntegrationResponseSelection(t *testing.T) {
	status := 0
	up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		if status >= 300 && status < 400 {
			w.Header().Set("Location", "http://127.0.0.1:1/never")
		}
		w.WriteHeader(status)
		fmt.Fprint(w, "upstream body")
	})
	f := (&fixture{upstream: up.URL}).start(t)
	for upstream, want := range map[int]int{200: 200, 201: 200, 404: 404, 500: 500, 503: 500, 403: 200,
		302: 200} { // a redirect is not followed
		status = upstream
		res := f.do(t, "GET", "/orders", "")
		res.want(t, want, "upstream body")
	}
	// Without a default, a status that matches no rule is a configuration error.
	f = (&fixture{upstream: up.URL, edit: func(r map[string]any) {
		in := integration(r, "orders/GET/Resource")
		in["IntegrationResponses"] = in["IntegrationResponses"].([]any)[1:]
	}}).start(t)
	status = 200
	f.do(t, "GET", "/orders", "").want(t, 500, "")
}

func TestUpstreamFailures(t *testing.T) {
	block := make(chan struct{})
	slow := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-block:
		case <-r.Context().Done():
		}
	})
	defer close(block)
	broken := newUpstream(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	large := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Repeat("x", 10<<20+1))
	})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, tt := range []struct{ name, url, kind string }{
		{"timeout", slow.URL, "INTEGRATION_TIMEOUT"},
		{"refused", "http://" + closed.Addr().String(), "INTEGRATION_FAILURE"},
		{"broken off", broken.URL, "INTEGRATION_FAILURE"},
		{"over 10 MB", large.URL, "INTEGRATION_FAILURE"},
	} {
		for _, path := range []string{"/orders", "/files/x"} {
			t.Run(tt.name+path, func(t *testing.T) {
				timeout := 29000
				if tt.name == "timeout" {
					timeout = 200
				}
				f := (&fixture{upstream: tt.url, edit: func(r map[string]any) {
					integration(r, "orders/GET/Resource")["TimeoutInMillis"] = timeout
					integration(r, "files/{proxy+}/ANY/Resource")["TimeoutInMillis"] = timeout
					gatewayResponseResource(r, tt.kind, "504", map[string]any{"gatewayresponse.header.Access-Control-Allow-Origin": "context.authorizer.allowedOrigin"},
						map[string]any{"application/json": `{"code":"$context.error.responseType","message":$context.error.messageString}`})
				}}).start(t)
				start := time.Now()
				res := f.do(t, "GET", path, "")
				res.want(t, 504, "")
				if !strings.HasPrefix(res.body, `{"code":"`+tt.kind+`","message":"`) {
					t.Errorf("body %s", res.body)
				}
				res.wantHeader(t, "Access-Control-Allow-Origin", "https://www.example.com")
				if time.Since(start) > 10*time.Second {
					t.Error("took too long")
				}
			})
		}
	}
}

// Recorded from AWS for HTTP_PROXY: the dropped request headers, the ones added, mapped parameters, path and query.
func TestHTTPProxyRequest(t *testing.T) {
	up := newUpstream(t, nil)
	f := (&fixture{upstream: up.URL}).start(t)
	f.do(t, "POST", "/files/a//b%20c/?x=1&x=%26&stage=mine", "body", append([]string{"Content-Type", "text/plain", "Content-Md5", "q", "Max-Forwards", "1",
		"Te", "trailers", "Via", "v", "Upgrade", "u", "Www-Authenticate", "w", "Proxy-Authenticate", "p", "Server", "s", "Content-Encoding", "identity",
		"X-Http-Method-Override", "PUT"}, browser...)...).want(t, 200, "")
	req, body := up.got(t)
	if body != "body" || req.Method != "PUT" {
		t.Errorf("%s %q", req.Method, body)
	}
	if req.RequestURI != "/files/a//b%20c?x=1&x=%26&stage=mine&stage=api" {
		t.Errorf("URI %s", req.RequestURI)
	}
	if req.Host != strings.TrimPrefix(up.URL, "http://") {
		t.Errorf("Host %s", req.Host)
	}
	for _, name := range droppedFromHTTPProxy {
		if v := req.Header.Values(name); len(v) > 0 && name != "Content-Length" {
			t.Errorf("%s: %v reached upstream", name, v)
		}
	}
	for name, want := range map[string]string{"Content-Type": "text/plain", "Accept-Language": "sv", "Origin": "https://www.example.com",
		"User-Agent": "browser", "X-Amzn-Apigateway-Api-Id": f.gw.api.ID, "X-Th-Csrf": "csrf-token"} {
		if got := strings.Join(req.Header.Values(name), "|"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// Which spelling of a header a mapping replaces is known only for the same one. The pessimistic reading sends both.
func TestHTTPProxyMappedHeaderSpelling(t *testing.T) {
	tests := []struct {
		name                  string
		opts                  Options
		authorization, cookie []string
	}{
		{"lower case, as over HTTP/2", Options{}, []string{"Bearer from-client", "Bearer upstream-token"}, []string{"__Host-th-at=sealed; __Host-th-csrf=sealed", "none"}},
		{"same spelling", Options{CanonicalHeaders: true}, []string{"Bearer upstream-token"}, []string{"none"}},
		{"optimistic", Options{ReplaceIgnoringCase: true}, []string{"Bearer upstream-token"}, []string{"none"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			up := newUpstream(t, nil)
			f := (&fixture{upstream: up.URL, opts: tt.opts}).start(t)
			f.do(t, "GET", "/files/x", "", browser...).want(t, 200, "")
			req, _ := up.got(t)
			for name, want := range map[string][]string{"Authorization": tt.authorization, "Cookie": tt.cookie} {
				got := req.Header.Values(name)
				slices.Sort(got)
				slices.Sort(want)
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s (-want +got):\n%s", name, d)
				}
			}
		})
	}
}

// A mapping that does not resolve adds no header, so the client's own header would pass: an authorizer must always set the
// token. The empty literal has no effect either, as far as is known.
func TestHTTPProxyUnresolvedMapping(t *testing.T) {
	up := newUpstream(t, nil)
	f := (&fixture{upstream: up.URL, opts: Options{CanonicalHeaders: true}, edit: func(r map[string]any) {
		integration(r, "files/{proxy+}/ANY/Resource")["RequestParameters"].(map[string]any)["integration.request.header.Cookie"] = "''"
	}}).start(t)
	f.authorizer = func(map[string]any) (Result, error) { return ok(policyJSON("Allow", `{}`)) }
	f.do(t, "GET", "/files/x", "", browser...).want(t, 200, "")
	req, _ := up.got(t)
	if got := req.Header.Get("Authorization"); got != "Bearer from-client" {
		t.Errorf("Authorization %q", got)
	}
	if got := req.Header.Get("Cookie"); !strings.Contains(got, "sealed") {
		t.Errorf("Cookie %q", got)
	}
	// A value that no header can carry is left out, not split over lines.
	f.authorizer = func(map[string]any) (Result, error) {
		return ok(policyJSON("Allow", `{"token":"Bearer a\r\nX-Injected: 1"}`))
	}
	f.do(t, "GET", "/files/x", "").want(t, 200, "")
	if req, _ = up.got(t); req.Header.Get("Authorization") != "" || req.Header.Get("X-Injected") != "" {
		t.Errorf("headers %v", req.Header)
	}
}

// "Remapped means that the header name is changed from <string> to X-Amzn-Remapped-<string>."
func TestHTTPProxyResponse(t *testing.T) {
	up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{"Server": "nginx", "Www-Authenticate": "Bearer", "Via": "v", "User-Agent": "u",
			"Access-Control-Allow-Origin": "*", "X-Own": "1", "Location": "/elsewhere"} {
			w.Header().Set(name, value)
		}
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.WriteHeader(302)
	})
	f := (&fixture{upstream: up.URL}).start(t)
	res := f.do(t, "GET", "/files/x", "")
	res.want(t, 302, "")
	for name, want := range map[string]string{"X-Amzn-Remapped-Server": "nginx", "X-Amzn-Remapped-Www-Authenticate": "Bearer",
		"X-Amzn-Remapped-User-Agent": "u", "X-Amzn-Remapped-Content-Length": "0", "Www-Authenticate": "", "Server": "", "Via": "", "Access-Control-Allow-Origin": "*", "X-Own": "1",
		"Location": "/elsewhere", "Set-Cookie": "a=1|b=2", "Content-Type": "application/json"} {
		res.wantHeader(t, name, want)
	}
	if len(res.header.Values("X-Amzn-Remapped-Date")) != 1 || up.hits != 1 {
		t.Errorf("Date not remapped, or the redirect was followed (%d requests)", up.hits)
	}
}

// Text is UTF-8 unless the API declares binary media types, in both directions.
func TestHTTPProxyBinary(t *testing.T) {
	up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "\x89PNG") })
	f := (&fixture{upstream: up.URL}).start(t)
	f.do(t, "POST", "/files/x", "\xff").want(t, 200, "\uFFFDPNG")
	if _, body := up.got(t); body != "\uFFFD" {
		t.Errorf("body %q", body)
	}
	f = (&fixture{upstream: up.URL, edit: func(r map[string]any) {
		properties(r, "Fixture/Api/Resource")["BinaryMediaTypes"] = []string{"*/*"}
	}}).start(t)
	f.do(t, "POST", "/files/x", "\xff").want(t, 200, "\x89PNG")
	if _, body := up.got(t); body != "\xff" {
		t.Errorf("body %q", body)
	}
}

// "REST APIs decode URL-encoded request parameters before passing them to backend integrations": an encoded slash or dot
// segment reaches the upstream decoded.
func TestEncodedSlashIsDecoded(t *testing.T) {
	up := newUpstream(t, nil)
	f := (&fixture{upstream: up.URL}).start(t)
	for path, want := range map[string]string{
		"/files/a%2Fb":            "/files/a/b?stage=api",
		"/files/%2e%2e%2Fadmin":   "/files/../admin?stage=api",
		"/files/x%3Fadmin%3Dtrue": "/files/x%3Fadmin=true?stage=api",
		"/files/x%23y":            "/files/x%23y?stage=api",
	} {
		f.do(t, "GET", path, "").want(t, 200, "")
		if req, _ := up.got(t); req.RequestURI != want {
			t.Errorf("%s reached upstream as %s, want %s", path, req.RequestURI, want)
		}
	}
}

// Templates of a non-proxy integration: body, overrides of header, query and path, response template and status.
func TestMappedHTTPTemplates(t *testing.T) {
	up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"n":1}`) })
	edit := func(passthrough string) func(map[string]any) {
		return func(r map[string]any) {
			in := integration(r, "orders/POST/Resource")
			in["PassthroughBehavior"] = passthrough
			in["RequestTemplates"] = map[string]any{"application/json": `#set($context.requestOverride.header.X-Tenant = $context.authorizer.sub)
#foreach($k in $input.params().querystring.keySet())#set($context.requestOverride.querystring[$k] = $input.params().querystring.get($k))#end
{"wrapped":$input.json('$')}`}
			in["IntegrationResponses"].([]any)[0].(map[string]any)["ResponseTemplates"] = map[string]any{
				"application/json": `#set($context.responseOverride.status = 202)#set($context.responseOverride.header.X-N = $input.path('$.n')){"got":$input.json('$.n')}`}
		}
	}
	f := (&fixture{upstream: up.URL, edit: edit("WHEN_NO_TEMPLATES")}).start(t)
	res := f.do(t, "POST", "/orders?a=1&page=9", `{"x":[1]}`, "Content-Type", "application/json; charset=utf-8")
	res.want(t, 202, `{"got":1}`)
	res.wantHeader(t, "X-N", "1")
	req, body := up.got(t)
	if strings.TrimSpace(body) != `{"wrapped":{"x":[1]}}` || req.Header.Get("X-Tenant") != "alice" {
		t.Errorf("body %q, X-Tenant %q", body, req.Header.Get("X-Tenant"))
	}
	if q := req.URL.Query(); len(q) != 2 || q.Get("a") != "1" || q.Get("page") != "9" {
		t.Errorf("query %s", req.URL.RawQuery)
	}
	// A template that fails is a 500 of the gateway, before anything is sent.
	hits := up.hits
	f.do(t, "POST", "/orders", `not json`, "Content-Type", "application/json").want(t, 500, "")
	// AWS: "Method request behavior for payloads without mapping templates".
	f.do(t, "POST", "/orders", "x", "Content-Type", "text/plain").want(t, 415, `{"message":"Unsupported Media Type"}`)
	if up.hits != hits {
		t.Error("a refused request reached the upstream")
	}
	for passthrough, want := range map[string]int{"NEVER": 415, "WHEN_NO_MATCH": 202} {
		f := (&fixture{upstream: up.URL, edit: edit(passthrough)}).start(t)
		f.do(t, "POST", "/orders", "x", "Content-Type", "text/plain").want(t, want, "")
	}
}

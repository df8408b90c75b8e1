package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const secondOrigin = "https://admin.example.com"

// smokeRoutes are routes of every kind that the smoke test knows.
const smokeRoutes = `routes=[
	{"path":"/orders","methods":["GET","POST"],"upstream":"{upstream}/orders","requestSchema":{"type":"object"}},
	{"path":"/orders/{id}","methods":["GET"],"upstream":"{upstream}/echo/{id}"},
	{"path":"/search","methods":["GET"],"upstream":"{upstream}/echo","queryParameters":["q"],"requiredQueryParameters":["q"]},
	{"path":"/down","methods":["GET"],"upstream":"http://127.0.0.1:1/"},
	{"path":"/raw/{proxy+}","methods":["ANY"],"upstream":"{upstream}/{proxy}","transparent":true},
	{"path":"/health","methods":["GET"],"upstream":"{upstream}/health","public":"no data"},
	{"path":"/health/raw","methods":["GET"],"upstream":"{upstream}/health","public":"no data","transparent":true}]`

// TestSmoke runs the smoke test against routes of every kind and two trusted
// origins: unchanged, over HTTP/2, and with one fault at a time.
func TestSmoke(t *testing.T) {
	s := start(t, "-c", "sameOriginReads=true", "-c", "origins={www},"+secondOrigin, "-c", strings.Join(strings.Fields(smokeRoutes), " "))
	known := &secrets{}
	run := buildSmoke(t)
	p := newPerson(s, false)
	p.signIn(t)
	known.learn(t, s, p)
	smoke := func(api string) (string, int) {
		return run(s, api, p.cookieHeader("api.example.localhost"), "-echo", "/orders,/raw/echo", "-unreachable", "/down")
	}
	sound := func(t *testing.T, output string, code int, rows ...string) {
		t.Helper()
		if code != 0 || !strings.Contains(output, " 0 failed") {
			t.Errorf("exit status %d\n%s", code, output)
		}
		for _, want := range rows {
			want = strings.Join(strings.Fields(want), " ")
			found := false
			for line := range strings.Lines(output) {
				found = found || strings.HasPrefix(strings.Join(strings.Fields(line), " "), want)
			}
			if !found {
				t.Errorf("no row %q\n%s", want, output)
			}
		}
		known.check(t, "the output of the smoke test", output, everything)
	}

	overHTTP2 := "unknown gateway GET /raw/echo with cookie over HTTP/2: which cookie reaches upstream? this server speaks HTTP/1.1 only"
	if overTLS {
		overHTTP2 = "pass gateway GET /raw/echo with cookie over HTTP/2: which cookie reaches upstream? the constant"
	}
	output, code := smoke(s.api)
	sound(t, output, code,
		"pass gateway Does a gateway response take a header from the authorizer's context, after a Deny? yes",
		"pass gateway Does a gateway response take a header from the authorizer's context, after an Allow? yes: each trusted origin gets itself, in 6 errors",
		"pass gateway Is a header absent if the context does not have its value, after an Allow? yes",
		"pass gateway How does a mapping to an empty literal work? does not matter",
		"pass gateway Do identity sources count with a TTL of 0? does not matter: the authorizer declares no identity source",
		"pass gateway Does a request without cookies and origin reach the authorizer? yes",
		"pass gateway GET /raw/echo with Cookie over HTTP/1.1: which cookie reaches upstream? the constant",
		"pass gateway GET /raw/echo with cookie over HTTP/1.1: which cookie reaches upstream? the constant",
		overHTTP2,
		"pass gateway GET /orders: which X-Forwarded headers reach upstream, and whose values? x-forwarded-for (the gateway's)",
		"pass gateway GET /raw/echo: which X-Forwarded headers reach upstream, and whose values? x-forwarded-access-token (the gateway's)",
		"pass gateway Is %2F.. in a path parameter refused? yes",
		"pass gateway Does %2F in a path parameter reach upstream? no: refused",
		"pass gateway Is %2F.. in {proxy+} refused? yes",
		"pass gateway How does %2F in {proxy+} reach upstream? decoded: /echo/smoke-test",
		"pass gateway Is a preflight treated alike with origin over HTTP/1.1? yes",
		"pass gateway How does the gateway refuse headers over 10,240 bytes? status 431",
		"unknown gateway How large may a result of the authorizer be, and how long may it take? not documented; this session, 4 cookies",
		"unknown end the cookies that a session sets and removes",
	)
	if t.Failed() {
		return
	}
	t.Log(output)

	t.Run("over HTTP/2", func(t *testing.T) {
		proxy := https(t, newProxy(t, s, func(*http.Response) {}))
		output, code := smoke(proxy.URL)
		sound(t, output, code,
			"pass gateway GET /raw/echo with cookie over HTTP/2: which cookie reaches upstream? the constant",
			"pass gateway Is a preflight treated alike with origin over HTTP/2? yes")
	})
	t.Run("over HTTP/2, without a response to preflights", func(t *testing.T) {
		proxy := https(t, newProxy(t, s, func(r *http.Response) {
			if r.Request.Method == "OPTIONS" && r.Request.Context().Value(protocol{}) == 2 {
				uncors(r)
			}
		}))
		output, code := smoke(proxy.URL)
		wantFail(t, output, code, "Is a preflight treated alike with origin over HTTP/2?")
		if strings.Contains(output, "HTTP/1.1?  no ") {
			t.Errorf("over HTTP/1.1 too\n%s", output)
		}
	})
	for header, want := range map[string]string{
		"Origin": "Is a preflight treated alike with Origin over HTTP/1.1?",
		"origin": "Is a preflight treated alike with origin over HTTP/1.1?",
		"cookie": "GET /raw/echo with cookie over HTTP/1.1: which cookie reaches upstream?",
	} {
		t.Run("deaf to "+header, func(t *testing.T) {
			proxy := httptest.NewUnstartedServer(newProxy(t, s, func(*http.Response) {}))
			proxy.Listener = deaf{proxy.Listener, header}
			proxy.Start()
			defer proxy.Close()
			output, code := smoke(proxy.URL)
			wantFail(t, output, code, want)
		})
	}

	from := func(r *http.Response, origin string) bool { return r.Request.Header.Get("Origin") == origin }
	received := func(path, headers string) func(*http.Response) {
		return func(r *http.Response) {
			if is(r.Request, "GET", path) && r.StatusCode == 200 {
				replaceBody(r, `{"headers":{"authorization":["Bearer a"],`+headers+`}}`)
			}
		}
	}
	constant := func(status int) func(*http.Response) {
		return func(r *http.Response) {
			if r.StatusCode == status {
				r.Header.Set("Access-Control-Allow-Origin", s.www)
				r.Header.Set("Access-Control-Allow-Credentials", "true")
			}
		}
	}
	comesThrough := func(path string) func(*http.Response) {
		return func(r *http.Response) {
			if strings.Contains(r.Request.URL.EscapedPath(), path) {
				r.StatusCode = 200
			}
		}
	}
	broken(t, s, smoke, []breakage{
		{"preflights of the second origin fail", func(r *http.Response) {
			if r.Request.Method == "OPTIONS" && from(r, secondOrigin) {
				uncors(r)
			}
		}, "OPTIONS /orders from " + secondOrigin},
		{"responses that the second origin cannot read", func(r *http.Response) {
			if r.StatusCode == 200 && from(r, secondOrigin) {
				uncors(r)
			}
		}, "GET /orders succeeds and is readable for " + secondOrigin},
		{"refusals that the second origin cannot read", func(r *http.Response) {
			if r.StatusCode == 401 && from(r, secondOrigin) {
				uncors(r)
			}
		}, "GET /orders without a cookie from " + secondOrigin},
		{"a constant origin in refusals", constant(401), "Does a gateway response take a header from the authorizer's context, after a Deny?"},
		{"a constant origin in errors before the authorizer", constant(404), "an unknown path from " + s.www},
		{"a constant origin in errors after the authorizer", constant(400), "GET /search without q, with a session, from " + secondOrigin},
		{"errors of the integration without CORS headers", func(r *http.Response) {
			if r.StatusCode == 502 {
				uncors(r)
			}
		}, "GET /down, whose upstream cannot be reached, with a session, from " + s.www},
		{"errors after the authorizer without CORS headers", func(r *http.Response) {
			if r.StatusCode == 400 {
				uncors(r)
			}
		}, "Does a gateway response take a header from the authorizer's context, after an Allow?"},
		{"an origin although the context has no origin", func(r *http.Response) {
			if is(r.Request, "GET", "/orders") && r.StatusCode == 200 && from(r, "") {
				r.Header.Set("Access-Control-Allow-Origin", s.www)
			}
		}, "Is a header absent if the context does not have its value, after an Allow?"},
		{"the client's cookie reaches upstream beside the constant", received("/raw/echo", `"cookie":["none","a=b"]`), "GET /raw/echo with Cookie over HTTP/1.1"},
		{"the client's cookie reaches upstream", received("/raw/echo", `"cookie":["a=b"]`), "/raw/echo: cookie of the client does not reach it"},
		{"the client's CSRF value reaches upstream", received("/raw/echo", `"x-th-csrf":["a"]`), "/raw/echo: x-th-csrf of the client does not reach it"},
		{"a public route is refused", func(r *http.Response) {
			if is(r.Request, "GET", "/health") {
				r.StatusCode = 403
				r.Header.Set("X-Amzn-Errortype", "AccessDeniedException")
				replaceBody(r, `{"code":"forbidden","error_code":"forbidden"}`)
			}
		}, "GET /health without a session from " + s.www},
		{"a public route names an origin", func(r *http.Response) {
			if is(r.Request, "GET", "/health") {
				r.Header.Set("Access-Control-Allow-Origin", s.www)
			}
		}, "GET /health without a session from https://untrusted.example"},
		{"a public route sets a cookie", func(r *http.Response) {
			if is(r.Request, "GET", "/health") {
				r.Header.Set("Set-Cookie", "a=b")
			}
		}, "GET /health without a session from " + s.www},
		{"a transparent public route names any origin", func(r *http.Response) {
			if is(r.Request, "GET", "/health/raw") {
				r.Header.Set("Access-Control-Allow-Origin", r.Request.Header.Get("Origin"))
			}
		}, "GET /health/raw without a session from https://untrusted.example"},
		{"a path parameter that climbs", comesThrough("/orders/a%2F..%2Fb"), "Is %2F.. in a path parameter refused?"},
		{"a greedy parameter that climbs", comesThrough("/raw/a/%2E%2E%2Fb"), "Is %2F.. in {proxy+} refused?"},
		{"a slash in a path parameter", comesThrough("/orders/smoke%2Ftest"), "Does %2F in a path parameter reach upstream?"},
	})

	// -end uses a session up.
	end := func(api string) (string, int) {
		p := newPerson(s, false)
		p.signIn(t)
		known.learn(t, s, p)
		return run(s, api, p.cookieHeader("api.example.localhost"), "-end")
	}
	t.Run("the end of a session", func(t *testing.T) {
		output, code := end(s.api)
		sound(t, output, code, "pass end POST refresh", "pass end the cookies that a refresh sets",
			"pass end POST logout", "pass end the cookies that a logout removes")
	})
	at := func(path string, change func(*http.Response)) func(*http.Response) {
		return func(r *http.Response) {
			if is(r.Request, "POST", path) && r.StatusCode == 200 {
				change(r)
			}
		}
	}
	const set, removed = "the cookies that a refresh sets", "the cookies that a logout removes"
	broken(t, s, end, []breakage{
		{"a refresh without HttpOnly", at("/oauth-agent/refresh", weaken("; HttpOnly")), set},
		{"a refresh for http", at("/oauth-agent/refresh", weaken("; Secure")), set},
		{"a refresh for other sites", at("/oauth-agent/refresh", weaken("; SameSite=Strict")), set},
		{"a refresh with a Domain", at("/oauth-agent/refresh", weaken("; HttpOnly", "; HttpOnly; Domain=example.localhost")), set},
		{"cookies that outlive the browser", at("/oauth-agent/refresh", weaken("; HttpOnly", "; HttpOnly; Max-Age=600")), set},
		{"a refresh without cookies", at("/oauth-agent/refresh", func(r *http.Response) { r.Header.Del("Set-Cookie") }), set},
		{"a refresh that pages cannot read", at("/oauth-agent/refresh", uncors), "POST refresh"},
		{"a logout that leaves cookies", at("/oauth-agent/logout", func(r *http.Response) { r.Header["Set-Cookie"] = r.Header["Set-Cookie"][1:] }), removed},
		{"a logout with another path", at("/oauth-agent/logout", weaken("; Path=/", "; Path=/x")), removed},
		{"a logout that sets cookies", at("/oauth-agent/logout", weaken("; Max-Age=0", "; Max-Age=60")), removed},
		{"a logout that caches keep", at("/oauth-agent/logout", func(r *http.Response) { r.Header.Del("Cache-Control") }), "POST logout"},
	})
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

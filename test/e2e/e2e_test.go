// Package e2e runs the whole system as a person runs it, "go run ./local",
// and goes through it: over HTTP in both dialects, and in a browser.
package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestEndToEnd(t *testing.T) {
	site := siteFolder(t)
	s := start(t, "-site", site)
	known := &secrets{}

	t.Run("assistant dialect", func(t *testing.T) { journey(t, s, known, false) })
	t.Run("classic dialect", func(t *testing.T) { journey(t, s, known, true) })
	t.Run("refusals", func(t *testing.T) { refusals(t, s, known) })
	t.Run("expired and forged cookies", func(t *testing.T) { forged(t, s, known) })
	t.Run("preflights", func(t *testing.T) { preflights(t, s) })
	t.Run("malformed input", func(t *testing.T) { malformed(t, s, known) })
	t.Run("two tabs sign in at once", func(t *testing.T) { twoTabs(t, s, known) })
	t.Run("logout revokes", func(t *testing.T) { logoutRevokes(t, s, known) })
	t.Run("smoke test", func(t *testing.T) { smokeTest(t, s, known) })
	t.Run("a refresh in flight", func(t *testing.T) { refreshInFlight(t, s, known) })
	t.Run("trace", func(t *testing.T) { traced(t, s, known) })
	t.Run("in Chromium", func(t *testing.T) { inChromium(t, s) })
	t.Run("trace page in Chromium", func(t *testing.T) { traceInChromium(t, s, known) })
	t.Run("existing clients in Chromium", func(t *testing.T) { existingClientsInChromium(t, s, site) })
	t.Run("examples in Chromium", func(t *testing.T) { examplesInChromium(t, s, site) })

	if err := s.stop(); err != nil {
		t.Errorf("after Ctrl-C: %v\n%s", err, s.output.String())
	}
	t.Run("metrics in the output", func(t *testing.T) { measured(t, s.output.String()) })
	t.Run("no secret in the output", func(t *testing.T) {
		known.check(t, "the output of the run", s.output.String(), everything)
	})
}

// journey signs in, uses the API, refreshes and signs out.
func journey(t *testing.T, s *system, known *secrets, classic bool) {
	p := newPerson(s, classic)

	if status, answer, _ := p.call(t, "GET", "/orders", "", p.header()); status != 401 || answer["code"] != "unauthorized_request" {
		t.Fatalf("before sign-in: got %d, %v; want 401 unauthorized_request", status, answer)
	}
	if status, answer, _ := p.call(t, "GET", "/oauth-agent/session", "", p.header()); status != 200 || answer["is_logged_in"] != false {
		t.Fatalf("session before sign-in: got %d, %v", status, answer)
	}

	p.signIn(t)
	known.learn(t, s, p)

	// Who is it?
	status, claims, _ := p.call(t, "GET", "/oauth-agent/claims", "", p.header())
	if status != 200 || claims["iss"] != s.login || claims["sub"] == nil {
		t.Errorf("claims: got %d, %v", status, claims)
	}
	status, user, _ := p.call(t, "GET", "/oauth-agent/userInfo", "", p.header())
	if status != 200 || user["sub"] != claims["sub"] || user["name"] == nil {
		t.Errorf("userInfo: got %d, %v", status, user)
	}

	// The API.
	status, answer, resp := p.call(t, "GET", "/orders", "", p.header())
	if status != 200 {
		t.Fatalf("GET /orders: got %d, %v", status, answer)
	}
	checkCORS(t, resp, s.www)
	checkUpstream(t, s, known, "GET")
	if token := dig(answer, "received", "token", "active"); token != true {
		t.Errorf("the upstream API did not find the token active at the provider: %v", answer["received"])
	}
	if sub := dig(answer, "received", "token", "sub"); sub != claims["sub"] {
		t.Errorf("the upstream API saw subject %v, want %v", sub, claims["sub"])
	}

	status, answer, resp = p.call(t, "POST", "/orders", `{"item":"tea","quantity":1}`, p.header("Content-Type", "application/json"))
	if status != 201 {
		t.Fatalf("POST /orders: got %d, %v", status, answer)
	}
	checkCORS(t, resp, s.www)
	checkUpstream(t, s, known, "POST")

	// Refresh: new cookies, a new token upstream, the same session.
	before := clone(p.session())
	status, answer, _ = p.call(t, "POST", "/oauth-agent/refresh", "", p.header())
	if classic && status != 204 || !classic && (status != 200 || answer["access_token_expires_in"] == nil) {
		t.Fatalf("refresh: got %d, %v", status, answer)
	}
	if p.session()["__Host-th-at"] == before["__Host-th-at"] {
		t.Error("refresh left the access token cookie as it was")
	}
	old := s.recorder.last().Header.Get("Authorization")
	known.learn(t, s, p)
	if status, answer, _ := p.call(t, "GET", "/orders", "", p.header()); status != 200 {
		t.Fatalf("GET /orders after refresh: got %d, %v", status, answer)
	}
	if s.recorder.last().Header.Get("Authorization") == old {
		t.Error("refresh did not change the token that reaches upstream")
	}
	checkUpstream(t, s, known, "GET")

	// Sign out: the session is gone from the browser.
	status, answer, _ = p.call(t, "POST", "/oauth-agent/logout", "", p.header())
	location, _ := answer["logout_url"].(string)
	if classic {
		location, _ = answer["url"].(string)
	}
	if status != 200 || !strings.HasPrefix(location, s.login) {
		t.Errorf("logout: got %d, %v", status, answer)
	}
	if left := p.session(); len(left) != 0 {
		t.Errorf("cookies left after logout: %v", keys(left))
	}
	if status, answer, _ := p.call(t, "GET", "/orders", "", p.header()); status != 401 || answer["code"] != "unauthorized_request" {
		t.Errorf("GET /orders after logout: got %d, %v", status, answer)
	}
	if status, answer, _ := p.call(t, "GET", "/oauth-agent/session", "", p.header()); status != 200 || answer["is_logged_in"] != false {
		t.Errorf("session after logout: got %d, %v", status, answer)
	}

	known.check(t, "the cookies and responses of the browser", p.seen.String(), tokens)
}

// checkUpstream checks the last request that reached upstream.
func checkUpstream(t *testing.T, s *system, known *secrets, method string) {
	t.Helper()
	r := s.recorder.last()
	if r == nil || r.Method != method {
		t.Fatalf("upstream received %v, want a %s", r, method)
	}
	authorization := r.Header.Values("Authorization")
	if len(authorization) != 1 || !strings.HasPrefix(authorization[0], "Bearer ") {
		t.Fatalf("upstream received %d Authorization headers, want one Bearer", len(authorization))
	}
	if token := strings.TrimPrefix(authorization[0], "Bearer "); !known.isAccessToken(token) {
		t.Error("upstream received a token that is not the one in the session's cookie")
	}
	for _, name := range []string{"Cookie", "X-Th-Csrf", "Token-Handler-Version", "Origin"} {
		if len(r.Header.Values(name)) > 0 {
			t.Errorf("%s reached upstream", name)
		}
	}
	for name, values := range r.Header {
		if strings.Contains(strings.Join(values, ","), "__Host-th-") {
			t.Errorf("a cookie reached upstream in %s", name)
		}
	}
}

// checkCORS wants the headers that let the page of the origin read a response.
func checkCORS(t *testing.T, resp *response, origin string) {
	t.Helper()
	if got := resp.Header.Values("Access-Control-Allow-Origin"); len(got) != 1 || got[0] != origin {
		t.Errorf("Access-Control-Allow-Origin: got %q, want %q", got, origin)
	}
	if got := resp.Header.Get("Access-Control-Allow-Credentials"); got != "true" {
		t.Errorf("Access-Control-Allow-Credentials: got %q, want true", got)
	}
	if !strings.Contains(strings.ToLower(resp.Header.Get("Vary")), "origin") {
		t.Errorf("Vary: got %q, want Origin in it", resp.Header.Get("Vary"))
	}
}

// checkRefused wants a 401 in JSON that only the trusted origin may read.
func checkRefused(t *testing.T, s *system, status int, answer map[string]any, resp *response) {
	t.Helper()
	if status != 401 || answer["code"] != "unauthorized_request" || answer["error_code"] != answer["code"] {
		t.Errorf("got %d, %v; want 401 unauthorized_request", status, answer)
	}
	if got := resp.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type: got %q, want application/json", got)
	}
	for _, origin := range resp.Header.Values("Access-Control-Allow-Origin") {
		if origin != s.www {
			t.Errorf("Access-Control-Allow-Origin: got %q, want %q or no header", origin, s.www)
		}
	}
}

// refusals are of a person who is signed in: only the one thing is wrong.
func refusals(t *testing.T, s *system, known *secrets) {
	classic, assistant := newPerson(s, true), newPerson(s, false)
	classic.signIn(t)
	assistant.signIn(t)
	known.learn(t, s, classic)
	known.learn(t, s, assistant)
	good := classic.session()
	with := func(name, value string) string {
		changed := clone(good)
		changed[name] = value
		return (&agentClient{cookies: map[string]map[string]string{"x": changed}}).cookieHeader("x")
	}
	at := good["__Host-th-at"]

	for _, tt := range []struct {
		name, method string
		person       *person
		change       func(http.Header)
	}{
		{"wrong origin", "GET", classic, func(h http.Header) { h.Set("Origin", "https://evil.example") }},
		{"wrong origin with the assistant's header", "POST", assistant, func(h http.Header) { h.Set("Origin", "https://evil.example") }},
		{"no origin", "GET", classic, func(h http.Header) { h.Del("Origin") }},
		{"origin null", "GET", classic, func(h http.Header) { h.Set("Origin", "null") }},
		{"missing CSRF header", "POST", classic, func(h http.Header) { h.Del("X-Th-Csrf") }},
		{"wrong CSRF header", "POST", classic, func(h http.Header) { h.Set("X-Th-Csrf", strings.Repeat("a", 64)) }},
		{"missing token-handler-version", "POST", assistant, func(h http.Header) { h.Del("Token-Handler-Version") }},
		{"wrong token-handler-version", "GET", assistant, func(h http.Header) { h.Set("Token-Handler-Version", "2") }},
		{"no cookie", "GET", classic, func(h http.Header) { h.Set("Cookie", "other=1") }},
		{"tampered cookie", "GET", classic, func(h http.Header) { h.Set("Cookie", with("__Host-th-at", at[:len(at)-40]+"AAAA"+at[len(at)-36:])) }},
		{"truncated cookie", "GET", classic, func(h http.Header) { h.Set("Cookie", with("__Host-th-at", at[:len(at)-2])) }},
		{"refresh token as access token", "GET", classic, func(h http.Header) { h.Set("Cookie", with("__Host-th-at", good["__Host-th-auth"])) }},
		{"ID token as access token", "GET", classic, func(h http.Header) { h.Set("Cookie", with("__Host-th-at", good["__Host-th-id"])) }},
		{"CSRF cookie of another session", "POST", classic, func(h http.Header) {
			h.Set("Cookie", with("__Host-th-csrf", assistant.session()["__Host-th-csrf"]))
		}},
		{"client-sent Authorization", "GET", classic, func(h http.Header) { h.Set("Authorization", "Bearer junk") }},
		{"method override", "GET", classic, func(h http.Header) { h.Set("X-HTTP-Method-Override", "POST") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := tt.person.header()
			tt.change(header)
			reached := s.recorder.count()
			status, answer, resp := tt.person.call(t, tt.method, "/orders", "", header)
			checkRefused(t, s, status, answer, resp)
			if s.recorder.count() != reached {
				t.Error("the request reached upstream")
			}
		})
	}
	// Without a fault they still pass.
	for _, p := range []*person{classic, assistant} {
		if status, answer, _ := p.call(t, "GET", "/orders", "", p.header()); status != 200 {
			t.Errorf("GET /orders without a fault: got %d, %v", status, answer)
		}
	}
}

// forged are cookies sealed with the right key that the browser was never
// given.
func forged(t *testing.T, s *system, known *secrets) {
	if known.sealer == nil {
		t.Skip("the key of the run is not known on this system")
	}
	p := newPerson(s, false)
	p.signIn(t)
	at, err := known.sealer.open("__Host-th-at", p.session()["__Host-th-at"])
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, cookie string
		content      content
		status       int
		code         string
	}{
		{"as it was", "__Host-th-at", content{at.session, inOneHour(), at.token}, 200, ""},
		{"expired", "__Host-th-at", content{at.session, 1, at.token}, 401, "token_expired"},
		{"sealed for another name", "__Host-th-id", content{at.session, inOneHour(), at.token}, 401, "unauthorized_request"},
		{"a token that splits the header", "__Host-th-at", content{at.session, inOneHour(), "x\r\nX-Injected: 1"}, 401, "unauthorized_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := p.header("Cookie", "__Host-th-at="+known.sealer.seal(tt.cookie, tt.content))
			status, answer, resp := p.call(t, "GET", "/orders", "", header)
			if status != tt.status || tt.code != "" && answer["code"] != tt.code {
				t.Errorf("got %d, %v; want %d %s", status, answer, tt.status, tt.code)
			}
			checkCORS(t, resp, s.www)
		})
	}
}

func preflights(t *testing.T, s *system) {
	for _, path := range []string{"/orders", "/oauth-agent/login/start", "/oauth-agent/session", "/oauth-agent/refresh", "/oauth-agent/logout"} {
		for _, tt := range []struct {
			origin  string
			trusted bool
		}{{s.www, true}, {"https://evil.example", false}, {"null", false}, {s.www + ".evil.example", false}, {strings.ToUpper(s.www), false}, {"", false}} {
			t.Run(fmt.Sprintf("%s from %q", path, tt.origin), func(t *testing.T) {
				header := http.Header{"Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"content-type,token-handler-version"}}
				if tt.origin != "" {
					header.Set("Origin", tt.origin)
				}
				resp, err := newClient().do("OPTIONS", s.api+path, "", header)
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != 204 {
					t.Errorf("got status %d, want 204", resp.StatusCode)
				}
				if tt.trusted {
					checkCORS(t, resp, s.www)
					if got := resp.Header.Get("Access-Control-Allow-Headers"); !strings.Contains(got, "token-handler-version") || strings.Contains(got, "*") {
						t.Errorf("Access-Control-Allow-Headers: got %q", got)
					}
					return
				}
				for name := range resp.Header {
					if strings.HasPrefix(name, "Access-Control-") {
						t.Errorf("%s: %s for an origin that is not trusted", name, resp.Header.Get(name))
					}
				}
			})
		}
	}
}

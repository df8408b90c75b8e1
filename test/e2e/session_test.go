package e2e

import (
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A12: two tabs of one browser, at the provider at the same time. Both logins
// end properly, in the order in which the tabs come back, and the last one is
// the session.
func twoTabs(t *testing.T, s *system, known *secrets) {
	for _, order := range []string{"first comes back first", "second comes back first"} {
		t.Run(order, func(t *testing.T) {
			p := newPerson(s, false)
			first, second := p.startLogin(t), p.startLogin(t)
			pages := []*url.URL{p.atProvider(t, first), p.atProvider(t, second)}
			if order == "second comes back first" {
				pages[0], pages[1] = pages[1], pages[0]
			}
			for i, page := range pages {
				status, answer := p.endLogin(t, page)
				if status != 200 || answer["handled"] != true || answer["is_logged_in"] != true {
					t.Fatalf("tab %d: got %d, %v", i+1, status, answer)
				}
				known.learn(t, s, p)
				if status, answer, _ := p.call(t, "GET", "/orders", "", p.header()); status != 200 {
					t.Errorf("tab %d: GET /orders: got %d, %v", i+1, status, answer)
				}
			}
			for name := range p.session() {
				if strings.Contains(name, "-login-") {
					t.Errorf("cookie %s is left", name)
				}
			}
			// Each response of the provider is used once (A11). If it is sent
			// again, the agent returns the session and changes no cookie.
			before := clone(p.session())
			for i, page := range pages {
				if status, answer := p.endLogin(t, page); status != 200 || answer["handled"] != true || !maps.Equal(before, p.session()) {
					t.Errorf("tab %d again: got %d, %v; want the session and the same cookies", i+1, status, answer)
				}
			}
			if status, answer, _ := p.call(t, "POST", "/oauth-agent/refresh", "", p.header()); status != 200 {
				t.Errorf("refresh: got %d, %v", status, answer)
			}
			known.learn(t, s, p)
		})
	}
}

// A20: signing out also ends copies of the cookies, even if the user did not
// visit the provider's own logout: the provider no longer accepts the refresh
// token.
func logoutRevokes(t *testing.T, s *system, known *secrets) {
	for _, classic := range []bool{false, true} {
		p := newPerson(s, classic)
		p.signIn(t)
		known.learn(t, s, p)
		stolen := maps.Clone(p.session())
		if status, answer, _ := p.call(t, "POST", "/oauth-agent/logout", "", p.header()); status != 200 || len(p.session()) != 0 {
			t.Fatalf("logout: got %d, %v", status, answer)
		}
		maps.Copy(p.session(), stolen)
		if status, answer, _ := p.call(t, "POST", "/oauth-agent/refresh", "", p.header()); status != 401 || answer["code"] != "session_expired" {
			t.Errorf("refresh with copied cookies: got %d, %v; want 401 session_expired", status, answer)
		}
		p.call(t, "GET", "/oauth-agent/session", "", p.header())
		if left := p.session(); len(left) != 0 {
			t.Errorf("cookies left: %v", keys(left))
		}
	}
}

// The response of a refresh that was under way during sign-out arrives after
// the cookies were removed and sets new ones. They are of no use: signing out
// revoked the refresh token, and the provider revoked its access tokens too.
func refreshInFlight(t *testing.T, s *system, known *secrets) {
	p := newPerson(s, false)
	p.signIn(t)
	known.learn(t, s, p)
	late := newPerson(s, false) // the same browser, after the response
	late.cookies["api.example.localhost"] = maps.Clone(p.session())
	if status, answer, _ := late.call(t, "POST", "/oauth-agent/refresh", "", late.header()); status != 200 {
		t.Fatalf("refresh: got %d, %v", status, answer)
	}
	known.learn(t, s, late)
	// The request to sign out was sent before, with the old cookies.
	if status, answer, _ := p.call(t, "POST", "/oauth-agent/logout", "", p.header()); status != 200 {
		t.Fatalf("logout: got %d, %v", status, answer)
	}
	if status, answer, _ := late.call(t, "GET", "/orders", "", late.header()); status != 401 {
		t.Errorf("the API with the late cookies: got %d, %v; want 401", status, answer)
	}
	if status, answer, _ := late.call(t, "POST", "/oauth-agent/refresh", "", late.header()); status != 401 || answer["code"] != "session_expired" {
		t.Errorf("refresh with the late cookies: got %d, %v; want 401 session_expired", status, answer)
	}
	late.call(t, "GET", "/oauth-agent/session", "", late.header())
	if left := late.session(); len(left) != 0 {
		t.Errorf("cookies left: %v", keys(left))
	}
}

// A run with options that are off by default: a limit on sessions, local
// logout, and the access token for the page.
func TestSessionOptions(t *testing.T) {
	const lifetime = 5 * time.Second
	s := start(t, "-c", "sessionLifetime="+lifetime.String(), "-c", "sessionIdleLifetime=1h", "-c", "logout=local", "-c", "tokenMediation=true")
	known := &secrets{}
	t.Run("a session ends", func(t *testing.T) { sessionEnds(t, s, known, lifetime) })
	t.Run("token mediation", func(t *testing.T) { tokenMediation(t, s, known) })
	t.Run("local logout", func(t *testing.T) {
		p := newPerson(s, false)
		p.signIn(t)
		known.learn(t, s, p)
		status, answer, _ := p.call(t, "POST", "/oauth-agent/logout", "", p.header())
		if status != 200 || len(answer) != 0 || len(p.session()) != 0 {
			t.Errorf("got %d, %v, cookies left %v", status, answer, keys(p.session()))
		}
	})
	if err := s.stop(); err != nil {
		t.Errorf("after Ctrl-C: %v\n%s", err, s.output.String())
	}
	known.check(t, "the output of the run", s.output.String(), everything)
}

// sessionEnds waits for the end of a session: refreshes do not extend it, and
// afterwards the authorizer, which does not know sessions, refuses its cookies.
func sessionEnds(t *testing.T, s *system, known *secrets, lifetime time.Duration) {
	p := newPerson(s, false)
	p.signIn(t)
	began := time.Now()
	known.learn(t, s, p)
	time.Sleep(time.Second)
	status, answer, _ := p.call(t, "POST", "/oauth-agent/refresh", "", p.header())
	left, _ := answer["access_token_expires_in"].(float64)
	if status != 200 || left >= lifetime.Seconds() {
		t.Fatalf("refresh: got %d, %v; want less than %s left", status, answer, lifetime)
	}
	known.learn(t, s, p)
	if status, answer, _ := p.call(t, "GET", "/orders", "", p.header()); status != 200 {
		t.Fatalf("GET /orders: got %d, %v", status, answer)
	}
	time.Sleep(time.Until(began.Add(lifetime)))
	if status, answer, _ := p.call(t, "GET", "/orders", "", p.header()); status != 401 || answer["code"] != "token_expired" {
		t.Errorf("GET /orders after the end: got %d, %v; want 401 token_expired", status, answer)
	}
	if status, answer, _ := p.call(t, "POST", "/oauth-agent/refresh", "", p.header()); status != 401 || answer["code"] != "session_expired" {
		t.Errorf("refresh after the end: got %d, %v; want 401 session_expired", status, answer)
	}
	if left := p.session(); len(left) != 0 {
		t.Errorf("cookies left: %v", keys(left))
	}
}

// tokenMediation takes the access token as a page would and calls the upstream
// API with it, past the gateway: it is the provider's own.
func tokenMediation(t *testing.T, s *system, known *secrets) {
	for _, classic := range []bool{false, true} {
		p := newPerson(s, classic)
		if status, answer, _ := p.call(t, "POST", "/oauth-agent/token", "", p.header()); status != 401 || answer["code"] != "unauthorized_request" {
			t.Errorf("before sign-in: got %d, %v", status, answer)
		}
		p.signIn(t)
		known.learn(t, s, p)
		status, answer, resp := p.call(t, "POST", "/oauth-agent/token", "", p.header())
		token, _ := answer["access_token"].(string)
		if status != 200 || !known.isAccessToken(token) || answer["token_type"] != "Bearer" || answer["access_token_expires_in"] == nil {
			t.Fatalf("got %d with the fields %v", status, keysOf(answer))
		}
		checkCORS(t, resp, s.www)
		if status, answer, _ := p.call(t, "GET", "/orders", "", p.header()); status != 200 || s.recorder.last().Header.Get("Authorization") != "Bearer "+token {
			t.Errorf("the page's token is not the one that goes upstream: got %d, %v", status, answer)
		}
		// Without the CSRF defence there is no token.
		refused := p.header()
		refused.Del("Token-Handler-Version")
		refused.Del("X-Th-Csrf")
		if status, answer, _ := p.call(t, "POST", "/oauth-agent/token", "", refused); status != 401 || answer["access_token"] != nil {
			t.Errorf("without the header: got %d with the fields %v", status, keysOf(answer))
		}
		if status, answer, _ := p.call(t, "POST", "/oauth-agent/token", "scope=openid", p.header("Content-Type", "application/x-www-form-urlencoded")); status != 400 || answer["access_token"] != nil {
			t.Errorf("with a scope: got %d with the fields %v", status, keysOf(answer))
		}
	}
}

func keysOf(m map[string]any) []string {
	names := map[string]string{}
	for name := range m {
		names[name] = ""
	}
	return keys(names)
}

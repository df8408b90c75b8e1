package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// malformed sends malformed requests: every response is a 4xx with a code.
func malformed(t *testing.T, s *system, known *secrets) {
	p := newPerson(s, true)
	p.signIn(t)
	known.learn(t, s, p)
	jsonType := []string{"Content-Type", "application/json"}
	formType := []string{"Content-Type", "application/x-www-form-urlencoded"}

	for _, tt := range []struct {
		name, method, path, body string
		header                   http.Header
	}{
		{"login/start: not JSON", "POST", "/oauth-agent/login/start", "{", p.header(jsonType...)},
		{"A15 login/start: extraParams no array", "POST", "/oauth-agent/login/start", `{"extraParams":7}`, p.header(jsonType...)},
		{"A6 login/start: a parameter not allowed", "POST", "/oauth-agent/login/start", `{"extraParams":[{"key":"redirect_uri","value":"https://evil.example"}]}`, p.header(jsonType...)},
		{"A21 login/start: text/plain", "POST", "/oauth-agent/login/start", `{}`, p.header("Content-Type", "text/plain")},
		{"login/start: a huge body", "POST", "/oauth-agent/login/start", `{"x":"` + strings.Repeat("x", 1<<20) + `"}`, p.header(jsonType...)},
		{"login/start: wrong origin", "POST", "/oauth-agent/login/start", "", p.header("Origin", "https://evil.example")},
		{"G13 login/end: not JSON", "POST", "/oauth-agent/login/end", "pageUrl", p.header(jsonType...)},
		{"G13 login/end: relative pageUrl", "POST", "/oauth-agent/login/end", `{"pageUrl":"/x?code=a&state=b"}`, p.header(jsonType...)},
		{"login/end: unknown state", "POST", "/oauth-agent/login/end", "code=a&state=b", p.header("Content-Type", formType[1], "Cookie", "x=y")},
		{"A10 login/end: an error without a login", "POST", "/oauth-agent/login/end", "error=evil_code&error_description=call+me&state=b", p.header(formType...)},
		{"login/end: code twice", "POST", "/oauth-agent/login/end", "code=a&code=c&state=b", p.header(formType...)},
		{"login/end: bad escapes", "POST", "/oauth-agent/login/end", "code=%zz&state=%", p.header(formType...)},
		{"refresh: no CSRF header", "POST", "/oauth-agent/refresh", "", http.Header{"Origin": {s.www}}},
		{"refresh: wrong CSRF header", "POST", "/oauth-agent/refresh", "", p.header("X-Th-Csrf", "guess")},
		{"logout: no CSRF header", "POST", "/oauth-agent/logout", "", http.Header{"Origin": {s.www}}},
		{"userInfo: no cookie", "GET", "/oauth-agent/userInfo", "", p.header("Cookie", "x=y")},
		{"claims: no cookie", "GET", "/oauth-agent/claims", "", p.header("Cookie", "x=y")},
		{"A1 login/end: a token in the CSRF cookie's place", "POST", "/oauth-agent/login/end", "error", p.header("Content-Type", "application/x-www-form-urlencoded", "Origin", "https://evil.example")},
		{"unknown path", "GET", "/nothing/here", "", p.header()},
		{"unknown path of the agent", "GET", "/oauth-agent/admin", "", p.header()},
		{"unknown method", "DELETE", "/orders", "", p.header()},
		{"GET on a POST endpoint", "GET", "/oauth-agent/login/start", "", p.header()},
		{"malformed cookies", "GET", "/orders", "", p.header("Cookie", "=;;==; __Host-th-at; __Host-th-at=%%%; \x80")},
		{"query of junk", "GET", "/orders?a=%zz&&=&%00", "", p.header("Cookie", "x=y")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := p.do(tt.method, s.api+tt.path, tt.body, tt.header)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode < 400 || resp.StatusCode > 499 {
				t.Errorf("got status %d, want 4xx: %s", resp.StatusCode, resp.body)
			}
			if !strings.Contains(resp.body, `"code":"`) || strings.Contains(resp.body, "evil") {
				t.Errorf("got body %s, want a code of ours", resp.body)
			}
			if ct := resp.Header.Get("Content-Type"); ct != "application/json" {
				t.Errorf("got content type %q, want application/json", ct)
			}
		})
	}

	// Request validators: the gateway refuses before a Lambda or the upstream runs, and the page can read it.
	for _, tt := range []struct {
		name, path, body string
		header           http.Header
		status           int
		want             string
	}{
		{"login/start: not JSON", "/oauth-agent/login/start", "{", p.header(jsonType...), 400, "The request body is not valid"},
		{"login/start: too many parameters", "/oauth-agent/login/start", `{"extraParams":[1,2,3,4,5,6]}`, p.header(jsonType...), 400, "The request body is not valid"},
		{"login/end: pageUrl no string", "/oauth-agent/login/end", `{"pageUrl":7}`, p.header(jsonType...), 400, "The request body is not valid"},
		{"login/end: an empty body", "/oauth-agent/login/end", "", p.header(jsonType...), 200, ""},
		{"login/end: an empty object", "/oauth-agent/login/end", "{}", p.header(jsonType...), 200, ""},
		{"login/end: an empty form", "/oauth-agent/login/end", "", p.header(formType...), 200, ""},
		{"login/end: no content type", "/oauth-agent/login/end", "", p.header(), 200, ""},
		{"orders: the item no string", "/orders", `{"item":7,"quantity":1}`, p.header(jsonType...), 400, "The request body is not valid"},
		{"orders: another content type", "/orders", `{"item":7,"quantity":1}`, p.header("Content-Type", "text/plain"), 400, "The request body is not valid"},
		{"orders: the authorizer is first", "/orders", `{"item":7,"quantity":1}`, p.header("Content-Type", "application/json", "Cookie", "x=y"), 401, "unauthorized_request"},
	} {
		t.Run("validator "+tt.name, func(t *testing.T) {
			resp, err := p.do("POST", s.api+tt.path, tt.body, tt.header)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || !strings.Contains(resp.body, tt.want) {
				t.Errorf("got %d %s, want %d with %q", resp.StatusCode, resp.body, tt.status, tt.want)
			}
			if origin := resp.Header.Get("Access-Control-Allow-Origin"); origin != s.www {
				t.Errorf("got Access-Control-Allow-Origin %q, want %s", origin, s.www)
			}
		})
	}

	// A1: no response shows the content of any value of the CSRF cookie.
	t.Run("A1 no decryption oracle", func(t *testing.T) {
		for _, name := range []string{"__Host-th-at", "__Host-th-auth", "__Host-th-id"} {
			cookies := clone(p.session())
			cookies["__Host-th-csrf"] = cookies[name]
			header := p.header("Content-Type", "application/json",
				"Cookie", (&agentClient{cookies: map[string]map[string]string{"x": cookies}}).cookieHeader("x"))
			resp, err := newClient().do("POST", s.api+"/oauth-agent/login/end", `{"pageUrl":"`+s.www+`/"}`, header)
			if err != nil {
				t.Fatal(err)
			}
			known.check(t, "login/end with "+name+" as CSRF cookie", resp.body, tokens)
		}
	})
	// A14, G12: damaged cookies do not keep anybody from signing out.
	t.Run("A14 logout with damaged cookies", func(t *testing.T) {
		damaged := newPerson(s, false)
		damaged.cookies["api.example.localhost"] = map[string]string{"__Host-th-at": "x", "__Host-th-auth": "y", "__Host-th-id": "z", "__Host-th-csrf": "w", "__Host-th-login-3": "v"}
		status, answer, _ := damaged.call(t, "POST", "/oauth-agent/logout", "", damaged.header())
		if status != 200 || len(damaged.session()) != 0 {
			t.Errorf("got %d, %v, cookies left %v", status, answer, keys(damaged.session()))
		}
	})
}

package e2e

import (
	"maps"
	"net/url"
	"strings"
	"testing"
)

// admin is a second client on the same API, at the same provider.
const admin = `clients={"admin":{"agentPath":"/admin-agent","cookiePrefix":"admin","origins":["{www}"],
	"issuer":"{login}","clientId":"admin-client","scope":"openid profile","redirectUri":"{www}/admin/",
	"authorizeEndpoint":"{login}/auth","tokenEndpoint":"{back}/token","userInfoEndpoint":"{back}/me","jwksEndpoint":"{back}/jwks",
	"logoutEndpoint":"{login}/session/end","revocationEndpoint":"{back}/token/revocation",
	"routes":[{"path":"/reports","methods":["GET"],"upstream":"{upstream}/orders"}]}}`

// Two clients in one deployment, each with its agent, cookies, keys and routes,
// in one browser.
func TestTwoClients(t *testing.T) {
	// The CDK CLI ends a value at the end of its line.
	s := start(t, "-c", strings.Join(strings.Fields(admin), " "))
	p := newPerson(s, false)
	as := func(agent string) *person { p.agent = agent; return p }
	get := func(path, cookies string) (int, any) {
		t.Helper()
		header := p.header()
		if cookies != "" {
			header.Set("Cookie", cookies)
		}
		status, answer, _ := p.call(t, "GET", path, "", header)
		return status, answer["code"]
	}
	refused := func(what, path, cookies string) {
		t.Helper()
		reached := s.recorder.count()
		if status, code := get(path, cookies); status != 401 || code != "unauthorized_request" || s.recorder.count() != reached {
			t.Errorf("%s: got %d %v; want 401 unauthorized_request, and no request upstream", what, status, code)
		}
	}

	as("/oauth-agent").signIn(t)
	refused("signed in at one client, the other's route", "/reports", "")
	if status, answer, _ := p.call(t, "GET", "/admin-agent/session", "", p.header()); status != 200 || answer["is_logged_in"] != false {
		t.Errorf("signed in at one client, the other's session: got %d, %v", status, answer)
	}
	as("/admin-agent").signIn(t)

	// Side by side, each with the token of its own.
	tokens := map[string]string{}
	for _, path := range []string{"/orders", "/reports"} {
		if status, code := get(path, ""); status != 200 {
			t.Fatalf("GET %s: got %d %v", path, status, code)
		}
		tokens[path] = s.recorder.last().Header.Get("Authorization")
	}
	if tokens["/orders"] == tokens["/reports"] {
		t.Error("both routes got the same token")
	}

	// The cookies of one, under the other's names.
	renamed := func(from, to string) string {
		cookies := map[string]string{}
		for name, value := range p.session() {
			if rest, ok := strings.CutPrefix(name, "__Host-"+from+"-"); ok {
				cookies["__Host-"+to+"-"+rest] = value
			}
		}
		return (&agentClient{cookies: map[string]map[string]string{"x": cookies}}).cookieHeader("x")
	}
	refused("th cookies as admin", "/reports", renamed("th", "admin"))
	refused("admin cookies as th", "/orders", renamed("admin", "th"))
	refused("th cookies as they are", "/reports", renamed("th", "th"))
	for from, to := range map[string]string{"th": "admin", "admin": "th"} {
		path := map[string]string{"th": "/oauth-agent", "admin": "/admin-agent"}[to]
		other := newPerson(s, false) // whose cookies may be removed
		if status, answer, _ := other.call(t, "GET", path+"/session", "", p.header("Cookie", renamed(from, to))); status != 200 || answer["is_logged_in"] != false {
			t.Errorf("session of %s with the cookies of %s: got %d, %v", to, from, status, answer)
		}
	}

	t.Run("rule 27 mix-up", func(t *testing.T) { mixUp(t, s) })

	// Signing out at one leaves the other alone.
	if status, answer, _ := p.call(t, "POST", "/oauth-agent/logout", "", p.header()); status != 200 {
		t.Errorf("logout: got %d, %v", status, answer)
	}
	refused("after logout", "/orders", "")
	if status, code := get("/reports", ""); status != 200 {
		t.Errorf("the other client after logout: got %d %v", status, code)
	}
	output, code := buildSmoke(t)(s, s.api, p.cookieHeader("api.example.localhost"), "-prefix", "admin", "-echo", "/reports", "-end")
	if code != 0 || !strings.Contains(output, " 0 failed") || !strings.Contains(output, "GET /reports succeeds") {
		t.Errorf("smoke test: exit status %d\n%s", code, output)
	}
	if err := s.stop(); err != nil {
		t.Errorf("after Ctrl-C: %v\n%s", err, s.output.String())
	}
	for name, value := range p.session() {
		if strings.Contains(s.output.String(), value) {
			t.Errorf("the output shows cookie %s", name)
		}
	}
}

// mixUp gives the response to one client's request to the other client. It is
// refused, the code is not redeemed, and the right client can still redeem it.
func mixUp(t *testing.T, s *system) {
	for from, to := range map[string]string{"/oauth-agent": "/admin-agent", "/admin-agent": "/oauth-agent"} {
		p := newPerson(s, false)
		p.agent = from
		page := p.atProvider(t, p.startLogin(t))
		end := func(agent string, page *url.URL) (int, map[string]any) {
			p.agent = agent
			return p.endLogin(t, page)
		}
		if status, answer := end(to, page); status != 400 || answer["code"] != "invalid_request" {
			t.Errorf("the response for %s at %s: got %d, %v; want 400 invalid_request", from, to, status, answer)
		}
		// With the login cookie, under the other's name.
		own := maps.Clone(p.session())
		prefixes := strings.NewReplacer("__Host-th-", "__Host-admin-", "__Host-admin-", "__Host-th-")
		for name, value := range own {
			p.session()[prefixes.Replace(name)] = value
		}
		if status, answer := end(to, page); status != 400 || answer["code"] != "invalid_request" {
			t.Errorf("the response and the cookie for %s at %s: got %d, %v; want 400 invalid_request", from, to, status, answer)
		}
		if status, answer := end(from, page); status != 200 || answer["is_logged_in"] != true {
			t.Errorf("the response for %s at %s: got %d, %v", from, from, status, answer)
		}
	}
}

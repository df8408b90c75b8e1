package oauthagent

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/sealedtest"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

const apiHost = "api.example.com"

// browser keeps cookies as browsers do, by name, domain and path (RFC 6265
// section 5.3). It calls agents of several configurations on one host.
type browser struct {
	*world
	jar  []*http.Cookie // Domain is the host itself, or has a leading dot
	csrf string
	last response
}

// agentWith returns an agent with these cookies.
func (w *world) agentWith(options cookie.Options, change ...func(*Config)) http.Handler {
	w.Helper()
	if options.Prefix == "" {
		options.Prefix = "th"
	}
	options.Former = append(options.Former, "/oauth-agent")
	if options.Deployment == "" {
		options.Deployment = "https://login.example.com spa"
	}
	w.change = func(c *Config) {
		c.Names = cookie.NewNamesOf(options)
		c.Rules = csrf.Rules{TrustedOrigins: []string{origin}, HeaderName: "x-th-csrf"}
		c.Host = func(*http.Request) string { return apiHost }
		for _, each := range change {
			each(c)
		}
	}
	w.useKey(currentKey)
	return w.agent
}

// accept stores a cookie that a host set.
func (b *browser) accept(host string, c *http.Cookie) {
	b.Helper()
	stored := *c
	switch {
	case c.Domain == "":
		stored.Domain = host
	case host == c.Domain || strings.HasSuffix(host, "."+c.Domain):
		stored.Domain = "." + c.Domain
	default:
		return // for another host
	}
	if strings.HasPrefix(c.Name, "__Host-") && (c.Domain != "" || c.Path != "/") {
		b.Errorf("a browser drops %s", c)
		return
	}
	b.jar = slices.DeleteFunc(b.jar, func(other *http.Cookie) bool { return samePlace(other, &stored) })
	if c.MaxAge >= 0 {
		b.jar = append(b.jar, &stored)
	}
}

// plant stores a cookie that a page on a sibling host sets.
func (b *browser) plant(c *http.Cookie) { b.accept("www.example.com", c) }

// header returns the Cookie header for a path: longer paths first.
func (b *browser) header(path string) string {
	sent := slices.Clone(b.jar)
	sent = slices.DeleteFunc(sent, func(c *http.Cookie) bool {
		domain := c.Domain == apiHost || strings.HasPrefix(c.Domain, ".") && strings.HasSuffix("."+apiHost, c.Domain)
		return !domain || !(path == c.Path || strings.HasPrefix(path, strings.TrimSuffix(c.Path, "/")+"/"))
	})
	slices.SortStableFunc(sent, func(x, y *http.Cookie) int { return len(y.Path) - len(x.Path) })
	var pairs []string
	for _, c := range sent {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

func (b *browser) call(agent http.Handler, method, endpoint string, body any) response {
	b.Helper()
	r := httptest.NewRequest(method, "/oauth-agent/"+endpoint, nil)
	if body != nil {
		text, _ := json.Marshal(body)
		r = httptest.NewRequest(method, "/oauth-agent/"+endpoint, strings.NewReader(string(text)))
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Origin", origin)
	if b.csrf == "" {
		b.csrf = "none"
	}
	r.Header.Set("X-TH-CSRF", b.csrf)
	if cookies := b.header(r.URL.Path); cookies != "" {
		r.Header.Set("Cookie", cookies)
	}
	recorder := httptest.NewRecorder()
	agent.ServeHTTP(recorder, r)
	got := response{Response: recorder.Result(), text: recorder.Body.String()}
	json.Unmarshal([]byte(got.text), &got.json)
	for _, c := range got.Cookies() {
		b.accept(apiHost, c)
		b.secrets = append(b.secrets, c.Value)
	}
	if value, ok := got.json["csrf"].(string); ok {
		b.csrf = value
	}
	b.last = got
	return got
}

// signIn signs a user in.
func (b *browser) signIn(agent http.Handler, user string) {
	b.Helper()
	b.provider.Subject = user
	got := b.call(agent, "POST", "login/start", nil)
	start, _ := got.json["authorization_url"].(string)
	query := b.provider.Authorize(b, start)
	got = b.call(agent, "POST", "login/end", map[string]string{"pageUrl": oauthtest.RedirectURI + "?" + query.Encode()})
	if got.StatusCode != 200 || got.json["is_logged_in"] != true {
		b.Fatalf("login/end of %s: got %d %s", user, got.StatusCode, got.text)
	}
}

// is checks which user is signed in, "" for no user, and that a refresh works
// then.
func (b *browser) is(agent http.Handler, user string) {
	b.Helper()
	got := b.call(agent, "GET", "session", nil)
	claims, _ := got.json["id_token_claims"].(map[string]any)
	switch {
	case user == "" && got.json["is_logged_in"] != false:
		b.Errorf("session: got %s, want no one signed in", got.text)
	case user != "" && claims["sub"] != user:
		b.Errorf("session: got %d %s, want %s", got.StatusCode, got.text, user)
	}
	status := 204
	if user == "" {
		status = 401
	}
	if got := b.call(agent, "POST", "refresh", nil); got.StatusCode != status {
		b.Errorf("refresh: got %d %s, want %d", got.StatusCode, got.text, status)
	}
}

func newBrowser(t *testing.T) *browser { return &browser{world: newWorld(t)} }

var (
	hostOnlyAgent = cookie.Options{}
	pathAgent     = cookie.Options{BasePath: "/oauth-agent"}
	domainAgent   = cookie.Options{Domain: "example.com"}
	bothAgent     = cookie.Options{Domain: "example.com", BasePath: "/oauth-agent"}
)

// A sibling host cannot sign a victim in, not even to its own account. The
// agent removes the cookies that it planted.
func TestSiblingCannotPlantASession(t *testing.T) {
	for name, options := range map[string]cookie.Options{"path": pathAgent, "domain": domainAgent, "domain and path": bothAgent} {
		t.Run(name, func(t *testing.T) {
			attacker := newBrowser(t)
			agent := attacker.agentWith(options)
			attacker.signIn(agent, "mallory")

			victim := &browser{world: attacker.world}
			plant := func() {
				for _, c := range attacker.jar {
					if !strings.HasPrefix(c.Name, "__Host-") {
						for _, path := range []string{"/", "/oauth-agent", "/oauth-agent/session"} {
							victim.plant(&http.Cookie{Name: c.Name, Value: c.Value, Domain: "example.com", Path: path, Secure: true})
						}
					}
				}
			}
			plant()
			victim.is(agent, "")
			for _, endpoint := range []string{"claims", "userInfo"} {
				if got := victim.call(agent, "GET", endpoint, nil); got.StatusCode != 401 {
					t.Errorf("%s: got %d %s", endpoint, got.StatusCode, got.text)
				}
			}
			// This also holds in the middle of a session. A cookie with a Domain can be
			// overwritten: then the user is signed out.
			user := "victor"
			if options.Domain != "" {
				user = ""
			}
			victim.signIn(agent, "victor")
			plant()
			victim.is(agent, user)
			for range 3 {
				victim.call(agent, "GET", "session", nil)
			}
			for _, c := range victim.jar {
				for _, theirs := range attacker.jar {
					if c.Name == theirs.Name && c.Value == theirs.Value && c.Path != "/oauth-agent/session" {
						t.Errorf("planted %s; Domain=%s; Path=%s is still there", c.Name, c.Domain, c.Path)
					}
				}
			}
			victim.is(agent, user)
			victim.call(agent, "POST", "logout", nil)
			plant()
			victim.is(agent, "")
		})
	}
}

// A sibling host cannot plant a pending login either. With one, the victim's
// browser would end the attacker's login.
func TestSiblingCannotPlantALogin(t *testing.T) {
	for name, options := range map[string]cookie.Options{"path": pathAgent, "domain": domainAgent, "curity": {Prefix: "example", Curity: true}} {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t)
			agent := b.agentWith(options)
			b.call(agent, "POST", "login/start", nil)
			for _, c := range b.jar {
				if strings.Contains(c.Name, "-login-") && !strings.HasPrefix(c.Name, "__Host-") {
					t.Errorf("a sibling host can set %s", c.Name)
				}
			}
		})
	}
}

// After a change of the configuration a second user signs in and out. The first
// user does not come back.
func TestConfigurationsFollowEachOther(t *testing.T) {
	all := map[string]cookie.Options{
		"default": hostOnlyAgent, "path": pathAgent, "domain": domainAgent, "domain and path": bothAgent,
		"another domain": {Domain: apiHost}, "another path": {BasePath: "/oauth-agent/session"},
		"curity": {Curity: true}, "curity with domain": {Curity: true, Domain: "example.com"},
	}
	for first, before := range all {
		for second, after := range all {
			if first == second || second == "another path" {
				continue
			}
			t.Run(first+" to "+second, func(t *testing.T) {
				b := newBrowser(t)
				b.signIn(b.agentWith(before), "alma")
				agent := b.agentWith(after)
				b.signIn(agent, "bert")
				b.is(agent, "bert")
				b.call(agent, "POST", "logout", nil)
				b.is(agent, "")
				var left []string
				for _, c := range b.jar {
					left = append(left, c.Name+" of "+c.Domain+c.Path)
				}
				// Former cookies with another path must be listed, or the agent cannot find
				// them.
				if len(left) > 0 && first != "another path" && !after.Curity {
					t.Errorf("left over: %s", left)
				}
			})
		}
	}
}

// Cookies of listed configurations are removed, also if they do not open.
func TestFormerCookiesAreRemoved(t *testing.T) {
	b := newBrowser(t)
	b.signIn(b.agentWith(cookie.Options{Prefix: "shop", BasePath: "/v1/oauth-agent"}), "alma")
	b.plant(&http.Cookie{Name: "th-at", Value: "of-a-lost-key", Domain: "example.com", Path: "/v1/oauth-agent"})
	for _, c := range b.jar {
		c.Path = strings.Replace(c.Path, "/v1", "", 1) // as the agent's host sees it
	}
	agent := b.agentWith(cookie.Options{Former: []string{"shop", "example.com", "/oauth-agent"}})
	b.signIn(agent, "bert")
	for _, c := range b.jar {
		if !strings.HasPrefix(c.Name, "__Host-th-") {
			t.Errorf("left over: %s of %s%s", c.Name, c.Domain, c.Path)
		}
	}
}

// Cookies that are removed anyway do not count against the budget.
func TestLeftoversDoNotCountAgainstTheBudget(t *testing.T) {
	b := newBrowser(t)
	b.tokensOf(4000)
	b.signIn(b.agentWith(hostOnlyAgent), "alma")
	b.signIn(b.agentWith(domainAgent), "alma")
	b.is(b.agent, "alma")
}

// Two deployments of one prefix, one below the other's domain.
func TestDeploymentsDoNotDisturbEachOther(t *testing.T) {
	for name, key := range map[string]string{"two keys": otherKey, "one key": currentKey} {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t)
			staging := b.agentWith(cookie.Options{Domain: apiHost, Deployment: "https://login.example.com staging"})
			production := b.agentWith(domainAgent, func(c *Config) {
				ring, err := cookie.NewRing(key)
				if err != nil {
					t.Fatal(err)
				}
				c.Ring = ring
			})
			b.signIn(production, "alma")
			productionCSRF := b.csrf
			b.signIn(staging, "bert")
			b.is(staging, "bert")
			b.csrf = productionCSRF
			// The host-only anchors have one name, so one of the two wins here. On hosts
			// of their own each deployment keeps its own. Staging removes no cookie of
			// production.
			for _, kind := range []string{"at", "auth", "id", "csrf"} {
				if !slices.ContainsFunc(b.jar, func(c *http.Cookie) bool { return c.Domain == ".example.com" && c.Name == "__Secure-th-"+kind }) {
					t.Errorf("production lost its %s cookie", kind)
				}
			}
		})
	}
}

// A foreign cookie with the refresh token's name ends no session, and sign-out
// revokes the right token.
func TestForeignCookieEndsNoSession(t *testing.T) {
	b := newBrowser(t)
	agent := b.agentWith(pathAgent)
	b.signIn(agent, "alma")
	b.plant(&http.Cookie{Name: "__Secure-th-auth", Value: "foreign", Domain: "example.com", Path: "/oauth-agent", Secure: true})
	revoked := b.revocation(oauthtest.Answer(200, "text/plain", ""))
	agent = b.agentWith(pathAgent) // that knows the endpoint
	b.is(agent, "alma")
	if got := b.call(agent, "POST", "logout", nil); got.StatusCode != 200 || len(*revoked) != 1 {
		t.Errorf("logout: got %d, %d revocations", got.StatusCode, len(*revoked))
	}
}

// Curity's own agent on the same host: its cookies have a Domain, and paths of
// their own for the refresh token and the ID token.
func TestCurityAgentOnTheSameHost(t *testing.T) {
	b := newBrowser(t)
	agent := b.agentWith(cookie.Options{Prefix: "th", Curity: true})
	theirs := func() {
		b.plant(&http.Cookie{Name: "th-at", Value: foreign(t, "access-of-another-agent"), Domain: "example.com", Path: "/"})
		b.plant(&http.Cookie{Name: "th-csrf", Value: foreign(t, strings.Repeat("0", 64)), Domain: "example.com", Path: "/"})
		b.plant(&http.Cookie{Name: "th-auth", Value: foreign(t, "refresh"), Domain: "example.com", Path: "/oauth-agent/refresh"})
		b.plant(&http.Cookie{Name: "th-id", Value: foreign(t, "a.b.c"), Domain: "example.com", Path: "/oauth-agent/claims"})
	}
	theirs()
	b.signIn(agent, "alma")
	b.is(agent, "alma")
	theirs()
	b.is(agent, "alma")
	if got := b.call(agent, "GET", "claims", nil); got.StatusCode != 200 {
		t.Errorf("claims: got %d %s", got.StatusCode, got.text)
	}
	if got := b.call(agent, "POST", "logout", nil); got.StatusCode != 200 {
		t.Errorf("logout: got %d %s", got.StatusCode, got.text)
	}
	b.is(agent, "")
	for _, c := range b.jar {
		if c.Path == "/" || c.Path == "/oauth-agent" {
			t.Errorf("after logout: left over %s of %s%s", c.Name, c.Domain, c.Path)
		}
	}
}

// Sessions from before version 3 go on. Their next refresh seals them in
// version 3.
func TestOldSessionsGoOn(t *testing.T) {
	for name, options := range map[string]cookie.Options{"default": hostOnlyAgent, "path": pathAgent, "domain": domainAgent} {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t)
			agent := b.agentWith(options)
			b.signIn(agent, "alma")
			sealer, err := sealedtest.New(currentKey, sealedtest.Deployment{Name: "https://login.example.com spa", Domain: options.Domain, BasePath: options.BasePath})
			if err != nil {
				t.Fatal(err)
			}
			b.jar = slices.DeleteFunc(b.jar, func(c *http.Cookie) bool { return c.Name == "__Host-th-session" })
			for _, c := range b.jar {
				content, err := sealer.Open(c.Name, c.Value)
				if err != nil {
					t.Fatalf("%s: %v", c.Name, err)
				}
				c.Value = sealer.SealVersion2(c.Name, content)
			}
			b.is(agent, "alma")
			for _, c := range b.jar {
				if _, err := sealer.Open(c.Name, c.Value); err != nil {
					t.Errorf("after a refresh %s is not of version 3: %v", c.Name, err)
				}
			}
			if options.Domain != "" && !slices.ContainsFunc(b.jar, func(c *http.Cookie) bool { return c.Name == "__Host-th-session" }) {
				t.Error("after a refresh the session has no anchor")
			}
			b.is(agent, "alma")
		})
	}
}

package e2e

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// withDBSC has Chromium bind sessions with keys in software: on Linux there are
// no others. Without the quota it stops after a few signatures.
var withDBSC = chromedp.Flag("enable-features", "DeviceBoundSessions:RefreshQuota/false,EnableBoundSessionCredentialsSoftwareKeysForManualTesting")

const (
	deviceCookie   = "__Host-th-device"
	deviceRegister = "/oauth-agent/device/register"
	deviceRefresh  = "/oauth-agent/device/refresh"
)

// office is a second client on the API of [TestDeviceBinding]. Its sessions may
// be bound, and last beyond the browser. Its settings are others than those of
// the stage's own client. It returns from sign-in to a page without scripts.
const office = `clients={"office":{"agentPath":"/office-agent","cookiePrefix":"office","origins":["{www}"],
	"deviceBinding":"offer","cookieLifetime":"1h","cookieBasePath":"/office-agent","usePhantomToken":true,"introspectionUrl":"{back}/token/introspection","introspectionMediaType":"application/json",
	"issuer":"{login}","clientId":"office-client","scope":"openid profile offline_access","redirectUri":"{www}/style.css",
	"authorizeEndpoint":"{login}/auth","tokenEndpoint":"{back}/token","userInfoEndpoint":"{back}/me","jwksEndpoint":"{back}/jwks",
	"logoutEndpoint":"{login}/session/end","revocationEndpoint":"{back}/token/revocation",
	"routes":[{"path":"/reports","methods":["GET"],"upstream":"{upstream}/orders"}]}}`

// TestDeviceBinding runs a deployment whose sessions must be bound to a device,
// with several trusted origins, previews and a second client. Chromium ignores
// the headers of device binding on plain http, so this run serves https.
func TestDeviceBinding(t *testing.T) {
	findBrowser(t)
	// The CDK CLI ends a value at the end of its line.
	s := startOver(t, true, "-c", "deviceBinding=required", "-c", "tokenMediation=true", "-c", "origins={www},{shop}", "-c", "otherRedirectUris={shop}/",
		"-c", "previewOrigin={previews}", "-c", strings.Join(strings.Fields(office), " "))
	g := newGate(t, s)
	secrets := &wire{}

	profile := chromedp.UserDataDir(t.TempDir())
	lasting := openTab(t, withDBSC, g.flag, profile)
	ids := map[string]string{}
	t.Run("two clients", func(t *testing.T) { twoBoundClients(t, s, g, lasting, ids) })
	// The longest wait runs beside the other tests.
	given := slowRefresh(t, s, g, lasting, ids["/orders"])

	t.Run("proofs", func(t *testing.T) { deviceProofs(t, s, secrets) })
	t.Run("a bound session", func(t *testing.T) { boundSession(t, s, g) })
	t.Run("without device binding in the browser", func(t *testing.T) { unableBrowser(t, s, g) })

	t.Run("no answer", func(t *testing.T) {
		given(t)
		if got := lasting.asks(t, "GET", s.api+"/orders"); got != "200" {
			t.Errorf("the next call: got %s", got)
		}
	})
	t.Run("restart of the browser", func(t *testing.T) {
		if err := chromedp.Cancel(lasting.Context); err != nil {
			t.Fatal(err)
		}
		restarted(t, s, g, openTab(t, withDBSC, g.flag, profile), ids)
	})
	if err := s.stop(); err != nil {
		t.Errorf("after Ctrl-C: %v\n%s", err, s.output.String())
	}
	t.Run("the output", func(t *testing.T) {
		secrets.check(t, s.output.String())
		deviceMetrics(t, s.output.String())
	})
}

// twoBoundClients signs in at both clients of the deployment. The browser binds
// each session, and renews each device cookie at its own agent.
func twoBoundClients(t *testing.T, s *system, g *gate, p *tab, ids map[string]string) {
	p.signInAt(t, s.www)
	p.waitForCookie(t, s, deviceCookie)
	p.signInAtOffice(t, s)
	p.waitForCookie(t, s, "__Host-office-device")

	for path, name := range map[string]string{"/orders": deviceCookie, "/reports": "__Host-office-device"} {
		from := g.count()
		p.deleteCookie(t, s, name)
		if got := p.asks(t, "GET", s.api+path); got != "200" {
			t.Errorf("GET %s: got %s", path, got)
		}
		own, other := deviceRefresh, "/office-agent/device/refresh"
		if path == "/reports" {
			own, other = other, own
		}
		renewed := g.since(from, own)
		if len(renewed) != 1 || renewed[0].status != 200 || len(g.since(from, other)) != 0 {
			t.Fatalf("renewals for %s: got %v, and of the other client %v", path, renewed, g.since(from, other))
		}
		ids[path] = renewed[0].session
	}
	if ids["/orders"] == ids["/reports"] {
		t.Error("the sessions of two clients have one name")
	}
}

// slowRefresh has the page make a call while device/refresh does not answer. The
// function that it returns waits for the browser to give up.
func slowRefresh(t *testing.T, s *system, g *gate, p *tab, session string) func(*testing.T) {
	t.Helper()
	var gaveUp atomic.Bool
	g.at(session, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		<-r.Context().Done()
		gaveUp.Store(true)
	})
	p.deleteCookie(t, s, deviceCookie)
	value(t, p, "a call", chromedp.Evaluate[string](`window.outcome = ""; `+asking("GET", s.api+"/orders")+`.then(r => { window.outcome = r }); "asked"`))
	return func(t *testing.T) {
		got := p.where(t, `window.outcome`)
		if got != "401 device_proof_unavailable" || !gaveUp.Load() {
			t.Errorf("got %s, and the browser gave up: %t", got, gaveUp.Load())
		}
		g.at(session, nil)
	}
}

// boundSession is the life of a bound session, from a sign-in at the second
// trusted origin.
func boundSession(t *testing.T, s *system, g *gate) {
	shop, preview := strings.Replace(s.www, "www.", "shop.", 1), strings.Replace(s.www, "www.", "preview.preview.", 1)
	p := openTab(t, withDBSC, g.flag)
	// The page must be loaded anew, or have made no call.
	orders := func(what string) {
		t.Helper()
		p.run(t, what, click("#load-orders"), until(`document.querySelector('#received').textContent.includes('active')`))
	}
	// renews has the device cookie end: the next call waits for a proof and
	// succeeds.
	renews := func(t *testing.T, what string) string {
		t.Helper()
		p.run(t, "reload", chromedp.Reload(), state("signed-in"))
		from := g.count()
		p.deleteCookie(t, s, deviceCookie)
		orders(what)
		renewed := slices.DeleteFunc(g.since(from, deviceRefresh), func(r passed) bool { return r.status == 0 }) // that of [slowRefresh]
		if len(renewed) != 1 || renewed[0].status != 200 {
			t.Fatalf("%s: the browser sent the proofs %v", what, renewed)
		}
		return renewed[0].session
	}
	from := g.count()
	p.signInAt(t, shop)
	p.waitForCookie(t, s, deviceCookie)
	orders("orders load in the new session")
	p.run(t, "the page shows it", until(`document.querySelector('#device').textContent.includes('is bound')`))
	if got := g.since(from, deviceRegister); len(got) != 1 || got[0].status != 200 {
		t.Fatalf("registrations: got %v", got)
	}
	id := renews(t, "orders load at the second origin")
	for _, page := range []string{preview, strings.Replace(s.www, "www.", "pr-8.preview.", 1), s.www} {
		p.run(t, page, chromedp.Navigate(page), state("signed-in"))
		if got := renews(t, "orders load at "+page); got != id {
			t.Errorf("%s renewed the session %s, want %s", page, got, id)
		}
	}

	t.Run("two tabs", func(t *testing.T) {
		other := p.another(t)
		other.run(t, "another tab", chromedp.Navigate(s.www), state("signed-in"))
		from := g.count()
		p.deleteCookie(t, s, deviceCookie)
		answers := make(chan string)
		for _, tab := range []*tab{p, other} {
			go func() { answers <- tab.asks(t, "GET", s.api+"/orders") }()
		}
		if one, two := <-answers, <-answers; one != "200" || two != "200" {
			t.Errorf("got %s and %s", one, two)
		}
		if got := g.since(from, id); len(got) != 1 {
			t.Errorf("the browser sent the proofs %v, want one", got)
		}
	})

	t.Run("500 answers", func(t *testing.T) {
		var failures atomic.Int32
		g.at(id, func(w http.ResponseWriter, r *http.Request, api http.Handler) {
			if failures.Add(1) <= 3 {
				w.WriteHeader(500)
				return
			}
			api.ServeHTTP(w, r)
		})
		defer g.at(id, nil)
		p.run(t, "reload", chromedp.Reload(), state("signed-in"))
		p.deleteCookie(t, s, deviceCookie)
		orders("orders load in the end")
		if got := failures.Load(); got != 4 {
			t.Errorf("the browser sent %d proofs, want 4", got)
		}
	})

	t.Run("a slow answer", func(t *testing.T) {
		g.at(id, func(w http.ResponseWriter, r *http.Request, api http.Handler) {
			time.Sleep(time.Second)
			api.ServeHTTP(w, r)
		})
		defer g.at(id, nil)
		renews(t, "orders load after the answer")
	})

	t.Run("copied cookies", func(t *testing.T) { copiedCookies(t, s, g, p) })
	if got := p.asks(t, "GET", s.api+"/orders"); got != "200" {
		t.Errorf("on the device: got %s", got)
	}

	t.Run("a second sign-in", func(t *testing.T) {
		p.run(t, "to the provider", chromedp.Navigate(p.startLogin(t, s, "/oauth-agent")), visible(`button[type="submit"]`))
		p.run(t, "and back", click(`button[type="submit"]`), state("signed-in"),
			until(`document.querySelector('#device').textContent.includes('is bound')`))
		from := g.count()
		for range 2 {
			p.deleteCookie(t, s, deviceCookie)
			if got := p.asks(t, "GET", s.api+"/orders"); got != "200" {
				t.Errorf("GET /orders: got %s", got)
			}
		}
		// The browser forgets the first session at its first proof.
		first, both := g.since(from, id), g.since(from, deviceRefresh)
		second := slices.DeleteFunc(slices.Clone(both), func(r passed) bool { return r.session == id || r.status == 0 })
		if len(first) > 1 || len(second) != 2 || second[0].session != second[1].session {
			t.Fatalf("proofs of the first session: %v, of the second: %v", first, second)
		}
		id = second[0].session
	})

	// A throttle's answer ends the binding. Then the user must sign in.
	t.Run("429 answer", func(t *testing.T) {
		g.at(id, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(429) })
		defer g.at(id, nil)
		p.deleteCookie(t, s, deviceCookie)
		p.run(t, "the session ends in the page", click("#load-orders"), state("signed-out"))
	})

	t.Run("sign-out during a registration", func(t *testing.T) { signOutDuringRegistration(t, s, g, p) })
	t.Run("sign-out during a refresh", func(t *testing.T) { signOutDuringRefresh(t, s, g, p, preview) })
	p.complained(t)
}

// copiedCookies copies all cookies into another browser. They work there until
// the device cookie ends.
func copiedCookies(t *testing.T, s *system, g *gate, p *tab) {
	thief := openTab(t, g.flag)
	thief.run(t, "another browser", chromedp.Navigate(s.www), state("signed-out"))
	thief.setCookies(t, s, p.apiCookies(t, s))
	thief.run(t, "the copy works at first", chromedp.Reload(), state("signed-in"), click("#load-orders"),
		until(`document.querySelector('#received').textContent.includes('active')`))
	thief.deleteCookie(t, s, deviceCookie)
	for _, request := range []struct{ method, path string }{
		{"GET", "/orders"}, {"POST", "/oauth-agent/refresh"}, {"POST", "/oauth-agent/token"},
		{"GET", "/oauth-agent/userInfo"}, {"GET", "/oauth-agent/claims"},
	} {
		if got := thief.asks(t, request.method, s.api+request.path); got != "401 device_proof_required" {
			t.Errorf("%s %s with copied cookies: got %s, want 401 device_proof_required", request.method, request.path, got)
		}
	}
}

// signOutDuringRegistration signs out while the answer of a registration is on
// its way.
func signOutDuringRegistration(t *testing.T, s *system, g *gate, p *tab) {
	released, sent := make(chan struct{}), make(chan struct{})
	g.at(deviceRegister, func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		answer := &held{header: http.Header{}}
		api.ServeHTTP(answer, r)
		<-released
		for name, values := range answer.header {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.status)
		w.Write(answer.body)
		close(sent)
	})
	defer g.at(deviceRegister, nil)
	p.run(t, "sign in", click("#sign-in"), visible(`button[type="submit"]`), click(`button[type="submit"]`), state("signed-in"))
	p.run(t, "sign out", click("#sign-out"), visible(`button[name="logout"]`), click(`button[name="logout"]`), state("signed-out"))
	close(released)
	<-sent
	p.waitForCookie(t, s, deviceCookie)
	// The answer brings cookies. The provider has revoked all their tokens, which
	// the upstream API notices, and so does the authorizer with a table of sessions.
	want := "401 invalid_token"
	if withTable {
		want = "401 unauthorized_request"
	}
	if got := p.asks(t, "GET", s.api+"/orders"); got != want {
		t.Errorf("GET /orders with the late cookies: got %s, want %s", got, want)
	}
	if got := p.asks(t, "POST", s.api+"/oauth-agent/refresh"); got != "401 session_expired" {
		t.Errorf("refresh with the late cookies: got %s", got)
	}
	p.run(t, "the page removes them", chromedp.Navigate(s.www), state("signed-out"))
	if left := p.apiCookies(t, s); len(left) != 0 {
		t.Errorf("%d cookies left", len(left))
	}
}

// held keeps a response.
type held struct {
	header http.Header
	status int
	body   []byte
}

func (h *held) Header() http.Header    { return h.header }
func (h *held) WriteHeader(status int) { h.status = status }
func (h *held) Write(b []byte) (int, error) {
	h.body = append(h.body, b...)
	return len(b), nil
}

// signOutDuringRefresh signs out while a proof is on its way. The browser binds
// the session of the next sign-in anew.
func signOutDuringRefresh(t *testing.T, s *system, g *gate, p *tab, page string) {
	p.signInAt(t, page)
	p.waitForCookie(t, s, deviceCookie)
	g.at(deviceRefresh, func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		time.Sleep(time.Second)
		api.ServeHTTP(w, r)
	})
	defer g.at(deviceRefresh, nil)
	from := g.count()
	p.deleteCookie(t, s, deviceCookie)
	p.run(t, "sign out during a call", click("#load-orders"), click("#sign-out"), visible(`button[name="logout"]`))
	p.run(t, "and at the provider", click(`button[name="logout"]`), state("signed-out"))
	if got := g.since(from, deviceRefresh); len(got) == 0 {
		t.Error("the browser sent no proof")
	}
	for _, when := range []string{"after sign-out", "after a reload"} {
		if left := p.apiCookies(t, s); len(left) != 0 {
			t.Errorf("%s: %d cookies", when, len(left))
		}
		if got := p.asks(t, "GET", s.api+"/orders"); got != "401 unauthorized_request" {
			t.Errorf("%s: GET /orders: got %s", when, got)
		}
		p.run(t, "reload", chromedp.Reload(), state("signed-out"))
	}
}

// unableBrowser signs in with a browser that does not bind sessions.
func unableBrowser(t *testing.T, s *system, g *gate) {
	p := openTab(t, g.flag)
	p.signInAt(t, s.www)
	p.run(t, "required: orders do not load", click("#load-orders"),
		until(`document.querySelector('#status').textContent.includes('device_binding_required')`),
		until(`document.querySelector('#device').textContent.includes('not bound')`))
	p.signInAtOffice(t, s)
	if got := p.asks(t, "GET", s.api+"/reports"); got != "200" {
		t.Errorf("offered: GET /reports: got %s", got)
	}
}

// restarted is the browser after a restart. The cookies of one session have
// ended with the browser, those of the other have not.
func restarted(t *testing.T, s *system, g *gate, p *tab, ids map[string]string) {
	from := g.count()
	p.run(t, "the session has ended with the browser", chromedp.Navigate(s.www), state("signed-out"))
	for _, name := range []string{deviceCookie, "__Host-office-device"} {
		p.deleteCookie(t, s, name)
	}
	if got := p.asks(t, "GET", s.api+"/orders"); got != "401 unauthorized_request" {
		t.Errorf("GET /orders: got %s", got)
	}
	if got := p.asks(t, "GET", s.api+"/reports"); got != "200" {
		t.Errorf("GET /reports: got %s", got)
	}
	for path, id := range map[string]string{deviceRefresh: ids["/orders"], "/office-agent/device/refresh": ids["/reports"]} {
		// The browser has forgotten the challenge for its next proof.
		got := g.since(from, path)
		if len(got) == 0 || got[len(got)-1].status != 200 || slices.ContainsFunc(got, func(r passed) bool { return r.session != id }) {
			t.Errorf("%s: got %v, want requests for session %s", path, got, id)
		}
	}
	if slices.ContainsFunc(p.apiCookies(t, s), func(c *network.Cookie) bool { return strings.HasPrefix(c.Name, "__Host-th-") }) {
		t.Error("the session that ended has a cookie")
	}
	// The browser has forgotten the key of the session that ended.
	from = g.count()
	p.run(t, "reload", chromedp.Reload(), state("signed-out"))
	if got := g.since(from, deviceRefresh); len(got) != 0 {
		t.Errorf("after the end: got %v", got)
	}
}

// signInAt signs in at a page of the sample application.
func (p *tab) signInAt(t *testing.T, page string) {
	t.Helper()
	p.run(t, "sign in", chromedp.Navigate(page), state("signed-out"), click("#sign-in"), visible(`input[name="login"]`))
	p.logIn(t)
	p.run(t, "signed in", state("signed-in"))
}

// signInAtOffice signs in at the client office, from a page of the sample
// application. The provider knows the user from the other client.
func (p *tab) signInAtOffice(t *testing.T, s *system) {
	t.Helper()
	p.run(t, "consent", chromedp.Navigate(p.startLogin(t, s, "/office-agent")), visible(`button[type="submit"]`), click(`button[type="submit"]`))
	p.where(t, `location.pathname === "/style.css" ? "back" : ""`)
	if !value(t, p, "login/end", chromedp.Evaluate[bool](posting(s.api+"/office-agent/login/end", `location.search.slice(1)`)+`.then(b => b.is_logged_in)`, chromedp.EvalAwaitPromise)) {
		t.Fatal("office: the sign-in failed")
	}
}

// startLogin has the page begin a login, and returns the provider's URL.
func (p *tab) startLogin(t *testing.T, s *system, agent string) string {
	t.Helper()
	return value(t, p, "login/start", chromedp.Evaluate[string](posting(s.api+agent+"/login/start", `""`)+`.then(b => b.authorization_url)`, chromedp.EvalAwaitPromise))
}

func posting(url, body string) string {
	return `fetch("` + url + `", {method: "POST", credentials: "include", body: ` + body + `,
		headers: {"token-handler-version": "1", "content-type": "application/x-www-form-urlencoded"}}).then(r => r.json())`
}

// where waits until an expression is a text that is not empty, and returns it.
// Unlike [until], it survives navigations and works in hidden tabs.
func (p *tab) where(t *testing.T, expression string) string {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(p.Context, 20*time.Second)
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
		cancel()
		if err == nil && got != "" {
			return got
		}
	}
	t.Fatalf("%s stays empty", expression)
	return ""
}

// asks has the page send a request, and returns the status and the code of the
// response.
func (p *tab) asks(t *testing.T, method, url string) string {
	t.Helper()
	return value(t, p, method+" "+url, chromedp.Evaluate[string](asking(method, url), chromedp.EvalAwaitPromise))
}

func asking(method, url string) string {
	return `fetch("` + url + `", {method: "` + method + `", credentials: "include", headers: {"token-handler-version": "1"}})
		.then(async r => (r.status + " " + ((await r.json()).code ?? "")).trim())`
}

func (p *tab) waitForCookie(t *testing.T, s *system, name string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if slices.ContainsFunc(p.apiCookies(t, s), func(c *network.Cookie) bool { return c.Name == name }) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the browser has no cookie %s\n%s", name, s.output.String()[max(0, len(s.output.String())-3000):])
		}
	}
}

func (p *tab) deleteCookie(t *testing.T, s *system, name string) {
	t.Helper()
	_, err := chromedp.Call(p.Context, network.DeleteCookies, network.DeleteCookiesParams{Name: name, URL: s.api})
	if err != nil {
		t.Fatal(err)
	}
}

// setCookies copies cookies of the API into the browser.
func (p *tab) setCookies(t *testing.T, s *system, jar []*network.Cookie) {
	t.Helper()
	yes := true
	for _, c := range jar {
		if _, err := chromedp.Call(p.Context, network.SetCookie, network.SetCookieParams{
			Name: c.Name, Value: c.Value, URL: s.api, Path: "/", Secure: &yes, HTTPOnly: &yes, SameSite: network.CookieSameSiteStrict,
		}); err != nil {
			t.Fatal(err)
		}
	}
}

package e2e

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// withDBSC has Chromium bind sessions with keys in software: on Linux there are
// no others. Without the quota it stops after a few signatures.
var withDBSC = chromedp.Flag("enable-features", "DeviceBoundSessions:RefreshQuota/false,EnableBoundSessionCredentialsSoftwareKeysForManualTesting")

const deviceCookie = "__Host-th-device"

// TestDeviceBinding signs in with Chromium, which binds the session by itself,
// and copies its cookies into another browser. Chromium ignores the headers on
// plain http, so this run serves https.
func TestDeviceBinding(t *testing.T) {
	findBrowser(t)
	before := overTLS
	overTLS = true
	t.Cleanup(func() { overTLS = before })
	s := start(t, "-c", "deviceBinding=offer", "-c", "tokenMediation=true")

	p := openTab(t, withDBSC)
	p.run(t, "sign in", chromedp.Navigate(s.www), state("signed-out"), click("#sign-in"), visible(`input[name="login"]`),
		enter(`input[name="login"]`, demoUser), enter(`input[name="password"]`, demoPassword),
		chromedp.Submit(chromedp.CSS(`input[name="password"]`)),
		chromedp.WaitNotPresent(chromedp.CSS(`input[name="password"]`)),
		visible(`button[type="submit"]`), click(`button[type="submit"]`), state("signed-in"))
	jar := p.waitForCookie(t, s, deviceCookie)
	t.Logf("bound; %d cookies", len(jar))

	orders := func(what string) {
		t.Helper()
		p.run(t, what, click("#load-orders"), until(`document.querySelector('#received').textContent.includes('active')`))
	}
	p.run(t, "the page tells", until(`document.querySelector('#device').textContent.includes('is bound')`))
	orders("orders load in the bound session")

	// The device cookie ends: the next call waits for a proof and succeeds.
	p.run(t, "reload", chromedp.Reload(), state("signed-in"))
	p.deleteCookie(t, s, deviceCookie)
	orders("orders load after the device cookie ended")
	renewed := p.waitForCookie(t, s, deviceCookie)

	// All cookies copied: they work for as long as the device cookie lasts.
	thief := openTab(t)
	thief.run(t, "another browser", chromedp.Navigate(s.www), state("signed-out"))
	thief.setCookies(t, s, renewed)
	thief.run(t, "the copy works at first", chromedp.Reload(), state("signed-in"), click("#load-orders"),
		until(`document.querySelector('#received').textContent.includes('active')`))
	thief.deleteCookie(t, s, deviceCookie)
	for _, request := range []struct{ method, path string }{
		{"GET", "/orders"}, {"POST", "/oauth-agent/refresh"}, {"POST", "/oauth-agent/token"},
		{"GET", "/oauth-agent/userInfo"}, {"GET", "/oauth-agent/claims"},
	} {
		code := value(t, thief, request.path, chromedp.Evaluate[string](`fetch("`+s.api+request.path+`", {method: "`+request.method+`", credentials: "include",
			headers: {"token-handler-version": "1"}}).then(async r => r.status + " " + (await r.json()).code)`, chromedp.EvalAwaitPromise))
		if code != "401 device_proof_required" {
			t.Errorf("%s %s with copied cookies: got %s, want 401 device_proof_required", request.method, request.path, code)
		}
	}
	orders("orders still load on the device")

	// After sign-out the browser's own refresh binds nothing.
	p.run(t, "sign out", click("#sign-out"), visible(`button[name="logout"]`), click(`button[name="logout"]`), state("signed-out"))
	if left := p.apiCookies(t, s); len(left) != 0 {
		t.Errorf("%d cookies left after sign-out", len(left))
	}
	p.run(t, "reload", chromedp.Reload(), state("signed-out"))
	if left := p.apiCookies(t, s); len(left) != 0 {
		t.Errorf("%d cookies came back after sign-out", len(left))
	}
	// Another sign-in is another session, which is bound anew.
	p.run(t, "sign in again", click("#sign-in"), visible(`input[name="login"]`),
		enter(`input[name="login"]`, demoUser), enter(`input[name="password"]`, demoPassword),
		chromedp.Submit(chromedp.CSS(`input[name="password"]`)), chromedp.WaitNotPresent(chromedp.CSS(`input[name="password"]`)),
		visible(`button[type="submit"]`), click(`button[type="submit"]`), state("signed-in"))
	p.waitForCookie(t, s, deviceCookie)
	orders("orders load in the second bound session")
	p.complained(t)
}

// TestDeviceBindingRequired signs in with a browser that binds the session, and
// with one that cannot.
func TestDeviceBindingRequired(t *testing.T) {
	findBrowser(t)
	before := overTLS
	overTLS = true
	t.Cleanup(func() { overTLS = before })
	s := start(t, "-c", "deviceBinding=required")
	signIn := func(p *tab) {
		p.run(t, "sign in", chromedp.Navigate(s.www), state("signed-out"), click("#sign-in"), visible(`input[name="login"]`),
			enter(`input[name="login"]`, demoUser), enter(`input[name="password"]`, demoPassword),
			chromedp.Submit(chromedp.CSS(`input[name="password"]`)), chromedp.WaitNotPresent(chromedp.CSS(`input[name="password"]`)),
			visible(`button[type="submit"]`), click(`button[type="submit"]`), state("signed-in"))
	}
	able := openTab(t, withDBSC)
	signIn(able)
	able.run(t, "orders load in the bound session", click("#load-orders"), until(`document.querySelector('#received').textContent.includes('active')`))
	able.complained(t)

	unable := openTab(t)
	signIn(unable)
	unable.run(t, "orders do not load without binding", click("#load-orders"),
		until(`document.querySelector('#status').textContent.includes('device_binding_required')`),
		until(`document.querySelector('#device').textContent.includes('not bound')`))
}

func (p *tab) waitForCookie(t *testing.T, s *system, name string) []*network.Cookie {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		jar := p.apiCookies(t, s)
		for _, c := range jar {
			if c.Name == name {
				return jar
			}
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

package provider

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/oauth2"
)

// chromium starts a headless browser, or skips the test where there is none. It returns the complaints that the
// browser writes to its console, violations of the Content-Security-Policy among them.
func chromium(t *testing.T) (context.Context, func() []string) {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no chromium in PATH")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(900, 760),
	)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	var mu sync.Mutex
	var complaints []string
	console := chromedp.Console(ctx) // starts the browser, which must not be bound by the time limit of the steps
	go func() {
		for message, err := range console {
			if err != nil {
				return
			}
			mu.Lock()
			complaints = append(complaints, message.Text)
			mu.Unlock()
		}
	}()
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	return ctx, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return complaints
	}
}

// screenshot takes a picture of the page, if the variable SCREENSHOTS names a folder for it.
func screenshot(name string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		dir := os.Getenv("SCREENSHOTS")
		if dir == "" {
			return nil
		}
		picture, err := chromedp.CaptureScreenshot()(ctx, target)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600)
	})
}

// TestBrowser makes the journey in a real browser, which enforces more than an HTTP client does: the policy of the pages,
// form-action on the redirects after a form, and SameSite.
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	ctx, complaints := chromium(t)
	arrived := make(chan *url.URL, 10)
	spa := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/favicon.ico" {
			arrived <- r.URL
		}
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(`<!doctype html><link rel="icon" href="data:,"><title>app</title><p id="app">the application</p>`))
	}))
	t.Cleanup(spa.Close)
	_, port, _ := net.SplitHostPort(spa.Listener.Addr().String())
	app := "http://www.example.localhost:" + port

	_, cfg, _ := start(t, func(c *Config) {
		c.Clients[0].Name = "Orders"
		c.Clients[0].RedirectURIs = []string{app + "/callback"}
		c.Clients[0].PostLogoutRedirectURIs = []string{app + "/"}
	})
	r := newRP(t, cfg.Issuer)
	r.oauth.RedirectURL = app + "/callback"
	verifier := oauth2.GenerateVerifier()
	address := r.oauth.AuthCodeURL("st-1", oauth2.S256ChallengeOption(verifier))

	visible, click := chromedp.WaitVisible[chromedp.CSS], chromedp.Click[chromedp.CSS]
	steps := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatalf("%v; the browser says %q", err, complaints())
		}
	}
	steps(chromedp.Navigate(address), visible("#password"), screenshot("login"),
		chromedp.SendKeys(chromedp.CSS("#login"), "zoe"), chromedp.SendKeys(chromedp.CSS("#password"), "wrong\r"),
		visible(".alert"), screenshot("login-wrong"),
		chromedp.SendKeys(chromedp.CSS("#password"), userPassword+"\r"), visible(".scopes"), screenshot("consent"))
	if cookies, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.cookie")); err != nil || cookies != "" {
		t.Errorf("cookies that scripts of the provider can read: got %q, %v", cookies, err)
	}
	steps(click("button:not(.quiet)"), visible("#app"))
	q := (<-arrived).Query()
	if q.Get("state") != "st-1" || q.Get("iss") != cfg.Issuer {
		t.Errorf("callback: got %v", q)
	}
	token, err := r.oauth.Exchange(r.ctx, q.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}

	idToken, _ := token.Extra("id_token").(string)
	logout := r.endpoint(t, "end_session_endpoint") + "?" + url.Values{
		"id_token_hint": {idToken}, "post_logout_redirect_uri": {app + "/"}, "state": {"out"},
	}.Encode()
	steps(chromedp.Navigate(logout), visible("button.quiet"), screenshot("logout"), click("button[name=logout]"), visible("#app"))
	if got := <-arrived; got.Path != "/" || got.Query().Get("state") != "out" {
		t.Errorf("after logout: got %v", got)
	}
	// With no session left the provider's one script submits the form by itself.
	steps(chromedp.Navigate(logout), visible("#app"))
	if got := <-arrived; got.Path != "/" || got.Query().Get("state") != "out" {
		t.Errorf("after a second logout: got %v", got)
	}
	steps(chromedp.Navigate(cfg.Issuer+"/session/end/success"), visible("h1"), screenshot("signed-out"))
	for _, text := range complaints() {
		if !strings.Contains(text, "403") { // the status of the page with the alert
			t.Errorf("the browser complains: %s", text)
		}
	}
	steps(chromedp.Navigate(cfg.Issuer+"/auth?client_id=nobody"), visible("code"), screenshot("error"))
}

package e2e

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// requireBrowser is the environment variable under which a missing browser is
// a failure: .ci/run sets it. screenshots names a folder to keep pictures in.
const (
	requireBrowser = "E2E_REQUIRE_BROWSER"
	screenshots    = "E2E_SCREENSHOTS"
)

func findBrowser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv(requireBrowser) != "" {
		t.Fatalf("no Chromium on the PATH, and %s is set", requireBrowser)
	}
	t.Skip("no Chromium on the PATH: install it to run the journey in a browser")
	return ""
}

// tab is a page in a fresh browser, with its errors.
type tab struct {
	context.Context

	mu       sync.Mutex
	problems []string
}

// step is an action without a result.
type step = chromedp.Action[chromedp.Void]

// openTab opens a tab with cookies and storage of its own: in the browser that
// the tests share, or, with options for the browser, in a browser of its own.
func openTab(t *testing.T, options ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	path := findBrowser(t)
	if overTLS || len(options) > 0 { // the browser learns the certificates at its start
		options = append(options, chromedp.Flag("ignore-certificate-errors-spki-list", browserPins()))
	}
	if len(options) > 0 {
		ctx, cancel := startBrowser(path, options...)
		t.Cleanup(cancel)
		return watch(ctx)
	}
	shared.once.Do(func() {
		shared.Context, shared.close = startBrowser(path)
		shared.err = chromedp.Do(shared.Context)
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	ctx, cancel := chromedp.NewContext(shared.Context, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	return watch(ctx)
}

// shared is the browser of the tabs that need no browser of their own.
var shared struct {
	context.Context
	once  sync.Once
	err   error
	close func()
}

func startBrowser(path string, more ...chromedp.ExecAllocatorOption) (context.Context, func()) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1280, 1000),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true))
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	ctx, cancel := chromedp.NewContext(allocator)
	return ctx, func() {
		cancel()
		cancelAllocator()
	}
}

// another opens a tab in the same browser.
func (p *tab) another(t *testing.T) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(p.Context)
	t.Cleanup(cancel)
	return watch(ctx)
}

func watch(ctx context.Context) *tab {
	page := &tab{Context: ctx}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			// The page expects a 401, and the browser's log also contains it.
			// Exceptions and requests that the policy blocked are errors.
			if m.IsException() || m.Type == "error" && m.Source != "network" {
				page.mu.Lock()
				page.problems = append(page.problems, m.String())
				page.mu.Unlock()
			}
		}
	}()
	return page
}

// run runs actions and fails with their description.
func (p *tab) run(t *testing.T, what string, steps ...step) {
	t.Helper()
	ctx, cancel := context.WithTimeout(p.Context, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		ctx, cancel := context.WithTimeout(p.Context, 5*time.Second)
		defer cancel()
		url, _ := chromedp.Run(ctx, chromedp.Location())
		text, _ := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
		p.screenshot(t, "failed")
		t.Fatalf("%s: %v\nat %s\n%s", what, err, url, text)
	}
}

func (p *tab) text(t *testing.T, selector string) string {
	t.Helper()
	return strings.TrimSpace(value(t, p, "text of "+selector, chromedp.TextContent(chromedp.CSS(selector))))
}

// value runs an action and returns its value.
func value[T any](t *testing.T, p *tab, what string, action chromedp.Action[T]) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(p.Context, time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return v
}

func (p *tab) screenshot(t *testing.T, name string) {
	t.Helper()
	folder := os.Getenv(screenshots)
	if folder == "" {
		return
	}
	png, err := chromedp.Run(p.Context, chromedp.FullScreenshot(100))
	if err != nil {
		t.Logf("screenshot %s: %v", name, err)
		return
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

func state(name string) step {
	return chromedp.WaitReady(chromedp.CSS(`html[data-state="` + name + `"]`))
}

func click(selector string) step { return chromedp.Click(chromedp.CSS(selector)) }

func visible(selector string) step { return chromedp.WaitVisible(chromedp.CSS(selector)) }

func enter(selector, text string) step { return chromedp.SendKeys(chromedp.CSS(selector), text) }

// until waits for a JavaScript expression to be true.
func until(expression string) step { return chromedp.Poll[chromedp.Void](expression) }

// apiCookies are the browser's cookies for the API.
func (p *tab) apiCookies(t *testing.T, s *system) []*network.Cookie {
	t.Helper()
	ctx, cancel := context.WithTimeout(p.Context, time.Minute)
	defer cancel()
	result, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{s.api}})
	if err != nil {
		t.Fatal(err)
	}
	return result.Cookies
}

// inChromium is the journey of a person at the sample application.
func inChromium(t *testing.T, s *system) {
	p := openTab(t)

	p.run(t, "the application shows the signed-out state",
		chromedp.Navigate(s.www), state("signed-out"), visible("#sign-in"))
	p.screenshot(t, "1-signed-out")

	p.run(t, "sign in leads to the provider",
		click("#sign-in"), visible(`input[name="login"]`))
	p.screenshot(t, "2-login")
	p.run(t, "the provider's login form leads to consent",
		enter(`input[name="login"]`, demoUser),
		enter(`input[name="password"]`, demoPassword),
		chromedp.Submit(chromedp.CSS(`input[name="password"]`)),
		chromedp.WaitNotPresent(chromedp.CSS(`input[name="password"]`)),
		visible(`button[type="submit"]`))
	p.screenshot(t, "3-consent")
	p.run(t, "consent leads back, signed in",
		click(`button[type="submit"]`), state("signed-in"))

	if url := value(t, p, "location", chromedp.Location()); url != s.www+"/" {
		t.Errorf("after sign-in the address is %s, want %s/ without parts of the response", url, s.www)
	}
	if name := p.text(t, "#user-name"); name == "" {
		t.Error("the application does not show the user")
	}

	p.run(t, "orders load", click("#load-orders"),
		until(`document.querySelector('#received').textContent.includes('active')`))
	p.run(t, "a stream of orders opens", click("#live"),
		until(`document.querySelector('#live-state').textContent.includes('Waiting')`))
	p.run(t, "an order is created", enter("#order-item", "tea"),
		click("#create-order"),
		until(`document.querySelector('#orders').textContent.includes('tea')`))
	checkUpstreamHeaders(t, s)
	p.run(t, "the order arrives in the stream", until(`document.querySelector('#live-orders').textContent.includes('tea')`))

	at := func() string {
		for _, c := range p.apiCookies(t, s) {
			if c.Name == "__Host-th-at" {
				return c.Value
			}
		}
		return ""
	}
	before := at()
	p.run(t, "refresh", click("#refresh"))
	for deadline := time.Now().Add(time.Minute); at() == before; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("refresh left the access token cookie as it was")
		}
	}

	p.noTokens(t, "signed in")
	cookies := p.apiCookies(t, s)
	if len(cookies) < 4 {
		t.Errorf("got %d cookies of the API, want the access token, refresh token, ID token and CSRF cookies", len(cookies))
	}
	for _, c := range cookies {
		if !c.HTTPOnly || !c.Secure || c.SameSite != network.CookieSameSiteStrict || c.Path != "/" || c.Domain != "api.example.localhost" || !strings.HasPrefix(c.Name, "__Host-th-") {
			t.Errorf("cookie %s: HttpOnly %v, Secure %v, SameSite %s, path %s, domain %s", c.Name, c.HTTPOnly, c.Secure, c.SameSite, c.Path, c.Domain)
		}
	}
	p.run(t, "a reload keeps the session", chromedp.Reload(), state("signed-in"))
	p.run(t, "orders load again", click("#load-orders"),
		until(`document.querySelector('#orders').textContent.includes('tea')`))
	p.screenshot(t, "4-signed-in")

	p.run(t, "sign out leads to the provider", click("#sign-out"), visible(`button[name="logout"]`))
	p.screenshot(t, "5-sign-out")
	p.run(t, "and back, signed out", click(`button[name="logout"]`), state("signed-out"))
	if left := p.apiCookies(t, s); len(left) != 0 {
		t.Errorf("%d cookies left after sign-out", len(left))
	}
	p.noTokens(t, "signed out")

	p.complained(t)
}

// complained fails if the browser logged an error of the page.
func (p *tab) complained(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.problems) > 0 {
		t.Errorf("the browser complained:\n%s", strings.Join(p.problems, "\n"))
	}
}

// noTokens looks where a script of the page could look.
func (p *tab) noTokens(t *testing.T, when string) {
	t.Helper()
	type sight struct {
		Cookie                    string
		Local, Session, Databases int
	}
	found := value(t, p, "cookies and storage of the page", chromedp.Evaluate[sight](`indexedDB.databases().then(d => ({
		Cookie: document.cookie, Local: localStorage.length, Session: sessionStorage.length, Databases: d.length }))`,
		chromedp.EvalAwaitPromise, chromedp.EvalAsValue))
	if found.Cookie != "" || found.Local != 0 || found.Session != 0 || found.Databases != 0 {
		t.Errorf("%s, a script of the page sees %+v, want no values", when, found)
	}
}

// checkUpstreamHeaders checks the headers that the browser's own request sent
// upstream.
func checkUpstreamHeaders(t *testing.T, s *system) {
	t.Helper()
	// The stream of orders is a transparent route, and may connect again at any
	// time.
	var r *http.Request
	for _, each := range s.recorder.all() {
		if strings.HasPrefix(each.URL.Path, "/orders") {
			r = each
		}
	}
	if r == nil || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		t.Fatal("no request with a Bearer token reached upstream")
	}
	for _, name := range []string{"Cookie", "Token-Handler-Version", "Origin", "Referer"} {
		if len(r.Header.Values(name)) > 0 {
			t.Errorf("%s reached upstream", name)
		}
	}
}

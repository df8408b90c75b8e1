package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// existingClientsInChromium runs scripts of the documented calls of clients that
// were written for other token handlers. The clients themselves are not part of
// this repository.
func existingClientsInChromium(t *testing.T, s *system, site string) {
	findBrowser(t)
	for name, failed := range map[string]string{
		"assistant": "RemoteError 401 session_expired", "classic": "Error 401 session_expired",
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for from, to := range map[string]string{"index.html": "index.html", name + ".js": "client.js"} {
				content, err := os.ReadFile(filepath.Join("testdata/clients", from))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(folder, to), content, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			replaceSite(t, site, folder)

			p := openTab(t)
			p.run(t, "the client finds the user signed out", chromedp.Navigate(s.www), state("signed-out"))
			p.run(t, "it leads to the provider", chromedp.Evaluate[chromedp.Void](`void test.start()`), visible(`input[name="login"]`))
			p.logIn(t)
			p.run(t, "and ends the login", state("signed-in"))
			if got := call[float64](t, p, "orders"); got != 200 {
				t.Errorf("the API returned %v, want 200", got)
			}
			checkUpstreamHeaders(t, s)
			if got := call[string](t, p, "user"); got == "" {
				t.Error("the client does not know the user")
			}
			for _, what := range []string{"refresh", "again"} {
				if !call[bool](t, p, what) {
					t.Errorf("%s: got false", what)
				}
			}
			if got := call[string](t, p, "logout"); !strings.HasPrefix(got, s.login) {
				t.Errorf("the logout URL is %q, want one of %s", got, s.login)
			}
			if got := call[string](t, p, "error"); !strings.HasSuffix(got, failed) {
				t.Errorf("after the logout a refresh gives %q, want %q", got, failed)
			}
			p.complained(t)
		})
	}
}

// call calls a function of the page's client.
func call[T any](t *testing.T, p *tab, name string) T {
	t.Helper()
	return value(t, p, name, chromedp.Evaluate[T](`test.`+name+`()`, chromedp.EvalAwaitPromise))
}

package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A preview deployment is one label below the host of the pattern. It signs in
// with a redirect URI on its own origin. A page one label further down gets no
// answer that it can read.
func TestPreviewInChromium(t *testing.T) {
	findBrowser(t)
	s := start(t, "-c", "previewOrigin={previews}")
	at := func(label string) string { return strings.Replace(s.www, "www.", label+".preview.", 1) }
	p := openTab(t)
	p.run(t, "the preview says that nobody is signed in", chromedp.Navigate(at("preview")), state("signed-out"))
	p.run(t, "sign in leads to the provider", click("#sign-in"), visible(`input[name="login"]`))
	p.run(t, "the provider's login form leads to consent",
		enter(`input[name="login"]`, demoUser), enter(`input[name="password"]`, demoPassword),
		chromedp.Submit(chromedp.CSS(`input[name="password"]`)),
		chromedp.WaitNotPresent(chromedp.CSS(`input[name="password"]`)), visible(`button[type="submit"]`))
	p.run(t, "consent leads back to the preview, signed in", click(`button[type="submit"]`), state("signed-in"))
	if url := value(t, p, "location", chromedp.Location()); url != at("preview")+"/" {
		t.Errorf("after sign-in the address is %s, want %s/", url, at("preview"))
	}
	p.run(t, "orders load", click("#load-orders"),
		until(`document.querySelector('#received').textContent.includes('active')`))
	p.noTokens(t, "signed in at a preview")
	p.run(t, "another preview has the session", chromedp.Navigate(at("pr-8")), state("signed-in"))
	p.run(t, "a nested label is refused", chromedp.Navigate(at("a.b")), state("error"))
	p.run(t, "the host itself is refused", chromedp.Navigate(strings.Replace(s.www, "www.", "preview.", 1)), state("error"))
}

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tokenhandler/aws/internal/setup"
)

// siteFolder returns a copy of the sample application, to be served with -site
// and replaced with other pages while the system runs.
func siteFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../spa")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// examplesInChromium builds the pages of examples/ and goes through each.
func examplesInChromium(t *testing.T, s *system, site string) {
	findBrowser(t)
	if _, err := setup.Packages(t.Context(), "../../examples"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"react", "vue"} {
		t.Run(name, func(t *testing.T) {
			install(t, s, name, site)
			exampleInChromium(t, s, name)
		})
	}
}

// install builds an example for the system and puts it in place of the page
// that the system serves.
func install(t *testing.T, s *system, name, site string) {
	t.Helper()
	built := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "npm", "run", "build", "--", "--outDir", built, "--emptyOutDir")
	cmd.Dir = filepath.Join("../../examples", name)
	cmd.Env = append(os.Environ(), "VITE_API="+s.api)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm run build: %v\n%s", err, out)
	}
	replaceSite(t, site, built)
}

// replaceSite puts the files of a folder in place of the page that the system
// serves.
func replaceSite(t *testing.T, site, folder string) {
	t.Helper()
	entries, err := os.ReadDir(site)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(site, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(site, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
}

// logIn fills in the provider's login form and gives consent.
func (p *tab) logIn(t *testing.T) {
	t.Helper()
	p.run(t, "the provider's login form leads to consent",
		enter(`input[name="login"]`, demoUser),
		enter(`input[name="password"]`, demoPassword),
		chromedp.Submit(chromedp.CSS(`input[name="password"]`)),
		chromedp.WaitNotPresent(chromedp.CSS(`input[name="password"]`)),
		visible(`button[type="submit"]`))
	p.run(t, "consent is given", click(`button[type="submit"]`))
}

func exampleInChromium(t *testing.T, s *system, name string) {
	p := openTab(t)
	at := func(want string) {
		t.Helper()
		if got := value(t, p, "location", chromedp.Location()); got != s.www+want {
			t.Errorf("the address is %s, want %s%s", got, s.www, want)
		}
	}

	p.run(t, "a deep link shows that the user is signed out",
		chromedp.Navigate(s.www+"/orders?tab=2#top"), visible("#sign-in"))
	p.run(t, "sign in leads to the provider", click("#sign-in"), visible(`input[name="login"]`))
	p.logIn(t)
	p.run(t, "consent leads back, signed in", visible("#user"))
	at("/orders?tab=2#top")
	if got := p.text(t, "#place"); got != "/orders?tab=2#top" {
		t.Errorf("the application shows the place %q, want the one before the sign-in", got)
	}

	p.run(t, "orders load", click("#load"), visible("#orders"))
	checkUpstreamHeaders(t, s)
	p.noTokens(t, "signed in")
	p.screenshot(t, "example-"+name)

	p.run(t, "a page that another service returns to keeps its parameters",
		chromedp.Navigate(s.www+"/payment?code=abc&state=xyz"), visible("#user"))
	at("/payment?code=abc&state=xyz")

	other := p.another(t)
	other.run(t, "another tab has the session", chromedp.Navigate(s.www), visible("#user"))
	p.run(t, "sign out leads to the provider", click("#sign-out"), visible(`button[name="logout"]`))
	other.run(t, "the other tab hears of it", visible("#sign-in"))

	for _, page := range []*tab{p, other} {
		page.complained(t)
	}
}

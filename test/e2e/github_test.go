package e2e

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/githubtest"
)

// A stage with its own provider: a page signs in with GitHub, and a route leads
// to GitHub's API. The server is scripted from GitHub's documentation.
// Everything else is deployed code.
func TestGitHubStage(t *testing.T) {
	g := githubtest.New(t, "")
	secrets := filepath.Join(t.TempDir(), "secrets.json")
	if err := os.WriteFile(secrets, []byte(`{"github/client-credentials":"`+githubtest.ClientSecret+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, "-stage", "github", "-secrets", secrets, "-upstream=",
		"-c", "issuer="+g.Issuer(), "-c", "clientId="+githubtest.ClientID,
		"-c", "authorizeEndpoint="+g.URL()+"/login/oauth/authorize", "-c", "tokenEndpoint="+g.URL()+"/login/oauth/access_token",
		"-c", "userInfoEndpoint="+g.URL()+"/user",
		"-c", `routes=[{"path":"/repos","methods":["GET"],"upstream":"`+g.URL()+`/user/repos"}]`)
	g.RedirectURI = s.www + "/"
	if out := s.output.String(); !strings.Contains(out, "; the bundled provider is not started") {
		t.Errorf("the output does not say whose provider it is:\n%s", out)
	}

	p := newPerson(s, false)
	if status, answer, _ := p.call(t, "GET", "/repos", "", p.header()); status != 401 {
		t.Fatalf("before sign-in: got %d, %v", status, answer)
	}
	status, answer, _ := p.call(t, "POST", "/oauth-agent/login/start", "", p.header())
	authorizationURL, _ := answer["authorization_url"].(string)
	if status != 200 {
		t.Fatalf("login/start: got %d, %v", status, answer)
	}
	query := g.Consent(t, authorizationURL)
	form := p.header("Content-Type", "application/x-www-form-urlencoded")
	status, answer, _ = p.call(t, "POST", "/oauth-agent/login/end", query.Encode(), form)
	if status != 200 || answer["is_logged_in"] != true {
		t.Fatalf("login/end: got %d, %v", status, answer)
	}
	if status, user, _ := p.call(t, "GET", "/oauth-agent/userInfo", "", p.header()); status != 200 || user["login"] != "octocat" {
		t.Errorf("userInfo: got %d, %v", status, user)
	}
	page, err := p.do("GET", s.api+"/repos", "", p.header())
	if err != nil || page.StatusCode != 200 || !strings.Contains(page.body, "octocat/Hello-World") {
		t.Errorf("GET /repos: got %v, %v", page, err)
	}
	// Another code, and GitHub's error with status 200.
	_, answer, _ = p.call(t, "POST", "/oauth-agent/login/start", "", p.header())
	authorizationURL, _ = answer["authorization_url"].(string)
	state := g.Consent(t, authorizationURL)["state"]
	if status, answer, _ := p.call(t, "POST", "/oauth-agent/login/end", url.Values{"code": {"another"}, "state": state}.Encode(), form); status != 400 || answer["error_code"] != "authorization_error" {
		t.Errorf("a code that GitHub does not know: got %d, %v", status, answer)
	}
	// Revoked at GitHub: its API says 401, and the page finds no session to renew.
	g.Revoked = true
	if page, err := p.do("GET", s.api+"/repos", "", p.header()); err != nil || page.StatusCode != 401 {
		t.Errorf("GET /repos with a revoked token: got %v, %v", page, err)
	}
	if status, answer, _ := p.call(t, "POST", "/oauth-agent/refresh", "", p.header()); status != 401 || answer["error_code"] != "session_expired" {
		t.Errorf("refresh: got %d, %v", status, answer)
	}
	if err := s.stop(); err != nil {
		t.Errorf("after Ctrl-C: %v", err)
	}
	for _, secret := range g.Secrets() {
		if strings.Contains(s.output.String(), secret) {
			t.Errorf("the output of the run shows a secret: %.4s…", secret)
		}
		if strings.HasPrefix(secret, "gho_") && strings.Contains(p.seen.String(), secret) {
			t.Error("the browser saw the access token")
		}
	}
}

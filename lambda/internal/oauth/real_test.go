package oauth_test

import (
	"bufio"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/internal/setup"
	"github.com/tokenhandler/aws/lambda/internal/clientauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// real is the certified oidc-provider package, as the local run starts it.
type real struct {
	issuer string
	http   *http.Transport // resolves every name to loopback
}

const realScript = "../../../local/provider/provider.mjs"

// startReal starts a provider with these clients and features, or skips where
// Node.js or the package is missing.
func startReal(t *testing.T, features map[string]any, clients ...map[string]any) *real {
	t.Helper()
	dependOn(t, filepath.Dir(realScript))
	node, _, err := setup.Node(t.Context())
	if err != nil {
		t.Skip(err)
	}
	if _, err := setup.Packages(t.Context(), "../../.."); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	r := &real{issuer: fmt.Sprintf("http://login.example.localhost:%d", port)}
	for _, c := range clients {
		c["redirect_uris"] = []string{oauthtest.RedirectURI}
	}
	config, err := json.Marshal(map[string]any{
		"issuer": r.issuer, "port": port, "hosts": []string{}, "access_token_ttl": 300, "clients": clients, "features": features,
		"resource_servers": []any{map[string]any{"client_id": "api", "client_secret": oauthtest.ClientSecret}},
		"users":            []any{map[string]any{"sub": "alice", "login": "alice", "password": "pw", "claims": map[string]any{"name": "Zoë Ångström"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, realScript)
	cmd.Env = []string{"NODE_ENV=production", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	stdin, err := cmd.StdinPipe() // the provider ends when it is closed
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		done := make(chan struct{})
		go func() { cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			cmd.Process.Kill()
		}
	})
	io.WriteString(stdin, string(config)+"\n")
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || !strings.Contains(line, "ready") {
		t.Fatalf("the provider did not start: %v %s", err, stderr.String())
	}
	r.http = &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
	}}
	t.Cleanup(r.http.CloseIdleConnections)
	return r
}

// dependOn reads the files that node will: the go command would not see them,
// and show a cached result after a change.
func dependOn(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, err := os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *real) config(clientID string) oauth.Config {
	return oauth.Config{
		Issuer: r.issuer, ClientID: clientID, ClientSecret: oauthtest.ClientSecret, Scopes: "openid profile",
		RedirectURI: oauthtest.RedirectURI, Transport: r.http,
	}
}

var (
	formRE  = regexp.MustCompile(`(?s)<form\b[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	inputRE = regexp.MustCompile(`<input\b[^>]*>`)
	attrRE  = regexp.MustCompile(`\b(name|value)="([^"]*)"`)
)

// browse signs alice in and agrees to everything, and returns the query that
// the page at the redirect URI gets.
func (r *real) browse(t *testing.T, authorizationURL string) url.Values {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Transport: r.http, Jar: jar, CheckRedirect: func(request *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(request.URL.String(), r.issuer+"/") {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	request, err := http.NewRequestWithContext(t.Context(), "GET", authorizationURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if location := response.Header.Get("Location"); location != "" {
			if !strings.HasPrefix(location, oauthtest.RedirectURI+"?") {
				t.Fatalf("got a redirect to %s", location)
			}
			u, _ := url.Parse(location)
			return u.Query()
		}
		form := formRE.FindSubmatch(body)
		if form == nil {
			t.Fatalf("got %d without a form: %s", response.StatusCode, body)
		}
		values := url.Values{}
		for _, input := range inputRE.FindAll(form[2], -1) {
			a := map[string]string{}
			for _, m := range attrRE.FindAllSubmatch(input, -1) {
				a[string(m[1])] = html.UnescapeString(string(m[2]))
			}
			values.Set(a["name"], a["value"])
		}
		if values.Has("login") {
			values.Set("login", "alice")
			values.Set("password", "pw")
		}
		action, err := response.Request.URL.Parse(html.UnescapeString(string(form[1])))
		if err != nil {
			t.Fatal(err)
		}
		request, err = http.NewRequestWithContext(t.Context(), "POST", action.String(), strings.NewReader(values.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", r.issuer)
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	t.Fatal("the sign-in did not come to an end")
	return nil
}

// signIn runs the whole code flow in the configured form of the client.
func (r *real) signIn(t *testing.T, c *oauth.Client, extra map[string]string) (oauth.Tokens, error) {
	t.Helper()
	authorizationURL, login, err := c.Authorize(t.Context(), extra)
	if err != nil {
		return oauth.Tokens{}, err
	}
	query := r.browse(t, authorizationURL)
	if c.Signed() {
		response := query.Get("response")
		if oauth.ResponseState(response) != login.State || query.Has("code") {
			t.Fatal("the response is not a signed one of this login")
		}
		if query, err = c.Response(t.Context(), response); err != nil {
			return oauth.Tokens{}, err
		}
	}
	if err := c.CheckIssuer(t.Context(), query.Get("iss")); err != nil || query.Get("state") != login.State || query.Get("code") == "" {
		t.Fatalf("got a response with error %q, iss error %v", query.Get("error"), err)
	}
	return c.Exchange(t.Context(), query.Get("code"), login)
}

// key makes a client's key: the signer and the public half for registration.
func key(t *testing.T, private crypto.Signer, algorithm string) (clientauth.Signer, map[string]any) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	signer, err := clientauth.ParseKey(settings.Secret(text), algorithm, "client-key")
	if err != nil {
		t.Fatal(err)
	}
	public, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private.Public(), KeyID: "client-key", Use: "sig", Algorithm: signer.Algorithm()}}})
	if err != nil {
		t.Fatal(err)
	}
	return signer, map[string]any{"jwks": json.RawMessage(public)}
}

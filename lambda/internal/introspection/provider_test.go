package introspection

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/setup"
	"github.com/tokenhandler/aws/lambda/internal/backchannel"
	"github.com/tokenhandler/aws/lambda/internal/jwt"
)

const realSecret = "s%c&ret +/=: of sixteen bytes or more"

// startProvider starts the authorization server of testdata, with its package
// installed before, or skips the test where Node.js is missing.
func startProvider(t *testing.T) string {
	t.Helper()
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

	cmd := exec.Command(node, "testdata/provider.mjs")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	config, _ := json.Marshal(map[string]any{"port": port, "secret": realSecret})
	fmt.Fprintf(stdin, "%s\n", config)
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the provider did not start: %q, %v", line, err)
	}
	return fmt.Sprintf("http://127.0.0.1:%d", port)
}

// call makes a request as the client that gets tokens.
func call(t *testing.T, target string, form url.Values) map[string]any {
	t.Helper()
	r, err := http.NewRequest("POST", target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("app", url.QueryEscape(realSecret))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, _ := io.ReadAll(response.Body)
	if response.StatusCode != 200 {
		t.Fatalf("%s: status %d: %s", target, response.StatusCode, raw)
	}
	var body map[string]any
	json.Unmarshal(raw, &body)
	return body
}

func issue(t *testing.T, issuer, scope string) string {
	t.Helper()
	body := call(t, issuer+"/token", url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
	token, _ := body["access_token"].(string)
	if token == "" || strings.Contains(token, ".") {
		t.Fatalf("got access token %q, want an opaque one", token)
	}
	return token
}

// The introspection of the certified oidc-provider, in JSON and signed: a live
// token, one that is revoked, one that expires, one that never was, and
// credentials it does not know.
func TestRealProvider(t *testing.T) {
	issuer := startProvider(t)
	for _, mediaType := range []string{JSON, Signed} {
		t.Run(mediaType, func(t *testing.T) {
			config := Config{URL: issuer + "/token/introspection", ClientID: "gate:way", ClientSecret: realSecret, MediaType: mediaType,
				MaxAge: time.Minute, Issuer: issuer, Now: time.Now}
			if mediaType == Signed {
				config.Verifier = jwt.NewVerifier(jwt.Config{Issuer: issuer, Now: time.Now, Keys: jwt.NewKeySet(jwt.KeySetConfig{
					URL: issuer + "/jwks", Client: backchannel.New(backchannel.Config{}), Now: time.Now,
				})})
			}
			client := func(change func(*Config)) *Client {
				t.Helper()
				c := config
				if change != nil {
					change(&c)
				}
				made, err := New(c)
				if err != nil {
					t.Fatal(err)
				}
				return made
			}
			ask := func(c *Client, token string, want bool) Result {
				t.Helper()
				r, err := c.Introspect(context.Background(), token)
				if err != nil || r.Active != want {
					t.Fatalf("got active %v, %v; want %v", r.Active, err, want)
				}
				return r
			}

			token := issue(t, issuer, "orders.read")
			remembers, asks := client(nil), client(func(c *Config) { c.MaxAge = 0 })
			r := ask(remembers, token, true)
			if r.Token != token || r.Untyped || !r.Claims.HasScopes([]string{"orders.read"}) || r.Claims.HasScopes([]string{"orders.write"}) {
				t.Errorf("got %+v", r)
			}
			if left := time.Until(r.Claims.Expires); left < 9*time.Minute || left > 11*time.Minute {
				t.Errorf("expires in %s", left)
			}
			ask(asks, token, true)

			call(t, issuer+"/token/revocation", url.Values{"token": {token}})
			ask(asks, token, false)
			ask(remembers, token, true) // for its minute, as documented

			ask(asks, "never-issued", false)

			short := issue(t, issuer, "orders.write") // two seconds
			ask(remembers, short, true)
			time.Sleep(2100 * time.Millisecond)
			ask(remembers, short, false)

			wrong := client(func(c *Config) { c.ClientSecret += "x" })
			if r, err := wrong.Introspect(context.Background(), issue(t, issuer, "orders.read")); err == nil || r.Active || errors.Is(err, ErrForeign) {
				t.Errorf("wrong secret: got %+v, %v", r, err)
			}
			// Neither this provider nor most others know the phantom token's type: its
			// JSON must not pass for a token (P1).
			phantom := client(func(c *Config) { c.MediaType, c.Verifier = JWT, nil })
			if r, err := phantom.Introspect(context.Background(), issue(t, issuer, "orders.read")); err == nil || r.Active {
				t.Errorf("application/jwt: got %+v, %v", r, err)
			}
		})
	}
}

package e2e

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// The cookies with every option at once: the form of another token handler,
// a domain, and a path for those that only the agent needs.
func TestCookieOptions(t *testing.T) {
	if withTable {
		t.Skip("a table of sessions cannot be combined with cookies of the format curity")
	}
	s := start(t, "-c", "cookieFormat=curity", "-c", "cookiePrefix=example", "-c", "csrfHeader=x-th-csrf",
		"-c", "cookieDomain=example.localhost", "-c", "cookieBasePath=/oauth-agent")
	p := newPerson(s, true)
	set := map[string]*http.Cookie{}
	keep := func(resp *response) {
		for _, c := range resp.Cookies() {
			if c.MaxAge >= 0 {
				set[c.Name] = c
				continue
			}
			// A2: as it was set.
			if was := set[c.Name]; was != nil && (c.Path != was.Path || c.Domain != was.Domain || c.Secure != was.Secure || c.HttpOnly != was.HttpOnly || c.SameSite != was.SameSite) {
				t.Errorf("%s was set with %s and unset with %s", c.Name, was.Raw, c.Raw)
			}
			delete(set, c.Name)
		}
	}
	p.signIn(t)
	if status, answer, _ := p.call(t, "POST", "/orders", `{"item":"tea","quantity":1}`, p.header("Content-Type", "application/json")); status != 201 {
		t.Errorf("POST /orders: got %d, %v", status, answer)
	}
	status, _, resp := p.call(t, "POST", "/oauth-agent/refresh", "", p.header())
	if keep(resp); status != 204 {
		t.Errorf("refresh: got %d", status)
	}
	for name, path := range map[string]string{"example-at": "/", "example-csrf": "/", "example-auth": "/oauth-agent", "example-id": "/oauth-agent"} {
		c := set[name]
		if c == nil || c.Path != path || c.Domain != "example.localhost" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
			t.Errorf("%s: got %v, want it with path %s and domain example.localhost", name, c, path)
		}
	}
	t.Run("another implementation", func(t *testing.T) { anotherImplementation(t, s, p) })

	status, answer, resp := p.call(t, "POST", "/oauth-agent/logout", "", p.header())
	if keep(resp); status != 200 || len(set) != 0 || len(p.session()) != 0 {
		t.Errorf("logout: got %d, %v; the browser has %d cookies, %d of them set before", status, answer, len(p.session()), len(set))
	}
	p.signIn(t)
	output, code := buildSmoke(t)(s, s.api, p.cookieHeader("api.example.localhost"), "-echo", "/orders", "-end")
	if code != 0 || !strings.Contains(output, " 0 failed") || !strings.Contains(output, "POST logout") {
		t.Errorf("smoke test: exit status %d\n%s", code, output)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// anotherImplementation reads the two cookies that it shares with us, and
// writes one, from the documented form alone.
func anotherImplementation(t *testing.T, s *system, p *person) {
	if runtime.GOOS != "linux" {
		t.Skip("the key of the run is not known on this system")
	}
	environments, err := lambdaEnvironments(s.out)
	if err != nil {
		t.Fatal(err)
	}
	key, err := hex.DecodeString(environments[0]["ENCRYPTION_KEY"])
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	open := func(name string) string {
		raw, err := base64.RawURLEncoding.DecodeString(p.session()[name])
		if err != nil || len(raw) < 29 || raw[0] != 1 {
			t.Fatalf("%s is not of version 1", name)
		}
		plain, err := aead.Open(nil, raw[1:13], raw[13:], nil)
		if err != nil {
			t.Fatalf("%s does not open", name)
		}
		return string(plain)
	}
	token := open("example-at")
	if open("example-csrf") != p.csrf {
		t.Error("the CSRF cookie does not hold the value that the page was given")
	}
	nonce := []byte("twelve bytes")
	theirs := base64.RawURLEncoding.EncodeToString(aead.Seal(append([]byte{1}, nonce...), nonce, []byte(token), nil))
	if status, answer, _ := p.call(t, "GET", "/orders", "", p.header("Cookie", "example-at="+theirs)); status != 200 {
		t.Errorf("GET /orders with an access token of theirs: got %d, %v", status, answer)
	}
	// A1: no response shows the content of a cookie.
	thief := newPerson(s, true)
	for _, path := range []string{"/oauth-agent/session", "/oauth-agent/claims"} {
		_, _, resp := thief.call(t, "GET", path, "", thief.header("Cookie", "example-at="+theirs+"; example-csrf="+theirs+"; example-id="+theirs))
		if strings.Contains(resp.body, token) {
			t.Errorf("%s returned the access token", path)
		}
	}
}

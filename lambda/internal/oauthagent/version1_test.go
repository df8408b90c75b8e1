package oauthagent

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
)

var curityNames = cookie.NewNamesOf(cookie.Options{Prefix: "example", Curity: true})

func curity(w *world) {
	w.Helper()
	w.anyCookie = true
	w.reconfigure(func(c *Config) { c.Names = curityNames })
}

// foreign seals as Curity's agent does.
func foreign(t *testing.T, token string) string {
	t.Helper()
	key, err := hex.DecodeString(currentKey)
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
	nonce := []byte("twelve bytes")
	return base64.RawURLEncoding.EncodeToString(aead.Seal(append([]byte{1}, nonce...), nonce, []byte(token), nil))
}

// A1: in version 1 any cookie opens in the place of the CSRF cookie. No
// response shows its content, for any endpoint and dialect.
func TestVersion1IsNoOracle(t *testing.T) {
	dialects(t, func(w *world) {
		curity(w)
		w.signIn()
		stolen := w.cookies[curityNames.AccessToken]
		w.cookies[curityNames.CSRF] = stolen
		for _, e := range []struct{ method, endpoint string }{{"GET", "session"}, {"POST", "login/end"}, {"GET", "claims"}} {
			w.cookies[curityNames.CSRF] = stolen
			got := w.do(e.method, e.endpoint)
			for _, secret := range w.provider.Secrets() {
				if strings.HasPrefix(secret, "access") && strings.Contains(got.text, secret) {
					t := got.text
					w.Errorf("%s answered the access token: %s", e.endpoint, t)
				}
			}
			if value, ok := got.json["csrf"].(string); ok && !w.ring.MadeCSRF(value) {
				w.Errorf("%s answered the CSRF value %q, which the agent did not make", e.endpoint, value)
			}
		}
		// A value that only looks like a CSRF value is not shown either.
		for _, token := range []string{strings.Repeat("a", 64), "leak"} {
			w.cookies[curityNames.CSRF] = foreign(w.T, token)
			if got := w.do("GET", "session"); strings.Contains(got.text, token) {
				w.Errorf("session answered %s", got.text)
			}
		}
		// The ID token is sealed: no value of version 1 opens in its place.
		w.cookies[curityNames.IDToken] = stolen
		w.fails(w.do("GET", "claims"), 401, "unauthorized_request")
	})
}

// Our agent accepts the access token and CSRF cookies of a session that
// Curity's agent began. When a page asks for the CSRF value, our own value
// replaces it.
func TestVersion1OfAnotherAgent(t *testing.T) {
	w := newWorld(t)
	curity(w)
	w.cookies[curityNames.AccessToken] = foreign(t, "access-of-another-agent")
	theirs := strings.Repeat("Ab0", 21) + "z"
	w.cookies[curityNames.CSRF] = foreign(t, theirs)
	w.isLoggedIn(true)
	if w.csrf == "" || w.csrf == theirs {
		t.Errorf("got the CSRF value %q, want one that the agent made", w.csrf)
	}
	first := w.csrf
	w.isLoggedIn(true)
	if w.csrf != first {
		t.Error("the CSRF value changes with every page")
	}
	// We cannot open its refresh token, so the session ends.
	w.fails(w.do("POST", "refresh"), 401, "session_expired")
	if len(w.cookies) != 0 {
		t.Errorf("the browser has %d cookies", len(w.cookies))
	}
}

// Version 1 has no expiry and no session. The provider decides about the access
// token, and the two cookies count separately.
func TestVersion1IsUnbound(t *testing.T) {
	w := newWorld(t)
	curity(w)
	w.signIn()
	if got := w.do("GET", "session"); got.json["access_token_expires_in"] != nil {
		t.Errorf("got %s, want no expiry", got.text)
	}
	first := w.cookies[curityNames.AccessToken]
	w.signIn()
	w.cookies[curityNames.AccessToken] = first // of another session
	w.isLoggedIn(true)
	w.refreshes()
}

package oauth_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/oauth"
)

// The requests to the provider that docs/operations.md states, of a client that
// has just started and of one that has made the same call before.
func TestRoundTrips(t *testing.T) {
	p, config := start(t)
	p.On["/revoke"] = func(http.ResponseWriter, *http.Request) {}
	p.Metadata = func(m map[string]any) { m["revocation_endpoint"] = p.Issuer() + "/revoke" }
	tokens := mustSignIn(t, p, oauth.New(config))
	paths := []string{metadataPath, "/jwks", "/token", "/userinfo", "/revoke"}
	count := func() (n [5]int) {
		for i, path := range paths {
			n[i] = p.Requests(path)
		}
		return n
	}
	for _, tt := range []struct {
		name       string
		call       func(*oauth.Client) error
		cold, warm [5]int // by path
	}{
		{"login/start", func(c *oauth.Client) error { _, _, err := c.Authorize(t.Context(), nil); return err }, [5]int{1}, [5]int{}},
		{"login/start and login/end", func(c *oauth.Client) error { _, err := signIn(t, p, c); return err }, [5]int{1, 1, 1}, [5]int{0, 0, 1}},
		{"refresh", func(c *oauth.Client) (err error) {
			tokens, err = c.Refresh(t.Context(), tokens.RefreshToken, tokens.IDToken)
			return err
		}, [5]int{1, 1, 1}, [5]int{0, 0, 1}},
		{"userInfo", func(c *oauth.Client) error {
			_, err := c.UserInfo(t.Context(), tokens.AccessToken, "alice")
			return err
		}, [5]int{1, 0, 0, 1}, [5]int{0, 0, 0, 1}},
		{"logout", func(c *oauth.Client) error {
			if _, err := c.LogoutURL(t.Context()); err != nil {
				return err
			}
			return c.Revoke(t.Context(), "junk")
		}, [5]int{1, 0, 0, 0, 1}, [5]int{0, 0, 0, 0, 1}},
	} {
		c := oauth.New(config)
		for i, want := range [][5]int{tt.cold, tt.warm} {
			before := count()
			if err := tt.call(c); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			got := count()
			for j := range got {
				got[j] -= before[j]
			}
			if got != want {
				t.Errorf("%s, call %d: got %v requests to %v, want %v", tt.name, i+1, got, paths, want)
			}
		}
	}
}

// A cold client fetches the key set while it waits for the tokens.
func TestKeySetIsFetchedBesideTokens(t *testing.T) {
	for _, grant := range []string{"code", "refresh"} {
		p, config := start(t)
		tokens := mustSignIn(t, p, oauth.New(config))
		asked := make(chan struct{}, 1)
		serve := http.HandlerFunc(p.ServeHTTP)
		p.On["/jwks"] = func(w http.ResponseWriter, r *http.Request) {
			asked <- struct{}{}
			r = r.Clone(r.Context())
			r.URL.Path = "/keys"
			serve(w, r)
		}
		p.On["/token"] = func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-asked:
			case <-time.After(4 * time.Second):
				t.Errorf("%s: the key set was not asked for before the tokens came", grant)
			}
			p.Token(w, r)
		}
		c := oauth.New(config)
		var err error
		if grant == "code" {
			_, err = signIn(t, p, c)
		} else {
			_, err = c.Refresh(t.Context(), tokens.RefreshToken, tokens.IDToken)
		}
		if err != nil {
			t.Errorf("%s: %v", grant, err)
		}
	}
}

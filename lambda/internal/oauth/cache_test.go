package oauth_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

const metadataPath = "/.well-known/openid-configuration"

// clocked is a provider and a client that share a clock that can be moved.
func clocked(t *testing.T) (*oauthtest.Provider, oauth.Config, *time.Time) {
	clock := now
	p, config := start(t)
	p.Now = func() time.Time { return clock }
	config.Now = p.Now
	return p, config, &clock
}

// Metadata is fetched once an hour and the keys every ten minutes, not for
// every login.
func TestMetadataAndKeysAreKept(t *testing.T) {
	p, config, clock := clocked(t)
	c := oauth.New(config)
	for _, step := range []struct {
		after          time.Duration
		metadata, keys int
	}{{0, 1, 1}, {9 * time.Minute, 1, 1}, {time.Minute, 1, 2}, {49 * time.Minute, 1, 3}, {2 * time.Minute, 2, 3}, {58 * time.Minute, 2, 4}, {2 * time.Minute, 3, 4}} {
		*clock = clock.Add(step.after)
		mustSignIn(t, p, c)
		if got := p.Requests(metadataPath); got != step.metadata {
			t.Errorf("%s later: got %d fetches of the metadata, want %d", step.after, got, step.metadata)
		}
		if got := p.Requests("/jwks"); got != step.keys {
			t.Errorf("%s later: got %d fetches of the keys, want %d", step.after, got, step.keys)
		}
	}
}

// New metadata is used, and that of another issuer is not, also later.
func TestMetadataChanges(t *testing.T) {
	p, config, clock := clocked(t)
	c := oauth.New(config)
	mustSignIn(t, p, c)
	p.Metadata = oauthtest.Set(map[string]any{"authorization_response_iss_parameter_supported": true})
	if err := c.CheckIssuer(t.Context(), ""); err != nil {
		t.Errorf("within the hour: %v", err)
	}
	*clock = clock.Add(61 * time.Minute)
	kind(t, c.CheckIssuer(t.Context(), ""), oauth.WrongIssuer)
	*clock = clock.Add(61 * time.Minute)
	p.Metadata = oauthtest.Set(map[string]any{"issuer": "https://leak.example"})
	_, _, err := c.Authorize(t.Context(), nil)
	want(t, p, err, oauth.Unavailable)
}

// A key that the provider has withdrawn is of no use after an hour, with
// discovery and without.
func TestWithdrawnKey(t *testing.T) {
	for _, configured := range []bool{false, true} {
		p, config, clock := clocked(t)
		if configured {
			config = explicit(p, config)
		}
		c := oauth.New(config)
		mustSignIn(t, p, c)
		next := oauthtest.NewKey()
		p.On["/jwks"] = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			key, _ := jose.JSONWebKey{Key: next.Public(), KeyID: "k2"}.MarshalJSON()
			fmt.Fprintf(w, `{"keys":[%s]}`, key)
		}
		*clock = clock.Add(61 * time.Minute)
		_, err := signIn(t, p, c)
		want(t, p, err, oauth.InvalidIDToken)
	}
}

// An unknown key id fetches the set once more, and no more than once.
func TestUnknownKeyIsLookedUpOnce(t *testing.T) {
	p, config := start(t)
	c := oauth.New(config)
	mustSignIn(t, p, c)
	p.Sign = func(claims map[string]any) string {
		return oauthtest.SignWith(oauthtest.NewKey(), "k2", jose.ES256, claims)
	}
	for range 3 {
		_, err := signIn(t, p, c)
		want(t, p, err, oauth.InvalidIDToken)
		if got := p.Requests("/jwks"); got != 2 {
			t.Errorf("got %d fetches of the keys, want 2", got)
		}
	}
}

// Discovery that fails later: the old metadata serves for a day, and is not
// asked for again by every request.
func TestStaleMetadata(t *testing.T) {
	for name, on := range map[string]http.HandlerFunc{
		"429": oauthtest.Answer(429, "text/plain", "leak"), "500": oauthtest.Answer(500, "text/html", "leak"), "HTML": oauthtest.Answer(200, "text/html", "<leak>"),
		"empty": oauthtest.Answer(200, "application/json", ""), "404": oauthtest.Answer(404, "text/html", "leak"), "redirect": oauthtest.Answer(302, "text/html", "leak"),
	} {
		t.Run(name, func(t *testing.T) {
			p, config, clock := clocked(t)
			revoked := 0
			p.On["/revoke"] = func(http.ResponseWriter, *http.Request) { revoked++ }
			p.Metadata = oauthtest.Set(map[string]any{"revocation_endpoint": p.Issuer() + "/revoke"})
			c := oauth.New(config)
			tokens := mustSignIn(t, p, c)
			*clock = clock.Add(61 * time.Minute)
			p.On[metadataPath] = on
			before := p.Requests(metadataPath)
			for range 3 {
				var err error
				if tokens, err = c.Refresh(t.Context(), tokens.RefreshToken, tokens.IDToken); err != nil {
					t.Fatal(err)
				}
				mustSignIn(t, p, c)
				if err := c.Revoke(t.Context(), "junk"); err != nil {
					t.Error(err)
				}
			}
			if got := p.Requests(metadataPath) - before; got != 1 || revoked != 3 {
				t.Errorf("got %d fetches of the metadata and %d revocations, want 1 and 3", got, revoked)
			}
			*clock = clock.Add(23 * time.Hour)
			_, _, err := c.Authorize(t.Context(), nil)
			want(t, p, err, oauth.Unavailable)
			delete(p.On, metadataPath)
			mustSignIn(t, p, c)
		})
	}
}

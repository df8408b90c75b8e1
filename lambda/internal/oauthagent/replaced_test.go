package oauthagent

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/sealedtest"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// hints lists the token types that the provider was asked to revoke.
func hints(asked []url.Values) string {
	var all []string
	for _, form := range asked {
		all = append(all, form.Get("token_type_hint"))
	}
	return strings.Join(all, " ")
}

var revoked = oauthtest.Answer(200, "text/plain", "")

// A login revokes the session that it replaces, unless the new session may share
// its grant.
func TestLoginRevokesTheReplacedSession(t *testing.T) {
	for _, tt := range []struct{ name, user, sid, want string }{
		{"another user", "bert", "1", "refresh_token"},
		{"the same user", "alma", "1", ""},
		{"the same user, no sid", "alma", "", ""},
		{"the same user in another session of the provider", "alma", "2", "refresh_token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBrowser(t)
			asked := b.revocation(revoked)
			agent := b.agentWith(pathAgent)
			b.provider.Claims = oauthtest.Set(map[string]any{"sid": "1"})
			b.signIn(agent, "alma")
			// On the redirect URI the refresh token's cookie is sent: its path is the agent's.
			b.provider.Claims = oauthtest.Set(map[string]any{"sid": tt.sid})
			b.signIn(agent, tt.user)
			if got := hints(*asked); got != tt.want {
				t.Errorf("revoked %q, want %q", got, tt.want)
			}
			b.is(agent, tt.user)
		})
	}
}

func TestLogoutRevokesTheAccessTokenWithoutARefreshToken(t *testing.T) {
	w := newWorld(t)
	asked := w.revocation(revoked)
	w.provider.TokenAnswer = oauthtest.Set(map[string]any{"refresh_token": nil})
	w.signIn()
	w.do("POST", "logout")
	if got := hints(*asked); got != "access_token" {
		t.Errorf("revoked %q", got)
	}
}

// Tokens that are not delivered are revoked.
func TestUndeliveredTokensAreRevoked(t *testing.T) {
	w := newWorld(t)
	asked := w.revocation(revoked)
	w.provider.Claims = oauthtest.Set(map[string]any{"nonce": "another"})
	w.fails(w.end(w.provider.Authorize(w, w.start())), 400, "invalid_request")
	if got := hints(*asked); got != "refresh_token" {
		t.Errorf("ID token refused: revoked %q", got)
	}
	w.provider.Claims = nil
	w.tokensOf(6000)
	w.fails(w.end(w.provider.Authorize(w, w.start())), 502, "session_too_large")
	if got := hints(*asked); got != "refresh_token refresh_token" {
		t.Errorf("too large: revoked %q", got)
	}
}

func TestExpiresInZeroIsExpired(t *testing.T) {
	w := newWorld(t)
	w.provider.TokenAnswer = oauthtest.Set(map[string]any{"expires_in": 0})
	w.signIn()
	if got := w.do("GET", "session"); got.json["access_token_expires_in"] != 0.0 {
		t.Errorf("session: got %s, want an access token that is over", got.text)
	}
	w.fails(w.do("GET", "userInfo"), 401, "token_expired")
}

// Of two refreshes with one refresh token, the loser ends no session.
func TestLoserOfTwoRefreshesEndsNothing(t *testing.T) {
	dialects(t, func(w *world) {
		w.signIn()
		before := map[string]string{}
		for name, value := range w.cookies {
			before[name] = value
		}
		w.refreshes()
		won := w.cookies
		w.cookies = before
		loser := w.do("POST", "refresh")
		w.fails(loser, 401, "session_expired")
		// Its answer arrives at the browser that has the winner's cookies.
		w.cookies = won
		for _, c := range loser.Cookies() {
			if c.MaxAge < 0 {
				w.Errorf("the loser removes %s", c.Name)
			}
			w.cookies[c.Name] = c.Value
		}
		w.isLoggedIn(true)
		w.hasNot(names.Over)
		w.refreshes()
	})
}

func TestCookieLifetime(t *testing.T) {
	w := newWorld(t)
	w.anyCookie = true
	w.reconfigure(func(c *Config) {
		c.Names = cookie.NewNamesOf(cookie.Options{Prefix: "th", MaxAge: 720 * time.Hour})
	})
	w.tokensOf(4000) // in two cookies
	w.signIn()
	w.refreshes()
	for name, c := range w.setAs {
		if !strings.Contains(name, "-login-") && c.MaxAge != 720*3600 {
			t.Errorf("%s has Max-Age %d", name, c.MaxAge)
		}
	}
}

// The ID token cookie has only the claims that a refresh needs.
func TestOmitIDToken(t *testing.T) {
	w := newWorld(t)
	w.reconfigure(func(c *Config) { c.OmitIDToken = true })
	w.signIn()
	for range 2 {
		got := w.do("GET", "session")
		claims, _ := got.json["id_token_claims"].(map[string]any)
		if claims["sub"] != "alice" || claims["name"] != nil || claims["iss"] == nil {
			t.Errorf("session: got %s", got.text)
		}
		sealer, err := sealedtest.New(currentKey, sealedtest.Deployment{})
		if err != nil {
			t.Fatal(err)
		}
		content, err := sealer.Open(names.IDToken, w.cookies[names.IDToken])
		if err != nil || len(content.Token) > 400 || !strings.HasSuffix(content.Token, ".") {
			t.Errorf("the cookie carries %d characters, %v", len(content.Token), err)
		}
		w.refreshes()
	}
	w.provider.Subject = "mallory"
	w.fails(w.do("POST", "refresh"), 400, "invalid_request")
}

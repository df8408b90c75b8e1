package oauthagent

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// A1: no decryption oracle. A cookie in the place of another does not count,
// and no response shows its plaintext. All tests also check that no response
// contains a token.
func TestOracle(t *testing.T) {
	dialects(t, func(w *world) {
		w.signIn()
		good := map[string]string{}
		for name, value := range w.cookies {
			good[name] = value
		}
		for _, stolen := range names.Session() {
			for _, slot := range names.Session() {
				if stolen == slot {
					continue
				}
				for _, endpoint := range []string{"session", "login/end", "claims", "userInfo", "refresh", "logout"} {
					w.cookies = map[string]string{}
					for name, value := range good {
						w.cookies[name] = value
					}
					w.cookies[slot] = good[stolen]
					method := "POST"
					if endpoint == "session" || endpoint == "claims" || endpoint == "userInfo" {
						method = "GET"
					}
					before := w.csrf
					got := w.do(method, endpoint)
					if got.StatusCode >= 500 {
						w.Errorf("%s as %s: %s: got %d", stolen, slot, endpoint, got.StatusCode)
					}
					if value, ok := got.json["csrf"].(string); ok && len(value) != 64 {
						w.Errorf("%s as %s: %s answered %d bytes as csrf", stolen, slot, endpoint, len(value))
					}
					w.csrf = before
				}
			}
		}
	})
}

// A15, G12: a cookie that is merely present is no session.
func TestLoggedIn(t *testing.T) {
	session, another := cookie.SessionID{1}, cookie.SessionID{2}
	now := newWorld(t).now
	later, past := now.Add(time.Minute), now.Add(-time.Second)
	idToken := oauthtest.Unsigned(map[string]any{"sub": "alice"})
	content := func(id cookie.SessionID, expires time.Time, token string) *cookie.Content {
		return &cookie.Content{Session: id, Expires: expires, Token: token}
	}
	for _, tt := range []struct {
		name                         string
		access, refresh, idt, csrfCo *cookie.Content
		raw                          map[string]string
		want                         bool
		kept                         []string
	}{
		{name: "access token", access: content(session, later, "a"), want: true, kept: []string{names.AccessToken}},
		{name: "access token without expiry", access: content(session, time.Time{}, "a"), want: true, kept: []string{names.AccessToken}},
		{name: "access token expired", access: content(session, past, "a")},
		{name: "access token expires now", access: content(session, now, "a")},
		{name: "refresh token", refresh: content(session, time.Time{}, "r"), want: true, kept: []string{names.RefreshToken}},
		{name: "refresh token, access token expired", access: content(session, past, "a"), refresh: content(session, time.Time{}, "r"), want: true, kept: []string{names.AccessToken, names.RefreshToken}},
		{name: "only ID token", idt: content(session, time.Time{}, idToken)},
		{name: "only csrf", csrfCo: content(session, time.Time{}, "c")},
		{name: "two sessions", access: content(session, later, "a"), refresh: content(another, time.Time{}, "r")},
		{name: "ID token of another session", access: content(session, later, "a"), idt: content(another, time.Time{}, idToken)},
		{name: "csrf of another session", access: content(session, later, "a"), csrfCo: content(another, time.Time{}, "c")},
		{name: "G12 garbage", raw: map[string]string{names.AccessToken: "x", names.IDToken: "y", names.RefreshToken: strings.Repeat("z", 5000)}},
		{name: "access token beside garbage", access: content(session, later, "a"), raw: map[string]string{names.RefreshToken: "x"}, want: true, kept: []string{names.AccessToken}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, ask := range []func(*world) response{
				func(w *world) response { return w.do("GET", "session") },
				func(w *world) response { return w.end(url.Values{}) },
			} {
				dialects(t, func(w *world) {
					for name, c := range map[string]*cookie.Content{
						names.AccessToken: tt.access, names.RefreshToken: tt.refresh, names.IDToken: tt.idt, names.CSRF: tt.csrfCo,
					} {
						if c != nil {
							w.cookies[name] = w.seal(name, *c)
						}
					}
					for name, value := range tt.raw {
						w.cookies[name] = value
					}
					got := ask(w)
					if got.StatusCode != 200 || got.json["isLoggedIn"] != tt.want || got.json["is_logged_in"] != tt.want {
						w.Fatalf("got %d %s", got.StatusCode, got.text)
					}
					// A14: useless cookies are removed.
					w.has(tt.kept...)
					delete(w.cookies, names.CSRF)
					if !tt.want && len(w.cookies) != 0 || tt.want && len(w.cookies) != len(tt.kept) {
						w.Errorf("the browser has %d cookies, want %d", len(w.cookies), len(tt.kept))
					}
				})
			}
		})
	}
}

// A14, A15: a classic session without a CSRF cookie gets a new one. It can
// refresh and sign out with it.
func TestLostCSRFCookie(t *testing.T) {
	for _, damage := range []func(*world){
		func(w *world) { delete(w.cookies, names.CSRF) },
		func(w *world) { w.cookies[names.CSRF] = "garbage" },
	} {
		w := newWorld(t)
		w.signIn()
		damage(w)
		w.fails(w.do("POST", "refresh"), 401, "unauthorized_request")
		if got := w.end(url.Values{}); got.json["isLoggedIn"] != true || len(w.csrf) != 64 {
			t.Errorf("got %s", got.text)
		}
		if got := w.do("POST", "refresh"); got.StatusCode != 204 {
			t.Errorf("got %d %s", got.StatusCode, got.text)
		}
	}
}

// The CSRF value stays the same for all tabs and over a refresh.
func TestCSRFValueIsStable(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	first := w.csrf
	w.do("GET", "session")
	w.end(url.Values{})
	w.do("POST", "refresh")
	w.do("GET", "session")
	if w.csrf != first {
		t.Error("the CSRF value changed")
	}
}

func TestUserInfo(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script func(*world)
		status int
		code   string
		asks   int
	}{
		{"A17 another sub", func(w *world) { w.provider.UserInfo = oauthtest.Set(map[string]any{"sub": "leak"}) }, 502, "authorization_server_error", 1},
		{"401", func(w *world) { w.provider.On["/userinfo"] = oauthtest.Answer(401, "text/plain", "leak") }, 401, "token_expired", 1},
		{"403", func(w *world) { w.provider.On["/userinfo"] = oauthtest.Answer(403, "text/plain", "leak") }, 400, "authorization_error", 1},
		{"expired here", func(w *world) { w.now = w.now.Add(300 * time.Second) }, 401, "token_expired", 0},
		{"no access token", func(w *world) { delete(w.cookies, names.AccessToken) }, 401, "unauthorized_request", 0},
		{"no ID token", func(w *world) { delete(w.cookies, names.IDToken) }, 401, "unauthorized_request", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dialects(t, func(w *world) {
				w.signIn()
				before := len(w.cookies)
				tt.script(w)
				got := w.do("GET", "userInfo")
				w.fails(got, tt.status, tt.code)
				if strings.Contains(got.text, "leak") || w.provider.Requests("/userinfo") != tt.asks || len(got.Cookies()) != 0 || before != 4 {
					w.Errorf("got %s after %d requests to the provider, Set-Cookie %v", got.text, w.provider.Requests("/userinfo"), got.Cookies())
				}
			})
		})
	}
}

// A session that is over returns no claims.
func TestClaimsEndWithTheSession(t *testing.T) {
	w := newWorld(t)
	w.provider.TokenAnswer = oauthtest.Set(map[string]any{"refresh_token": nil})
	w.signIn()
	if got := w.do("GET", "claims"); got.StatusCode != 200 {
		t.Fatalf("got %d %s", got.StatusCode, got.text)
	}
	w.now = w.now.Add(300 * time.Second)
	w.fails(w.do("GET", "claims"), 401, "unauthorized_request")
}

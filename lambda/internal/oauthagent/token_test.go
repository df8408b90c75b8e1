package oauthagent

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

func mediating(t *testing.T, test func(*world)) {
	dialects(t, func(w *world) {
		w.answersToken = true
		w.reconfigure(func(c *Config) { c.TokenMediation = true })
		w.signIn()
		test(w)
	})
}

// The page gets the provider's access token and its remaining lifetime, and the
// new token after a refresh. Rule 23: it never gets the refresh token or the ID
// token.
func TestTokenMediation(t *testing.T) {
	mediating(t, func(w *world) {
		var seen []string
		for range 2 {
			w.now = w.now.Add(100 * time.Second)
			got := w.do("POST", "token")
			access, err := names.OpenValue(w.ring, names.AccessToken, w.cookies[names.AccessToken])
			if err != nil {
				w.Fatal(err)
			}
			if got.StatusCode != 200 || got.json["access_token"] != access.Token || got.json["token_type"] != "Bearer" ||
				got.json["access_token_expires_in"] != access.Expires.Sub(w.now).Seconds() || len(got.json) != 3 || len(got.Cookies()) != 0 {
				w.Errorf("got %d %s with Set-Cookie %v", got.StatusCode, got.text, got.Header["Set-Cookie"])
			}
			seen = append(seen, got.text)
			w.refreshes()
		}
		if seen[0] == seen[1] {
			w.Error("the refresh did not change the token")
		}
		for _, name := range []string{names.RefreshToken, names.IDToken} {
			content, err := names.OpenValue(w.ring, name, w.cookies[name])
			if err != nil || strings.Contains(strings.Join(seen, ""), content.Token) {
				w.Errorf("the page got the content of %s, %v", name, err)
			}
		}
	})
}

// Off by default: every request to the endpoint gets 404.
func TestTokenMediationIsOffByDefault(t *testing.T) {
	dialects(t, func(w *world) {
		w.signIn()
		for _, method := range []string{"GET", "POST", "HEAD"} {
			w.fails(w.do(method, "token"), 404, "not_found")
		}
	})
}

// Rules 21, 10 to 12, 22: the same origin and CSRF rules as a refresh, and no
// parameters.
func TestTokenMediationRefusals(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*world) []option
		status int
		code   string
	}{
		{"untrusted origin", func(*world) []option { return []option{header("Origin", "https://evil.example")} }, 401, "unauthorized_request"},
		{"no origin", func(*world) []option {
			return []option{header("Origin", ""), header("Sec-Fetch-Site", "same-origin")}
		}, 401, "unauthorized_request"},
		{"no header", func(*world) []option {
			return []option{header("X-TH-CSRF", ""), header("token-handler-version", "")}
		}, 401, "unauthorized_request"},
		{"wrong CSRF value", func(*world) []option {
			return []option{header("token-handler-version", ""), header("X-TH-CSRF", strings.Repeat("0", 64))}
		}, 401, "unauthorized_request"},
		{"version 2", func(*world) []option { return []option{header("token-handler-version", "2")} }, 401, "unauthorized_request"},
		{"rule 22 scope", func(*world) []option {
			return []option{withBody("application/x-www-form-urlencoded", "scope=openid")}
		}, 400, "invalid_request"},
		{"rule 22 resource", func(*world) []option { return []option{withBody("application/json", `{"resource":"x"}`)} }, 400, "invalid_request"},
		{"A21 text/plain", func(*world) []option { return []option{withBody("text/plain", "x")} }, 415, "invalid_request"},
		{"no cookies", func(w *world) []option { clear(w.cookies); return nil }, 401, "unauthorized_request"},
		{"no access token", func(w *world) []option { delete(w.cookies, names.AccessToken); return nil }, 401, "unauthorized_request"},
		{"G1 refresh token as access token", func(w *world) []option {
			w.cookies[names.AccessToken] = w.cookies[names.RefreshToken]
			return nil
		}, 401, "unauthorized_request"},
		{"access token of another session", func(w *world) []option {
			w.cookies[names.AccessToken] = w.seal(names.AccessToken, cookie.Content{Session: cookie.SessionID{9}, Token: "leak"})
			return nil
		}, 401, "unauthorized_request"},
		{"lost key", func(w *world) []option { w.useKey(otherKey); return nil }, 401, "unauthorized_request"},
		{"expired", func(w *world) []option { w.now = w.now.Add(300 * time.Second); return nil }, 401, "token_expired"},
		{"session over", func(w *world) []option {
			w.reconfigure(func(c *Config) { c.TokenMediation = true; c.Lifetimes = Lifetimes{Absolute: time.Second} })
			w.now = w.now.Add(time.Second)
			return nil
		}, 401, "unauthorized_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mediating(t, func(w *world) {
				got := w.do("POST", "token", tt.change(w)...)
				w.fails(got, tt.status, tt.code)
				if strings.Contains(got.text, "access_token") || strings.Contains(got.text, "leak") {
					w.Errorf("got %s", got.text)
				}
			})
		})
	}
	mediating(t, func(w *world) { w.fails(w.do("GET", "token"), http.StatusMethodNotAllowed, "invalid_request") })
}

// An unknown expiry is left out.
func TestTokenMediationUnknownExpiry(t *testing.T) {
	dialects(t, func(w *world) {
		w.answersToken = true
		w.provider.TokenAnswer = oauthtest.Set(map[string]any{"expires_in": nil})
		w.reconfigure(func(c *Config) { c.TokenMediation = true })
		w.signIn()
		if got := w.do("POST", "token"); got.StatusCode != 200 || len(got.json) != 2 {
			w.Errorf("got %d %s", got.StatusCode, got.text)
		}
	})
}

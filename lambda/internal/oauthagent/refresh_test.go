package oauthagent

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// Rules 10 to 12: requests that change something need the header of their
// dialect.
func TestDoubleSubmit(t *testing.T) {
	for _, endpoint := range []string{"refresh", "logout"} {
		for _, tt := range []struct {
			name   string
			change func(*world) []option
		}{
			{"no header", func(w *world) []option { return []option{header("X-TH-CSRF", "")} }},
			{"wrong value", func(w *world) []option { return []option{header("X-TH-CSRF", strings.Repeat("0", 64))} }},
			{"two values", func(w *world) []option {
				return []option{func(r *http.Request) { r.Header.Add("x-th-csrf", "0") }}
			}},
			{"A9 value and cookie of another session", func(w *world) []option {
				value := strings.Repeat("1", 64)
				w.cookies[names.CSRF] = w.seal(names.CSRF, cookie.Content{Session: cookie.SessionID{9}, Token: value})
				if endpoint == "logout" {
					value = "0" // to sign out it is enough that value and cookie match
				}
				return []option{header("X-TH-CSRF", value)}
			}},
			{"an empty value in the cookie", func(w *world) []option {
				w.cookies[names.CSRF] = w.seal(names.CSRF, cookie.Content{Session: w.session(), Token: ""})
				return []option{func(r *http.Request) { r.Header["X-Th-Csrf"] = []string{""} }}
			}},
			{"version 2", func(w *world) []option { return []option{header("token-handler-version", "2")} }},
			{"empty version", func(w *world) []option {
				return []option{func(r *http.Request) { r.Header["Token-Handler-Version"] = []string{""} }}
			}},
		} {
			t.Run(endpoint+" "+tt.name, func(t *testing.T) {
				w := newWorld(t)
				w.signIn()
				got := w.do("POST", endpoint, tt.change(w)...)
				if endpoint == "refresh" && strings.HasPrefix(tt.name, "A9") {
					// Cookies of two sessions are no session.
					w.fails(got, 401, "session_expired")
				} else {
					w.fails(got, 401, "unauthorized_request")
					if len(got.Cookies()) != 0 {
						t.Errorf("got Set-Cookie %v", got.Header["Set-Cookie"])
					}
				}
				if w.provider.Requests("/token") != 1 {
					t.Error("the provider was asked")
				}
			})
		}
	}
}

func (w *world) session() cookie.SessionID {
	w.Helper()
	content, err := names.OpenValue(w.ring, names.AccessToken, w.cookies[names.AccessToken])
	if err != nil {
		w.Fatal(err)
	}
	return content.Session
}

// A refresh fails with the documented codes. The cookies are removed only if
// the session is over.
func TestRefreshFailures(t *testing.T) {
	on := func(status int, contentType, body string) func(*world) {
		return func(w *world) { w.provider.On["/token"] = oauthtest.Answer(status, contentType, body) }
	}
	claims := func(name string, value any) func(*world) {
		return func(w *world) { w.provider.Claims = oauthtest.Set(map[string]any{name: value}) }
	}
	for _, tt := range []struct {
		name   string
		script func(*world)
		status int
		code   string
		over   bool
	}{
		{"invalid_grant", on(400, "application/json", `{"error":"invalid_grant","error_description":"leak"}`), 401, "session_expired", true},
		{"A22 invalid_grant in a text", on(400, "text/html", `leak: invalid_grant`), 400, "authorization_error", false},
		{"500 with invalid_grant", on(500, "application/json", `{"error":"invalid_grant"}`), 502, "authorization_server_error", false},
		{"200 with invalid_grant", on(200, "application/json", `{"error":"invalid_grant"}`), 502, "authorization_server_error", false},
		{"503", on(503, "text/html", "leak"), 502, "authorization_server_error", false},
		{"429", on(429, "text/html", "leak"), 502, "authorization_server_error", false},
		{"redirect", on(302, "text/html", "leak"), 502, "authorization_server_error", false},
		{"HTML", on(200, "text/html", "leak"), 502, "authorization_server_error", false},
		{"invalid_client", on(401, "application/json", `{"error":"invalid_client"}`), 502, "authorization_server_error", false},
		{"invalid_request", on(400, "application/json", `{"error":"invalid_request"}`), 400, "authorization_error", false},
		{"a dead token in a text", on(400, "text/plain", `{"error":"interaction_required","error_description":"leak"}`), 401, "session_expired", true},
		{"a dead token with 401", on(401, "application/problem+json", `{"error":"token_inactive"}`), 401, "session_expired", true},
		{"a dead token under an unknown code", on(400, "", `{"error":"leak"}`), 401, "session_expired", true},
		{"a grant that lost its scope", on(400, "application/json", `{"error":"invalid_scope"}`), 401, "session_expired", true},
		{"another user", func(w *world) { w.provider.Subject = "mallory" }, 400, "invalid_request", false},
		{"another audience", claims("aud", "x"), 400, "invalid_request", false},
		{"another nonce", claims("nonce", "x"), 400, "invalid_request", false},
		{"no refresh token", func(w *world) { delete(w.cookies, names.RefreshToken) }, 401, "session_expired", true},
		{"A14 damaged refresh token", func(w *world) { w.cookies[names.RefreshToken] += "A" }, 401, "session_expired", true},
		{"A14 lost key", func(w *world) { w.useKey(otherKey) }, 401, "session_expired", true},
		{"no ID token", func(w *world) { delete(w.cookies, names.IDToken) }, 401, "session_expired", true},
		{"G1 access token as refresh token", func(w *world) { w.cookies[names.RefreshToken] = w.cookies[names.AccessToken] }, 401, "session_expired", true},
		{"refresh token of another session", func(w *world) {
			w.cookies[names.RefreshToken] = w.seal(names.RefreshToken, cookie.Content{Session: cookie.SessionID{9}, Token: "r"})
		}, 401, "session_expired", true},
		{"tokens grow too large", func(w *world) {
			w.provider.TokenAnswer = oauthtest.Set(map[string]any{"access_token": strings.Repeat("a", 6000)})
		}, 502, "session_too_large", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dialects(t, func(w *world) {
				w.signIn()
				tt.script(w)
				got := w.do("POST", "refresh")
				w.fails(got, tt.status, tt.code)
				if strings.Contains(got.text, "leak") {
					w.Errorf("got %s", got.text)
				}
				if tt.over {
					// The mark of a session that is over, or all four removed.
					if marked := len(got.Cookies()) == 1 && got.Cookies()[0].Name == names.Over; !marked && len(got.Cookies()) != 4 {
						w.Errorf("got Set-Cookie %v, want the mark, or all four removed", got.Header["Set-Cookie"])
					}
					if got := w.do("GET", "session"); got.json["is_logged_in"] != false || len(w.cookies) != 0 {
						w.Errorf("session afterwards: got %s with %d cookies", got.text, len(w.cookies))
					}
				} else if len(got.Cookies()) != 0 || len(w.cookies) != 4 {
					w.Errorf("got Set-Cookie %v, want no cookie", got.Header["Set-Cookie"])
				}
			})
		})
	}
}

// The session stays. So do the refresh token and the ID token if the provider
// sends no new ones.
func TestRefreshKeeps(t *testing.T) {
	dialects(t, func(w *world) {
		w.signIn()
		session := w.session()
		open := func(name string) string {
			content, err := names.OpenValue(w.ring, name, w.cookies[name])
			if err != nil || content.Session != session {
				w.Fatalf("%s: %v, of the session: %t", name, err, content.Session == session)
			}
			return content.Token
		}
		refreshToken, idToken, csrfValue := open(names.RefreshToken), open(names.IDToken), open(names.CSRF)
		w.provider.TokenAnswer = oauthtest.Set(map[string]any{"refresh_token": nil, "id_token": nil})
		if got := w.do("POST", "refresh"); got.StatusCode >= 300 {
			w.Fatalf("got %d %s", got.StatusCode, got.text)
		}
		if open(names.RefreshToken) != refreshToken || open(names.IDToken) != idToken || open(names.CSRF) != csrfValue {
			w.Error("a token that was not renewed has changed")
		}
	})
}

// A14, G12, rule 48: signing out works with any cookies, and removes them all.
func TestLogoutAlwaysWorks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script func(*world)
	}{
		{"signed in", func(*world) {}},
		{"lost key", func(w *world) { w.useKey(otherKey) }},
		{"damaged", func(w *world) {
			for name := range w.cookies {
				w.cookies[name] = "garbage"
			}
		}},
		{"only the access token is left", func(w *world) {
			for name := range w.cookies {
				if name != names.AccessToken {
					delete(w.cookies, name)
				}
			}
		}},
		{"no cookies", func(w *world) { clear(w.cookies) }},
		{"pending logins", func(w *world) { w.start(); w.start() }},
		{"the provider is gone", func(w *world) {
			w.useKey(otherKey) // with no metadata yet
			w.provider.On["/.well-known/openid-configuration"] = oauthtest.Answer(500, "text/html", "leak")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dialects(t, func(w *world) {
				w.signIn()
				tt.script(w)
				got := w.do("POST", "logout")
				if got.StatusCode != 200 || strings.Contains(got.text, "leak") {
					w.Errorf("got %d %s", got.StatusCode, got.text)
				}
				if len(w.cookies) != 0 || len(got.Cookies()) < 4 {
					w.Errorf("the browser has %d cookies, Set-Cookie %v", len(w.cookies), got.Header["Set-Cookie"])
				}
				if tt.name == "the provider is gone" {
					want := `{"url":"https://www.example.com/bye"}`
					if w.assistant {
						want = `{}`
					}
					if strings.TrimSpace(got.text) != want {
						w.Errorf("got %s, want %s", got.text, want)
					}
					if !strings.Contains(w.logs.String(), "discovery: the provider answered 500") {
						w.Error("the log has no reason for the missing logout URL")
					}
				}
			})
		})
	}
}

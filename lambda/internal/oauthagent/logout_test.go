package oauthagent

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// revocation gives the provider a revocation endpoint and returns the requests
// to it.
func (w *world) revocation(answer http.HandlerFunc) *[]url.Values {
	var asked []url.Values
	w.provider.Metadata = oauthtest.Set(map[string]any{"revocation_endpoint": w.provider.Issuer() + "/revoke"})
	w.provider.On["/revoke"] = func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		if id, secret, _ := r.BasicAuth(); id != url.QueryEscape(oauthtest.ClientID) || secret != url.QueryEscape(oauthtest.ClientSecret) {
			w.Errorf("the revocation request is of client %q", id)
		}
		asked = append(asked, form)
		answer(rw, r)
	}
	w.useKey(currentKey)
	return &asked
}

// A20, rule 44: signing out revokes the session's refresh token (RFC 7009). It
// succeeds even if the revocation fails.
func TestLogoutRevokes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		note   string
	}{
		{"200", oauthtest.Answer(200, "text/plain", ""), ""},
		{"200 with anything", oauthtest.Answer(200, "application/json", `{"error":"leak"}`), ""},
		{"rule 44 503", oauthtest.Answer(503, "text/html", "leak"), "revocation: revocation endpoint answered 503"},
		{"400", oauthtest.Answer(400, "application/json", `{"error":"unsupported_token_type","error_description":"leak"}`), "revocation: revocation endpoint answered 400"},
		{"redirect", oauthtest.Answer(302, "text/html", "leak"), "revocation: revocation endpoint answered 302"},
		{"reset", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "revocation: revocation endpoint"},
		{"no answer", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "revocation: revocation endpoint did not answer in time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dialects(t, func(w *world) {
				asked := w.revocation(tt.answer)
				w.signIn()
				refresh, err := names.OpenValue(w.ring, names.RefreshToken, w.cookies[names.RefreshToken])
				if err != nil {
					w.Fatal(err)
				}
				// As logoutTimeout would, but sooner.
				soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				started := time.Now()
				got := w.do("POST", "logout", func(r *http.Request) { *r = *r.WithContext(soon) })
				if took := time.Since(started); took > 3*time.Second {
					w.Errorf("signing out took %s", took)
				}
				if got.StatusCode != 200 || got.json["url"] == nil || len(w.cookies) != 0 {
					w.Errorf("got %d %s, the browser has %d cookies", got.StatusCode, got.text, len(w.cookies))
				}
				if len(*asked) != 1 || (*asked)[0].Get("token") != refresh.Token || (*asked)[0].Get("token_type_hint") != "refresh_token" {
					w.Errorf("the provider was asked to revoke %d tokens", len(*asked))
				}
				if noted := strings.Contains(w.logs.String(), `"note"`); noted != (tt.note != "") || !strings.Contains(w.logs.String(), tt.note) {
					w.Errorf("want the note %q in the log:\n%s", tt.note, w.logs.String())
				}
			})
		})
	}
}

// A refresh token that opens is revoked, also if other cookies are missing or
// damaged.
func TestLogoutRevokesWhatIsLeft(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script func(*world)
		want   int
	}{
		{"expired access token", func(w *world) { w.now = w.now.Add(time.Hour) }, 1},
		{"only the refresh token", func(w *world) {
			for name := range w.cookies {
				if name != names.RefreshToken {
					delete(w.cookies, name)
				}
			}
		}, 1},
		{"A14 the others damaged", func(w *world) {
			for name := range w.cookies {
				if name != names.RefreshToken {
					w.cookies[name] = "garbage"
				}
			}
		}, 1},
		{"of several sessions", func(w *world) {
			w.cookies[names.AccessToken] = w.seal(names.AccessToken, cookie.Content{Session: cookie.SessionID{9}, Token: "a"})
		}, 1},
		{"the session is over", func(w *world) {
			w.reconfigure(func(c *Config) { c.Lifetimes.Absolute = time.Second })
			w.now = w.now.Add(time.Hour)
		}, 1},
		{"A14 lost key", func(w *world) { w.useKey(otherKey) }, 0},
		{"no refresh token", func(w *world) { delete(w.cookies, names.RefreshToken) }, 1},
		{"G1 access token as refresh token", func(w *world) { w.cookies[names.RefreshToken] = w.cookies[names.AccessToken] }, 1},
		{"no cookies", func(w *world) { clear(w.cookies) }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dialects(t, func(w *world) {
				asked := w.revocation(oauthtest.Answer(200, "text/plain", ""))
				w.signIn()
				tt.script(w)
				if got := w.do("POST", "logout"); got.StatusCode != 200 || len(w.cookies) != 0 {
					w.Errorf("got %d %s, the browser has %d cookies", got.StatusCode, got.text, len(w.cookies))
				}
				if len(*asked) != tt.want {
					w.Errorf("the provider was asked to revoke %d tokens, want %d", len(*asked), tt.want)
				}
			})
		})
	}
}

// A refused sign-out revokes no token.
func TestRefusedLogoutRevokesNothing(t *testing.T) {
	for name, change := range map[string]option{
		"untrusted origin": header("Origin", "https://evil.example"),
		"no header":        header("X-TH-CSRF", ""),
		"wrong value":      header("X-TH-CSRF", strings.Repeat("0", 64)),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			asked := w.revocation(oauthtest.Answer(200, "text/plain", ""))
			w.signIn()
			w.fails(w.do("POST", "logout", change), 401, "unauthorized_request")
			if len(*asked) != 0 || len(w.cookies) != 4 {
				t.Errorf("the provider was asked to revoke %d tokens, the browser has %d cookies", len(*asked), len(w.cookies))
			}
		})
	}
}

// If a session reaches our own bound, its refresh token is revoked.
func TestExpiredSessionIsRevoked(t *testing.T) {
	dialects(t, func(w *world) {
		w.change = func(c *Config) { c.Lifetimes = Lifetimes{Idle: idle} }
		asked := w.revocation(oauthtest.Answer(503, "text/html", "leak"))
		w.signIn()
		w.now = w.now.Add(idle)
		w.fails(w.do("POST", "refresh"), 401, "session_expired")
		if len(*asked) != 1 || len(w.cookies) != 0 {
			w.Errorf("the provider was asked to revoke %d tokens, the browser has %d cookies", len(*asked), len(w.cookies))
		}
	})
}

// A local logout returns the page after sign-out and not the provider's URL. It
// still revokes.
func TestLocalLogout(t *testing.T) {
	dialects(t, func(w *world) {
		w.change = func(c *Config) { c.LocalLogout = true }
		asked := w.revocation(oauthtest.Answer(200, "text/plain", ""))
		w.signIn()
		got := w.do("POST", "logout")
		want := `{"url":"https://www.example.com/bye"}`
		if w.assistant {
			want = `{}`
		}
		if got.StatusCode != 200 || strings.TrimSpace(got.text) != want || len(w.cookies) != 0 || len(*asked) != 1 {
			w.Errorf("got %d %s, the browser has %d cookies", got.StatusCode, got.text, len(w.cookies))
		}
	})
}

// The hint is sent only if it is configured, and only for this session.
func TestIDTokenHint(t *testing.T) {
	for _, tt := range []struct {
		name   string
		on     bool
		script func(*world)
		want   bool
	}{
		{"off", false, func(*world) {}, false},
		{"on", true, func(*world) {}, true},
		{"on, session expired", true, func(w *world) {
			w.reconfigure(func(c *Config) { c.IDTokenHint, c.Lifetimes.Absolute = true, time.Hour })
			w.now = w.now.Add(2 * time.Hour)
		}, true},
		{"on, no ID token", true, func(w *world) { delete(w.cookies, names.IDToken) }, false},
		{"on, lost key", true, func(w *world) { w.useKey(otherKey) }, false},
		{"on, ID token of another session", true, func(w *world) {
			w.cookies[names.IDToken] = w.seal(names.IDToken, cookie.Content{Session: cookie.SessionID{9}, Token: oauthtest.Unsigned(map[string]any{"sub": "x"})})
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dialects(t, func(w *world) {
				w.answersHint = tt.on
				w.reconfigure(func(c *Config) { c.IDTokenHint = tt.on })
				w.signIn()
				id, err := names.OpenValue(w.ring, names.IDToken, w.cookies[names.IDToken])
				if err != nil {
					w.Fatal(err)
				}
				tt.script(w)
				got := w.do("POST", "logout")
				u, err := url.Parse(got.json["logout_url"].(string))
				if err != nil {
					w.Fatal(err)
				}
				want := url.Values{"client_id": {oauthtest.ClientID}, "post_logout_redirect_uri": {origin + "/bye"}, "tenant": {"1"}}
				if tt.want {
					want.Set("id_token_hint", id.Token)
				}
				if u.RawQuery != want.Encode() || len(w.cookies) != 0 {
					w.Errorf("got %s, want the query %s", got.text, want.Encode())
				}
			})
		})
	}
}

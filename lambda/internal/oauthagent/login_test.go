package oauthagent

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// A12: several tabs sign in at once. The number is bounded, and the oldest
// login goes.
func TestSeveralLogins(t *testing.T) {
	dialects(t, func(w *world) {
		var pages []url.Values
		for range cookie.MaxLogins + 1 {
			pages = append(pages, w.provider.Authorize(w, w.start()))
			w.now = w.now.Add(time.Second)
		}
		if len(w.cookies) != cookie.MaxLogins {
			w.Fatalf("the browser has %d cookies, want %d", len(w.cookies), cookie.MaxLogins)
		}
		w.fails(w.end(pages[0]), 400, "invalid_request")
		for i, page := range pages[1:] {
			if got := w.end(page); got.json["handled"] != true {
				w.Errorf("login %d: got %d %s", i+1, got.StatusCode, got.text)
			}
		}
	})
}

// A slot is free again if its cookie has expired, is damaged or is not a
// login's.
func TestLoginSlots(t *testing.T) {
	w := newWorld(t)
	for range cookie.MaxLogins {
		w.start()
	}
	w.cookies[names.Login(3)] = w.cookies[names.Login(4)] // does not open under this name
	w.start()
	if _, err := names.OpenValue(w.ring, names.Login(3), w.cookies[names.Login(3)]); err != nil {
		t.Error("the damaged slot was not used")
	}
	w.now = w.now.Add(loginLifetime)
	w.start()
	// Expired logins are removed at the next login/end.
	w.end(url.Values{})
	if len(w.cookies) != 1 {
		t.Errorf("the browser has %d login cookies, want 1", len(w.cookies))
	}
}

// Rules 25, 26, A10, A11, G11: a response belongs to a login of this browser,
// and counts once. This includes error responses.
func TestStateBinding(t *testing.T) {
	for name, result := range map[string]url.Values{"success": {}, "error": {"error": {"access_denied"}}} {
		respond := func(page url.Values) url.Values {
			if result.Has("error") {
				page.Del("code")
				page.Set("error", "access_denied")
				page.Set("error_description", "leak: call 0800-EVIL")
			}
			return page
		}
		t.Run(name, func(t *testing.T) {
			dialects(t, func(w *world) {
				page := respond(w.provider.Authorize(w, w.start()))
				mine := w.cookies

				// Another browser: no login at all, or another one.
				w.cookies = map[string]string{}
				w.fails(w.end(page), 400, "invalid_request")
				w.start()
				w.fails(w.end(page), 400, "invalid_request")

				// This browser, but another state or no state.
				w.cookies = mine
				other := url.Values{}
				for k, v := range page {
					other[k] = v
				}
				other.Set("state", page.Get("state")+"x")
				w.fails(w.end(other), 400, "invalid_request")
				other.Set("state", "")
				w.fails(w.end(other), 400, "invalid_request")
				if n := w.provider.Requests("/token"); n != 0 {
					w.Errorf("the provider got %d codes", n)
				}
				if len(w.cookies) != 1 {
					w.Error("the pending login is gone")
				}

				// The real one ends the login, and only once.
				got := w.end(page)
				if result.Has("error") {
					w.fails(got, 400, "access_denied")
				} else if got.json["handled"] != true {
					w.Errorf("got %d %s", got.StatusCode, got.text)
				}
				w.hasNot(names.Login(1), names.Login(2), names.Login(3), names.Login(4), names.Login(5))
				if result.Has("error") {
					w.fails(w.end(page), 400, "invalid_request")
					return
				}
				// Sent again, it gets the session and uses no code.
				before := maps.Clone(w.cookies)
				if got := w.end(page); got.json["handled"] != true || got.json["isLoggedIn"] != true || w.provider.Requests("/token") != 1 {
					w.Errorf("sent twice: got %d %s", got.StatusCode, got.text)
				}
				if diff := cmp.Diff(before, w.cookies); diff != "" {
					w.Errorf("sent twice: cookies changed:\n%s", diff)
				}
				// Without the session, it is refused.
				clear(w.cookies)
				w.fails(w.end(page), 400, "invalid_request")
			})
		})
	}
}

// A10, G11: the agent returns only registered codes of an error response, and
// never its description.
func TestErrorResponses(t *testing.T) {
	for _, tt := range []struct {
		error  string
		status int
		code   string
	}{
		{"access_denied", 400, "access_denied"},
		{"invalid_scope", 400, "invalid_scope"},
		{"server_error", 400, "server_error"},
		{"login_required", 401, "login_required"},
		{"evil_code", 400, "authorization_error"},
		{"", 400, "authorization_error"},
		{"session_expired", 400, "authorization_error"},
	} {
		t.Run(tt.error, func(t *testing.T) {
			dialects(t, func(w *world) {
				w.signIn() // a session that must survive
				page := w.provider.Authorize(w, w.start())
				page.Del("code")
				page.Set("error", tt.error)
				page.Set("error_description", "leak")
				page.Set("error_uri", "https://leak.example")
				got := w.end(page)
				w.fails(got, tt.status, tt.code)
				if strings.Contains(got.text, "leak") {
					w.Errorf("got %s", got.text)
				}
				w.has(names.Session()...)
				if len(w.cookies) != len(names.Session()) {
					w.Error("the login cookie was kept")
				}
			})
		})
	}
}

// Pages without an authorization response, or with a malformed one.
func TestLoginEndPages(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(url.Values)
		page   string // in place of the redirect URI; classic only
		status int
	}{
		{"good", func(url.Values) {}, "", 200},
		{"foreign parameters", func(q url.Values) { q["tab"] = []string{"1", "2"} }, "", 200},
		{"session_state", func(q url.Values) { q.Set("session_state", "x") }, "", 200},
		{"A13 another host", func(url.Values) {}, "https://evil.example/", 0},
		{"A13 another path", func(url.Values) {}, "https://www.example.com/callback", 0},
		{"A13 another scheme", func(url.Values) {}, "http://www.example.com/", 0},
		{"A13 another port", func(url.Values) {}, "https://www.example.com:8443/", 0},
		{"A13 user info", func(url.Values) {}, "https://x@www.example.com/", 0},
		{"A13 same with default port", func(url.Values) {}, "https://WWW.example.com:443", 200},
		{"A13 encoded path", func(url.Values) {}, "https://www.example.com/%2e%2e", 0},
		{"two codes", func(q url.Values) { q.Add("code", "x") }, "", 400},
		{"the same code twice", func(q url.Values) { q.Add("code", q.Get("code")) }, "", 400},
		{"two states", func(q url.Values) { q.Add("state", "x") }, "", 400},
		{"two iss", func(q url.Values) { q["iss"] = []string{"a", "b"} }, "", 400},
		{"code and error", func(q url.Values) { q.Set("error", "access_denied") }, "", 400},
		{"empty code", func(q url.Values) { q.Set("code", "") }, "", 400},
		{"wrong iss", func(q url.Values) { q.Set("iss", "https://evil.example") }, "", 400},
		{"JARM that was not asked for", func(q url.Values) { clear(q); q.Set("response", "a.b.c") }, "", 0},
		{"another response parameter", func(q url.Values) { clear(q); q.Set("response", "yes"); q.Set("x", "y") }, "", 0},
		{"code without state", func(q url.Values) { q.Del("state") }, "", 0},
		{"state without code", func(q url.Values) { q.Del("code") }, "", 0},
		{"no parameters", func(q url.Values) { clear(q) }, "", 0},
		{"another page", func(q url.Values) { clear(q); q.Set("code", "SE") }, "https://www.example.com/countries", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dialects(t, func(w *world) {
				page := w.provider.Authorize(w, w.start())
				tt.change(page)
				var got response
				switch {
				case tt.page != "" && w.assistant:
					w.Skip("the assistant sends no page URL")
				case tt.page != "":
					got = w.endPage(tt.page + "?" + page.Encode())
				default:
					got = w.end(page)
				}
				switch tt.status {
				case 400:
					w.fails(got, 400, "invalid_request")
				case 200:
					if got.json["handled"] != true {
						w.Errorf("got %d %s", got.StatusCode, got.text)
					}
				default:
					if got.StatusCode != 200 || got.json["handled"] != false || got.json["isLoggedIn"] != false {
						w.Errorf("got %d %s", got.StatusCode, got.text)
					}
					if len(w.cookies) != 1 {
						w.Error("the pending login is gone")
					}
				}
			})
		})
	}
	t.Run("missing pageUrl", func(t *testing.T) {
		w := newWorld(t)
		if got := w.do("POST", "login/end", withBody("application/json", "{}")); got.json["handled"] != false {
			t.Errorf("got %s", got.text)
		}
	})
}

// Rule 45: a provider that announces iss must send it, also with errors.
func TestIssuerParameter(t *testing.T) {
	dialects(t, func(w *world) {
		w.provider.Metadata = oauthtest.Set(map[string]any{"authorization_response_iss_parameter_supported": true})
		for _, result := range []string{"code", "error"} {
			for iss, status := range map[string]int{w.provider.Issuer(): 0, "": 400, "https://evil.example": 400} {
				page := w.provider.Authorize(w, w.start())
				if result == "error" {
					page.Del("code")
					page.Set("error", "access_denied")
				}
				if iss != "" {
					page.Set("iss", iss)
				}
				got := w.end(page)
				switch {
				case status != 0:
					w.fails(got, 400, "invalid_request")
				case result == "error":
					w.fails(got, 400, "access_denied")
				case got.StatusCode != 200:
					w.Errorf("got %d %s", got.StatusCode, got.text)
				}
			}
		}
	})
}

// Rule 30, A7: every error of the provider has a code, leaves no session and
// ends the pending login.
func TestLoginProviderFailures(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script func(*oauthtest.Provider)
		status int
		code   string
	}{
		{"A7 nonce of another login", func(p *oauthtest.Provider) { p.Claims = oauthtest.Set(map[string]any{"nonce": "x"}) }, 400, "invalid_request"},
		{"A7 aud of another", func(p *oauthtest.Provider) { p.Claims = oauthtest.Set(map[string]any{"aud": "x"}) }, 400, "invalid_request"},
		{"A7 expired", func(p *oauthtest.Provider) { p.Claims = oauthtest.Set(map[string]any{"exp": 1}) }, 400, "invalid_request"},
		{"A7 no JWT", func(p *oauthtest.Provider) { p.Sign = func(map[string]any) string { return "notajwt" } }, 400, "invalid_request"},
		{"A7 unsigned", func(p *oauthtest.Provider) { p.Sign = oauthtest.Unsigned }, 400, "invalid_request"},
		{"no ID token", func(p *oauthtest.Provider) { p.TokenAnswer = oauthtest.Set(map[string]any{"id_token": nil}) }, 400, "invalid_request"},
		{"A22 no access token", func(p *oauthtest.Provider) { p.TokenAnswer = oauthtest.Set(map[string]any{"access_token": nil}) }, 502, "authorization_server_error"},
		{"A22 token_type", func(p *oauthtest.Provider) { p.TokenAnswer = oauthtest.Set(map[string]any{"token_type": "mac"}) }, 502, "authorization_server_error"},
		{"500", func(p *oauthtest.Provider) { p.On["/token"] = oauthtest.Answer(500, "text/html", "leak") }, 502, "authorization_server_error"},
		{"HTML", func(p *oauthtest.Provider) { p.On["/token"] = oauthtest.Answer(200, "text/html", "leak") }, 502, "authorization_server_error"},
		{"keys", func(p *oauthtest.Provider) { p.On["/jwks"] = oauthtest.Answer(500, "text/html", "leak") }, 502, "authorization_server_error"},
		{"invalid_client", func(p *oauthtest.Provider) {
			p.On["/token"] = oauthtest.Answer(401, "application/json", `{"error":"invalid_client"}`)
		}, 502, "authorization_server_error"},
		{"invalid_grant", func(p *oauthtest.Provider) {
			p.On["/token"] = oauthtest.Answer(400, "application/json", `{"error":"invalid_grant","error_description":"leak"}`)
		}, 400, "authorization_error"},
		{"A19 access token larger than all cookies may be", func(p *oauthtest.Provider) {
			p.TokenAnswer = oauthtest.Set(map[string]any{"access_token": strings.Repeat("a", 10_000)})
		}, 502, "session_too_large"},
		{"A19 together too large", func(p *oauthtest.Provider) {
			p.TokenAnswer = oauthtest.Set(map[string]any{"access_token": strings.Repeat("a", 2600), "refresh_token": strings.Repeat("r", 2600)})
		}, 502, "session_too_large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dialects(t, func(w *world) {
				page := w.provider.Authorize(w, w.start())
				tt.script(w.provider)
				got := w.end(page)
				w.fails(got, tt.status, tt.code)
				if strings.Contains(got.text, "leak") {
					w.Errorf("got %s", got.text)
				}
				if len(w.cookies) != 0 {
					w.Errorf("the browser has %d cookies", len(w.cookies))
				}
			})
		})
	}
	t.Run("discovery", func(t *testing.T) {
		w := newWorld(t)
		w.provider.On["/.well-known/openid-configuration"] = oauthtest.Answer(503, "text/html", "leak")
		got := w.do("POST", "login/start")
		w.fails(got, 502, "authorization_server_error")
		if len(got.Cookies()) != 0 {
			t.Error("a login cookie was set")
		}
	})
}

// A5: the code from the page goes to the provider as one parameter. The
// provider's codes have characters that need encoding, so every test here
// checks it. This test makes an attack.
func TestCodeInjection(t *testing.T) {
	w := newWorld(t)
	page := w.provider.Authorize(t, w.start())
	var form url.Values
	w.provider.On["/token"] = func(rw http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		form = r.PostForm
		rw.WriteHeader(400)
	}
	page.Set("code", "abc&scope=injected&redirect_uri=https://evil.example")
	w.end(page)
	if form.Get("code") != page.Get("code") || form.Has("scope") || form.Get("redirect_uri") != oauthtest.RedirectURI {
		t.Errorf("the provider got %v", form)
	}
}

// A2: no cookie of the previous user survives the login of the next, even if
// the next user gets no refresh token.
func TestNextUser(t *testing.T) {
	dialects(t, func(w *world) {
		w.signIn()
		oldCSRF := w.csrf
		w.provider.Subject = "bob"
		w.provider.TokenAnswer = oauthtest.Set(map[string]any{"refresh_token": nil})
		w.signIn()
		w.hasNot(names.RefreshToken)
		w.fails(w.do("POST", "refresh"), 401, "session_expired")

		w.signIn()
		if got := w.do("GET", "claims"); got.json["sub"] != "bob" {
			w.Errorf("got %s", got.text)
		}
		// A9: the CSRF value is a new one.
		if !w.assistant && (w.csrf == oldCSRF || len(w.csrf) != 64) {
			w.Errorf("the CSRF value has %d characters and is the old one: %t", len(w.csrf), w.csrf == oldCSRF)
		}
		// One session: all parts share its id, and it is not the old one's.
		var parts []cookie.SessionID
		for _, name := range []string{names.AccessToken, names.IDToken, names.CSRF} {
			content, err := names.OpenValue(w.ring, name, w.cookies[name])
			if err != nil {
				w.Fatal(err)
			}
			parts = append(parts, content.Session)
		}
		if parts[0] != parts[1] || parts[1] != parts[2] {
			w.Error("the cookies are of several sessions")
		}
	})
}

func TestUnknownExpiry(t *testing.T) {
	dialects(t, func(w *world) {
		w.provider.TokenAnswer = oauthtest.Set(map[string]any{"expires_in": nil})
		w.signIn()
		got := w.do("GET", "session")
		if _, ok := got.json["access_token_expires_in"]; ok || got.json["isLoggedIn"] != true {
			w.Errorf("got %s", got.text)
		}
		if got := w.do("POST", "refresh"); w.assistant && strings.TrimSpace(got.text) != "{}" {
			w.Errorf("got %s", got.text)
		}
	})
}

// G1, P12: a login cookie does not open as a part of a session.
func TestLoginCookieIsNoSession(t *testing.T) {
	w := newWorld(t)
	w.start()
	for n := 1; n <= cookie.MaxLogins; n++ {
		if value, ok := w.cookies[names.Login(n)]; ok {
			w.cookies[names.AccessToken], w.cookies[names.IDToken] = value, value
		}
	}
	if got := w.do("GET", "session"); got.json["isLoggedIn"] != false {
		t.Errorf("got %s", got.text)
	}
	var parsed map[string]any
	if json.Unmarshal([]byte(w.cookies[names.AccessToken]), &parsed) == nil {
		t.Error("the login cookie is readable")
	}
}

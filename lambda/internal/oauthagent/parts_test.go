package oauthagent

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

func (w *world) tokensOf(size int) {
	w.provider.TokenAnswer = oauthtest.Set(map[string]any{"access_token": "access" + strings.Repeat("a", size)})
}

// A19: tokens that do not fit in one cookie are split over several. No part
// stays behind when they shrink or the session ends.
func TestLargeTokens(t *testing.T) {
	dialects(t, func(w *world) {
		second := names.AccessToken + "-1"
		w.tokensOf(4000)
		w.signIn()
		w.has(append(names.Session(), second)...)
		received := cookie.Received{}
		for name, value := range w.cookies {
			received[name] = []string{value}
		}
		if got := names.All(w.ring, received, names.AccessToken); len(got) != 1 || len(got[0].Token) != 4006 {
			w.Errorf("the access token of two cookies: got %d values", len(got))
		}
		w.isLoggedIn(true)
		w.tokensOf(100)
		w.refreshes()
		w.has(names.Session()...)
		w.hasNot(second)
		w.tokensOf(4000)
		w.refreshes()
		w.has(second)

		// One part is lost: the session goes on, and the rest of the access token is
		// removed.
		delete(w.cookies, second)
		if got := w.do("GET", "session"); got.json["isLoggedIn"] != true {
			w.Errorf("session with half an access token: got %s", got.text)
		}
		w.hasNot(names.AccessToken)
		w.refreshes()
		delete(w.cookies, names.AccessToken)
		w.do("GET", "session")
		w.hasNot(second)

		w.refreshes()
		w.has(second)
		w.do("POST", "logout")
		if len(w.cookies) != 0 {
			w.Errorf("after logout the browser has %d cookies", len(w.cookies))
		}
	})
}

// The session shares API Gateway's limit with the browser's other headers and
// cookies.
func TestHeaderBudget(t *testing.T) {
	sized := func(other int) option {
		return func(r *http.Request) {
			r.Header.Add("Cookie", "analytics="+strings.Repeat("x", other/2))
			r.Header.Set("X-Other", strings.Repeat("x", other/2))
		}
	}
	for _, tt := range []struct {
		name         string
		token, other int
		fits         bool
	}{
		{"5,000 bytes, little else", 3000, 1000, true},
		{"5,000 bytes beside 3,300", 3000, 3300, true},
		{"5,000 bytes beside 5,500", 3000, 5500, false},
		{"6,500 bytes, little else", 4100, 1000, true},
		{"7,600 bytes, little else", 5000, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.assistant = true
			w.tokensOf(tt.token)
			query := w.provider.Authorize(w, w.start())
			got := w.do("POST", "login/end", withBody("application/x-www-form-urlencoded", query.Encode()), sized(tt.other))
			if tt.fits {
				if got.StatusCode != 200 {
					t.Fatalf("got %d %s", got.StatusCode, got.text)
				}
				total := tt.other
				for name, value := range w.cookies {
					total += len(name) + len(value) + 3
				}
				if total > maxHeaders-headroom {
					t.Errorf("the next request has %d bytes of headers", total)
				}
				return
			}
			w.fails(got, 502, "session_too_large")
			if len(w.cookies) != 0 {
				t.Errorf("the browser has %d cookies", len(w.cookies))
			}
		})
	}
}

// Every cookie option, for a whole journey. Each cookie is unset with the
// attributes that it was set with (A2).
func TestCookieOptions(t *testing.T) {
	for name, options := range map[string]cookie.Options{
		"path":            {Prefix: "th", BasePath: "/oauth-agent"},
		"domain":          {Prefix: "th", Domain: "example.com"},
		"domain and path": {Prefix: "th", Domain: "example.com", BasePath: "/oauth-agent"},
		"curity":          {Prefix: "example", Curity: true, Domain: "example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			n := cookie.NewNamesOf(options)
			w.anyCookie = true
			w.reconfigure(func(c *Config) { c.Names = n })
			w.tokensOf(4000)
			w.signIn()
			w.has(append(n.Session(), n.AccessToken+"-1")...)
			w.refreshes()
			w.isLoggedIn(true)
			got := w.do("POST", "logout")
			if len(w.cookies) != 0 {
				t.Errorf("after logout the browser has %d cookies", len(w.cookies))
			}
			for _, c := range got.Cookies() {
				want := w.setAs[c.Name]
				if want == nil {
					continue
				}
				if c.Path != want.Path || c.Domain != want.Domain || c.Secure != want.Secure || c.HttpOnly != want.HttpOnly || c.SameSite != want.SameSite {
					t.Errorf("set as %s, unset as %s", want, c)
				}
				delete(w.setAs, c.Name)
			}
			for name := range w.setAs {
				if !strings.Contains(name, "-login-") {
					t.Errorf("%s was set and not unset at logout", name)
				}
			}
		})
	}
}

package oauthagent

import (
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

const (
	idle     = 30 * time.Minute
	absolute = 8 * time.Hour
)

func lifetimes(w *world, l Lifetimes) {
	w.Helper()
	w.reconfigure(func(c *Config) { c.Lifetimes = l })
}

// expiry returns the sealed expiry of a cookie, from now.
func (w *world) expiry(name string) time.Duration {
	w.Helper()
	content, err := names.OpenValue(w.ring, name, w.cookies[name])
	if err != nil {
		w.Fatalf("%s does not open", name)
	}
	if content.Expires.IsZero() {
		return 0
	}
	return content.Expires.Sub(w.now)
}

func (w *world) isLoggedIn(want bool) {
	w.Helper()
	if got := w.do("GET", "session"); got.StatusCode != 200 || got.json["isLoggedIn"] != want {
		w.Errorf("at %s: got %d %s, want isLoggedIn %t", w.now.Format(time.TimeOnly), got.StatusCode, got.text, want)
	}
}

func (w *world) refreshes() {
	w.Helper()
	if got := w.do("POST", "refresh"); got.StatusCode/100 != 2 {
		w.Fatalf("refresh at %s: got %d %s", w.now.Format(time.TimeOnly), got.StatusCode, got.text)
	}
}

// Rule 16: a session that is not refreshed ends, and each refresh extends it.
// The agent makes no request to the provider for a session that is over.
func TestIdleLifetime(t *testing.T) {
	dialects(t, func(w *world) {
		lifetimes(w, Lifetimes{Idle: idle})
		w.signIn()
		for range 20 { // 20 × 29 minutes
			w.now = w.now.Add(idle - time.Minute)
			w.isLoggedIn(true)
			w.refreshes()
		}
		w.now = w.now.Add(idle)
		asked := w.provider.Requests("/token")
		w.fails(w.do("POST", "refresh"), 401, "session_expired")
		if len(w.cookies) != 0 || w.provider.Requests("/token") != asked {
			w.Errorf("the browser has %d cookies, the provider was asked: %t", len(w.cookies), w.provider.Requests("/token") != asked)
		}
		w.isLoggedIn(false)
	})
}

// A refresh extends the idle lifetime but never the absolute one.
func TestAbsoluteLifetime(t *testing.T) {
	dialects(t, func(w *world) {
		lifetimes(w, Lifetimes{Idle: idle, Absolute: absolute})
		w.signIn()
		end := w.now.Add(absolute)
		for w.now.Add(20 * time.Minute).Before(end) {
			w.now = w.now.Add(20 * time.Minute)
			w.refreshes()
			if left := end.Sub(w.now); w.expiry(names.RefreshToken) != min(idle, left) || w.expiry(names.AccessToken) > left {
				w.Fatalf("%s before the end: the refresh token expires in %s, the access token in %s",
					left, w.expiry(names.RefreshToken), w.expiry(names.AccessToken))
			}
		}
		w.now = end.Add(-time.Second)
		w.isLoggedIn(true)
		// The access token expires with the session, if the session ends first.
		if w.refreshes(); w.expiry(names.AccessToken) != time.Second {
			w.Errorf("a second before the end the access token expires in %s", w.expiry(names.AccessToken))
		}
		if got := w.do("GET", "session"); got.json["access_token_expires_in"] != 1.0 {
			w.Errorf("got %s", got.text)
		}
		w.now = end
		w.fails(w.do("GET", "claims"), 401, "unauthorized_request")
		w.fails(w.do("POST", "refresh"), 401, "session_expired")
		if len(w.cookies) != 0 {
			w.Errorf("the browser has %d cookies", len(w.cookies))
		}
		// And a new login is a new session.
		w.signIn()
		w.isLoggedIn(true)
		if w.expiry(names.RefreshToken) != idle {
			w.Errorf("the refresh token of the new session expires in %s", w.expiry(names.RefreshToken))
		}
	})
}

// No mixture of the session's cookies makes it younger.
func TestAbsoluteLifetimeOfMixedCookies(t *testing.T) {
	w := newWorld(t)
	w.assistant = true
	lifetimes(w, Lifetimes{Absolute: time.Hour})
	w.signIn()
	first := map[string]string{}
	for name, value := range w.cookies {
		first[name] = value
	}
	w.now = w.now.Add(59 * time.Minute)
	w.refreshes()
	second := w.cookies
	w.now = w.now.Add(time.Minute)
	for mixture := range 1 << len(names.Session()) {
		w.cookies = map[string]string{}
		for i, name := range names.Session() {
			w.cookies[name] = second[name]
			if mixture>>i&1 == 0 {
				w.cookies[name] = first[name]
			}
		}
		w.fails(w.do("POST", "refresh"), 401, "session_expired")
	}
}

// The expiry in the access token cookie. The authorizer knows no other.
func TestAccessTokenExpiry(t *testing.T) {
	for _, tt := range []struct {
		name      string
		lifetimes Lifetimes
		answer    map[string]any // of the token endpoint
		want      time.Duration
	}{
		{"no bounds", Lifetimes{}, nil, 300 * time.Second},
		{"the token's own is first", Lifetimes{idle, absolute}, nil, 300 * time.Second},
		// Half, so that a page that waits for the 401 refreshes in time.
		{"half the idle lifetime", Lifetimes{Idle: 4 * time.Minute}, nil, 2 * time.Minute},
		{"the idle lifetime, no refresh token", Lifetimes{Idle: 4 * time.Minute}, map[string]any{"refresh_token": nil}, 4 * time.Minute},
		{"the absolute lifetime", Lifetimes{Absolute: time.Minute}, nil, time.Minute},
		{"unknown, no bounds", Lifetimes{}, map[string]any{"expires_in": nil}, 0},
		{"unknown, idle", Lifetimes{Idle: idle}, map[string]any{"expires_in": nil}, idle / 2},
		{"unknown, absolute, no refresh token", Lifetimes{Absolute: absolute}, map[string]any{"expires_in": nil, "refresh_token": nil}, absolute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			lifetimes(w, tt.lifetimes)
			w.provider.TokenAnswer = oauthtest.Set(tt.answer)
			w.signIn()
			if got := w.expiry(names.AccessToken); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			got := w.do("GET", "session").json["access_token_expires_in"]
			if want := tt.want.Seconds(); want == 0 && got != nil || want != 0 && got != want {
				t.Errorf("hint: got %v, want %v seconds", got, want)
			}
			w.now = w.now.Add(tt.want)
			switch asked := w.do("GET", "userInfo"); {
			case tt.want == 0:
			case tt.lifetimes.Absolute == tt.want: // the session's end, too
				w.fails(asked, 401, "unauthorized_request")
			default:
				w.fails(asked, 401, "token_expired")
			}
		})
	}
}

// A bound that is turned on or lowered applies to existing sessions. A session
// without a time is over.
func TestLifetimesTurnedOn(t *testing.T) {
	random := cookie.SessionID{0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9} // starts far in the future
	for _, tt := range []struct {
		name      string
		lifetimes Lifetimes
		script    func(*world)
		want      bool
	}{
		{"no bounds", Lifetimes{}, func(*world) {}, true},
		{"idle: no expiry was sealed", Lifetimes{Idle: idle}, func(*world) {}, false},
		{"absolute, still young", Lifetimes{Absolute: absolute}, func(*world) {}, true},
		{"absolute, too old", Lifetimes{Absolute: absolute}, func(w *world) { w.now = w.now.Add(absolute) }, false},
		{"absolute, started in the future", Lifetimes{Absolute: absolute}, func(w *world) { w.now = w.now.Add(-2 * time.Minute) }, false},
		{"absolute, another Lambda's clock", Lifetimes{Absolute: absolute}, func(w *world) { w.now = w.now.Add(-30 * time.Second) }, true},
		{"absolute, an id without a time", Lifetimes{Absolute: absolute}, func(w *world) {
			for name := range w.cookies {
				content, err := names.OpenValue(w.ring, name, w.cookies[name])
				if err != nil {
					w.Fatal(err)
				}
				content.Session = random
				w.cookies[name] = w.seal(name, content)
			}
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dialects(t, func(w *world) {
				w.signIn()
				lifetimes(w, tt.lifetimes)
				tt.script(w)
				w.isLoggedIn(tt.want)
				if !tt.want && len(w.cookies) != 0 {
					w.Errorf("the browser has %d cookies", len(w.cookies))
				}
			})
		})
	}
}

// The id of a session contains its start to the millisecond, and is unique.
func TestSessionID(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
	a, b := newSession(now), newSession(now)
	if a == b || !startOf(a).Equal(now.Truncate(time.Millisecond)) || !startOf(b).Equal(startOf(a)) {
		t.Errorf("got %x and %x, started %s", a, b, startOf(a).UTC())
	}
}

package exchange

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/lambda/internal/backchannel"
	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

var testTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	broad  = "the-broad-token-of-the-session"
	narrow = `{"access_token":"narrow","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":300}`
)

type endpoint struct {
	calls  atomic.Int32
	status int
	body   string
	last   *http.Request
	now    time.Time
}

func newClient(t testing.TB) (*Client, *endpoint) {
	e := &endpoint{status: 200, body: narrow, now: testTime}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.calls.Add(1)
		r.ParseForm()
		e.last = r
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(e.status)
		fmt.Fprint(w, e.body)
	}))
	t.Cleanup(server.Close)
	return New(Config{URL: server.URL + "/token", ClientID: "api:gateway", ClientSecret: "s e+cret",
		HTTP: backchannel.New(backchannel.Config{}), Now: func() time.Time { return e.now }}), e
}

var orders = Target{Audience: "orders", Resource: "https://orders.example", Scope: "orders.read orders.write"}

func TestExchange(t *testing.T) {
	c, e := newClient(t)
	got, err := c.Exchange(t.Context(), broad, time.Time{}, orders)
	if got != "narrow" || err != nil {
		t.Fatalf("got %q, %v", got, err)
	}
	want := url.Values{"grant_type": {GrantType}, "subject_token": {broad}, "subject_token_type": {TypeAccessToken}, "requested_token_type": {TypeAccessToken},
		"audience": {"orders"}, "resource": {"https://orders.example"}, "scope": {"orders.read orders.write"}}
	if diff := cmp.Diff(want, e.last.PostForm); diff != "" {
		t.Error(diff)
	}
	if id, secret, _ := e.last.BasicAuth(); id != "api%3Agateway" || secret != "s+e%2Bcret" {
		t.Errorf("got credentials %q %q", id, secret)
	}
}

// In the steady state an exchange costs no call.
func TestOneCallForEachTokenAndTarget(t *testing.T) {
	c, e := newClient(t)
	ask := func(token string, expires time.Time, to Target) {
		t.Helper()
		if _, err := c.Exchange(t.Context(), token, expires, to); err != nil {
			t.Error(err)
		}
	}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() { ask(broad, time.Time{}, orders) })
	}
	group.Wait()
	count := func(want int32) {
		t.Helper()
		if got := e.calls.Load(); got != want {
			t.Errorf("got %d calls, want %d", got, want)
		}
	}
	count(1)
	ask(broad, time.Time{}, Target{Audience: "bills"})
	ask("another-token", time.Time{}, orders)
	count(3)
	e.now = testTime.Add(289 * time.Second)
	ask(broad, time.Time{}, orders)
	count(3)
	e.now = testTime.Add(290 * time.Second) // ten seconds before its end
	ask(broad, time.Time{}, orders)
	count(4)
	ends := e.now.Add(time.Minute) // the session's token ends first
	ask("short-token", ends, orders)
	e.now = ends
	ask("short-token", ends, orders)
	count(6)
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   error // nil: a failure
	}{
		{"invalid subject token", 400, `{"error":"invalid_request"}`, ErrInactive},
		{"expired", 400, `{"error":"invalid_grant"}`, ErrInactive},
		{"invalid token", 401, `{"error":"invalid_token"}`, ErrInactive},
		{"not for this user", 403, `{"error":"access_denied"}`, ErrDenied},
		{"our client", 401, `{"error":"invalid_client"}`, nil},
		{"not allowed to exchange", 400, `{"error":"unauthorized_client"}`, nil},
		{"no such target", 400, `{"error":"invalid_target"}`, nil},
		{"no such scope", 400, `{"error":"invalid_scope"}`, nil},
		{"down", 503, `{"error":"invalid_grant"}`, nil},
		{"too many", 429, `{"error":"invalid_request"}`, nil},
		{"no JSON", 400, `<leak>`, nil},
		{"unknown code", 400, `{"error":"leak"}`, nil},
		{"success without JSON", 200, `<leak>`, nil},
		{"no token", 200, `{"token_type":"Bearer"}`, nil},
		{"a token with a space", 200, strings.Replace(narrow, "narrow", "leak leak", 1), nil},
		{"a token that is too long", 200, strings.Replace(narrow, "narrow", strings.Repeat("x", maxToken+1), 1), nil},
		{"bound to a key", 200, strings.Replace(narrow, "Bearer", "DPoP", 1), nil},
		{"no access token", 200, strings.Replace(narrow, "Bearer", "N_A", 1), nil},
		{"a refresh token", 200, strings.Replace(narrow, "token-type:access_token", "token-type:refresh_token", 1), nil},
		{"ended", 200, strings.Replace(narrow, "300", "0", 1), nil},
		{"two tokens", 200, strings.Replace(narrow, "{", `{"access_token":"leak",`, 1), nil},
		{"another spelling", 200, strings.Replace(narrow, "access_token\"", "Access_Token\"", 1), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, e := newClient(t)
			e.status, e.body = tt.status, tt.body
			for range 2 {
				got, err := c.Exchange(t.Context(), broad, time.Time{}, orders)
				if got != "" || err == nil || (tt.want != nil) != (errors.Is(err, ErrInactive) || errors.Is(err, ErrDenied)) || tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("got %q, %v", got, err)
				}
				for _, secret := range []string{"leak", broad, "narrow", "s e+cret"} {
					if strings.Contains(fmt.Sprint(err), secret) {
						t.Errorf("the error shows %q: %v", secret, err)
					}
				}
			}
			// A refusal is remembered, a failure is not.
			if calls := e.calls.Load(); (calls == 1) != (tt.want != nil) {
				t.Errorf("got %d calls", calls)
			}
		})
	}
}

// Providers write lifetimes in several forms, or leave them out.
func TestLifetimes(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`300`: 300 * time.Second, `"300"`: 300 * time.Second, `300.0`: 300 * time.Second, `3e2`: 300 * time.Second,
		`1.9`: time.Second, `999999999999`: maxLife, `1e30`: maxLife, `null`: unknown, `""`: unknown, ``: unknown,
		`0`: 0, `0.5`: 0, `-1`: 0, `"soon"`: 0, `true`: 0, `[300]`: 0, `{}`: 0,
	} {
		raw := json.RawMessage(text)
		if text == "" {
			raw = nil
		}
		if got, ok := lifetime(raw); got != want || ok != (want != 0) {
			t.Errorf("%s: got %s, %t, want %s", text, got, ok, want)
		}
	}
}

// FuzzRead: an accepted token fits a header and lives for a bounded time.
func FuzzRead(f *testing.F) {
	f.Add(200, narrow)
	f.Add(400, `{"error":"access_denied"}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		members, err := strictjson.Object([]byte(body))
		if status != 200 {
			if e := refusal(status, members); len(body) > 30 && strings.Contains(e.Error(), body) {
				t.Errorf("the error quotes the answer: %v", e)
			}
			return
		}
		if err != nil {
			return
		}
		token, life, err := read(members)
		if err == nil && (!isToken(token) || life <= 0 || life > maxLife) {
			t.Errorf("got %q for %s", token, life)
		}
	})
}

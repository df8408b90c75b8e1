package oauthagent

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/lambda/internal/dynalitetest"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
	"github.com/tokenhandler/aws/lambda/internal/sessions"
)

// record makes the agent record its sessions in a table.
func (w *world) record(endpoint string) {
	w.Helper()
	w.table = endpoint
	env := dynalitetest.Environment(endpoint)
	table, err := sessions.New(sessions.Config{
		Name: "sessions", Key: otherKey, Deployment: "d", Repeat: time.Minute,
		Env: func(name string) string { return env[name] }, Now: func() time.Time { return w.now },
	})
	if err != nil {
		w.Fatal(err)
	}
	change := w.change
	w.reconfigure(func(c *Config) {
		if change != nil {
			change(c)
		}
		c.Sessions, c.Deployment = table, "d"
	})
}

// The tests share one dynalite. Session ids are random, and each test has a
// subject of its own.
func TestRecordedSessions(t *testing.T) {
	endpoint := dynalitetest.Start(t, "../../..")
	dynalitetest.CreateTable(t, endpoint, "sessions")
	for name, test := range map[string]func(*world){
		"one refresh of many":               refreshesOnce,
		"a lost answer is repeated":         repeatsAnswer,
		"copies of the cookies end":         copiesEnd,
		"a login ends the one it replaces":  replacedEnds,
		"sign-out everywhere":               endsEverywhere,
		"sign-out during a refresh":         endsDuringRefresh,
		"the provider ends it":              refusedEnds,
		"the provider is down":              outlivesProvider,
		"back-channel logout by sid":        logoutBySID,
		"back-channel logout by sub":        logoutBySubject,
		"refused logout tokens":             refusesLogoutTokens,
		"a session without a record":        unrecorded,
		"the table fails after the refresh": tableFailsAfterRefresh,
		"one device for each challenge":     bindsOneDevice,
		"device of an ended session":        bindsNoEndedSession,
		"device while the table is down":    keepsBindingWithoutTable,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.assistant = true
			w.provider.Subject = "subject of " + name
			w.record(endpoint)
			test(w)
		})
	}
}

// with sends a request with other cookies than the browser's.
func (w *world) with(cookies map[string]string, method, endpoint string, options ...option) response {
	own := w.cookies
	w.cookies = maps.Clone(cookies)
	defer func() { w.cookies = own }()
	return w.do(method, endpoint, options...)
}

// over expects that a session has ended, also for copies of its cookies.
func (w *world) over(cookies map[string]string) {
	w.Helper()
	w.fails(w.with(cookies, "POST", "refresh"), 401, "session_expired")
	if got := w.with(cookies, "GET", "session"); got.json["is_logged_in"] != false {
		w.Errorf("session: got %s", got.text)
	}
	w.fails(w.with(cookies, "GET", "userInfo"), 401, "unauthorized_request")
}

func refreshesOnce(w *world) {
	w.signIn()
	before, asked := maps.Clone(w.cookies), w.provider.Requests("/token")
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			r := httptest.NewRequest("POST", "/oauth-agent/refresh", nil)
			r.Header.Set("Origin", origin)
			r.Header.Set("token-handler-version", "1")
			for name, value := range before {
				r.Header.Add("Cookie", name+"="+value)
			}
			recorder := httptest.NewRecorder()
			w.agent.ServeHTTP(recorder, r)
			if recorder.Code != 200 {
				w.Errorf("refresh: got %d %s", recorder.Code, recorder.Body)
			}
		})
	}
	wait.Wait()
	if got := w.provider.Requests("/token") - asked; got != 1 {
		w.Errorf("%d calls of the token endpoint, want 1", got)
	}
}

func repeatsAnswer(w *world) {
	w.signIn()
	before, asked := maps.Clone(w.cookies), w.provider.Requests("/token")
	w.refreshes()
	won := maps.Clone(w.cookies)
	w.now = w.now.Add(50 * time.Second)
	w.cookies = before
	w.refreshes() // with the old cookies, as if the answer had been lost
	if got := w.provider.Requests("/token") - asked; got != 1 {
		w.Errorf("%d calls of the token endpoint, want 1", got)
	}
	w.isLoggedIn(true)
	w.refreshes() // with the repeated answer
	w.cookies = won
	w.refreshes() // of the tab that had the first answer
	w.isLoggedIn(true)
}

func copiesEnd(w *world) {
	w.signIn()
	copied := maps.Clone(w.cookies)
	w.do("POST", "logout")
	w.over(copied)
}

func replacedEnds(w *world) {
	w.signIn()
	copied := maps.Clone(w.cookies)
	w.signIn()
	w.over(copied)
	w.isLoggedIn(true)
}

func endsEverywhere(w *world) {
	w.signIn()
	other := maps.Clone(w.cookies)
	w.cookies = map[string]string{}
	w.signIn()
	if got := w.do("POST", "logout", withBody("application/json", `{"everywhere":true}`)); got.StatusCode != 200 {
		w.Errorf("logout: got %s", got.text)
	}
	w.over(other)
}

func endsDuringRefresh(w *world) {
	w.signIn()
	copied := maps.Clone(w.cookies)
	revoked := 0
	w.provider.On["/revoke"] = func(http.ResponseWriter, *http.Request) { revoked++ }
	w.provider.Metadata = func(m map[string]any) { m["revocation_endpoint"] = w.provider.Issuer() + "/revoke" }
	w.provider.On["/token"] = func(writer http.ResponseWriter, r *http.Request) {
		delete(w.provider.On, "/token")
		w.with(copied, "POST", "logout")
		w.provider.Token(writer, r)
	}
	w.fails(w.do("POST", "refresh"), 401, "session_expired")
	w.over(copied)
	w.over(w.cookies)
}

func refusedEnds(w *world) {
	w.signIn()
	copied := maps.Clone(w.cookies)
	w.provider.On["/token"] = oauthtest.Answer(400, "application/json", `{"error":"invalid_grant"}`)
	w.fails(w.do("POST", "refresh"), 401, "session_expired")
	w.over(copied)
}

func outlivesProvider(w *world) {
	w.signIn()
	w.provider.On["/token"] = oauthtest.Answer(500, "application/json", `{}`)
	w.fails(w.do("POST", "refresh"), 502, "authorization_server_error")
	delete(w.provider.On, "/token")
	w.refreshes() // at once: the failed refresh has given its claim up
	w.isLoggedIn(true)
}

// logoutToken signs a logout token of the provider.
func (w *world) logoutToken(change func(map[string]any)) string {
	claims := map[string]any{
		"iss": w.provider.Issuer(), "aud": oauthtest.ClientID, "iat": w.now.Unix(), "exp": w.now.Add(2 * time.Minute).Unix(),
		"jti": fmt.Sprint(len(w.secrets), w.Name()), "sub": w.provider.Subject,
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	change(claims)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: w.provider.Key}, (&jose.SignerOptions{}).WithType("logout+jwt").WithHeader("kid", "k1"))
	if err != nil {
		w.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		w.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		w.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		w.Fatal(err)
	}
	w.secrets = append(w.secrets, text)
	return text
}

// fromProvider calls as the provider does: without an Origin and cookies.
func (w *world) fromProvider(body string) response {
	w.Helper()
	return w.with(nil, "POST", "backchannel-logout", header("Origin", ""), header("token-handler-version", ""), withBody("application/x-www-form-urlencoded", body))
}

func (w *world) tells(token string) response {
	w.Helper()
	return w.fromProvider(url.Values{"logout_token": {token}}.Encode())
}

func logoutBySID(w *world) {
	w.provider.Claims = oauthtest.Set(map[string]any{"sid": "sid 1 of " + w.Name()})
	w.signIn()
	first := maps.Clone(w.cookies)
	w.cookies = map[string]string{}
	w.provider.Claims = oauthtest.Set(map[string]any{"sid": "sid 2 of " + w.Name()})
	w.signIn()
	if got := w.tells(w.logoutToken(oauthtest.Set(map[string]any{"sid": "sid 1 of " + w.Name()}))); got.StatusCode != 200 {
		w.Errorf("got %d %s", got.StatusCode, got.text)
	}
	w.over(first)
	w.isLoggedIn(true)
}

func logoutBySubject(w *world) {
	w.signIn()
	first := maps.Clone(w.cookies)
	w.cookies = map[string]string{}
	w.signIn()
	token := w.logoutToken(oauthtest.Set(nil))
	if got := w.tells(token); got.StatusCode != 200 {
		w.Errorf("got %d %s", got.StatusCode, got.text)
	}
	w.over(first)
	w.over(w.cookies)
	w.signIn()
	w.fails(w.tells(token), 400, "invalid_request") // its jti has been used
	w.isLoggedIn(true)
}

// Section 2.8: 400. No session ends.
func refusesLogoutTokens(w *world) {
	w.signIn()
	good := w.logoutToken(oauthtest.Set(nil))
	for name, body := range map[string]string{
		"no token":       "",
		"another member": "token=" + good,
		"two":            "logout_token=" + good + "&logout_token=" + good,
		"altered":        "logout_token=" + good[:len(good)-4] + "AAAA",
		"large":          "logout_token=" + strings.Repeat("x", 1<<20),
		"another issuer": "logout_token=" + w.logoutToken(oauthtest.Set(map[string]any{"iss": "https://other.example"})),
		"a nonce":        "logout_token=" + w.logoutToken(oauthtest.Set(map[string]any{"nonce": "n"})),
	} {
		if got := w.fromProvider(body); got.StatusCode != 400 || got.json["code"] != "invalid_request" {
			w.Errorf("%s: got %d %s", name, got.StatusCode, got.text)
		}
	}
	got := w.with(nil, "POST", "backchannel-logout", withBody("application/json", `{"logout_token":"x"}`), header("Origin", ""))
	w.fails(got, 400, "invalid_request")
	w.fails(w.with(nil, "GET", "backchannel-logout", header("Origin", "")), 405, "invalid_request")
	w.isLoggedIn(true)
}

// Sessions from before the table was switched on end.
func unrecorded(w *world) {
	recorded := w.change
	w.reconfigure(nil)
	w.signIn()
	w.reconfigure(recorded)
	w.over(w.cookies)
}

// The provider has rotated, and the table fails to record its response. The
// browser still gets the new tokens: the old refresh token no longer works.
func tableFailsAfterRefresh(w *world) {
	target, err := url.Parse(w.table)
	if err != nil {
		w.Fatal(err)
	}
	var down atomic.Bool
	proxy := httputil.NewSingleHostReverseProxy(target)
	table := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, r *http.Request) {
		if down.Load() {
			writer.WriteHeader(503)
			return
		}
		proxy.ServeHTTP(writer, r)
	}))
	w.Cleanup(table.Close)
	w.record(table.URL)
	w.signIn()
	w.provider.On["/token"] = func(writer http.ResponseWriter, r *http.Request) {
		delete(w.provider.On, "/token")
		down.Store(true)
		w.provider.Token(writer, r)
	}
	if got := w.do("POST", "refresh"); got.StatusCode != 200 {
		w.Errorf("refresh: got %d %s", got.StatusCode, got.text)
	}
	w.fails(w.do("GET", "session"), 500, "server_error") // unknown without the table
	w.fails(w.do("POST", "refresh"), 500, "server_error")
	down.Store(false)
	w.now = w.now.Add(20 * time.Second) // the claim is over
	w.refreshes()
	w.isLoggedIn(true)
}

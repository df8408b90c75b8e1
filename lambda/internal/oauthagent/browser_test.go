package oauthagent

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/metrics"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

const (
	origin      = "https://www.example.com"
	otherOrigin = "https://admin.example.com"
	currentKey  = "4e4636356d65563e4c73233847503e3b21436e6f7629724950526f4b5e2e4e50"
	otherKey    = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
)

var names = cookie.NewNames("th")

// world is an agent, its provider and one browser.
type world struct {
	*testing.T
	provider *oauthtest.Provider
	agent    http.Handler
	ring     *cookie.Ring
	now      time.Time
	logs     bytes.Buffer
	measured bytes.Buffer // lines of metrics
	secrets  []string     // seen by the browser, not to be logged

	change    func(*Config) // of the next agent that is made
	table     string        // endpoint of the sessions' table
	cookies   map[string]string
	setAs     map[string]*http.Cookie // the last time each was set
	anyCookie bool                    // other names and attributes than the default's
	assistant bool
	csrf      string

	// answersToken allows POST token to return the access token.
	answersToken bool
	// answersHint allows POST logout to return the ID token.
	answersHint bool
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, provider: oauthtest.New(t), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), cookies: map[string]string{}}
	clock := func() time.Time { return w.now }
	w.provider.Now = clock
	w.useKey(currentKey)
	t.Cleanup(w.checkLogs)
	return w
}

// useKey makes a new agent with a key. The browser and the provider stay.
func (w *world) useKey(key string) {
	ring, err := cookie.NewRing(key)
	if err != nil {
		w.Fatal(err)
	}
	clock := func() time.Time { return w.now }
	w.ring = ring
	config := Config{
		BasePath: "/oauth-agent", RedirectURI: oauthtest.RedirectURI, PostLogoutRedirectURI: origin + "/bye",
		Ring: ring, Names: names, Rules: csrf.Rules{TrustedOrigins: []string{origin, otherOrigin}, SameOriginReads: true, HeaderName: "x-th-csrf"},
		Provider: oauth.New(oauth.Config{
			Issuer: w.provider.Issuer(), ClientID: oauthtest.ClientID, ClientSecret: oauthtest.ClientSecret, Scopes: "openid",
			RedirectURI: oauthtest.RedirectURI, PostLogoutRedirectURI: origin + "/bye", Now: clock,
		}),
		ExtraParameters: []string{"ui_locales", "login_hint", "prompt", "acr_values", "claims"},
		Logger:          slog.New(slog.NewJSONHandler(&w.logs, nil)), Now: clock,
		Metrics:   metrics.New(&w.measured, "agent"),
		RequestID: func(*http.Request) string { return "request-1" },
	}
	if w.change != nil {
		w.change(&config)
	}
	w.agent = New(config)
}

// reconfigure makes a new agent with another configuration.
func (w *world) reconfigure(change func(*Config)) {
	w.Helper()
	w.change = change
	w.useKey(currentKey)
}

// checkLogs looks for every secret in the logs (A22: the log never contains a
// secret).
func (w *world) checkLogs() {
	for _, secret := range append(w.provider.Secrets(), w.secrets...) {
		if secret != "" && strings.Contains(w.logs.String()+w.measured.String(), secret) {
			w.Errorf("the log shows %q", secret)
		}
	}
	for _, text := range []string{"alice", "Ångström", "leak"} {
		if strings.Contains(w.logs.String()+w.measured.String(), text) {
			w.Errorf("the log shows %q", text)
		}
	}
}

// response is a response, with its body read as JSON if it has one.
type response struct {
	*http.Response
	text string
	json map[string]any
}

type option func(*http.Request)

func header(name, value string) option {
	return func(r *http.Request) {
		r.Header.Del(name)
		if value != "" {
			r.Header.Set(name, value)
		}
	}
}

// withBody sets the body and its content type.
func withBody(contentType, text string) option {
	return func(r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader(text))
		header("Content-Type", contentType)(r)
	}
}

// do sends a request as the browser would, obeys Set-Cookie, and runs the
// checks that every response must pass.
func (w *world) do(method, endpoint string, options ...option) response {
	w.Helper()
	r := httptest.NewRequest(method, "/oauth-agent/"+endpoint, nil)
	r.Header.Set("Origin", origin)
	switch {
	case w.assistant:
		r.Header.Set("token-handler-version", "1")
	case w.csrf != "":
		r.Header.Set("X-TH-CSRF", w.csrf)
	}
	for name, value := range w.cookies {
		r.Header.Add("Cookie", name+"="+value) // several headers, as HTTP/2 may
	}
	for _, o := range options {
		o(r)
	}
	recorder := httptest.NewRecorder()
	w.agent.ServeHTTP(recorder, r)
	got := response{Response: recorder.Result(), text: recorder.Body.String()}
	w.checkAnswer(r, &got)
	for _, c := range got.Cookies() {
		if c.MaxAge < 0 {
			delete(w.cookies, c.Name)
			continue
		}
		w.cookies[c.Name] = c.Value
		if w.setAs == nil {
			w.setAs = map[string]*http.Cookie{}
		}
		w.setAs[c.Name] = c
		w.secrets = append(w.secrets, c.Value)
	}
	if value, ok := got.json["csrf"].(string); ok {
		w.csrf = value
		w.secrets = append(w.secrets, value)
	}
	return got
}

// described compares a response with docs/openapi.yaml; see openapi_test.go.
var described = func(w *world, method, path string, got *response) {}

func (w *world) checkAnswer(r *http.Request, got *response) {
	w.Helper()
	h := got.Header
	// A18, G14, rule 42.
	if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Vary") != "Origin" {
		w.Errorf("got headers %v", h)
	}
	if exposed := h.Get("Access-Control-Expose-Headers"); (exposed == "x-amzn-RequestId") != (h.Get("Access-Control-Allow-Origin") != "") {
		w.Errorf("got exposed headers %q", exposed)
	}
	allowed, credentials := h.Get("Access-Control-Allow-Origin"), h.Get("Access-Control-Allow-Credentials")
	if o := r.Header.Get("Origin"); (o == origin || o == otherOrigin || strings.HasPrefix(o, "https://pr-") && !strings.Contains(o, ":8443")) && len(r.Header["Origin"]) == 1 {
		if allowed != o || credentials != "true" {
			w.Errorf("%s: got Access-Control-Allow-Origin %q with credentials %q, want the trusted origin", r.URL.Path, allowed, credentials)
		}
	} else if allowed != "" || credentials != "" {
		w.Errorf("%s: got Access-Control-Allow-Origin %q for origin %q, want no header", r.URL.Path, allowed, o)
	}
	switch {
	case got.StatusCode == http.StatusNoContent:
		if got.text != "" {
			w.Errorf("got a body with 204: %q", got.text)
		}
	case h.Get("Content-Type") != "application/json" || json.Unmarshal([]byte(got.text), &got.json) != nil:
		w.Errorf("got type %q and body %q, want JSON", h.Get("Content-Type"), got.text)
	case got.StatusCode >= 400 && (got.json["code"] == "" || got.json["code"] != got.json["error_code"] || got.json["message"] == ""):
		w.Errorf("got the error %q", got.text)
	}
	described(w, r.Method, r.URL.Path, got)
	// No response contains a token, also after a failure.
	for _, secret := range w.provider.Secrets() {
		// state, nonce and the like are in the URL of login/start, where they belong
		if strings.HasPrefix(secret, "access") || strings.HasPrefix(secret, "refresh") || strings.Count(secret, ".") == 2 {
			allowed := w.answersToken && strings.HasSuffix(r.URL.Path, "/token") && strings.HasPrefix(secret, "access") ||
				w.answersHint && strings.HasSuffix(r.URL.Path, "/logout") && strings.Count(secret, ".") == 2
			if strings.Contains(got.text, secret) && !allowed {
				w.Errorf("%s returned a token", r.URL.Path)
			}
		}
	}
	for _, c := range h["Set-Cookie"] {
		// A4, A8, rules 3 to 8.
		if w.anyCookie {
			break
		}
		if !strings.HasPrefix(c, "__Host-th-") || !strings.Contains(c, "; Path=/") || !strings.Contains(c, "; HttpOnly; Secure; SameSite=Strict") || strings.Contains(c, "Domain") {
			w.Errorf("got Set-Cookie %q", c)
		}
	}
}

// fails checks the status and the code of a failure.
func (w *world) fails(got response, status int, code string) {
	w.Helper()
	if got.StatusCode != status || got.json["code"] != code {
		w.Errorf("got %d %s, want %d %s", got.StatusCode, got.text, status, code)
	}
}

// start begins a login and returns the authorization URL.
func (w *world) start(options ...option) string {
	w.Helper()
	got := w.do("POST", "login/start", options...)
	u, _ := got.json["authorizationRequestUrl"].(string)
	if got.StatusCode != 200 || u == "" || got.json["authorization_url"] != u {
		w.Fatalf("login/start: got %d %s", got.StatusCode, got.text)
	}
	return u
}

// end posts the query of the page, in the dialect's form.
func (w *world) end(query url.Values) response {
	w.Helper()
	if w.assistant {
		return w.do("POST", "login/end", withBody("application/x-www-form-urlencoded;charset=UTF-8", query.Encode()))
	}
	return w.endPage(oauthtest.RedirectURI + "?" + query.Encode())
}

func (w *world) endPage(page string) response {
	w.Helper()
	text, _ := json.Marshal(map[string]string{"pageUrl": page})
	return w.do("POST", "login/end", withBody("application/json", string(text)))
}

// signIn signs the provider's user in.
func (w *world) signIn() { w.Helper(); w.login() }

// login is signIn, and returns the response of login/end.
func (w *world) login() response {
	w.Helper()
	got := w.end(w.provider.Authorize(w, w.start()))
	if got.StatusCode != 200 || got.json["handled"] != true || got.json["isLoggedIn"] != true || got.json["is_logged_in"] != true {
		w.Fatalf("login/end: got %d %s", got.StatusCode, got.text)
	}
	return got
}

// dialects runs a test in both dialects.
func dialects(t *testing.T, test func(w *world)) {
	for _, assistant := range []bool{false, true} {
		name := "classic"
		if assistant {
			name = "assistant"
		}
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.assistant = assistant
			test(w)
		})
	}
}

func (w *world) has(cookies ...string) {
	w.Helper()
	for _, name := range cookies {
		if w.cookies[name] == "" {
			w.Errorf("the browser has no cookie %s", name)
		}
	}
}

func (w *world) hasNot(cookies ...string) {
	w.Helper()
	for _, name := range cookies {
		if _, ok := w.cookies[name]; ok {
			w.Errorf("the browser still has cookie %s", name)
		}
	}
}

// seal makes a cookie value as the agent would.
func (w *world) seal(name string, content cookie.Content) string {
	return names.Seal(w.ring, name, content)
}

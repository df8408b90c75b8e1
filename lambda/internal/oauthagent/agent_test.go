package oauthagent

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

func TestJourney(t *testing.T) {
	dialects(t, func(w *world) {
		w.signIn()
		w.has(names.Session()...)
		w.hasNot(names.Login(1), names.Login(2), names.Login(3), names.Login(4), names.Login(5))

		got := w.do("GET", "session")
		claims, _ := got.json["id_token_claims"].(map[string]any)
		if got.json["isLoggedIn"] != true || got.json["handled"] != false || got.json["access_token_expires_in"] != 300.0 ||
			claims["sub"] != "alice" || claims["name"] != "Zoë Ångström <&>" {
			t := got.text
			w.Errorf("session: got %s", t)
		}
		if _, ok := got.json["csrf"]; ok == w.assistant {
			w.Errorf("csrf in the answer: got %t in assistant dialect %t", ok, w.assistant)
		}

		// A16: UTF-8 intact, byte for byte.
		if got := w.do("GET", "claims"); !strings.Contains(got.text, `"Zoë Ångström \u003c\u0026\u003e"`) || got.json["sub"] != "alice" {
			w.Errorf("claims: got %s", got.text)
		}
		if got := w.do("GET", "userInfo"); got.json["sub"] != "alice" || !strings.Contains(got.text, `"Zoë Ångström <&>"`) {
			w.Errorf("userInfo: got %s", got.text)
		}

		before := map[string]string{}
		for _, name := range names.Session() {
			before[name] = w.cookies[name]
		}
		w.now = w.now.Add(100 * time.Second)
		got = w.do("POST", "refresh")
		if w.assistant && (got.StatusCode != 200 || got.json["access_token_expires_in"] != 300.0) || !w.assistant && got.StatusCode != 204 {
			w.Errorf("refresh: got %d %s", got.StatusCode, got.text)
		}
		for name, value := range before {
			if w.cookies[name] == value {
				w.Errorf("refresh: cookie %s is the old one", name)
			}
		}
		if got := w.do("GET", "userInfo"); got.StatusCode != 200 {
			w.Errorf("userInfo after refresh: got %d %s", got.StatusCode, got.text)
		}

		got = w.do("POST", "logout")
		want := w.provider.Issuer() + "/logout?client_id=spa%3Aclient&post_logout_redirect_uri=https%3A%2F%2Fwww.example.com%2Fbye&tenant=1"
		if got.StatusCode != 200 || got.json["url"] != want || got.json["logout_url"] != want {
			w.Errorf("logout: got %d %s", got.StatusCode, got.text)
		}
		if len(w.cookies) != 0 {
			w.Errorf("after logout the browser has %d cookies", len(w.cookies))
		}
		if got := w.do("GET", "session"); got.json["isLoggedIn"] != false || got.json["id_token_claims"] != nil {
			w.Errorf("session after logout: got %s", got.text)
		}
		w.fails(w.do("GET", "claims"), 401, "unauthorized_request")
		w.fails(w.do("GET", "userInfo"), 401, "unauthorized_request")
	})
}

// Requests to every endpoint that are refused before the endpoint runs.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name     string
		method   string
		endpoint string
		options  []option
		status   int
		code     string
	}{
		{"no origin", "POST", "login/start", []option{header("Origin", "")}, 401, "unauthorized_request"},
		{"no origin, same-origin post", "POST", "login/start", []option{header("Origin", ""), header("Sec-Fetch-Site", "same-origin")}, 401, "unauthorized_request"},
		{"G4 untrusted origin", "POST", "login/start", []option{header("Origin", "https://evil.example")}, 401, "unauthorized_request"},
		{"G4 untrusted origin on session", "GET", "session", []option{header("Origin", "https://evil.example")}, 401, "unauthorized_request"},
		{"no origin on session", "GET", "session", []option{header("Origin", "")}, 401, "unauthorized_request"},
		{"null origin", "GET", "claims", []option{header("Origin", "null")}, 401, "unauthorized_request"},
		{"origin in another case", "GET", "claims", []option{header("Origin", "https://WWW.example.com")}, 401, "unauthorized_request"},
		{"two origins", "GET", "session", []option{func(r *http.Request) { r.Header["Origin"] = []string{origin, otherOrigin} }}, 401, "unauthorized_request"},
		{"unknown dialect", "GET", "session", []option{header("token-handler-version", "2")}, 401, "unauthorized_request"},
		{"unknown endpoint", "POST", "token", nil, 404, "not_found"},
		{"G9 no test endpoints", "POST", "access/expire", nil, 404, "not_found"},
		{"path not clean", "GET", "/session", nil, 404, "not_found"},
		{"trailing slash", "GET", "session/", nil, 404, "not_found"},
		{"GET login/start", "GET", "login/start", nil, 405, "invalid_request"},
		{"POST session", "POST", "session", nil, 405, "invalid_request"},
		{"GET logout", "GET", "logout", nil, 405, "invalid_request"},
		{"strange method", "FROB", "refresh", nil, 405, "invalid_request"},
		{"A21 text/plain", "POST", "login/start", []option{withBody("text/plain", "{}")}, 415, "invalid_request"},
		{"A21 text/plain, empty", "POST", "login/end", []option{withBody("text/plain", "")}, 415, "invalid_request"},
		{"no content type", "POST", "login/end", []option{withBody("", "{}")}, 415, "invalid_request"},
		{"malformed content type", "POST", "login/end", []option{withBody("application/json; =", "{}")}, 415, "invalid_request"},
		{"two content types", "POST", "login/end", []option{withBody("application/json", "{}"), func(r *http.Request) { r.Header.Add("Content-Type", "text/plain") }}, 400, "invalid_request"},
		{"A15 G13 malformed JSON", "POST", "login/end", []option{withBody("application/json", "{")}, 400, "invalid_request"},
		{"only spaces", "POST", "login/end", []option{withBody("application/json", "  ")}, 400, "invalid_request"},
		{"JSON null", "POST", "login/end", []option{withBody("application/json", "null")}, 400, "invalid_request"},
		{"JSON array", "POST", "login/start", []option{withBody("application/json", "[]")}, 400, "invalid_request"},
		{"two JSON values", "POST", "login/start", []option{withBody("application/json", "{}{}")}, 400, "invalid_request"},
		{"A15 extraParams no array", "POST", "login/start", []option{withBody("application/json", `{"extraParams":7}`)}, 400, "invalid_request"},
		{"extraParams of numbers", "POST", "login/start", []option{withBody("application/json", `{"extraParams":[{"key":"prompt","value":7}]}`)}, 400, "invalid_request"},
		{"extraParams without value", "POST", "login/start", []option{withBody("application/json", `{"extraParams":[{"key":"prompt"}]}`)}, 400, "invalid_request"},
		{"pageUrl is a number", "POST", "login/end", []option{withBody("application/json", `{"pageUrl":7}`)}, 400, "invalid_request"},
		{"G13 pageUrl is relative", "POST", "login/end", []option{withBody("application/json", `{"pageUrl":"/?code=a&state=b"}`)}, 400, "invalid_request"},
		{"pageUrl is no URL", "POST", "login/end", []option{withBody("application/json", `{"pageUrl":"https://%zz"}`)}, 400, "invalid_request"},
		{"pageUrl has a bad query", "POST", "login/end", []option{withBody("application/json", `{"pageUrl":"https://www.example.com/?code=%zz&state=b"}`)}, 400, "invalid_request"},
		{"malformed form", "POST", "login/end", []option{withBody("application/x-www-form-urlencoded", "code=%zz")}, 400, "invalid_request"},
		{"form with semicolon", "POST", "login/end", []option{withBody("application/x-www-form-urlencoded", "code=a;state=b")}, 400, "invalid_request"},
		{"too large", "POST", "login/end", []option{withBody("application/json", `{"pageUrl":"`+strings.Repeat("x", maxBody)+`"}`)}, 413, "invalid_request"},
		{"too large logout", "POST", "logout", []option{withBody("application/json", strings.Repeat(" ", maxBody+1))}, 413, "invalid_request"},
		{"unreadable body", "POST", "login/end", []option{withBody("application/json", ""), func(r *http.Request) { r.Body = io.NopCloser(brokenReader{}) }}, 400, "invalid_request"},
		{"refresh with parameters", "POST", "refresh", []option{header("x-th-csrf", "x"), withBody("application/x-www-form-urlencoded", "scope=all")}, 400, "invalid_request"},
		{"refresh with JSON parameters", "POST", "refresh", []option{header("x-th-csrf", "x"), withBody("application/json", `{"scope":"all"}`)}, 400, "invalid_request"},
		{"refresh without the header", "POST", "refresh", nil, 401, "unauthorized_request"},
		{"logout without the header", "POST", "logout", nil, 401, "unauthorized_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			got := w.do(tt.method, tt.endpoint, tt.options...)
			w.fails(got, tt.status, tt.code)
			if tt.status == 405 && got.Header.Get("Allow") == "" {
				t.Error("no Allow header with 405")
			}
			if len(w.cookies) != 0 || len(got.Cookies()) != 0 {
				t.Errorf("got Set-Cookie %v", got.Header["Set-Cookie"])
			}
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("leak: illegal base64 data") }

// P8: a page of the API's own host sends no Origin with GET.
func TestSameOriginGet(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	got := w.do("GET", "session", header("Origin", ""), header("Sec-Fetch-Site", "same-origin"))
	if got.StatusCode != 200 || got.json["isLoggedIn"] != true {
		t.Errorf("got %d %s", got.StatusCode, got.text)
	}
}

// A24: several trusted origins, each gets exactly itself.
func TestSecondOrigin(t *testing.T) {
	w := newWorld(t)
	w.do("GET", "session", header("Origin", otherOrigin)) // do checks the headers
}

// Each request is one line with the data that an operator needs.
func TestLog(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	w.provider.On["/userinfo"] = oauthtest.Answer(500, "text/plain", "leak")
	w.fails(w.do("GET", "userInfo"), 502, "authorization_server_error")
	w.fails(w.do("GET", "claims", header("Origin", "https://leak.example")), 401, "unauthorized_request")
	lines := strings.Split(strings.TrimSpace(w.logs.String()), "\n")
	if len(lines) != 4 {
		t.Fatalf("got %d lines, want 4: %s", len(lines), lines)
	}
	for i, want := range []map[string]any{
		{"endpoint": "login/start", "status": 200.0, "level": "INFO"},
		{"endpoint": "login/end", "status": 200.0},
		{"endpoint": "userInfo", "status": 502.0, "code": "authorization_server_error", "reason": "userinfo endpoint answered 500", "level": "ERROR"},
		{"endpoint": "claims", "status": 401.0, "code": "unauthorized_request", "reason": "The Origin of the request is not trusted"},
	} {
		var line map[string]any
		if err := json.Unmarshal([]byte(lines[i]), &line); err != nil {
			t.Fatal(err)
		}
		want["request_id"] = "request-1"
		for name, value := range want {
			if line[name] != value {
				t.Errorf("line %d: got %s %v, want %v", i, name, line[name], value)
			}
		}
		if _, ok := line["duration_ms"]; !ok {
			t.Errorf("line %d has no duration", i)
		}
	}
}

// A panic is a 500 without details, and sets no cookie.
func TestPanic(t *testing.T) {
	w := newWorld(t)
	a := w.agent.(*agent)
	a.routes["/oauth-agent/session"] = route{name: "session", method: "GET", serve: func(a *agent, c *call) (any, error) {
		c.endSession(a)
		panic("leak")
	}}
	got := w.do("GET", "session")
	w.fails(got, 500, "server_error")
	if len(got.Cookies()) != 0 {
		t.Errorf("got Set-Cookie %v", got.Header["Set-Cookie"])
	}
	if !strings.Contains(w.logs.String(), "TestPanic") {
		t.Error("the log does not name the place")
	}
}

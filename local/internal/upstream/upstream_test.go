package upstream

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	clientID     = "orders:api"
	clientSecret = "s%cr&t +/="
	goodToken    = "good-token_1.~+/=="
)

// endpoint responds as an introspection endpoint may, well or badly, and checks its requests. Package provider tests
// the API with a real provider.
type endpoint struct {
	t       *testing.T
	answers map[string]string // by token
	status  int
	header  map[string]string
	asked   int
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.asked++
	id, secret, ok := r.BasicAuth()
	if !ok || id != url.QueryEscape(clientID) || secret != url.QueryEscape(clientSecret) {
		e.t.Errorf("credentials: got %q %q", id, secret)
	}
	if got := r.Header.Get("Content-Type"); r.Method != http.MethodPost || got != "application/x-www-form-urlencoded" {
		e.t.Errorf("got %s with %q", r.Method, got)
	}
	if r.URL.RawQuery != "" || r.PostFormValue("token_type_hint") != "access_token" {
		e.t.Errorf("got query %q and form %v", r.URL.RawQuery, r.PostForm)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	for name, value := range e.header {
		w.Header().Set(name, value)
	}
	if e.status != 0 {
		w.WriteHeader(e.status)
	}
	answer, ok := e.answers[r.PostFormValue("token")]
	if !ok {
		answer = `{"active":false}`
	}
	io.WriteString(w, answer)
}

func active(change string) string {
	return fmt.Sprintf(`{"active":true,"sub":"u-1","scope":"openid","client_id":"spa","exp":%d,"token_type":"bearer"%s}`,
		time.Now().Add(time.Minute).Unix(), change)
}

func start(t *testing.T) (http.Handler, *endpoint) {
	t.Helper()
	e := &endpoint{t: t, answers: map[string]string{goodToken: active(""), "other": active(`,"sub":"u-2"`)}}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	h, err := New(Config{IntrospectionURL: server.URL + "/introspect", ClientID: clientID, ClientSecret: clientSecret, Origins: []string{"https://www.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	return h, e
}

func serve(h http.Handler, method, path, body string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if header != nil {
		r.Header = header
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

type answer struct {
	Code     string
	Order    Order
	Orders   []Order
	Received received
}

func decode(t *testing.T, w *httptest.ResponseRecorder) (a answer) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("got %v, %v: %s", err, w.Header(), w.Body)
	}
	return a
}

func TestListShowsWhatWasReceived(t *testing.T) {
	h, e := start(t)
	w := serve(h, "GET", "/orders?secret=1", "", http.Header{
		"Authorization": {"bearer " + goodToken}, "Cookie": {"none", "a=cookie-value"}, "X-Th-Csrf": {"csrf-value"},
		"X-Forwarded-User": {"smoke-test"}, "X-Forwarded-Access-Token": {goodToken},
	})
	got := decode(t, w)
	if w.Code != http.StatusOK || len(got.Orders) != 2 {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	want := received{
		Method: "GET", Path: "/orders", Headers: map[string][]string{
			"authorization": {"Bearer (hidden)"}, "cookie": {"none", "(hidden)"}, "host": {"(hidden)"}, "x-th-csrf": {"(hidden)"},
			"x-forwarded-user": {"smoke-test"}, "x-forwarded-access-token": {"(hidden)"},
		}, Authorization: "Bearer",
		Token: Token{Active: true, Subject: "u-1", Scope: "openid", ClientID: "spa", Expires: got.Received.Token.Expires, Type: "bearer"},
	}
	if diff := cmp.Diff(want, got.Received); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
	for _, secret := range []string{goodToken, "cookie-value", "csrf-value", clientSecret} {
		if strings.Contains(w.Body.String(), secret) {
			t.Errorf("%q in the answer: %s", secret, w.Body)
		}
	}
	if e.asked != 1 {
		t.Errorf("introspections: got %d; want 1", e.asked)
	}
}

// The smoke test asks how an encoded slash arrives.
func TestEchoShowsThePathAsItWasEscaped(t *testing.T) {
	h, _ := start(t)
	for _, path := range []string{"/echo", "/echo/a%2Fb", "/echo/a/b"} {
		w := serve(h, "DELETE", path, "", http.Header{"Authorization": {"Bearer " + goodToken}})
		if got := decode(t, w); w.Code != http.StatusOK || got.Received.Path != path || got.Received.Method != "DELETE" {
			t.Errorf("%s: got %d %s", path, w.Code, w.Body)
		}
	}
	if w := serve(h, "GET", "/echo", "", nil); w.Code != http.StatusUnauthorized {
		t.Errorf("without a token: got %d %s", w.Code, w.Body)
	}
}

func TestAuthorization(t *testing.T) {
	tests := []struct {
		name      string
		values    []string
		status    int
		code      string
		challenge string
		asked     int
	}{
		{"none", nil, 401, "missing_token", `Bearer realm="orders"`, 0},
		{"two", []string{"Bearer " + goodToken, "Bearer " + goodToken}, 400, "invalid_request", `error="invalid_request"`, 0},
		{"two in one", []string{"Bearer a, Bearer b"}, 401, "invalid_token", `error="invalid_token"`, 0},
		{"basic", []string{"Basic YTpi"}, 401, "invalid_token", `error="invalid_token"`, 0},
		{"empty", []string{"Bearer "}, 401, "invalid_token", `error="invalid_token"`, 0},
		{"not a token", []string{`Bearer {"active":false}`}, 401, "invalid_token", `error="invalid_token"`, 0},
		{"too long", []string{"Bearer " + strings.Repeat("a", maxToken+1)}, 401, "invalid_token", `error="invalid_token"`, 0},
		{"unknown token", []string{"Bearer unknown"}, 401, "invalid_token", `error="invalid_token"`, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, e := start(t)
			w := serve(h, "GET", "/orders", "", http.Header{"Authorization": tt.values})
			if got := decode(t, w); w.Code != tt.status || got.Code != tt.code || got.Orders != nil {
				t.Errorf("got %d %s; want %d %s", w.Code, w.Body, tt.status, tt.code)
			}
			if got := w.Header().Get("WWW-Authenticate"); !strings.Contains(got, tt.challenge) || tt.code == "missing_token" && got != tt.challenge {
				t.Errorf("challenge: got %q; want %q", got, tt.challenge)
			}
			if e.asked != tt.asked {
				t.Errorf("introspections: got %d; want %d", e.asked, tt.asked)
			}
		})
	}
}

// TestIntrospectionAnswers: P1, an introspection that fails or says no must never let a request through; rule 43.
func TestIntrospectionAnswers(t *testing.T) {
	past := fmt.Sprintf(`,"exp":%d`, time.Now().Add(-time.Second).Unix())
	tests := []struct {
		name   string
		answer string
		status int // of the endpoint
		header map[string]string
		want   int
	}{
		{"active", active(""), 0, nil, 200},
		{"inactive", `{"active":false}`, 0, nil, 401},
		{"inactive with the rest", strings.Replace(active(""), "true", "false", 1), 0, nil, 401},
		{"expired", active(past), 0, nil, 401},
		{"no expiry", active(`,"exp":0`), 0, nil, 401},
		{"no subject", active(`,"sub":""`), 0, nil, 401},
		{"refresh token (P12, G1)", `{"active":true,"sub":"u-1","exp":9999999999}`, 0, nil, 401},
		{"active is text", active(`,"active":"true"`), 0, nil, 503},
		{"active is missing", `{"sub":"u-1","exp":9999999999,"token_type":"Bearer"}`, 0, nil, 503},
		{"null", `null`, 0, nil, 503},
		{"not JSON", `active`, 0, nil, 503},
		{"empty", ``, 0, nil, 503},
		{"error", active(""), 500, nil, 503},
		{"our credentials refused", active(""), 401, nil, 503},
		{"created", active(""), 201, nil, 503},
		{"redirect", active(""), 307, map[string]string{"Location": "/elsewhere"}, 503},
		{"another media type", active(""), 0, map[string]string{"Content-Type": "text/html"}, 503},
		{"too large", active(`,"x":"` + strings.Repeat("x", maxIntrospection) + `"`), 0, nil, 503},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, e := start(t)
			e.answers[goodToken], e.status, e.header = tt.answer, tt.status, tt.header
			w := serve(h, "GET", "/orders", "", http.Header{"Authorization": {"Bearer " + goodToken}})
			if w.Code != tt.want || tt.want != 200 && decode(t, w).Orders != nil {
				t.Errorf("got %d %s; want %d", w.Code, w.Body, tt.want)
			}
			if e.asked != 1 {
				t.Errorf("introspections: got %d; want 1", e.asked)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		server := httptest.NewServer(nil)
		server.Close()
		h, err := New(Config{IntrospectionURL: server.URL, ClientID: "a", ClientSecret: "b"})
		if err != nil {
			t.Fatal(err)
		}
		w := serve(h, "GET", "/orders", "", http.Header{"Authorization": {"Bearer " + goodToken}})
		if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), goodToken) {
			t.Errorf("got %d %s; want 503", w.Code, w.Body)
		}
	})
}

func TestCreate(t *testing.T) {
	const jsonType = "application/json; charset=utf-8"
	tests := []struct {
		name, contentType, body string
		status                  int
		code                    string
	}{
		{"good", jsonType, `{"item":" Zoë’s tea ","quantity":3}`, 201, ""},
		{"form", "application/x-www-form-urlencoded", "item=a", 415, "unsupported_media_type"},
		{"no type", "", `{"item":"a","quantity":1}`, 415, "unsupported_media_type"},
		{"empty", jsonType, "", 400, "invalid_request"},
		{"null", jsonType, "null", 400, "invalid_request"},
		{"array", jsonType, "[]", 400, "invalid_request"},
		{"cut off", jsonType, `{"item":"a",`, 400, "invalid_request"},
		{"two documents", jsonType, `{"item":"a","quantity":1}{}`, 400, "invalid_request"},
		{"unknown member", jsonType, `{"item":"a","quantity":1,"owner":"u-2"}`, 400, "invalid_request"},
		{"blank item", jsonType, `{"item":" ","quantity":1}`, 400, "invalid_request"},
		{"control character", jsonType, `{"item":"a\u0000","quantity":1}`, 400, "invalid_request"},
		{"long item", jsonType, `{"item":"` + strings.Repeat("ö", maxItem+1) + `","quantity":1}`, 400, "invalid_request"},
		{"not UTF-8", jsonType, "{\"item\":\"\xff\",\"quantity\":1}", 400, "invalid_request"},
		{"no quantity", jsonType, `{"item":"a"}`, 400, "invalid_request"},
		{"zero", jsonType, `{"item":"a","quantity":0}`, 400, "invalid_request"},
		{"fraction", jsonType, `{"item":"a","quantity":1.5}`, 400, "invalid_request"},
		{"huge number", jsonType, `{"item":"a","quantity":1e99}`, 400, "invalid_request"},
		{"too large", jsonType, `{"item":"` + strings.Repeat("a", maxBody) + `","quantity":1}`, 413, "payload_too_large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, _ := start(t)
			header := http.Header{"Authorization": {"Bearer " + goodToken}, "Content-Type": {tt.contentType}}
			w := serve(h, "POST", "/orders", tt.body, header)
			got := decode(t, w)
			if w.Code != tt.status || got.Code != tt.code {
				t.Fatalf("got %d %s; want %d %s", w.Code, w.Body, tt.status, tt.code)
			}
			if tt.status == 201 && (got.Order.Item != "Zoë’s tea" || got.Order.Quantity != 3 || len(got.Orders) != 3 || got.Received.Method != "POST") {
				t.Errorf("got %s", w.Body)
			}
			if other := decode(t, serve(h, "GET", "/orders", "", http.Header{"Authorization": {"Bearer other"}})); len(other.Orders) != 2 {
				t.Errorf("another subject sees %v", other.Orders)
			}
		})
	}
}

func TestOrdersAreBounded(t *testing.T) {
	o := newOrders(time.Now)
	for range 2 * maxOrders {
		o.add("u-1", "a", 1)
	}
	if got := o.of("u-1"); len(got) != maxOrders || got[maxOrders-1].ID != 2*maxOrders+2 {
		t.Errorf("got %d orders, the last %v", len(got), got[len(got)-1])
	}
}

func TestOtherRequests(t *testing.T) {
	h, e := start(t)
	tests := []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/health", 200, ""},
		{"GET", "/", 404, "not_found"},
		{"GET", "/orders/1", 404, "not_found"},
		{"DELETE", "/orders", 405, "method_not_allowed"},
		{"OPTIONS", "/orders", 405, "method_not_allowed"},
	}
	for _, tt := range tests {
		w := serve(h, tt.method, tt.path, "", nil)
		if got := decode(t, w); w.Code != tt.status || got.Code != tt.code {
			t.Errorf("%s %s: got %d %s; want %d %s", tt.method, tt.path, w.Code, w.Body, tt.status, tt.code)
		}
	}
	if e.asked != 0 {
		t.Errorf("introspections: got %d; want 0", e.asked)
	}
}

func TestNew(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		want string
	}{
		{"loopback", Config{IntrospectionURL: "http://127.0.0.1:3002/token/introspection", ClientID: "a", ClientSecret: "b"}, ""},
		{"IPv6 loopback", Config{IntrospectionURL: "http://[::1]:3002/token/introspection", ClientID: "a", ClientSecret: "b"}, ""},
		{"another host", Config{IntrospectionURL: "http://192.0.2.1/introspect", ClientID: "a", ClientSecret: "b"}, "loopback address"},
		{"a name", Config{IntrospectionURL: "http://login.example.localhost:3002/", ClientID: "a", ClientSecret: "b"}, "loopback address"},
		{"user", Config{IntrospectionURL: "http://a:secret@127.0.0.1/", ClientID: "a", ClientSecret: "b"}, "expected an introspection URL"},
		{"empty", Config{IntrospectionURL: "", ClientID: "a", ClientSecret: "b"}, "expected an introspection URL"},
		{"no secret", Config{IntrospectionURL: "http://127.0.0.1/", ClientID: "a", ClientSecret: ""}, "client secret"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.cfg)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "a:secret")) {
				t.Errorf("got %v; want %q", err, tt.want)
			}
		})
	}
}

func FuzzParseOrder(f *testing.F) {
	for _, s := range []string{`{"item":"a","quantity":1}`, `{"Item":"é","QUANTITY":1000}`, `{"item":"\ud800","quantity":1}`, `[]`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		item, quantity, err := parseOrder(body)
		if err != nil && (item != "" || quantity != 0) {
			t.Errorf("%q: got a result with %v", body, err)
		}
		if err == nil && (item == "" || len(item) > 4*maxItem || quantity < 1 || quantity > maxQuantity) {
			t.Errorf("%q: got %q, %d", body, item, quantity)
		}
	})
}

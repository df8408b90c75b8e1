package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// TestPhantomTokens runs the whole system with the authorizer asking the real
// provider about every access token, callers that bring a token of their own,
// and a route that demands scopes.
func TestPhantomTokens(t *testing.T) {
	// The API behind the routes records its requests.
	var upstream atomic.Pointer[http.Request]
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upstream.Store(r)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{}`)
	}))
	defer api.Close()

	// Between authorizer and provider, to count and to break things.
	var provider atomic.Value
	var asked atomic.Int32
	var broken atomic.Pointer[http.HandlerFunc]
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if f := broken.Load(); f != nil {
			(*f)(w, r)
			return
		}
		out, err := http.NewRequest("POST", provider.Load().(string)+"/token/introspection", r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		out.Header = r.Header.Clone()
		answer, err := http.DefaultClient.Do(out)
		if err != nil {
			t.Error(err)
			return
		}
		defer answer.Body.Close()
		w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
		w.WriteHeader(answer.StatusCode)
		io.Copy(w, answer.Body)
	}))
	defer endpoint.Close()

	s := start(t, "-c", "usePhantomToken=true", "-c", "allowToken=true", "-c", "introspectionMaxAge=0s",
		"-c", "introspectionUrl="+endpoint.URL+"/introspect?tenant=1",
		"-c", `routes=[{"path":"/orders","methods":["GET","POST"],"upstream":"`+api.URL+`/orders","scopes":["openid"],"methodScopes":{"POST":["orders.write"]}},`+
			`{"path":"/orders/{id}","methods":["GET"],"upstream":"`+api.URL+`/orders/{id}"}]`)
	provider.Store(s.provider)
	p := newPerson(s, false)
	p.signIn(t)
	known := &secrets{}
	known.learn(t, s, p)

	// call returns the status and code of a call, and the token upstream got.
	call := func(method, path string, header http.Header) (int, any, string) {
		t.Helper()
		upstream.Store(nil)
		status, answer, resp := p.call(t, method, path, "", header)
		if status == 401 && header.Get("Origin") != "" {
			checkCORS(t, resp, s.www)
		}
		token := ""
		if r := upstream.Load(); r != nil {
			token = r.Header.Get("Authorization")
			if len(r.Header.Values("Authorization")) != 1 || r.Header.Get("Cookie") != "" {
				t.Errorf("upstream got %d Authorization headers and the Cookie %q", len(r.Header.Values("Authorization")), r.Header.Get("Cookie"))
			}
		}
		return status, answer["code"], token
	}
	bearer := func(value string) http.Header { return http.Header{"Authorization": {value}, "Cookie": {""}} }

	status, code, token := call("GET", "/orders", p.header())
	opaque, isBearer := strings.CutPrefix(token, "Bearer ")
	if status != 200 || !isBearer || strings.Contains(opaque, ".") || asked.Load() != 1 {
		t.Fatalf("with a session: got %d, %v, token %d bytes, asked %d times", status, code, len(token), asked.Load())
	}

	t.Run("scopes", func(t *testing.T) {
		upstream.Store(nil)
		status, answer, resp := p.call(t, "POST", "/orders", "{}", p.header("Content-Type", "application/json"))
		if status != 401 || answer["code"] != "insufficient_scope" || answer["scope"] != "openid orders.write" || upstream.Load() != nil {
			t.Errorf("got %d, %v", status, answer)
		}
		checkCORS(t, resp, s.www)
		// Other refusals name no scope.
		if status, answer, _ := p.call(t, "POST", "/orders", "", http.Header{"Origin": {s.www}}); status != 401 || answer["code"] != "unauthorized_request" || answer["scope"] != "" {
			t.Errorf("without CSRF: got %d, %v", status, answer)
		}
	})

	t.Run("G2 path parameters", func(t *testing.T) {
		for path, want := range map[string]int{"/orders/7": 200, "/orders/%2e%2e": 401, "/orders/..%2fadmin": 401, "/orders/7%3fadmin=true": 401, "/orders/7%2523": 401} {
			upstream.Store(nil)
			status, answer, _ := p.call(t, "GET", path, "", p.header())
			if status != want || want == 401 && (answer["code"] != "invalid_request" || upstream.Load() != nil) {
				t.Errorf("%s: got %d, %v", path, status, answer)
			}
		}
	})

	t.Run("P22 callers with a token of their own", func(t *testing.T) {
		for _, value := range []string{"Bearer " + opaque, "bearer " + opaque} {
			if status, code, token := call("GET", "/orders", bearer(value)); status != 200 || token != "Bearer "+opaque {
				t.Errorf("%.7s: got %d, %v", value, status, code)
			}
		}
		if status, code, token := call("GET", "/orders", bearer("Bearer junk")); status != 401 || code != "token_expired" || token != "" {
			t.Errorf("junk: got %d, %v", status, code)
		}
		evil := bearer("Bearer " + opaque)
		evil.Set("Origin", "https://evil.example")
		if status, code, token := call("GET", "/orders", evil); status != 401 || code != "unauthorized_request" || token != "" {
			t.Errorf("from an untrusted page: got %d, %v", status, code)
		}
		if status, code, token := call("GET", "/orders", p.header("Authorization", "Bearer "+opaque)); status != 401 || code != "unauthorized_request" || token != "" {
			t.Errorf("beside a session: got %d, %v", status, code)
		}
	})

	t.Run("P1 only an active token passes", func(t *testing.T) {
		defer broken.Store(nil)
		answer := func(status int, contentType, body string) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", contentType)
				w.WriteHeader(status)
				io.WriteString(w, body)
			}
		}
		for name, f := range map[string]http.HandlerFunc{
			"500":  answer(500, "application/json", `{"active":true,"token_type":"Bearer"}`),
			"HTML": answer(200, "text/html", "<html>maintenance</html>"),
			"JWT":  answer(200, "application/jwt", "e30.e30.c2ln"),
			"hang up": func(w http.ResponseWriter, _ *http.Request) {
				if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
					c.Close()
				}
			},
		} {
			broken.Store(&f)
			for way, header := range map[string]http.Header{"session": p.header(), "bearer": bearer("Bearer " + opaque)} {
				if status, code, token := call("GET", "/orders", header); status != 500 || code != "server_error" || token != "" {
					t.Errorf("%s, %s: got %d, %v, upstream called: %v", name, way, status, code, token != "")
				}
			}
		}
		no := answer(200, "application/json", `{"active":false}`)
		broken.Store(&no)
		if status, code, token := call("GET", "/orders", p.header()); status != 401 || code != "token_expired" || token != "" {
			t.Errorf("no: got %d, %v", status, code)
		}
	})

	t.Run("a revoked token goes nowhere", func(t *testing.T) {
		revoke(t, s, opaque)
		for way, header := range map[string]http.Header{"session": p.header(), "bearer": bearer("Bearer " + opaque)} {
			if status, code, token := call("GET", "/orders", header); status != 401 || code != "token_expired" || token != "" {
				t.Errorf("%s: got %d, %v", way, status, code)
			}
		}
		if status, answer, _ := p.call(t, "POST", "/oauth-agent/refresh", "", p.header("Content-Type", "application/x-www-form-urlencoded")); status != 401 || answer["code"] != "session_expired" {
			// This provider takes the whole grant back with the token.
			t.Errorf("refresh: got %d, %v", status, answer)
		}
		p.signIn(t)
		if status, code, token := call("GET", "/orders", p.header()); status != 200 || token == "" || token == "Bearer "+opaque {
			t.Errorf("signed in again: got %d, %v", status, code)
		}
		known.learn(t, s, p)
	})

	if err := s.stop(); err != nil {
		t.Errorf("after Ctrl-C: %v\n%s", err, s.output.String())
	}
	output := s.output.String()
	if !strings.Contains(output, "undecided") || !strings.Contains(output, "introspection: expected status 200, got 500") {
		t.Error("the log lacks the undecided request")
	}
	known.check(t, "the output of the run", output, everything)
	for _, secret := range []string{opaque, "maintenance", "tenant=1"} {
		if strings.Contains(output, secret) {
			t.Errorf("the output shows %q", secret)
		}
	}
}

// revoke revokes an access token at the provider, as its client.
func revoke(t *testing.T, s *system, token string) {
	t.Helper()
	environments, err := lambdaEnvironments(s.out)
	if err != nil {
		skipOffLinux(t, err)
	}
	for _, env := range environments {
		if env["REDIRECT_URI"] == "" {
			continue
		}
		r, err := http.NewRequest("POST", s.provider+"/token/revocation", strings.NewReader(url.Values{"token": {token}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(url.QueryEscape(env["CLIENT_ID"]), url.QueryEscape(env["CLIENT_SECRET"]))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != 200 {
			t.Fatalf("revocation: status %d", answer.StatusCode)
		}
		return
	}
	t.Fatal("the agent's environment was not found")
}

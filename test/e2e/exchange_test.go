package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// TestTokenExchange has the authorizer exchange the session's token at the real
// provider: each upstream API gets a token with its own audience, and the same one
// for each call.
func TestTokenExchange(t *testing.T) {
	var received atomic.Value // the access token of the last request
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received.Store(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{}`)
	}))
	defer api.Close()
	route := func(path, exchange string) string {
		return `{"path":"` + path + `","methods":["GET"],"upstream":"` + api.URL + path + `"` + exchange + `}`
	}
	s := start(t, "-c", "exchangeUrl={back}/token", "-c", `routes=[`+
		route("/orders", `,"exchange":{"audience":"https://orders.example","scope":"openid"}`)+`,`+
		route("/bills", `,"exchange":{"resource":"https://bills.example"}`)+`,`+
		route("/broad", `,"exchange":{"scope":"more.than.the.session.has"}`)+`,`+
		route("/plain", ``)+`]`)
	environments, err := lambdaEnvironments(s.out)
	if err != nil {
		skipOffLinux(t, err)
	}
	var client map[string]string
	for _, env := range environments {
		if env["REDIRECT_URI"] != "" {
			client = env
		}
	}
	p := newPerson(s, false)
	p.signIn(t)

	call := func(path string) (status int, token string) {
		t.Helper()
		received.Store("")
		status, _, _ = p.call(t, "GET", path, "", p.header())
		return status, received.Load().(string)
	}
	_, session := call("/plain")
	for _, tt := range []struct{ path, audience, scope string }{
		{"/orders", "https://orders.example", "openid"},
		{"/bills", "https://bills.example", "openid profile email"},
	} {
		status, token := call(tt.path)
		if status != 200 || token == "" || token == session {
			t.Errorf("%s: got %d, and the session's own token: %t", tt.path, status, token == session)
			continue
		}
		claims := map[string]any{}
		if introspect(t, s, client, token, &claims); claims["active"] != true || claims["aud"] != tt.audience || claims["scope"] != tt.scope {
			t.Errorf("%s: upstream got a token with %v, want audience %s and scope %s", tt.path, claims, tt.audience, tt.scope)
		}
		if _, again := call(tt.path); again != token {
			t.Errorf("%s: the second call was exchanged again", tt.path)
		}
	}
	// invalid_scope is a mistake in the settings: no token goes upstream.
	if status, token := call("/broad"); status != 500 || token != "" {
		t.Errorf("a refused exchange: got %d, and upstream got a token: %t", status, token != "")
	}
}

// introspect asks the provider about a token as the agent's client.
func introspect(t *testing.T, s *system, client map[string]string, token string, into any) {
	t.Helper()
	ask, err := http.NewRequest("POST", s.provider+"/token/introspection", strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	ask.SetBasicAuth(url.QueryEscape(client["CLIENT_ID"]), url.QueryEscape(client["CLIENT_SECRET"]))
	ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

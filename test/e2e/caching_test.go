package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// ordersOnly is the stage's routes without the stream: results of an authorizer
// that passes on the client's headers are not cached.
const ordersOnly = `routes=[{"path":"/orders","methods":["GET","POST"],"upstream":"{upstream}/orders"}]`

// TestCachedAuthorizer is a run whose gateway keeps the authorizer's results:
// a signed-in person uses the API as before, a session after a refresh is
// another, and who comes from elsewhere is refused. The attack that this form
// withstands is in package local.
func TestCachedAuthorizer(t *testing.T) {
	s := start(t, "-c", ordersOnly, "-c", "authorizerCacheTtl=60s", "-token-lifetime", "2m")
	known := &secrets{}
	p := newPerson(s, false)
	p.signIn(t)
	known.learn(t, s, p)
	browser := func(extra ...string) http.Header {
		return p.header(append([]string{"Sec-Fetch-Site", "same-site"}, extra...)...)
	}

	order := `{"item":"tea","quantity":1}`
	for range 3 {
		if status, answer, _ := p.call(t, "GET", "/orders", "", browser()); status != 200 {
			t.Fatalf("GET /orders: got %d, %v", status, answer)
		}
		checkUpstream(t, s, known, "GET")
		if status, answer, _ := p.call(t, "POST", "/orders", order, browser("Content-Type", "application/json")); status != 201 {
			t.Fatalf("POST /orders: got %d, %v", status, answer)
		}
		checkUpstream(t, s, known, "POST")
	}

	reached := s.recorder.count()
	for name, change := range map[string]func(http.Header){
		"from another origin":           func(h http.Header) { h.Set("Origin", "https://evil.example") },
		"without origin":                func(h http.Header) { h.Del("Origin") },
		"from another site":             func(h http.Header) { h.Set("Sec-Fetch-Site", "cross-site") },
		"without token-handler-version": func(h http.Header) { h.Del("Token-Handler-Version") },
		"without cookies":               func(h http.Header) { h.Set("Cookie", "a=b") },
	} {
		for _, method := range []string{"GET", "POST"} {
			header := browser("Content-Type", "application/json")
			change(header)
			status, answer, resp := p.call(t, method, "/orders", order, header)
			if t.Run(method+" "+name, func(t *testing.T) { checkRefused(t, s, status, answer, resp) }); s.recorder.count() != reached {
				t.Fatalf("%s %s reached upstream", method, name)
			}
		}
	}

	// Another cookie has another entry: the new token reaches upstream
	// immediately.
	old := s.recorder.last().Header.Get("Authorization")
	if status, answer, _ := p.call(t, "POST", "/oauth-agent/refresh", "", browser()); status != 200 {
		t.Fatalf("refresh: got %d, %v", status, answer)
	}
	known.learn(t, s, p)
	if status, answer, _ := p.call(t, "GET", "/orders", "", browser()); status != 200 {
		t.Fatalf("GET /orders after refresh: got %d, %v", status, answer)
	}
	if s.recorder.last().Header.Get("Authorization") == old {
		t.Error("after the refresh the old token went upstream")
	}

	// A token that would end before its entry is refused early, with the code
	// that has the page refresh.
	if known.sealer != nil {
		at, err := known.sealer.open("__Host-th-at", p.session()["__Host-th-at"])
		if err != nil {
			t.Fatal(err)
		}
		at.expires = uint64(time.Now().Add(55 * time.Second).Unix())
		status, answer, _ := p.call(t, "GET", "/orders", "", browser("Cookie", "__Host-th-at="+known.sealer.seal("__Host-th-at", at)))
		if status != 401 || answer["code"] != "token_expired" {
			t.Errorf("with 55 s left: got %d, %v; want 401 token_expired", status, answer)
		}
	}

	smoke := buildSmoke(t)
	if output, code := smoke(s, s.api, p.cookieHeader("api.example.localhost"), "-echo", "/orders"); code != 0 || !strings.Contains(output, " 0 failed") {
		t.Errorf("smoke test: exit status %d\n%s", code, output)
	}
}

// TestCachedClassicDialect: where results are kept of the classic dialect, the
// other dialect's header is refused; the smoke test speaks as it has to.
func TestCachedClassicDialect(t *testing.T) {
	s := start(t, "-c", ordersOnly, "-c", "authorizerCacheTtl=60s", "-c", "authorizerCacheDialect=classic", "-token-lifetime", "2m")
	p := newPerson(s, true)
	p.signIn(t)
	output, code := buildSmoke(t)(s, s.api, p.cookieHeader("api.example.localhost"), "-echo", "/orders", "-end")
	if code != 0 || !strings.Contains(output, " 0 failed") || !strings.Contains(output, "POST logout") {
		t.Errorf("smoke test: exit status %d\n%s", code, output)
	}
}

package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestTransparentRoute sends a signed-in user's requests through a transparent
// route: every header of the client reaches upstream except those that the
// token handler overwrites. The local gateway assumes the worst case: a mapped
// header replaces the client's only if the spelling is the same.
func TestTransparentRoute(t *testing.T) {
	s := start(t, "-c", `routes=[{"path":"/raw/{proxy+}","methods":["ANY"],"upstream":"{upstream}/{proxy}","transparent":true},`+
		`{"path":"/orders","methods":["GET","POST"],"upstream":"{upstream}/orders"}]`)
	known := &secrets{}
	p := newPerson(s, true)
	p.signIn(t)
	known.learn(t, s, p)

	for _, tt := range []struct{ method, path, body string }{
		{"GET", "/raw/orders?a=1&a=2&b=%2F", ""},
		{"POST", "/raw/orders", `{"item":"tea","quantity":1}`},
	} {
		header := p.header("Content-Type", "application/json", "X-Custom", "kept")
		resp, err := p.do(tt.method, s.api+tt.path, tt.body, header)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode/100 != 2 {
			t.Fatalf("%s %s: got %d, %s", tt.method, tt.path, resp.StatusCode, resp.body)
		}
		r := s.recorder.last()
		if r.Method != tt.method || r.URL.Path != "/orders" {
			t.Errorf("upstream received %s %s, want %s /orders", r.Method, r.URL.Path, tt.method)
		}
		if got := r.Header.Values("Authorization"); len(got) != 1 || !known.isAccessToken(strings.TrimPrefix(got[0], "Bearer ")) {
			t.Errorf("upstream received %d Authorization headers, want one with the session's token", len(got))
		}
		if query := r.URL.Query(); tt.method == "GET" && (!slices.Equal(query["a"], []string{"1", "2"}) || query.Get("b") != "/") {
			t.Errorf("upstream received the query %q", r.URL.RawQuery)
		}
		if r.Header.Get("X-Custom") != "kept" {
			t.Error("a header of the client did not reach upstream")
		}
		for name, values := range r.Header {
			if text := strings.Join(values, ","); strings.Contains(text, "__Host-th-") || strings.Contains(text, p.csrf) {
				t.Errorf("a cookie or the CSRF value reached upstream in %s", name)
			}
		}
	}
	for _, tt := range []struct {
		name, path string
		change     func(http.Header)
		code       string
	}{
		{"no cookie", "/raw/orders", func(h http.Header) { h.Set("Cookie", "x=y") }, "unauthorized_request"},
		{"client-sent Authorization", "/raw/orders", func(h http.Header) { h.Set("Authorization", "Bearer junk") }, "unauthorized_request"},
		{"wrong origin", "/raw/orders", func(h http.Header) { h.Set("Origin", "https://evil.example") }, "unauthorized_request"},
		{"G2 a path that climbs", "/raw/a/%2e%2e/admin", func(http.Header) {}, "invalid_request"},
		{"G2 a path that climbs, twice encoded", "/raw/%252e%252e/admin", func(http.Header) {}, "invalid_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := p.header()
			tt.change(header)
			reached := s.recorder.count()
			status, answer, _ := p.call(t, "GET", tt.path, "", header)
			if status != 401 || answer["code"] != tt.code {
				t.Errorf("got %d, %v; want 401 %s", status, answer, tt.code)
			}
			if s.recorder.count() != reached {
				t.Error("the request reached upstream")
			}
		})
	}
}

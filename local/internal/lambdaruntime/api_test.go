package lambdaruntime

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestOnlyTheFunctionMayCall: a page in the developer's browser must not be able to take events, which carry cookies.
func TestOnlyTheFunctionMayCall(t *testing.T) {
	f, _ := start(t, nil)
	if err := f.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := f.idle[0]
	const path = "/2018-06-01/runtime/invocation/"
	tests := []struct {
		name, method, path string
		change             func(*http.Request)
		want               int
		why                string
	}{
		{"DNS rebinding", "GET", path + "next", func(r *http.Request) { r.Host = "evil.example:" + strings.Split(p.addr, ":")[1] }, 403, "Forbidden"},
		{"cross-origin", "GET", path + "next", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403, "Forbidden"},
		{"navigation", "GET", path + "next", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403, "Forbidden"},
		{"a second next", "GET", path + "next", nil, 403, "InvalidStateTransition"},
		{"response to nothing", "POST", path + "x/response", nil, 400, "InvalidRequestID"},
		{"error to nothing", "POST", path + "x/error", nil, 400, "InvalidRequestID"},
		{"extension", "POST", "/2020-01-01/extension/register", nil, 404, ""},
		{"wrong method", "POST", path + "next", nil, 405, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), tt.method, "http://"+p.addr+tt.path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			if tt.change != nil {
				tt.change(r)
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.want || !strings.Contains(string(body), tt.why) {
				t.Errorf("got %d %s; want %d %s", resp.StatusCode, body, tt.want, tt.why)
			}
		})
	}
	if r := invoke(t, f, `{"do":"echo","text":"still here"}`); string(r.Payload) != `"still here"` {
		t.Errorf("afterwards: got %s", r.Payload)
	}
}

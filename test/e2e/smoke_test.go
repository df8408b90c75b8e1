package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// smokeTest runs the smoke test as a team runs it against a deployed system:
// against the run as it is, and with one thing broken at a time, which it has
// to notice.
func smokeTest(t *testing.T, s *system, known *secrets) {
	run := buildSmoke(t)
	p := newPerson(s, false)
	p.signIn(t)
	known.learn(t, s, p)
	smoke := func(api string) (string, int) { return run(s, api, p.cookieHeader("api.example.localhost")) }

	output, code := smoke(s.api)
	if code != 0 || !strings.Contains(output, " 0 failed") || !strings.Contains(output, "no session cookie reaches it") {
		t.Fatalf("exit status %d\n%s", code, output)
	}
	known.check(t, "the output of the smoke test", output, everything)

	target, err := url.Parse(s.api)
	if err != nil {
		t.Fatal(err)
	}
	is := func(r *http.Request, method, path string) bool { return r.Method == method && r.URL.Path == path }
	for _, tt := range []struct {
		name   string
		change func(*http.Response) // of the answer
		want   string               // in the line of a failed check
	}{
		{"any origin is answered", func(r *http.Response) {
			if origin := r.Request.Header.Get("Origin"); origin != "" {
				r.Header.Set("Access-Control-Allow-Origin", origin)
			}
		}, "OPTIONS /orders from https://untrusted.example"},
		{"errors without CORS headers", func(r *http.Response) {
			if r.StatusCode == 401 {
				r.Header.Del("Access-Control-Allow-Origin")
			}
		}, "GET /orders without a cookie"},
		{"answers without Vary", func(r *http.Response) { r.Header.Del("Vary") }, "GET session tells that nobody"},
		{"a route without authorizer", func(r *http.Response) {
			if is(r.Request, "POST", "/orders") {
				r.StatusCode = 200
			}
		}, "POST /orders without a cookie"},
		{"errors of the gateway's own making", func(r *http.Response) {
			if r.StatusCode == 401 && r.Request.URL.Path == "/orders" {
				replaceBody(r, `{"message":"Unauthorized"}`)
			}
		}, "GET /orders with a cookie that is none"},
		{"a cookie that scripts can read", weaken("; HttpOnly"), "the cookie of the login"},
		{"a cookie for http", weaken("; Secure"), "the cookie of the login"},
		{"a cookie that other sites send", weaken("; SameSite=Strict"), "the cookie of the login"},
		{"answers that caches keep", func(r *http.Response) { r.Header.Del("Cache-Control") }, "GET session tells that nobody"},
		{"no PKCE", func(r *http.Response) {
			if is(r.Request, "POST", "/oauth-agent/login/start") && r.StatusCode == 200 {
				replaceBody(r, `{"authorization_url":"`+s.login+`/auth?response_type=code&state=x"}`)
			}
		}, "the authorization request"},
		{"the session cookies go upstream", func(r *http.Response) {
			if is(r.Request, "GET", "/orders") && r.StatusCode == 200 {
				replaceBody(r, `{"received":{"headers":["authorization","cookie"]}}`)
			}
		}, "cookie of the client does not reach it"},
		{"two Authorization headers go upstream", func(r *http.Response) {
			if is(r.Request, "GET", "/orders") && r.StatusCode == 200 {
				replaceBody(r, `{"headers":{"Authorization":["Bearer a","Bearer b"]}}`)
			}
		}, "Authorization reaches it, once"},
		{"no Authorization header goes upstream", func(r *http.Response) {
			if is(r.Request, "GET", "/orders") && r.StatusCode == 200 {
				replaceBody(r, `{"headers":["host"]}`)
			}
		}, "Authorization reaches it, once"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			proxy := &httputil.ReverseProxy{
				Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
				Transport:      p.http.Transport,
				ModifyResponse: func(r *http.Response) error { tt.change(r); return nil },
			}
			broken := httptest.NewServer(proxy)
			defer broken.Close()
			output, code := smoke(broken.URL)
			found := false
			for line := range strings.Lines(output) {
				found = found || strings.HasPrefix(line, "fail") && strings.Contains(line, tt.want)
			}
			if code != 1 || !found {
				t.Errorf("exit status %d, want 1 and a failed %q\n%s", code, tt.want, output)
			}
		})
	}
}

// buildSmoke returns a function that runs the smoke test and returns its
// output and exit status.
func buildSmoke(t *testing.T) func(s *system, api, session string) (string, int) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "smoke")
	if out, err := exec.Command("go", "build", "-o", binary, "../smoke").CombinedOutput(); err != nil {
		t.Fatalf("go build ./test/smoke: %v\n%s", err, out)
	}
	return func(s *system, api, session string) (string, int) {
		cmd := exec.Command(binary, "-url", api, "-template", s.out, "-echo", "/orders")
		cmd.Env = append(os.Environ(), "SMOKE_COOKIE="+session)
		var output bytes.Buffer
		cmd.Stdout, cmd.Stderr = &output, &output
		if err := cmd.Run(); cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return output.String(), cmd.ProcessState.ExitCode()
	}
}

// weaken takes an attribute from every cookie that is set.
func weaken(attribute string) func(*http.Response) {
	return func(r *http.Response) {
		for i, line := range r.Header["Set-Cookie"] {
			r.Header["Set-Cookie"][i] = strings.Replace(line, attribute, "", 1)
		}
	}
}

func replaceBody(r *http.Response, body string) {
	r.Body.Close()
	r.Body = io.NopCloser(strings.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Length", fmt.Sprint(len(body)))
}

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// smokeTest runs the smoke test as a team runs it against a deployed system:
// against the unchanged run, and with one fault at a time, which it must find.
// TestSmoke does this for all kinds of routes.
func smokeTest(t *testing.T, s *system, known *secrets) {
	run := buildSmoke(t)
	p := newPerson(s, false)
	p.signIn(t)
	known.learn(t, s, p)
	smoke := func(api string) (string, int) {
		return run(s, api, p.cookieHeader("api.example.localhost"), "-echo", "/orders")
	}

	output, code := smoke(s.api)
	if code != 0 || !strings.Contains(output, " 0 failed") || !strings.Contains(output, "no session cookie reaches it") {
		t.Fatalf("exit status %d\n%s", code, output)
	}
	known.check(t, "the output of the smoke test", output, everything)
	t.Log(output)

	broken(t, s, smoke, []breakage{
		{"any origin is allowed", func(r *http.Response) {
			if origin := r.Request.Header.Get("Origin"); origin != "" {
				r.Header.Set("Access-Control-Allow-Origin", origin)
			}
		}, "OPTIONS /orders from https://untrusted.example"},
		{"errors without CORS headers", func(r *http.Response) {
			if r.StatusCode == 401 {
				r.Header.Del("Access-Control-Allow-Origin")
			}
		}, "GET /orders without a cookie"},
		{"responses without Vary", func(r *http.Response) { r.Header.Del("Vary") }, "GET session returns signed out"},
		{"a route without authorizer", func(r *http.Response) {
			if is(r.Request, "POST", "/orders") {
				r.StatusCode = 200
			}
		}, "POST /orders without a cookie"},
		{"errors of the gateway's own making", func(r *http.Response) {
			if r.StatusCode == 401 && r.Request.URL.Path == "/orders" {
				replaceBody(r, `{"message":"Unauthorized"}`)
			}
		}, "GET /orders with a malformed cookie"},
		{"a cookie that scripts can read", weaken("; HttpOnly"), "the login cookie"},
		{"a cookie for http", weaken("; Secure"), "the login cookie"},
		{"a cookie that other sites send", weaken("; SameSite=Strict"), "the login cookie"},
		{"responses that caches keep", func(r *http.Response) { r.Header.Del("Cache-Control") }, "GET session returns signed out"},
		{"no PKCE", func(r *http.Response) {
			if is(r.Request, "POST", "/oauth-agent/login/start") && r.StatusCode == 200 {
				replaceBody(r, `{"authorization_url":"`+s.login+`/auth?response_type=code&state=x"}`)
			}
		}, "the authorization request"},
		{"the session cookies go upstream", func(r *http.Response) {
			if is(r.Request, "GET", "/orders") && r.StatusCode == 200 {
				replaceBody(r, `{"received":{"headers":["authorization","cookie"]}}`)
			}
		}, "/orders: cookie of the client does not reach it"},
		{"two Authorization headers go upstream", func(r *http.Response) {
			if is(r.Request, "GET", "/orders") && r.StatusCode == 200 {
				replaceBody(r, `{"headers":{"Authorization":["Bearer a","Bearer b"]}}`)
			}
		}, "/orders: Authorization reaches it, once"},
		{"no Authorization header goes upstream", func(r *http.Response) {
			if is(r.Request, "GET", "/orders") && r.StatusCode == 200 {
				replaceBody(r, `{"headers":["host"]}`)
			}
		}, "/orders: Authorization reaches it, once"},
		{"a header goes upstream that is not mapped", func(r *http.Response) {
			if is(r.Request, "GET", "/orders") && r.StatusCode == 200 {
				replaceBody(r, `{"headers":{"authorization":["Bearer a"],"x-forwarded-user":["forged"]}}`)
			}
		}, "/orders: no header of the client reaches it that is not mapped"},
		{"a session cookie goes upstream in another header", func(r *http.Response) {
			if is(r.Request, "GET", "/orders") && r.StatusCode == 200 {
				replaceBody(r, `{"headers":{"authorization":["Bearer a"],"x-cookies":["`+strings.ReplaceAll(p.cookieHeader("api.example.localhost"), `"`, "")+`"]}}`)
			}
		}, "/orders: no session cookie reaches it in any header"},
		{"the upstream API sets a cookie", func(r *http.Response) {
			if is(r.Request, "GET", "/orders") && r.StatusCode == 200 {
				r.Header.Add("Set-Cookie", "a=b")
			}
		}, "/orders: the upstream API sets no cookie"},
		{"errors before the authorizer without CORS headers", func(r *http.Response) {
			if r.StatusCode == 404 {
				uncors(r)
			}
		}, "an unknown path from " + scheme(overTLS) + "://www.example.localhost"},
		{"errors after the authorizer without CORS headers", func(r *http.Response) {
			if is(r.Request, "POST", "/orders") && r.StatusCode == 400 {
				uncors(r)
			}
		}, "POST /orders with a body that is not JSON, with a session"},
		{"a request that must be refused reaches the upstream API", func(r *http.Response) {
			if is(r.Request, "POST", "/orders") && r.StatusCode == 400 {
				r.Header.Del("X-Amzn-Errortype")
			}
		}, "Does a gateway response take a header from the authorizer's context, after an Allow?"},
		{"the gateway refuses before the authorizer", func(r *http.Response) {
			if r.Request.Method == "GET" && r.StatusCode == 401 && r.Request.Header.Get("Origin") == "" {
				replaceBody(r, `{"code":"unauthorized_request","error_code":"unauthorized_request","message":"Access denied due to invalid request details"}`)
			}
		}, "Does a request without cookies and origin reach the authorizer?"},
		{"any page can read the response to too many headers", func(r *http.Response) {
			if r.StatusCode == 431 {
				r.Header.Set("Access-Control-Allow-Origin", "*")
			}
		}, "How does the gateway refuse headers over 10,240 bytes?"},
	})
}

// buildSmoke returns a function that runs the smoke test and returns its
// output and exit status.
func buildSmoke(t *testing.T) func(s *system, api, session string, args ...string) (string, int) {
	t.Helper()
	binary := program(t, "./test/smoke")
	return func(s *system, api, session string, args ...string) (string, int) {
		cmd := exec.Command(binary, append([]string{"-url", api, "-template", s.out}, args...)...)
		cmd.Env = append(os.Environ(), "SMOKE_COOKIE="+session, "SSL_CERT_FILE="+trustedFile(t))
		var output bytes.Buffer
		cmd.Stdout, cmd.Stderr = &output, &output
		if err := cmd.Run(); cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return output.String(), cmd.ProcessState.ExitCode()
	}
}

func is(r *http.Request, method, path string) bool { return r.Method == method && r.URL.Path == path }

// uncors removes the headers with which pages may read a response.
func uncors(r *http.Response) { r.Header.Del("Access-Control-Allow-Origin") }

// weaken takes an attribute from every cookie that is set, or puts another in
// its place.
func weaken(attribute string, with ...string) func(*http.Response) {
	return func(r *http.Response) {
		for i, line := range r.Header["Set-Cookie"] {
			r.Header["Set-Cookie"][i] = strings.Replace(line, attribute, strings.Join(with, ""), 1)
		}
	}
}

func replaceBody(r *http.Response, body string) {
	r.Body.Close()
	r.Body = io.NopCloser(strings.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Length", fmt.Sprint(len(body)))
}

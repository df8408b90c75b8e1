package openapitest_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/tokenhandler/aws/internal/openapitest"
)

func description(t *testing.T) *openapitest.Description {
	t.Helper()
	d, err := openapitest.Load("../../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOperations(t *testing.T) {
	want := []string{"GET /claims", "GET /session", "GET /userInfo", "POST /backchannel-logout", "POST /device/refresh", "POST /device/register", "POST /login/end", "POST /login/start", "POST /logout", "POST /refresh", "POST /token"}
	if got := description(t).Operations(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The check accepts described responses and rejects all others.
func TestCheck(t *testing.T) {
	d := description(t)
	const signedOut = `{"handled":false,"isLoggedIn":false,"is_logged_in":false}`
	refused := func(code string) string {
		return `{"code":"` + code + `","error_code":"` + code + `","message":"m"}`
	}
	for _, tt := range []struct {
		name, method, endpoint string
		status                 int
		body                   string
		header                 map[string]string // besides those of every response; "": without it
		ok                     bool
	}{
		{"signed out", "GET", "/session", 200, signedOut, nil, true},
		{"signed in", "GET", "/session", 200, `{"handled":false,"isLoggedIn":true,"is_logged_in":true,"claims":{"sub":"a"},"access_token_expires_in":0}`, nil, true},
		{"a field that is not described", "GET", "/session", 200, `{"handled":false,"isLoggedIn":true,"is_logged_in":true,"access_token":"x"}`, nil, false},
		{"claims of nobody", "GET", "/session", 200, `{"handled":false,"isLoggedIn":false,"is_logged_in":false,"claims":{"sub":"a"}}`, nil, false},
		{"two dialects that disagree", "GET", "/session", 200, `{"handled":false,"isLoggedIn":false,"is_logged_in":true}`, nil, false},
		{"claims without sub", "GET", "/claims", 200, `{"iss":"x"}`, nil, false},
		{"a time with a fraction", "POST", "/refresh", 200, `{"access_token_expires_in":1.5}`, nil, false},
		{"refresh, classic", "POST", "/refresh", 204, ``, map[string]string{"Content-Type": ""}, true},
		{"refresh, classic, with a body", "POST", "/refresh", 204, `{}`, nil, false},
		{"may be cached", "GET", "/session", 200, signedOut, map[string]string{"Cache-Control": "max-age=1"}, false},
		{"no Vary", "GET", "/session", 200, signedOut, map[string]string{"Vary": ""}, false},
		{"another content type", "GET", "/session", 200, signedOut, map[string]string{"Content-Type": "text/html"}, false},
		{"a status that is not described", "GET", "/session", 418, refused("invalid_request"), nil, false},
		{"refused", "POST", "/logout", 401, refused("unauthorized_request"), nil, true},
		{"a code that is not described", "POST", "/logout", 401, refused("teapot"), nil, false},
		{"a code of another status", "POST", "/logout", 400, refused("session_expired"), nil, false},
		{"codes that differ", "POST", "/logout", 401, `{"code":"token_expired","error_code":"session_expired","message":"m"}`, nil, false},
		{"an error with details", "POST", "/logout", 401, `{"code":"token_expired","error_code":"token_expired","message":"m","detail":"x"}`, nil, false},
		{"no such endpoint", "GET", "/nothing", 404, refused("not_found"), nil, true},
		{"no such endpoint, answered", "GET", "/nothing", 200, `{}`, nil, false},
		{"no such method", "FROB", "/session", 405, refused("invalid_request"), nil, true},
		{"no such method, answered", "GET", "/token", 200, `{}`, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := http.Header{"Cache-Control": {"no-store"}, "Vary": {"Origin"}, "Content-Type": {"application/json"}}
			for name, value := range tt.header {
				if header.Del(name); value != "" {
					header.Set(name, value)
				}
			}
			if err := d.Check(tt.method, tt.endpoint, tt.status, header, tt.body); (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

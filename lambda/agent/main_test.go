package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/lambda/internal/apigateway"
)

func environment() map[string]string {
	return map[string]string{
		"TRUSTED_WEB_ORIGINS":      "https://www.example.com",
		"ENCRYPTION_KEY":           "4e4636356d65563e4c73233847503e3b21436e6f7629724950526f4b5e2e4e50",
		"ISSUER":                   "https://login.example.com",
		"AUTHORIZE_ENDPOINT":       "https://login.example.com/authorize",
		"TOKEN_ENDPOINT":           "https://login.example.com/token",
		"USERINFO_ENDPOINT":        "https://login.example.com/userinfo",
		"JWKS_ENDPOINT":            "https://login.example.com/jwks",
		"LOGOUT_ENDPOINT":          "https://login.example.com/logout",
		"POST_LOGOUT_REDIRECT_URI": "https://www.example.com/bye",
		"CLIENT_ID":                "spa",
		"CLIENT_SECRET":            "correct horse battery staple",
		"REDIRECT_URI":             "https://www.example.com/",
		"SCOPE":                    "openid profile",
		"COOKIE_NAME_PREFIX":       "shop",
		"CSRF_HEADER":              "x-shop-token",
		"AGENT_BASE_PATH":          "/bff",
	}
}

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

// A3: no fall-back for a key or a secret; the error names it and shows no value.
func TestRefusesToStart(t *testing.T) {
	for _, name := range []string{"ENCRYPTION_KEY", "CLIENT_SECRET", "ISSUER", "REDIRECT_URI", "TRUSTED_WEB_ORIGINS"} {
		for _, value := range []string{"", "leak\x01me"} {
			env := environment()
			delete(env, name)
			if value != "" {
				env[name] = value
			}
			_, err := newHandler(lookup(env), io.Discard)
			if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "leak") {
				t.Errorf("%s=%q: got %v", name, value, err)
			}
		}
	}
}

// The settings reach their places. login.example.com does not exist: with all
// endpoints given, beginning a login and signing out need no network.
func TestWiring(t *testing.T) {
	var logs bytes.Buffer
	h, err := newHandler(lookup(environment()), &logs)
	if err != nil {
		t.Fatal(err)
	}
	call := func(method, resource string, header map[string][]string) (int, map[string][]string, string) {
		payload, err := json.Marshal(map[string]any{
			"resource": resource, "path": "/v1" + resource, "httpMethod": method, "multiValueHeaders": header,
			"requestContext": map[string]any{"accountId": "123456789012", "requestId": "request-1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := apigateway.Handler(h).Invoke(t.Context(), payload)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			StatusCode        int
			MultiValueHeaders map[string][]string
			Body              string
		}
		if err := json.Unmarshal(out, &answer); err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, answer.MultiValueHeaders, answer.Body
	}
	origin := map[string][]string{"oRIGIN": {"https://www.example.com"}}
	status, header, body := call("POST", "/bff/login/start", origin)
	for _, want := range []string{"https://login.example.com/authorize?", "client_id=spa", "scope=openid+profile", "redirect_uri=https%3A%2F%2Fwww.example.com%2F"} {
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("login/start: got %d %s, want %s in it", status, body, want)
		}
	}
	if len(header["Set-Cookie"]) != 1 || !strings.HasPrefix(header["Set-Cookie"][0], "__Host-shop-login-") {
		t.Errorf("got Set-Cookie %v", header["Set-Cookie"])
	}
	origin["X-Shop-Token"] = []string{"x"}
	status, _, body = call("POST", "/bff/logout", origin)
	if want := `"url":"https://login.example.com/logout?client_id=spa&post_logout_redirect_uri=https%3A%2F%2Fwww.example.com%2Fbye"`; status != 200 || !strings.Contains(body, want) {
		t.Errorf("logout: got %d %s, want %s", status, body, want)
	}
	if n := strings.Count(logs.String(), `"request_id":"request-1"`); n != 2 {
		t.Errorf("got %d log lines with the request id, want 2: %s", n, &logs)
	}
	if n := strings.Count(logs.String(), `"CloudWatchMetrics"`); n != 2 {
		t.Errorf("got %d lines of metrics, want 2: %s", n, &logs)
	}
}

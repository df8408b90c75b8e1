package oauthagent

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// A6: a page adds only harmless parameters to the authorization request.
func TestExtraParameters(t *testing.T) {
	for _, tt := range []struct {
		name        string
		contentType string
		body        string
		status      int
		key, value  string
	}{
		{"JSON", "application/json", `{"extraParams":[{"key":"ui_locales","value":"sv"}]}`, 200, "ui_locales", "sv"},
		{"JSON with charset", "application/json; charset=utf-8", `{"extraParams":[{"key":"prompt","value":"login"}],"unknown":1}`, 200, "prompt", "login"},
		{"form", "application/x-www-form-urlencoded;charset=UTF-8", "login_hint=zo%C3%AB%26scope%3Dadmin", 200, "login_hint", "zoë&scope=admin"},
		{"empty JSON", "application/json", "", 200, "prompt", ""},
		{"empty object", "application/json", "{}", 200, "prompt", ""},
		{"empty form", "application/x-www-form-urlencoded", "", 200, "prompt", ""},
		{"no body", "", "", 200, "prompt", ""},
		{"redirect_uri", "application/json", `{"extraParams":[{"key":"redirect_uri","value":"https://evil.example/"}]}`, 400, "", ""},
		{"scope", "application/x-www-form-urlencoded", "scope=admin", 400, "", ""},
		{"response_type", "application/x-www-form-urlencoded", "response_type=token", 400, "", ""},
		{"state", "application/x-www-form-urlencoded", "state=x", 400, "", ""},
		{"encoded key", "application/json", `{"extraParams":[{"key":"prompt=x&scope","value":"admin"}]}`, 400, "", ""},
		{"twice", "application/x-www-form-urlencoded", "prompt=login&prompt=none", 400, "", ""},
		{"twice in JSON", "application/json", `{"extraParams":[{"key":"prompt","value":"a"},{"key":"prompt","value":"b"}]}`, 400, "", ""},
		{"claims of 2048 bytes", "application/x-www-form-urlencoded", "claims=" + strings.Repeat("x", 2048), 200, "claims", strings.Repeat("x", 2048)},
		{"claims too long", "application/x-www-form-urlencoded", "claims=" + strings.Repeat("x", 2049), 400, "", ""},
		{"too long", "application/x-www-form-urlencoded", "login_hint=" + strings.Repeat("x", 513), 400, "", ""},
		{"line break", "application/x-www-form-urlencoded", "login_hint=a%0d%0ab", 400, "", ""},
		{"no UTF-8", "application/x-www-form-urlencoded", "login_hint=%ff", 400, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			got := w.do("POST", "login/start", withBody(tt.contentType, tt.body))
			if tt.status != 200 {
				w.fails(got, tt.status, "invalid_request")
				return
			}
			if got.StatusCode != 200 {
				t.Fatalf("got %d %s", got.StatusCode, got.text)
			}
			u, err := url.Parse(got.json["authorization_url"].(string))
			if err != nil {
				t.Fatal(err)
			}
			w.provider.Authorize(t, u.String())
			if u.Query().Get(tt.key) != tt.value || u.Query().Get("scope") != "openid" {
				t.Errorf("got %v", u.Query())
			}
		})
	}
}

// The login cookie is opaque and expires after ten minutes.
func TestLoginCookie(t *testing.T) {
	w := newWorld(t)
	got := w.do("POST", "login/start")
	cookies := got.Cookies()
	if len(cookies) != 1 || !strings.HasPrefix(cookies[0].Name, "__Host-th-login-") || cookies[0].MaxAge != 600 {
		t.Fatalf("got %v", got.Header["Set-Cookie"])
	}
	content, err := names.OpenValue(w.ring, cookies[0].Name, cookies[0].Value)
	if err != nil || !content.Expires.Equal(w.now.Add(10*time.Minute)) {
		t.Errorf("got expiry %v, %v", content.Expires, err)
	}
}

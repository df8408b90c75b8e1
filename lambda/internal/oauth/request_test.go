package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// Rule 47, points 12 and 13: the response is checked against the request of the
// login.
func TestStepUp(t *testing.T) {
	for _, tt := range []struct {
		name   string
		extra  map[string]string
		claims map[string]any
		ok     bool
	}{
		{"not asked for", nil, nil, true},
		{"max_age, fresh", map[string]string{"max_age": "60"}, map[string]any{"auth_time": now.Unix() - 30}, true},
		{"max_age, within the leeway", map[string]string{"max_age": "60"}, map[string]any{"auth_time": now.Unix() - 119}, true},
		{"max_age, old", map[string]string{"max_age": "60"}, map[string]any{"auth_time": now.Unix() - 121}, false},
		{"max_age 0, old", map[string]string{"max_age": "0"}, map[string]any{"auth_time": now.Unix() - 61}, false},
		{"max_age, no auth_time", map[string]string{"max_age": "60"}, nil, false},
		{"acr", map[string]string{"acr_values": "gold silver"}, map[string]any{"acr": "silver"}, true},
		{"acr, another", map[string]string{"acr_values": "gold silver"}, map[string]any{"acr": "bronze"}, false},
		{"acr, none", map[string]string{"acr_values": "gold"}, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, config := start(t)
			config.EssentialACR = true
			p.Claims = oauthtest.Set(tt.claims)
			c := oauth.New(config)
			authorizationURL, login, err := c.Authorize(t.Context(), tt.extra)
			if err != nil {
				t.Fatal(err)
			}
			tokens, err := c.Exchange(t.Context(), p.Authorize(t, authorizationURL).Get("code"), login)
			if tt.ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			want(t, p, err, oauth.StepUpFailed)
			if tokens != (oauth.Tokens{}) {
				t.Error("tokens came with the error")
			}
		})
	}
}

// A6: an extra parameter of any name replaces none of ours.
func TestExtraCannotReplace(t *testing.T) {
	p, config := start(t)
	extra := map[string]string{}
	for _, name := range []string{"response_type", "client_id", "redirect_uri", "state", "nonce", "code_challenge", "code_challenge_method", "response_mode"} {
		extra[name] = "leak"
	}
	authorizationURL, _, err := oauth.New(config).Authorize(t.Context(), extra)
	if err != nil || strings.Contains(authorizationURL, "leak") {
		t.Errorf("got %s, %v", authorizationURL, err)
	}
	p.Authorize(t, authorizationURL)
}

func TestUnacceptable(t *testing.T) {
	p, config := start(t)
	c := oauth.New(config)
	for _, extra := range []map[string]string{
		{"scope": "openid leak"}, {"scope": "profile"}, {"scope": ""}, {"scope": "openid  profile"},
		{"max_age": "-1"}, {"max_age": "leak"}, {"max_age": "1.5"}, {"max_age": "+1"}, {"max_age": ""},
	} {
		_, _, err := c.Authorize(t.Context(), extra)
		want(t, p, err, oauth.Unacceptable)
	}
	if u, _, err := c.Authorize(t.Context(), map[string]string{"scope": "openid"}); err != nil || !strings.Contains(u, "scope=openid&") {
		t.Errorf("less scope: got %s, %v", u, err)
	}
}

// Rule 27: a login that was begun at another provider ends nowhere.
func TestMixUp(t *testing.T) {
	p, config := start(t)
	c := oauth.New(config)
	authorizationURL, login, err := c.Authorize(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	code := p.Authorize(t, authorizationURL).Get("code")
	for _, issuer := range []string{"https://leak.example", "", p.Issuer() + "/"} {
		mixed := login
		mixed.Issuer = issuer
		_, err := c.Exchange(t.Context(), code, mixed)
		want(t, p, err, oauth.WrongIssuer)
	}
	if p.Requests("/token") != 0 {
		t.Error("the code was sent to a provider it is not of")
	}
	if _, err := c.Exchange(t.Context(), code, login); err != nil {
		t.Error(err)
	}
}

// The responses to a pushed request that are accepted, and those that are not.
func TestPushAnswers(t *testing.T) {
	for _, tt := range []struct {
		name string
		on   http.HandlerFunc
		kind oauth.Kind
		ok   bool
	}{
		{name: "201", on: oauthtest.Answer(201, "application/json", `{"request_uri":"urn:x","expires_in":60}`), ok: true},
		{name: "no request_uri", on: oauthtest.Answer(201, "application/json", `{"expires_in":60}`)},
		{name: "request_uri is a number", on: oauthtest.Answer(201, "application/json", `{"request_uri":7}`)},
		{name: "request_uri with a space", on: oauthtest.Answer(201, "application/json", `{"request_uri":"leak leak"}`)},
		{name: "huge request_uri", on: oauthtest.Answer(201, "application/json", `{"request_uri":"`+strings.Repeat("leak", 200)+`"}`)},
		{name: "duplicate request_uri", on: oauthtest.Answer(201, "application/json", `{"request_uri":"leak","request_uri":"b"}`)},
		{name: "HTML", on: oauthtest.Answer(201, "text/html", `{"request_uri":"leak"}`)},
		{name: "redirect", on: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/leak", 307) }},
		{name: "invalid_request", on: oauthtest.Answer(400, "application/json", `{"error":"invalid_request","error_description":"leak"}`), kind: oauth.Rejected},
		{name: "invalid_client", on: oauthtest.Answer(401, "application/json", `{"error":"invalid_client"}`)},
		{name: "500", on: oauthtest.Answer(500, "text/plain", "leak")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, config := start(t)
			p.Metadata = oauthtest.Set(map[string]any{"pushed_authorization_request_endpoint": p.Issuer() + "/par"})
			p.On["/par"] = tt.on
			config.Push = true
			got, _, err := oauth.New(config).Authorize(t.Context(), nil)
			if tt.ok {
				u, _ := url.Parse(got)
				if err != nil || u.Query().Get("request_uri") != "urn:x" || len(u.Query()) != 2 {
					t.Errorf("got %s, %v", got, err)
				}
				return
			}
			want(t, p, err, tt.kind)
			if got != "" {
				t.Errorf("got the URL %s with the error", got)
			}
		})
	}
	t.Run("no endpoint", func(t *testing.T) {
		p, config := start(t)
		config.Push = true
		_, _, err := oauth.New(config).Authorize(t.Context(), nil)
		want(t, p, err, oauth.Unavailable)
	})
}

// Rule 44, A20, G14.
func TestRevokeAnswers(t *testing.T) {
	for _, tt := range []struct {
		name string
		on   http.HandlerFunc
		ok   bool
		kind oauth.Kind
	}{
		{name: "200, empty", on: oauthtest.Answer(200, "text/plain", ""), ok: true},
		{name: "200, HTML", on: oauthtest.Answer(200, "text/html", "<leak>"), ok: true},
		{name: "503", on: oauthtest.Answer(503, "text/plain", "leak")},
		{name: "unsupported_token_type", on: oauthtest.Answer(400, "application/json", `{"error":"unsupported_token_type"}`), kind: oauth.Rejected},
		{name: "redirect", on: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/leak", 307) }},
		{name: "invalid_client", on: oauthtest.Answer(401, "application/json", `{"error":"invalid_client"}`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, config := start(t)
			p.Metadata = oauthtest.Set(map[string]any{"revocation_endpoint": p.Issuer() + "/revoke"})
			p.On["/revoke"] = func(w http.ResponseWriter, r *http.Request) {
				if r.ParseForm(); r.PostForm.Get("token") != "the token" || r.PostForm.Get("token_type_hint") != "refresh_token" || r.Header.Get("Authorization") == "" {
					t.Errorf("got %v", r.PostForm)
				}
				tt.on(w, r)
			}
			err := oauth.New(config).Revoke(t.Context(), "the token")
			if tt.ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			want(t, p, err, tt.kind)
		})
	}
}

// The time that authentication, such as a call of AWS KMS, may take is bounded
// with that of the request.
func TestPostIsBounded(t *testing.T) {
	p, config := start(t)
	c := oauth.New(config)
	authorizationURL, login, err := c.Authorize(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	code := p.Authorize(t, authorizationURL).Get("code")
	p.On["/token"] = hang
	began := time.Now()
	_, err = c.Exchange(t.Context(), code, login)
	want(t, p, err, oauth.Unavailable)
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("took %s", took)
	}
}

// Fixed parameters are in every request. They override those of the page, never
// those of the protocol, and the ID token is checked against them as against
// the page's.
func TestFixedParameters(t *testing.T) {
	_, config := start(t)
	config.EssentialACR = true
	config.AuthorizeParameters = map[string]string{"access_type": "offline", "prompt": "consent", "state": "leak", "acr_values": "gold"}
	u, login, err := oauth.New(config).Authorize(t.Context(), map[string]string{"prompt": "none", "ui_locales": "sv", "acr_values": "bronze"})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := url.Parse(u)
	if err != nil {
		t.Fatal(err)
	}
	query := parsed.Query()
	for name, want := range map[string]string{"access_type": "offline", "prompt": "consent", "ui_locales": "sv", "state": login.State, "acr_values": "gold"} {
		if got := query[name]; len(got) != 1 || got[0] != want {
			t.Errorf("got %s %q, want %q", name, got, want)
		}
	}
	if len(login.ACR) != 1 || login.ACR[0] != "gold" {
		t.Errorf("the login remembers acr %q", login.ACR)
	}
}

package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

func explicit(p *oauthtest.Provider, config oauth.Config) oauth.Config {
	config.AuthorizeEndpoint, config.TokenEndpoint = p.Issuer()+"/authorize", p.Issuer()+"/token"
	config.UserInfoEndpoint, config.JWKSEndpoint = p.Issuer()+"/userinfo", p.Issuer()+"/jwks"
	return config
}

func TestExplicitEndpointsNeedNoDiscovery(t *testing.T) {
	p, config := start(t)
	p.On["/.well-known/openid-configuration"] = func(http.ResponseWriter, *http.Request) { t.Error("discovered") }
	c := oauth.New(explicit(p, config))
	tokens := mustSignIn(t, p, c)
	if _, err := c.UserInfo(t.Context(), tokens.AccessToken, "alice"); err != nil {
		t.Error(err)
	}
	if got, err := c.LogoutURL(t.Context()); got != "" || err != nil {
		t.Errorf("got %q, %v, want no logout URL", got, err)
	}
}

func TestExplicitEndpointOverridesDiscovery(t *testing.T) {
	p, config := start(t)
	p.Metadata = oauthtest.Set(map[string]any{"token_endpoint": "https://leak.example/token"})
	config.TokenEndpoint = p.Issuer() + "/token"
	mustSignIn(t, p, oauth.New(config))
}

func TestDiscoveryFails(t *testing.T) {
	for _, tt := range []struct {
		name     string
		metadata map[string]any
		on       http.HandlerFunc
	}{
		{name: "another issuer", metadata: map[string]any{"issuer": "https://leak.example"}},
		{name: "issuer missing", metadata: map[string]any{"issuer": nil}},
		{name: "no token endpoint", metadata: map[string]any{"token_endpoint": nil}},
		{name: "no keys", metadata: map[string]any{"jwks_uri": nil}},
		{name: "javascript", metadata: map[string]any{"authorization_endpoint": "javascript:leak()"}},
		{name: "no host", metadata: map[string]any{"end_session_endpoint": "/leak"}},
		{name: "fragment", metadata: map[string]any{"authorization_endpoint": "https://login.example/#leak"}},
		{name: "wrong type", metadata: map[string]any{"authorization_response_iss_parameter_supported": "leak"}},
		{name: "500", on: oauthtest.Answer(500, "text/html", "leak")},
		{name: "redirect", on: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/leak", 302) }},
		{name: "HTML", on: oauthtest.Answer(200, "text/html", "<leak>")},
		{name: "huge", on: oauthtest.Answer(200, "application/json", `{"pad":"`+strings.Repeat("x", 2<<20)+`"}`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, config := start(t)
			p.Metadata = oauthtest.Set(tt.metadata)
			if tt.on != nil {
				p.On["/.well-known/openid-configuration"] = tt.on
			}
			c := oauth.New(config)
			_, _, err := c.Authorize(t.Context(), nil)
			want(t, p, err, oauth.Unavailable)

			// A failure is not kept.
			p.Metadata = nil
			delete(p.On, "/.well-known/openid-configuration")
			mustSignIn(t, p, c)
		})
	}
}

func TestUnreachable(t *testing.T) {
	p, config := start(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	config.Issuer = closed.URL
	_, _, err := oauth.New(config).Authorize(t.Context(), nil)
	want(t, p, err, oauth.Unavailable)
	if !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("got %v", err)
	}
}

// Rule 48: client_id and the registered page; the endpoint's own query stays.
func TestLogoutURL(t *testing.T) {
	p, config := start(t)
	for name, config := range map[string]oauth.Config{"discovered": config, "explicit": explicit(p, config)} {
		if name == "explicit" {
			config.LogoutEndpoint = p.Issuer() + "/logout?tenant=1"
		}
		got, err := oauth.New(config).LogoutURL(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(got)
		if err != nil {
			t.Fatal(err)
		}
		want := url.Values{"tenant": {"1"}, "client_id": {oauthtest.ClientID}, "post_logout_redirect_uri": {"https://www.example.com/bye"}}
		if diff := cmp.Diff(want, u.Query()); diff != "" || u.Path != "/logout" {
			t.Errorf("%s: %s\n%s", name, got, diff)
		}
	}
}

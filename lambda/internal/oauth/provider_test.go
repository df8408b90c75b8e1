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
		{name: "no host", metadata: map[string]any{"token_endpoint": "/leak"}},
		{name: "null", metadata: map[string]any{"jwks_uri": []any{}}},
		{name: "a template of issuers", metadata: map[string]any{"issuer": "https://login.example/{tenantid}/v2.0"}},
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

// An optional endpoint that cannot be used does not affect the others.
func TestUnusableOptionalEndpoints(t *testing.T) {
	for _, name := range []string{"userinfo_endpoint", "end_session_endpoint", "revocation_endpoint", "pushed_authorization_request_endpoint", "mtls_endpoint_aliases"} {
		for _, value := range []any{"/leak", "javascript:leak()", "https://leak.example/#x", 7, []string{"leak"}, map[string]any{"token_endpoint": "leak"}, ""} {
			p, config := start(t)
			p.Metadata = oauthtest.Set(map[string]any{name: value})
			c := oauth.New(config)
			tokens := mustSignIn(t, p, c)
			if err := c.Revoke(t.Context(), tokens.RefreshToken); err != nil {
				t.Errorf("%s %v: Revoke: %v", name, value, err)
			}
			if got, err := c.LogoutURL(t.Context()); err != nil || strings.Contains(got, "leak") {
				t.Errorf("%s %v: LogoutURL: %q, %v", name, value, got, err)
			}
			_, err := c.UserInfo(t.Context(), tokens.AccessToken, "alice")
			if (err == nil) != (name != "userinfo_endpoint") {
				t.Errorf("%s %v: UserInfo: %v", name, value, err)
			}
		}
	}
}

// Metadata at another address than the issuer's, as of Azure AD B2C, and no
// UserInfo endpoint.
func TestMetadataURL(t *testing.T) {
	p, config := start(t)
	p.Metadata = oauthtest.Set(map[string]any{"userinfo_endpoint": nil})
	serve := http.HandlerFunc(p.ServeHTTP)
	p.On["/policy/metadata"] = func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.URL.Path = metadataPath
		serve(w, r)
	}
	config.MetadataURL = p.Issuer() + "/policy/metadata"
	c := oauth.New(config)
	tokens := mustSignIn(t, p, c)
	if p.Requests("/policy/metadata") != 1 {
		t.Error("the configured address was not used")
	}
	_, err := c.UserInfo(t.Context(), tokens.AccessToken, "alice")
	want(t, p, err, oauth.Unavailable)
}

// Each operation discovers only if an endpoint that it needs is not configured.
func TestConfiguredEndpointsAreNotDiscovered(t *testing.T) {
	p, config := start(t)
	tokens := mustSignIn(t, p, oauth.New(config))
	p.On[metadataPath] = oauthtest.Answer(503, "text/plain", "leak")
	p.On["/revoke"] = func(http.ResponseWriter, *http.Request) {}
	before := p.Requests(metadataPath)
	config.TokenEndpoint, config.JWKSEndpoint = p.Issuer()+"/token", p.Issuer()+"/jwks"
	config.RevocationEndpoint, config.LogoutEndpoint, config.UserInfoEndpoint = p.Issuer()+"/revoke", p.Issuer()+"/logout", p.Issuer()+"/userinfo"
	c := oauth.New(config)
	refreshed, err := c.Refresh(t.Context(), tokens.RefreshToken, tokens.IDToken)
	if err != nil {
		t.Error(err)
	}
	if _, err := c.UserInfo(t.Context(), refreshed.AccessToken, "alice"); err != nil {
		t.Error(err)
	}
	if err := c.Revoke(t.Context(), refreshed.RefreshToken); err != nil {
		t.Error(err)
	}
	if _, err := c.LogoutURL(t.Context()); err != nil {
		t.Error(err)
	}
	if got := p.Requests(metadataPath) - before; got != 0 {
		t.Errorf("got %d discoveries, want 0", got)
	}
	// Login needs more, and a failing discovery does not stop it if the rest is
	// configured.
	_, _, err = c.Authorize(t.Context(), nil)
	want(t, p, err, oauth.Unavailable)
	config.AuthorizeEndpoint, config.UserInfoEndpoint = p.Issuer()+"/authorize", ""
	mustSignIn(t, p, oauth.New(config))
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

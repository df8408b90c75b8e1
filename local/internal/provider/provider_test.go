package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/tokenhandler/aws/local/internal/upstream"
)

func TestJourney(t *testing.T) {
	p, cfg, output := start(t, nil)
	b, r := newBrowser(t, cfg.Issuer), newRP(t, cfg.Issuer)
	token := signIn(t, b, r)

	rawID, _ := token.Extra("id_token").(string)
	id, err := r.verifier.Verify(r.ctx, rawID)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Name  string `json:"name"`
		Email string `json:"email"`
		Sid   string `json:"sid"`
	}
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if id.Subject != "u-1" || id.Nonce != "n-1" || claims.Name != "Zoë Ångström" || claims.Email != "zoe@example.com" {
		t.Errorf("ID token: got %s, nonce %q, %+v", id.Subject, id.Nonce, claims)
	}
	if token.RefreshToken == "" || !strings.EqualFold(token.TokenType, "Bearer") {
		t.Errorf("token response: got type %q, refresh token of %d characters", token.TokenType, len(token.RefreshToken))
	}
	if left := time.Until(token.Expiry); left < 4*time.Minute || left > 5*time.Minute {
		t.Errorf("access token: got %s left; want a little under 5 minutes", left)
	}
	if strings.Count(token.AccessToken, ".") == 2 {
		t.Error("access token: got a JWT; want an opaque one")
	}
	info, err := r.provider.UserInfo(r.ctx, oauth2.StaticTokenSource(token))
	if err != nil || info.Subject != "u-1" || info.Email != "zoe@example.com" {
		t.Errorf("userinfo: got %+v, %v", info, err)
	}

	introspect := func(accessToken string) map[string]any {
		status, body := call(t, r.endpoint(t, "introspection_endpoint"), "orders-api", apiSecret, url.Values{"token": {accessToken}})
		if status != http.StatusOK {
			t.Errorf("introspection: got %d %v", status, body)
		}
		return body
	}
	body := introspect(token.AccessToken)
	if body["active"] != true || body["sub"] != "u-1" || body["client_id"] != clientID || body["scope"] != "openid profile email" || body["token_type"] != "Bearer" {
		t.Errorf("introspection: got %v", body)
	}
	if status, body := call(t, r.endpoint(t, "introspection_endpoint"), "", "", url.Values{"token": {token.AccessToken}}); status < 400 || body["active"] != nil {
		t.Errorf("introspection without credentials: got %d %v", status, body)
	}

	checkUpstream(t, r.endpoint(t, "introspection_endpoint"), token)

	// Rotation: each refresh token works once, and using one twice ends them all.
	refresh := func(old string) (*oauth2.Token, error) {
		return r.oauth.TokenSource(r.ctx, &oauth2.Token{RefreshToken: old}).Token()
	}
	second, err := refresh(token.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if second.RefreshToken == token.RefreshToken || second.AccessToken == token.AccessToken || second.RefreshToken == "" {
		t.Error("refresh: the tokens are not new")
	}
	if raw, _ := second.Extra("id_token").(string); raw == "" {
		t.Error("refresh: no ID token")
	} else if id, err := r.verifier.Verify(r.ctx, raw); err != nil || id.Subject != "u-1" {
		t.Errorf("refreshed ID token: %v", err)
	}
	var refused *oauth2.RetrieveError
	if _, err := refresh(token.RefreshToken); !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
		t.Errorf("refresh token used twice: got %v; want invalid_grant", err)
	}
	if _, err := refresh(second.RefreshToken); !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
		t.Errorf("refresh token after the reuse of another: got %v; want invalid_grant", err)
	}
	if body := introspect(second.AccessToken); body["active"] != false {
		t.Errorf("access token after the reuse: got %v; want it inactive", body)
	}

	// Signing in again: the session stands, the grant does not, so consent is asked for and the password is not.
	verifier := oauth2.GenerateVerifier()
	page := b.get(r.oauth.AuthCodeURL("st-1", oauth2.S256ChallengeOption(verifier)))
	if !strings.Contains(page.body, "Allow access?") {
		t.Fatalf("second sign-in: expected the consent page:\n%s", page.body)
	}
	code := callback(t, b.submit(page, "Continue", nil), cfg.Issuer).Get("code")
	third, err := r.oauth.Exchange(r.ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	// The third time it asks no question.
	verifier4 := oauth2.GenerateVerifier()
	code4 := callback(t, b.get(r.oauth.AuthCodeURL("st-1", oauth2.S256ChallengeOption(verifier4))), cfg.Issuer).Get("code")
	if _, err := r.oauth.Exchange(r.ctx, code4, oauth2.VerifierOption(oauth2.GenerateVerifier())); !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
		t.Errorf("wrong code verifier: got %v; want invalid_grant", err)
	}
	if body := introspect(third.AccessToken); body["active"] != true {
		t.Errorf("introspection: got %v", body)
	}

	// Logout ends the session and, with it, the tokens.
	thirdID, _ := third.Extra("id_token").(string)
	page = b.get(r.endpoint(t, "end_session_endpoint") + "?" + url.Values{
		"id_token_hint": {thirdID}, "post_logout_redirect_uri": {signedOutURI}, "state": {"out-1"},
	}.Encode())
	if !strings.Contains(page.body, "Sign out?") || !strings.Contains(page.body, "Orders &lt;b&gt;&amp;") {
		t.Fatalf("expected the logout page with the application's name escaped:\n%s", page.body)
	}
	page = b.submit(page, "Sign out", nil)
	if page.leaving == nil || page.leaving.String() != signedOutURI+"=&state=out-1" {
		t.Errorf("after logout: got %v", page.leaving)
	}
	if body := introspect(third.AccessToken); body["active"] != false {
		t.Errorf("access token after logout: got %v; want it inactive", body)
	}
	if _, err := refresh(third.RefreshToken); !errors.As(err, &refused) {
		t.Errorf("refresh after logout: got %v; want a refusal", err)
	}
	if page := b.get(r.oauth.AuthCodeURL("st-1", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))); !strings.Contains(page.body, `name="password"`) {
		t.Errorf("after logout: expected the login page:\n%s", page.body)
	}

	p.Stop()
	for name, secret := range map[string]string{
		"access token": third.AccessToken, "refresh token": third.RefreshToken, "ID token": thirdID, "code": code,
		"client secret": clientSecret, "password": userPassword, "API secret": apiSecret, "first access token": token.AccessToken,
	} {
		if strings.Contains(output.String(), secret) {
			t.Errorf("%s in the provider's output", name)
		}
	}
	if got := output.String(); strings.Contains(got, "WARNING") || strings.Contains(got, "NOTICE") {
		t.Errorf("output: %s", got)
	}
}

// checkUpstream proves that the sample API and the provider understand each other.
func checkUpstream(t *testing.T, introspection string, token *oauth2.Token) {
	t.Helper()
	u, err := url.Parse(introspection)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = "127.0.0.1:" + u.Port()
	api, err := upstream.New(upstream.Config{IntrospectionURL: u.String(), ClientID: "orders-api", ClientSecret: apiSecret})
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := upstream.New(upstream.Config{IntrospectionURL: u.String(), ClientID: "orders-api", ClientSecret: "wrong"})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		api   http.Handler
		token string
		want  int
	}{
		{"access token", api, token.AccessToken, http.StatusOK},
		{"refresh token as access token (P12, G1)", api, token.RefreshToken, http.StatusUnauthorized},
		{"unknown token", api, "x" + token.AccessToken, http.StatusUnauthorized},
		{"credentials the provider refuses (P1)", wrong, token.AccessToken, http.StatusServiceUnavailable},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodGet, "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+tt.token)
		w := httptest.NewRecorder()
		tt.api.ServeHTTP(w, r)
		if w.Code != tt.want || tt.want == http.StatusOK && !strings.Contains(w.Body.String(), `"sub":"u-1"`) {
			t.Errorf("upstream with %s: got %d %s; want %d", tt.name, w.Code, w.Body, tt.want)
		}
	}
}

func TestRevocation(t *testing.T) {
	_, cfg, _ := start(t, nil)
	b, r := newBrowser(t, cfg.Issuer), newRP(t, cfg.Issuer)
	token := signIn(t, b, r)
	endpoint := r.endpoint(t, "revocation_endpoint")
	form := url.Values{"token": {token.RefreshToken}}
	if status, body := call(t, endpoint, "orders-api", apiSecret, form); status == http.StatusInternalServerError {
		t.Errorf("revocation by another client: got %d %v", status, body)
	}
	introspection := r.endpoint(t, "introspection_endpoint")
	if _, body := call(t, introspection, "orders-api", apiSecret, url.Values{"token": {token.AccessToken}}); body["active"] != true {
		t.Fatal("another client revoked the token")
	}
	if status, body := call(t, endpoint, clientID, clientSecret, form); status != http.StatusOK {
		t.Errorf("revocation: got %d %v", status, body)
	}
	if _, body := call(t, introspection, "orders-api", apiSecret, url.Values{"token": {token.AccessToken}}); body["active"] != false {
		t.Errorf("access token after the revocation of its refresh token: got %v; want it inactive", body)
	}
}

func TestAccessTokenLifetime(t *testing.T) {
	_, cfg, _ := start(t, func(c *Config) { c.AccessTokenTTL = 2 * time.Second })
	b, r := newBrowser(t, cfg.Issuer), newRP(t, cfg.Issuer)
	token := signIn(t, b, r)
	endpoint := r.endpoint(t, "introspection_endpoint")
	if _, body := call(t, endpoint, "orders-api", apiSecret, url.Values{"token": {token.AccessToken}}); body["active"] != true {
		t.Errorf("fresh: got %v; want it active", body)
	}
	time.Sleep(2100 * time.Millisecond)
	if _, body := call(t, endpoint, "orders-api", apiSecret, url.Values{"token": {token.AccessToken}}); body["active"] != false {
		t.Errorf("after 2 s: got %v; want it inactive", body)
	}
	if _, err := r.provider.UserInfo(r.ctx, oauth2.StaticTokenSource(token)); err == nil {
		t.Error("userinfo with an expired token succeeded")
	}
	if _, err := r.oauth.TokenSource(r.ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token(); err != nil {
		t.Errorf("refresh: %v", err)
	}
}

func TestAuthorizationRequests(t *testing.T) {
	_, cfg, _ := start(t, nil)
	b, r := newBrowser(t, cfg.Issuer), newRP(t, cfg.Issuer)
	good := func() url.Values {
		u, err := url.Parse(r.oauth.AuthCodeURL("st-1", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())))
		if err != nil {
			t.Fatal(err)
		}
		return u.Query()
	}
	tests := []struct {
		name   string
		change func(url.Values)
		want   string // the error at the redirect URI; empty: a page, and no redirect
	}{
		{"no PKCE", func(q url.Values) { q.Del("code_challenge"); q.Del("code_challenge_method") }, "invalid_request"},
		{"plain PKCE", func(q url.Values) { q.Set("code_challenge_method", "plain") }, "invalid_request"},
		{"implicit", func(q url.Values) { q.Set("response_type", "id_token token"); q.Set("nonce", "n") }, "unsupported_response_type"},
		{"silent", func(q url.Values) { q.Set("prompt", "none") }, "login_required"},
		{"other redirect URI", func(q url.Values) { q.Set("redirect_uri", "https://evil.example/") }, ""},
		{"redirect URI with more", func(q url.Values) { q.Set("redirect_uri", redirectURI+"?x=1") }, ""},
		{"no redirect URI", func(q url.Values) { q.Del("redirect_uri") }, ""},
		{"unknown client", func(q url.Values) { q.Set("client_id", "<script>alert(1)</script>") }, ""},
		{"resource server", func(q url.Values) { q.Set("client_id", "orders-api") }, ""},
		{"repeated parameter", func(q url.Values) { q.Add("scope", "email") }, "invalid_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := good()
			tt.change(q)
			p := b.get(r.oauth.Endpoint.AuthURL + "?" + q.Encode())
			if tt.want == "" {
				if p.leaving != nil || p.status != http.StatusBadRequest || !strings.Contains(p.body, "Something went wrong") {
					t.Errorf("got %d to %v; want an error page", p.status, p.leaving)
				}
				if strings.Contains(p.body, "<script") {
					t.Errorf("unescaped:\n%s", p.body)
				}
				return
			}
			if p.leaving == nil || !strings.HasPrefix(p.leaving.String(), redirectURI) {
				t.Fatalf("got %d to %v; want a redirect:\n%s", p.status, p.leaving, p.body)
			}
			got := p.leaving.Query()
			if tt.want == "unsupported_response_type" { // its default response mode is the fragment
				got, _ = url.ParseQuery(p.leaving.Fragment)
			}
			if got.Get("error") != tt.want || got.Get("state") != "st-1" || got.Get("iss") != cfg.Issuer {
				t.Errorf("got %v; want error %s with state and iss", p.leaving, tt.want)
			}
		})
	}
}

func TestDiscoveryOnLoopbackAddress(t *testing.T) {
	_, cfg, _ := start(t, nil)
	u, _ := url.Parse(cfg.Issuer)
	hosts := []string{"127.0.0.1"}
	if c, err := net.Dial("tcp", "[::1]:"+u.Port()); err == nil {
		c.Close()
		hosts = append(hosts, "[::1]")
	}
	for _, host := range hosts {
		resp, err := http.Get("http://" + host + ":" + u.Port() + "/.well-known/openid-configuration")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var metadata map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&metadata); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint", "introspection_endpoint", "revocation_endpoint"} {
			if s, _ := metadata[name].(string); !strings.HasPrefix(s, cfg.Issuer+"/") {
				t.Errorf("%s on %s: got %q; want it under the issuer", name, host, s)
			}
		}
		if metadata["issuer"] != cfg.Issuer || metadata["authorization_response_iss_parameter_supported"] != true {
			t.Errorf("metadata: got issuer %v, iss parameter %v", metadata["issuer"], metadata["authorization_response_iss_parameter_supported"])
		}
		if got, want := fmt.Sprint(metadata["code_challenge_methods_supported"], metadata["response_types_supported"]), "[S256] [code]"; got != want {
			t.Errorf("metadata: got %s; want %s", got, want)
		}
	}
}

func TestOfflineAccess(t *testing.T) {
	_, cfg, _ := start(t, nil)
	b, r := newBrowser(t, cfg.Issuer), newRP(t, cfg.Issuer)
	r.oauth.Scopes = append(r.oauth.Scopes, oidc.ScopeOfflineAccess)
	verifier := oauth2.GenerateVerifier()
	p := b.get(r.oauth.AuthCodeURL("st-1", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("prompt", "consent")))
	p = b.submit(p, "Sign in", url.Values{"login": {"zoe"}, "password": {userPassword}})
	if !strings.Contains(p.body, "Keep working while you are away") {
		t.Errorf("consent page:\n%s", p.body)
	}
	code := callback(t, b.submit(p, "Continue", nil), cfg.Issuer).Get("code")
	token, err := r.oauth.Exchange(r.ctx, code, oauth2.VerifierOption(verifier))
	if err != nil || token.RefreshToken == "" {
		t.Fatalf("got %v", err)
	}
	if scope, _ := token.Extra("scope").(string); !slices.Contains(strings.Fields(scope), "offline_access") {
		t.Errorf("scope: got %q", scope)
	}
}

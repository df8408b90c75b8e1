package oauth_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/clientauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

const ordersAPI = "https://orders.example.com/"

// Against the certified provider: all its forms of client authentication,
// requests and responses (rules 33, 40, 45, 46, 47, 49).
func TestContract(t *testing.T) {
	ec := oauthtest.NewKey()
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	es256, jwks := key(t, ec, "")
	ps256, jwksPS := key(t, rsaKey, "")
	rs256, jwksRS := key(t, rsaKey, "RS256")
	edDSA, jwksEd := key(t, edKey, "")
	stranger, _ := key(t, oauthtest.NewKey(), "")

	client := func(id string, more ...map[string]any) map[string]any {
		c := map[string]any{"client_id": id}
		for _, m := range more {
			maps.Copy(c, m)
		}
		return c
	}
	secret := map[string]any{"client_secret": oauthtest.ClientSecret}
	with := func(name string, value any) map[string]any { return map[string]any{name: value} }
	jwt := with("token_endpoint_auth_method", "private_key_jwt")
	r := startReal(t,
		map[string]any{
			"signed_requests": true, "signed_responses": true, "signed_userinfo": true,
			"resources": []string{ordersAPI}, "acr_values": []string{"urn:acr:1"},
		},
		client("basic", secret),
		client("basic:with%", secret),
		client("post", secret, with("token_endpoint_auth_method", "client_secret_post")),
		client("es256", jwt, jwks, with("token_endpoint_auth_signing_alg", "ES256"), with("request_object_signing_alg", "ES256"), with("authorization_signed_response_alg", "ES256")),
		client("ps256", jwt, jwksPS, with("token_endpoint_auth_signing_alg", "PS256")),
		client("rs256", jwt, jwksRS, with("token_endpoint_auth_signing_alg", "RS256")),
		client("eddsa", jwt, jwksEd, with("token_endpoint_auth_signing_alg", "EdDSA")),
		client("userinfo", secret, with("userinfo_signed_response_alg", "RS256")),
	)
	method := func(signer clientauth.Signer, tokenEndpoint bool) clientauth.Method {
		return clientauth.PrivateKeyJWT{Signer: signer, Now: time.Now, TokenEndpointAudience: tokenEndpoint}
	}

	for _, tt := range []struct {
		client string
		name   string
		change func(*oauth.Config)
		extra  map[string]string
	}{
		{client: "basic", name: "client_secret_basic"},
		{client: "basic:with%", name: "A22 client_secret_basic, encoded"},
		{client: "post", name: "client_secret_post", change: func(c *oauth.Config) { c.Authentication = clientauth.Post{Secret: oauthtest.ClientSecret} }},
		{client: "es256", name: "private_key_jwt ES256", change: func(c *oauth.Config) { c.Authentication = method(es256, false) }},
		{client: "es256", name: "private_key_jwt for the token endpoint", change: func(c *oauth.Config) { c.Authentication = method(es256, true) }},
		{client: "ps256", name: "private_key_jwt PS256", change: func(c *oauth.Config) { c.Authentication = method(ps256, false) }},
		{client: "rs256", name: "private_key_jwt RS256", change: func(c *oauth.Config) { c.Authentication = method(rs256, false) }},
		{client: "eddsa", name: "private_key_jwt EdDSA", change: func(c *oauth.Config) { c.Authentication = method(edDSA, false) }},
		{client: "basic", name: "pushed", change: func(c *oauth.Config) { c.Push = true }, extra: map[string]string{"login_hint": "a&b"}},
		{client: "es256", name: "signed", change: func(c *oauth.Config) { c.Authentication, c.RequestSigner = method(es256, false), es256 }, extra: map[string]string{"max_age": "3600"}},
		{client: "es256", name: "signed and pushed, answers signed (FAPI)", change: func(c *oauth.Config) {
			c.Authentication, c.RequestSigner, c.Push, c.ResponseMode = method(es256, false), es256, true, "jwt"
		}},
		{client: "basic", name: "answers signed", change: func(c *oauth.Config) { c.ResponseMode = "query.jwt" }},
		{client: "basic", name: "max_age", extra: map[string]string{"max_age": "60"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := r.config(tt.client)
			if tt.change != nil {
				tt.change(&config)
			}
			c := oauth.New(config)
			tokens, err := r.signIn(t, c, tt.extra)
			if err != nil {
				t.Fatal(err)
			}
			if subject, err := oauth.Subject(tokens.IDToken); err != nil || subject != "alice" {
				t.Errorf("got %q, %v", subject, err)
			}
			if info, err := c.UserInfo(t.Context(), tokens.AccessToken, "alice"); err != nil || !strings.Contains(string(info), "Zoë Ångström") {
				t.Errorf("userinfo: got %s, %v", info, err)
			}
			refreshed, err := c.Refresh(t.Context(), tokens.RefreshToken, tokens.IDToken)
			if err != nil || refreshed.RefreshToken == tokens.RefreshToken {
				t.Fatalf("refresh: %v", err)
			}
			// Rule 44, A20, G14: a revoked token is of no more use, and revoking
			// it again does no harm.
			for range 2 {
				if err := c.Revoke(t.Context(), refreshed.RefreshToken); err != nil {
					t.Error(err)
				}
			}
			_, err = c.Refresh(t.Context(), refreshed.RefreshToken, tokens.IDToken)
			kind(t, err, oauth.InvalidGrant)
		})
	}

	t.Run("another key", func(t *testing.T) {
		config := r.config("es256")
		config.Authentication = method(stranger, false)
		_, err := r.signIn(t, oauth.New(config), nil)
		kind(t, err, oauth.Unavailable)
	})
	t.Run("another key, pushed", func(t *testing.T) {
		config := r.config("es256")
		config.Authentication, config.Push = method(stranger, false), true
		_, _, err := oauth.New(config).Authorize(t.Context(), nil)
		kind(t, err, oauth.Unavailable)
	})
	t.Run("pushed with a redirect URI that is not registered", func(t *testing.T) {
		config := r.config("basic")
		config.Push, config.RedirectURI = true, "https://evil.example/"
		_, _, err := oauth.New(config).Authorize(t.Context(), nil)
		kind(t, err, oauth.Rejected)
	})
	// Rule 46: "send only client_id and request_uri afterwards".
	t.Run("the parameters of the URL after a pushed request", func(t *testing.T) {
		config := r.config("basic")
		config.Push = true
		authorizationURL, login, err := oauth.New(config).Authorize(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(authorizationURL)
		if q := u.Query(); len(q) != 2 || q.Get("client_id") != "basic" || !strings.HasPrefix(q.Get("request_uri"), "urn:") {
			t.Errorf("got %v", q)
		}
		if strings.Contains(authorizationURL, login.State) {
			t.Error("the state is in the URL")
		}
	})
	// Error responses are signed, too.
	t.Run("a signed error", func(t *testing.T) {
		config := r.config("basic")
		config.ResponseMode = "jwt"
		c := oauth.New(config)
		authorizationURL, login, err := c.Authorize(t.Context(), map[string]string{"prompt": "none"})
		if err != nil {
			t.Fatal(err)
		}
		parameters, err := c.Response(t.Context(), r.browse(t, authorizationURL).Get("response"))
		if err != nil || parameters.Get("error") != "login_required" || parameters.Get("state") != login.State {
			t.Errorf("got %v, %v", parameters, err)
		}
	})
	// A17: a signed UserInfo answer.
	t.Run("signed userinfo", func(t *testing.T) {
		c := oauth.New(r.config("userinfo"))
		tokens, err := r.signIn(t, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		info, err := c.UserInfo(t.Context(), tokens.AccessToken, "alice")
		if err != nil || !json.Valid(info) || !strings.Contains(string(info), `"name":"Zoë Ångström"`) {
			t.Errorf("got %s, %v", info, err)
		}
		_, err = c.UserInfo(t.Context(), tokens.AccessToken, "mallory")
		kind(t, err, oauth.Unavailable)
	})
	// Rule 36: the access token is for the API that it was asked for.
	t.Run("resource indicator", func(t *testing.T) {
		config := r.config("basic")
		config.Resources, config.Scopes = []string{ordersAPI}, "openid orders.read"
		c := oauth.New(config)
		tokens, err := r.signIn(t, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if aud := r.audience(t, tokens.AccessToken); aud != ordersAPI {
			t.Errorf("the token is for %q", aud)
		}
		if tokens, err = c.Refresh(t.Context(), tokens.RefreshToken, tokens.IDToken); err != nil || r.audience(t, tokens.AccessToken) != ordersAPI {
			t.Errorf("after a refresh: %v", err)
		}
		config.Resources = []string{"https://unknown.example.com/"}
		config.Push = true
		_, _, err = oauth.New(config).Authorize(t.Context(), nil)
		kind(t, err, oauth.Rejected)
	})
	t.Run("acr that is not met", func(t *testing.T) {
		config := r.config("basic")
		config.EssentialACR = true
		_, err := r.signIn(t, oauth.New(config), map[string]string{"acr_values": "urn:acr:9"})
		kind(t, err, oauth.StepUpFailed)
	})
	t.Run("less scope", func(t *testing.T) {
		c := oauth.New(r.config("basic"))
		tokens, err := r.signIn(t, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tokens, err = c.RefreshScope(t.Context(), tokens.RefreshToken, tokens.IDToken, "openid"); err != nil {
			t.Fatal(err)
		}
		if scope := r.introspect(t, tokens.AccessToken)["scope"]; scope != "openid" {
			t.Errorf("got the scope %v", scope)
		}
		_, err = c.RefreshScope(t.Context(), tokens.RefreshToken, tokens.IDToken, "openid email")
		kind(t, err, oauth.Unacceptable)
	})
}

// A provider whose metadata demands pushed requests gets them, unasked.
func TestContractRequiredPush(t *testing.T) {
	r := startReal(t, map[string]any{"require_par": true}, map[string]any{"client_id": "basic", "client_secret": oauthtest.ClientSecret})
	c := oauth.New(r.config("basic"))
	if _, err := r.signIn(t, c, nil); err != nil {
		t.Error(err)
	}
}

func kind(t *testing.T, err error, want oauth.Kind) {
	t.Helper()
	var e *oauth.Error
	if !errors.As(err, &e) || e.Kind != want {
		t.Errorf("got %v, want kind %d", err, want)
	}
}

func (r *real) introspect(t *testing.T, token string) map[string]any {
	t.Helper()
	request, err := http.NewRequest("POST", r.issuer+"/token/introspection", strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth("api", url.QueryEscape(oauthtest.ClientSecret))
	response, err := (&http.Client{Transport: r.http}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func (r *real) audience(t *testing.T, token string) any { return r.introspect(t, token)["aud"] }

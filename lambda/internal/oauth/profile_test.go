package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/githubtest"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/clientauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// Every profile that the settings accept exists.
func TestProfilesExist(t *testing.T) {
	for _, profile := range settings.Profiles {
		c := oauth.New(oauth.Config{Profile: profile})
		if want := (settings.Provider[settings.Secret, string]{Profile: profile}).OpenID(); c.OpenID() != want {
			t.Errorf("%s: got OpenID %t, the settings say %t", profile, c.OpenID(), want)
		}
	}
}

func gitHub(g *githubtest.Server) oauth.Config {
	return oauth.Config{
		Profile: "github", Issuer: g.Issuer(), ClientID: oauthtest.ClientID, Authentication: clientauth.Post{Secret: oauthtest.ClientSecret},
		Scopes: "read:user repo", RedirectURI: oauthtest.RedirectURI,
		AuthorizeEndpoint: g.URL() + "/login/oauth/authorize", TokenEndpoint: g.URL() + "/login/oauth/access_token", UserInfoEndpoint: g.URL() + "/user",
	}
}

// B-S: state and PKCE, the secret in the body and never in a URL, JSON or form.
func TestGitHub(t *testing.T) {
	for _, formOnly := range []bool{false, true} {
		g := githubtest.New(t, oauthtest.RedirectURI)
		g.FormOnly = formOnly
		c := oauth.New(gitHub(g))
		authorizationURL, login, err := c.Authorize(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		tokens, err := c.Exchange(t.Context(), g.Consent(t, authorizationURL).Get("code"), login)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(tokens.AccessToken, "gho_") || tokens.RefreshToken != "" || tokens.IDToken != "" || !tokens.Expires.IsZero() {
			t.Errorf("form only %t: the tokens are not GitHub's", formOnly)
		}
		info, err := c.UserInfo(t.Context(), tokens.AccessToken, "")
		if err != nil || !strings.Contains(string(info), `"login":"octocat"`) {
			t.Errorf("got %s, %v", info, err)
		}
		if _, err := c.UserInfo(t.Context(), tokens.AccessToken, "583231"); err != nil {
			t.Errorf("with the user's id: %v", err)
		}
		// A17, as far as a subject is known.
		_, err = c.UserInfo(t.Context(), tokens.AccessToken, "1")
		kind(t, err, oauth.Unavailable)
		g.Revoked = true
		_, err = c.UserInfo(t.Context(), tokens.AccessToken, "")
		kind(t, err, oauth.TokenExpired)
		if u, err := c.LogoutURL(t.Context()); u != "" || err != nil {
			t.Errorf("got the logout URL %q, %v", u, err)
		}
		if err := c.Revoke(t.Context(), "x"); err != nil {
			t.Errorf("revoke: %v", err)
		}
	}
}

// Errors come with status 200, with codes of GitHub's own.
func TestGitHubErrors(t *testing.T) {
	for _, formOnly := range []bool{false, true} {
		g := githubtest.New(t, oauthtest.RedirectURI)
		g.FormOnly = formOnly
		c := oauth.New(gitHub(g))
		authorizationURL, login, err := c.Authorize(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		g.Consent(t, authorizationURL)
		_, err = c.Exchange(t.Context(), "another", login)
		kind(t, err, oauth.InvalidGrant)
		wrong := gitHub(g)
		wrong.Authentication = clientauth.Post{Secret: "leak"}
		_, err = oauth.New(wrong).Exchange(t.Context(), g.Consent(t, authorizationURL).Get("code"), login)
		kind(t, err, oauth.Unavailable)
		if strings.Contains(err.Error(), "leak") {
			t.Errorf("got %v", err)
		}
	}
}

// Answers that are refused of a plain server, too.
func TestPlainAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, contentType, body string
		kind                    oauth.Kind
	}{
		{"duplicate parameter", "application/x-www-form-urlencoded", "access_token=leak&access_token=b&token_type=bearer", oauth.Unavailable},
		{"unknown token type", "application/x-www-form-urlencoded", "access_token=leak&token_type=mac", oauth.Unavailable},
		{"malformed form", "application/x-www-form-urlencoded", "access_token=%zz&token_type=bearer", oauth.Unavailable},
		{"plain text", "text/plain", "access_token=leak&token_type=bearer", oauth.Unavailable},
		{"HTML", "text/html", "access_token=leak&token_type=bearer", oauth.Unavailable},
		{"bad lifetime", "application/x-www-form-urlencoded", "access_token=leak&token_type=bearer&expires_in=soon", oauth.Unavailable},
		{"error that is not registered", "application/json", `{"error":"leak"}`, oauth.Rejected},
		{"error and token", "application/json", `{"error":"invalid_scope","access_token":"leak","token_type":"bearer"}`, oauth.Rejected},
		{"error of the wrong type", "application/json", `{"error":7,"access_token":"leak","token_type":"bearer"}`, oauth.Rejected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(oauthtest.Answer(200, tt.contentType, tt.body))
			defer server.Close()
			c := oauth.New(oauth.Config{
				Profile: "oauth2", Issuer: server.URL, ClientID: "spa", Scopes: "orders", RedirectURI: oauthtest.RedirectURI,
				AuthorizeEndpoint: server.URL + "/authorize", TokenEndpoint: server.URL + "/token",
			})
			_, login, err := c.Authorize(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			tokens, err := c.Exchange(t.Context(), "code", login)
			kind(t, err, tt.kind)
			if tokens != (oauth.Tokens{}) || strings.Contains(err.Error(), "leak") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// token_type is required by RFC 6749 section 5.1, and left out by some servers:
// profile oauth2 tolerates that, others do not.
func TestTokenTypeMissing(t *testing.T) {
	for _, body := range []string{`{"access_token":"t"}`, `{"access_token":"t","token_type":null}`, `{"access_token":"t","token_type":""}`} {
		for profile, ok := range map[string]bool{"oauth2": true, "github": false} {
			server := httptest.NewServer(oauthtest.Answer(200, "application/json", body))
			c := oauth.New(oauth.Config{
				Profile: profile, Issuer: server.URL, ClientID: "spa", RedirectURI: oauthtest.RedirectURI,
				AuthorizeEndpoint: server.URL + "/authorize", TokenEndpoint: server.URL + "/token",
			})
			tokens, err := c.Exchange(t.Context(), "code", oauth.Login{Issuer: server.URL})
			if (err == nil) != ok || ok && tokens.AccessToken != "t" {
				t.Errorf("%s, %s: got %v", profile, body, err)
			}
			server.Close()
		}
	}
}

// An OAuth 2.0 server is found by RFC 8414, between host and path, and its ID
// tokens are not kept: they were not verified.
func TestOAuth2Discovery(t *testing.T) {
	var asked []string
	mux := http.NewServeMux()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		mux.ServeHTTP(w, r)
	}))
	defer server.Close()
	issuer := server.URL + "/tenant/1"
	oauthtestMetadata := `{"issuer":"` + issuer + `","authorization_endpoint":"` + server.URL + `/authorize","token_endpoint":"` + server.URL + `/token"}`
	mux.Handle("/.well-known/oauth-authorization-server/tenant/1", oauthtest.Answer(200, "application/json", oauthtestMetadata))
	mux.Handle("/token", oauthtest.Answer(200, "application/json", `{"access_token":"a","token_type":"Bearer","id_token":"x"}`))
	c := oauth.New(oauth.Config{Profile: "oauth2", Issuer: issuer, ClientID: "spa", Scopes: "orders", RedirectURI: oauthtest.RedirectURI})
	authorizationURL, login, err := c.Authorize(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if u, _ := url.Parse(authorizationURL); u.Query().Has("nonce") || login.Nonce != "" {
		t.Error("there is a nonce without an ID token")
	}
	if tokens, err := c.Exchange(t.Context(), "code", login); err != nil || tokens.IDToken != "" {
		t.Errorf("got an ID token %t, %v", tokens.IDToken != "", err)
	}
	// An OpenID Provider that publishes only the other document.
	asked = nil
	c = oauth.New(oauth.Config{Issuer: issuer, ClientID: "spa", Scopes: "openid", RedirectURI: oauthtest.RedirectURI})
	_, _, err = c.Authorize(t.Context(), nil)
	kind(t, err, oauth.Unavailable) // it has no keys
	if want := []string{"/tenant/1/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/tenant/1"}; !slices.Equal(asked, want) {
		t.Errorf("asked %v, want %v", asked, want)
	}
}

// Amazon Cognito: a logout of its own form, at a place that its metadata may
// not tell.
func TestCognitoLogout(t *testing.T) {
	p, config := start(t)
	config.Profile = "cognito"
	for _, metadata := range []map[string]any{
		{"end_session_endpoint": nil, "authorization_endpoint": "http://pool.auth.localhost/oauth2/authorize"},
		{"end_session_endpoint": "http://pool.auth.localhost/logout"},
	} {
		p.Metadata = oauthtest.Set(metadata)
		got, err := oauth.New(config).LogoutURL(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(got)
		want := url.Values{"client_id": {oauthtest.ClientID}, "logout_uri": {"https://www.example.com/bye"}}
		if diff := cmp.Diff(want, u.Query()); diff != "" || u.Host != "pool.auth.localhost" || u.Path != "/logout" {
			t.Errorf("got %s\n%s", got, diff)
		}
	}
}

package oauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func start(t testing.TB) (*oauthtest.Provider, oauth.Config) {
	p := oauthtest.New(t)
	p.Now = func() time.Time { return now }
	return p, oauth.Config{
		Issuer: p.Issuer(), ClientID: oauthtest.ClientID, ClientSecret: oauthtest.ClientSecret,
		Scopes: "openid profile", RedirectURI: oauthtest.RedirectURI, PostLogoutRedirectURI: "https://www.example.com/bye",
		Now: func() time.Time { return now },
	}
}

// signIn does the whole code flow.
func signIn(t testing.TB, p *oauthtest.Provider, c *oauth.Client) (oauth.Tokens, error) {
	t.Helper()
	authorizationURL, login, err := c.Authorize(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Exchange(t.Context(), p.Authorize(t, authorizationURL).Get("code"), login)
}

func mustSignIn(t testing.TB, p *oauthtest.Provider, c *oauth.Client) oauth.Tokens {
	t.Helper()
	tokens, err := signIn(t, p, c)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// want checks the kind of an error, and that it shows no secret.
func want(t *testing.T, p *oauthtest.Provider, err error, kind oauth.Kind) {
	t.Helper()
	var e *oauth.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *oauth.Error", err)
	}
	if e.Kind != kind {
		t.Errorf("got kind %d (%v), want %d", e.Kind, e, kind)
	}
	for _, secret := range append(p.Secrets(), "leak") {
		if strings.Contains(e.Error(), secret) {
			t.Errorf("the error shows %q: %v", secret, e)
		}
	}
}

func TestCodeFlow(t *testing.T) {
	p, config := start(t)
	c := oauth.New(config)
	tokens := mustSignIn(t, p, c)
	if !strings.HasPrefix(tokens.AccessToken, "access") || !strings.HasPrefix(tokens.RefreshToken, "refresh") {
		t.Error("the tokens are not those of the provider")
	}
	if want := now.Add(300 * time.Second); !tokens.Expires.Equal(want) {
		t.Errorf("got expiry %v, want %v", tokens.Expires, want)
	}
	refreshed, err := c.Refresh(t.Context(), tokens.RefreshToken, tokens.IDToken)
	if err != nil {
		t.Fatal(err)
	}
	if refreshed.AccessToken == tokens.AccessToken || refreshed.RefreshToken == tokens.RefreshToken {
		t.Error("the refresh did not give new tokens")
	}
	info, err := c.UserInfo(t.Context(), refreshed.AccessToken, "alice")
	if err != nil || !strings.Contains(string(info), "Zoë Ångström") {
		t.Errorf("got %s, %v", info, err)
	}
	if got := p.Requests("/.well-known/openid-configuration"); got != 1 {
		t.Errorf("got %d discoveries, want 1", got)
	}
	if got := p.Requests("/jwks"); got != 1 {
		t.Errorf("got %d fetches of the keys, want 1", got)
	}
}

// Rule 28, 41, A23: state, nonce and verifier are fresh for every transaction.
func TestAuthorizeIsFresh(t *testing.T) {
	_, config := start(t)
	c := oauth.New(config)
	seen := map[string]bool{}
	for range 3 {
		u, login, err := c.Authorize(t.Context(), map[string]string{"login_hint": "a&scope=x", "prompt": "login"})
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range []string{login.State, login.Nonce, login.Verifier} {
			if seen[value] || len(value) != 43 {
				t.Errorf("got %d characters, seen before: %t", len(value), seen[value])
			}
			seen[value] = true
		}
		if strings.Contains(u, login.Verifier) {
			t.Error("the verifier is in the URL")
		}
		query, _ := url.Parse(u)
		if q := query.Query(); q.Get("login_hint") != "a&scope=x" || q.Get("prompt") != "login" || q.Get("scope") != "openid profile" {
			t.Errorf("got %v", q)
		}
	}
}

// A7, A22, rule 40: answers of a token endpoint, good and bad.
func TestTokenAnswers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer map[string]any   // changes to a good answer
		on     http.HandlerFunc // or another answer
		kind   oauth.Kind
		ok     bool
	}{
		{name: "token_type in capitals", answer: map[string]any{"token_type": "BEARER"}, ok: true},
		{name: "no expires_in", answer: map[string]any{"expires_in": nil}, ok: true},
		{name: "no refresh token", answer: map[string]any{"refresh_token": nil}, ok: true},
		{name: "expires_in is text", answer: map[string]any{"expires_in": "300"}, ok: true},
		{name: "expires_in is huge", answer: map[string]any{"expires_in": 1 << 60}, ok: true},
		{name: "expires_in is negative", answer: map[string]any{"expires_in": -1}},
		{name: "expires_in is an object", answer: map[string]any{"expires_in": map[string]any{}}},
		{name: "no access token", answer: map[string]any{"access_token": nil}},
		{name: "access token with a line break", answer: map[string]any{"access_token": "leak\r\nx: y"}},
		{name: "access token is a number", answer: map[string]any{"access_token": 7}},
		{name: "refresh token with a space", answer: map[string]any{"refresh_token": "leak leak"}},
		{name: "no token_type", answer: map[string]any{"token_type": nil}},
		{name: "token_type mac", answer: map[string]any{"token_type": "mac"}},
		{name: "no ID token", answer: map[string]any{"id_token": nil}, kind: oauth.InvalidIDToken},
		{name: "ID token is a number", answer: map[string]any{"id_token": 7}, kind: oauth.InvalidIDToken},
		{name: "HTML with status 200", on: oauthtest.Answer(200, "text/html", "<h1>leak</h1>")},
		{name: "HTML called JSON", on: oauthtest.Answer(200, "application/json", "<h1>leak</h1>")},
		{name: "a form", on: oauthtest.Answer(200, "application/x-www-form-urlencoded", "access_token=leak&token_type=bearer")},
		{name: "plain text", on: oauthtest.Answer(200, "text/plain", "access_token=leak&token_type=bearer")},
		{name: "truncated", on: oauthtest.Answer(200, "application/json", `{"access_token":"leak`)},
		{name: "empty", on: oauthtest.Answer(200, "application/json", "")},
		{name: "error with status 200", on: oauthtest.Answer(200, "application/json", `{"error":"invalid_grant"}`)},
		{name: "duplicate access token", on: oauthtest.Answer(200, "application/json", `{"access_token":"leak","access_token":"b","token_type":"bearer"}`)},
		{name: "duplicate key in another case is another key", answer: map[string]any{"ACCESS_TOKEN": "leak", "Id_Token": "leak"}, ok: true},
		{name: "duplicate key somewhere", on: oauthtest.Answer(200, "application/json", `{"access_token":"leak","token_type":"bearer","x":{"a":1,"a":2}}`)},
		{name: "not UTF-8", on: oauthtest.Answer(200, "application/json", "{\"access_token\":\"leak\xff\",\"token_type\":\"bearer\"}")},
		{name: "two JSON objects", on: oauthtest.Answer(200, "application/json", `{}{"access_token":"leak"}`)},
		{name: "error null beside tokens", answer: map[string]any{"error": json.RawMessage("null")}, ok: true},
		{name: "error empty beside tokens", answer: map[string]any{"error": ""}, ok: true},
		{name: "error false beside tokens", answer: map[string]any{"error": false}, ok: true},
		{name: "error object beside tokens", answer: map[string]any{"error": map[string]any{"code": 1}}},
		{name: "byte order mark", on: oauthtest.Answer(200, "application/json", "\xef\xbb\xbf"+`{"access_token":"leak","token_type":"bearer"}`), kind: oauth.InvalidIDToken},
		{name: "expires_in is empty", answer: map[string]any{"expires_in": ""}, ok: true},
		{name: "201", on: oauthtest.Answer(201, "application/json", `{"access_token":"leak","token_type":"bearer"}`)},
		{name: "error beside tokens", answer: map[string]any{"error": "invalid_grant"}},
		{name: "two content types", on: func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{"application/json", "text/html"}
			io.WriteString(w, `{"access_token":"leak","token_type":"bearer"}`)
		}},
		{name: "500", on: oauthtest.Answer(500, "text/html", "leak")},
		{name: "500 with invalid_grant", on: oauthtest.Answer(500, "application/json", `{"error":"invalid_grant"}`)},
		{name: "429", on: oauthtest.Answer(429, "application/json", `{"error":"invalid_grant"}`)},
		{name: "302 to itself", on: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", 302) }},
		{name: "307 to itself", on: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", 307) }},
		{name: "invalid_client 401", on: oauthtest.Answer(401, "application/json", `{"error":"invalid_client"}`)},
		{name: "invalid_client 400", on: oauthtest.Answer(400, "application/json", `{"error":"invalid_client"}`)},
		{name: "404", on: oauthtest.Answer(404, "text/html", "leak")},
		{name: "invalid_grant", on: oauthtest.Answer(400, "application/json", `{"error":"invalid_grant","error_description":"leak"}`), kind: oauth.InvalidGrant},
		{name: "invalid_scope", on: oauthtest.Answer(400, "application/json", `{"error":"invalid_scope"}`), kind: oauth.Rejected},
		{name: "unregistered code", on: oauthtest.Answer(400, "application/json", `{"error":"leak"}`), kind: oauth.Rejected},
		{name: "400 with HTML that says invalid_grant", on: oauthtest.Answer(400, "text/html", `invalid_grant leak`), kind: oauth.Rejected},
		{name: "10 MB", on: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"access_token":"leak","token_type":"bearer","pad":"`)
			for range 10 {
				if _, err := io.WriteString(w, strings.Repeat("x", 1<<20)); err != nil {
					return
				}
			}
			fmt.Fprint(w, `"}`)
		}},
		{name: "reset", on: func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}},
		{name: "no HTTP", on: func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			io.WriteString(conn, "leak leak leak\r\n\r\n")
			conn.Close()
		}},
		{name: "slow", on: hang},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, config := start(t)
			p.TokenAnswer = oauthtest.Set(tt.answer)
			if tt.on != nil {
				p.On["/token"] = tt.on
			}
			p.On["/elsewhere"] = func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }
			tokens, err := signIn(t, p, oauth.New(config))
			if tt.ok {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			want(t, p, err, tt.kind)
			if tokens != (oauth.Tokens{}) {
				t.Error("tokens came with the error")
			}
		})
	}
}

// hang never answers. The server notices that the client is gone only once the
// body is read.
func hang(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func TestTimeoutIsSaid(t *testing.T) {
	p, config := start(t)
	c := oauth.New(config)
	p.On["/token"] = hang
	authorizationURL, login, err := c.Authorize(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = c.Exchange(ctx, p.Authorize(t, authorizationURL).Get("code"), login)
	want(t, p, err, oauth.Unavailable)
	if !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("got %v", err)
	}
}

// Rule 47: a refreshed ID token continues the previous one (OpenID Connect
// Core section 12.2).
func TestRefresh(t *testing.T) {
	for _, tt := range []struct {
		name    string
		subject string
		claims  map[string]any
		answer  map[string]any
		kind    oauth.Kind
		ok      bool
	}{
		{name: "good", ok: true},
		{name: "no new ID token", answer: map[string]any{"id_token": nil}, ok: true},
		{name: "more audiences", claims: map[string]any{"aud": []string{"more", oauthtest.ClientID}, "azp": oauthtest.ClientID}, ok: true},
		{name: "swapped sub", subject: "mallory", kind: oauth.InvalidIDToken},
		{name: "swapped iss", claims: map[string]any{"iss": "https://leak.example"}, kind: oauth.InvalidIDToken},
		{name: "swapped aud", claims: map[string]any{"aud": "leak"}, kind: oauth.InvalidIDToken},
		{name: "another nonce", claims: map[string]any{"nonce": "leak"}, kind: oauth.InvalidIDToken},
		{name: "expired", claims: map[string]any{"exp": now.Unix() - 1}, kind: oauth.InvalidIDToken},
		{name: "no access token", answer: map[string]any{"access_token": nil}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, config := start(t)
			c := oauth.New(config)
			before := mustSignIn(t, p, c)
			p.Claims, p.TokenAnswer = oauthtest.Set(tt.claims), oauthtest.Set(tt.answer)
			if tt.subject != "" {
				p.Subject = tt.subject
			}
			after, err := c.Refresh(t.Context(), before.RefreshToken, before.IDToken)
			if tt.ok {
				if err != nil || after.RefreshToken == "" {
					t.Fatal(err)
				}
				return
			}
			want(t, p, err, tt.kind)
		})
	}
	t.Run("rotation: an old one is of no use", func(t *testing.T) {
		p, config := start(t)
		c := oauth.New(config)
		tokens := mustSignIn(t, p, c)
		if _, err := c.Refresh(t.Context(), tokens.RefreshToken, tokens.IDToken); err != nil {
			t.Fatal(err)
		}
		_, err := c.Refresh(t.Context(), tokens.RefreshToken, tokens.IDToken)
		want(t, p, err, oauth.InvalidGrant)
	})
	t.Run("not rotated: the old one is kept", func(t *testing.T) {
		p, config := start(t)
		c := oauth.New(config)
		tokens := mustSignIn(t, p, c)
		p.TokenAnswer = oauthtest.Set(map[string]any{"refresh_token": nil})
		after, err := c.Refresh(t.Context(), tokens.RefreshToken, tokens.IDToken)
		if err != nil || after.RefreshToken != tokens.RefreshToken {
			t.Errorf("the refresh token was not kept: %v", err)
		}
	})
}

// Responses to a refresh that end the session: every lasting refusal that is
// not the client's own fault, in any form.
func TestRefreshRefusals(t *testing.T) {
	const js = "application/json"
	ends, stays, ours := oauth.InvalidGrant, oauth.Rejected, oauth.Unavailable
	for _, tt := range []struct {
		name, contentType, body string
		status                  int
		want                    oauth.Kind
	}{
		{"as the standard has it", js, `{"error":"invalid_grant"}`, 400, ends},
		{"charset", js + "; charset=ISO-8859-1", `{"error":"invalid_grant"}`, 400, ends},
		{"byte order mark", js, "\xef\xbb\xbf" + `{"error":"invalid_grant"}`, 400, ends},
		{"text", "text/plain", `{"error":"invalid_grant"}`, 400, ends},
		{"HTML", "text/html; charset=utf-8", `{"error":"invalid_grant"}`, 400, ends},
		{"no content type", "", `{"error":"invalid_grant"}`, 400, ends},
		{"malformed content type", "leak leak", `{"error":"invalid_grant"}`, 400, ends},
		{"problem+json", "application/problem+json", `{"type":"about:blank","error":"invalid_grant"}`, 400, ends},
		{"a form", "application/x-www-form-urlencoded", `error=invalid_grant&error_description=leak`, 400, ends},
		{"with 401", js, `{"error":"invalid_grant"}`, 401, ends},
		{"with 403", js, `{"error":"invalid_grant"}`, 403, ends},
		{"interaction_required", js, `{"error":"interaction_required","suberror":"bad_token"}`, 400, ends},
		{"consent_required", js, `{"error":"consent_required"}`, 400, ends},
		{"login_required", js, `{"error":"login_required"}`, 400, ends},
		{"invalid_token", js, `{"error":"invalid_token"}`, 401, ends},
		{"expired_token", js, `{"error":"expired_token"}`, 400, ends},
		{"token_inactive", js, `{"error":"token_inactive"}`, 401, ends},
		{"access_denied", js, `{"error":"access_denied"}`, 403, ends},
		{"unknown code", js, `{"error":"leak_revoked"}`, 400, ends},
		{"invalid_scope without a requested scope", js, `{"error":"invalid_scope"}`, 400, ends},
		{"invalid_target", js, `{"error":"invalid_target"}`, 400, ends},
		{"an object of another framework", js, `{"errorCode":"leak","message":"expired"}`, 400, ends},
		{"error is an object", js, `{"error":{"type":"OAuthException"}}`, 400, ends},
		{"reason phrase as code", js, `{"status":400,"error":"Bad Request"}`, 400, ends},

		{"our request", js, `{"error":"invalid_request"}`, 400, stays},
		{"text that says invalid_grant", "text/html", `invalid_grant`, 400, stays},
		{"no body", "", ``, 400, stays},
		{"truncated", js, `{"error":"invalid_grant`, 400, stays},
		{"firewall", "text/html", `<h1>leak</h1>`, 403, stays},
		{"gateway", js, `{"message":"Forbidden"}`, 403, stays},
		{"our credentials", js, `{"error":"invalid_client"}`, 401, ours},
		{"our credentials with 400", js, `{"error":"invalid_client"}`, 400, ours},
		{"our registration", js, `{"error":"unauthorized_client"}`, 400, ours},
		{"our grant type", js, `{"error":"unsupported_grant_type"}`, 400, ours},
		{"401 of a framework", js, `{"status":401,"error":"Unauthorized"}`, 401, ours},
		{"401 without a body", "", ``, 401, ours},
		{"wrong address", js, `{"error":"not_found"}`, 404, ours},
		{"wrong method", js, `{"error":"leak"}`, 405, ours},
		{"too many requests", js, `{"error":"invalid_grant"}`, 429, ours},
		{"request timeout", js, `{"error":"invalid_grant"}`, 408, ours},
		{"server error", js, `{"error":"invalid_grant"}`, 500, ours},
		{"maintenance", js, `{"error":"invalid_grant"}`, 503, ours},
		{"temporarily_unavailable", js, `{"error":"temporarily_unavailable"}`, 400, stays},
		{"server_error with 400", js, `{"error":"server_error"}`, 400, stays},
		{"slow_down", js, `{"error":"slow_down"}`, 400, stays},
		{"error with 200", js, `{"error":"invalid_grant"}`, 200, ours},
		{"redirect", js, `{"error":"invalid_grant"}`, 302, ours},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, config := start(t)
			c := oauth.New(config)
			tokens := mustSignIn(t, p, c)
			p.On["/token"] = func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{tt.contentType}
				if tt.contentType == "" {
					w.Header()["Content-Type"] = nil
				}
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			}
			_, err := c.Refresh(t.Context(), tokens.RefreshToken, tokens.IDToken)
			want(t, p, err, tt.want)
			// The same response to a code never ends a session.
			if _, err := signIn(t, p, c); err == nil {
				t.Error("a login succeeded")
			}
		})
	}
	t.Run("less scope", func(t *testing.T) {
		p, config := start(t)
		c := oauth.New(config)
		tokens := mustSignIn(t, p, c)
		p.On["/token"] = oauthtest.Answer(400, js, `{"error":"invalid_scope"}`)
		_, err := c.RefreshScope(t.Context(), tokens.RefreshToken, tokens.IDToken, "openid")
		want(t, p, err, oauth.Rejected)
	})
}

// A17: the sub of UserInfo is that of the ID token.
func TestUserInfo(t *testing.T) {
	for _, tt := range []struct {
		name string
		info map[string]any
		on   http.HandlerFunc
		kind oauth.Kind
	}{
		{name: "A17 another sub", info: map[string]any{"sub": "leak"}},
		{name: "A17 no sub", info: map[string]any{"sub": nil}},
		{name: "sub is a number", info: map[string]any{"sub": 7}},
		{name: "401", on: oauthtest.Answer(401, "application/json", `{"error":"leak"}`), kind: oauth.TokenExpired},
		{name: "403", on: oauthtest.Answer(403, "application/json", `{"error":"leak"}`), kind: oauth.Rejected},
		{name: "500", on: oauthtest.Answer(500, "text/plain", `leak`)},
		{name: "302", on: oauthtest.Answer(302, "text/plain", `leak`)},
		{name: "a JWT", on: oauthtest.Answer(200, "application/jwt", `leak`)},
		{name: "an array", on: oauthtest.Answer(200, "application/json", `["leak"]`)},
		{name: "null", on: oauthtest.Answer(200, "application/json", `null`)},
		{name: "HTML", on: oauthtest.Answer(200, "text/html", `{"sub":"alice"}`)},
		{name: "10 MB", on: oauthtest.Answer(200, "application/json", `{"sub":"alice","pad":"`+strings.Repeat("x", 10<<20)+`"}`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, config := start(t)
			c := oauth.New(config)
			tokens := mustSignIn(t, p, c)
			p.UserInfo = oauthtest.Set(tt.info)
			if tt.on != nil {
				p.On["/userinfo"] = tt.on
			}
			_, err := c.UserInfo(t.Context(), tokens.AccessToken, "alice")
			want(t, p, err, tt.kind)
		})
	}
}

// Rule 45, A13, G10: the iss parameter of RFC 9207.
func TestCheckIssuer(t *testing.T) {
	for _, supported := range []bool{false, true} {
		p, config := start(t)
		p.Metadata = oauthtest.Set(map[string]any{"authorization_response_iss_parameter_supported": supported})
		c := oauth.New(config)
		if err := c.CheckIssuer(t.Context(), p.Issuer()); err != nil {
			t.Error(err)
		}
		want(t, p, c.CheckIssuer(t.Context(), p.Issuer()+"/"), oauth.WrongIssuer)
		want(t, p, c.CheckIssuer(t.Context(), "https://leak.example"), oauth.WrongIssuer)
		if err := c.CheckIssuer(t.Context(), ""); (err != nil) != supported {
			t.Errorf("supported %t: missing iss: got %v", supported, err)
		}
	}
	// Without metadata the settings decide.
	p, config := start(t)
	config = explicit(p, config)
	if err := oauth.New(config).CheckIssuer(t.Context(), ""); err != nil {
		t.Error(err)
	}
	config.SendsIssuer = true
	want(t, p, oauth.New(config).CheckIssuer(t.Context(), ""), oauth.WrongIssuer)
}

func TestKeysNotToBeHad(t *testing.T) {
	for name, on := range map[string]http.HandlerFunc{
		"500":                     oauthtest.Answer(500, "text/plain", "leak"),
		"302":                     oauthtest.Answer(302, "text/plain", "leak"),
		"HTML":                    oauthtest.Answer(200, "text/html", "<leak>"),
		"no key":                  oauthtest.Answer(200, "application/json", `{"keys":[]}`),
		"no key that can be used": oauthtest.Answer(200, "application/json", `{"keys":[null,{"kty":"leak"}]}`),
		"no set":                  oauthtest.Answer(200, "application/json", `{"leak":[]}`),
		"huge":                    oauthtest.Answer(200, "application/json", `{"keys":[],"pad":"`+strings.Repeat("x", 2<<20)+`"}`),
	} {
		t.Run(name, func(t *testing.T) {
			p, config := start(t)
			p.On["/jwks"] = on
			_, err := signIn(t, p, oauth.New(config))
			want(t, p, err, oauth.Unavailable)
		})
	}
}

// The provider changes its key: an unknown key id fetches the set again.
func TestKeyRotation(t *testing.T) {
	p, config := start(t)
	c := oauth.New(config)
	mustSignIn(t, p, c)
	next := oauthtest.NewKey()
	p.Sign = func(claims map[string]any) string { return oauthtest.SignWith(next, "k2", jose.ES256, claims) }
	p.On["/jwks"] = func(w http.ResponseWriter, _ *http.Request) {
		key, _ := jose.JSONWebKey{Key: next.Public(), KeyID: "k2"}.MarshalJSON()
		fmt.Fprintf(w, `{"keys":[%s]}`, key)
	}
	mustSignIn(t, p, c)
}

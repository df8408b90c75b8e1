package oauth_test

import (
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// Rule 27, 45: a signed authorization response is the provider's, for us, and
// fresh. It is never unsigned, and never signed with a secret that an attacker
// knows.
func TestSignedResponse(t *testing.T) {
	p, config := start(t)
	config.ResponseMode = "jwt"
	c := oauth.New(config)
	es256 := func(claims map[string]any) string { return oauthtest.SignWith(p.Key, "k1", jose.ES256, claims) }
	for _, tt := range []struct {
		name   string
		change map[string]any
		sign   func(map[string]any) string
		ok     bool
	}{
		{name: "good", ok: true},
		{name: "aud is an array", change: map[string]any{"aud": []string{"x", oauthtest.ClientID}}, ok: true},
		{name: "another issuer", change: map[string]any{"iss": "https://leak.example"}},
		{name: "no issuer", change: map[string]any{"iss": nil}},
		{name: "another client", change: map[string]any{"aud": "leak"}},
		{name: "no aud", change: map[string]any{"aud": nil}},
		{name: "expired", change: map[string]any{"exp": now.Unix()}},
		{name: "no exp", change: map[string]any{"exp": nil}},
		{name: "exp is text", change: map[string]any{"exp": "leak"}},
		{name: "code is a number", change: map[string]any{"code": 7}},
		{name: "none", sign: oauthtest.Unsigned},
		{name: "HS256 with the public key", sign: func(claims map[string]any) string {
			return oauthtest.SignWith(oauthtest.PublicKeyBytes(p.Key), "k1", jose.HS256, claims)
		}},
		{name: "another key", sign: func(claims map[string]any) string {
			return oauthtest.SignWith(oauthtest.NewKey(), "k1", jose.ES256, claims)
		}},
		{name: "not a JWT", sign: func(map[string]any) string { return "leak" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			claims := map[string]any{
				"iss": p.Issuer(), "aud": oauthtest.ClientID, "exp": now.Add(time.Minute).Unix(), "code": "the code", "state": "the state",
			}
			oauthtest.Set(tt.change)(claims)
			sign := tt.sign
			if sign == nil {
				sign = es256
			}
			parameters, err := c.Response(t.Context(), sign(claims))
			if tt.ok {
				if err != nil || parameters.Get("code") != "the code" || parameters.Get("state") != "the state" {
					t.Errorf("got %v, %v", parameters, err)
				}
				return
			}
			want(t, p, err, oauth.BadSignature)
			if parameters != nil {
				t.Error("parameters came with the error")
			}
		})
	}
}

// The same for a signed UserInfo response (OpenID Connect Core section 5.3.2).
func TestSignedUserInfo(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change map[string]any
		ok     bool
		sign   func(*oauthtest.Provider, map[string]any) string
	}{
		{name: "good", ok: true},
		{name: "A17 another sub", change: map[string]any{"sub": "leak"}},
		{name: "another issuer", change: map[string]any{"iss": "https://leak.example"}},
		{name: "another client", change: map[string]any{"aud": "leak"}},
		{name: "expired", change: map[string]any{"exp": now.Unix() - 1}},
		{name: "none", sign: func(_ *oauthtest.Provider, claims map[string]any) string { return oauthtest.Unsigned(claims) }},
		{name: "another key", sign: func(_ *oauthtest.Provider, claims map[string]any) string {
			return oauthtest.SignWith(oauthtest.NewKey(), "k1", jose.ES256, claims)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, config := start(t)
			c := oauth.New(config)
			tokens := mustSignIn(t, p, c)
			claims := map[string]any{"iss": p.Issuer(), "aud": oauthtest.ClientID, "sub": "alice", "name": "Zoë"}
			oauthtest.Set(tt.change)(claims)
			sign := tt.sign
			if sign == nil {
				sign = func(p *oauthtest.Provider, claims map[string]any) string {
					return oauthtest.SignWith(p.Key, "k1", jose.ES256, claims)
				}
			}
			p.On["/userinfo"] = oauthtest.Answer(200, "application/jwt", sign(p, claims))
			_, err := c.UserInfo(t.Context(), tokens.AccessToken, "alice")
			if tt.ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			want(t, p, err, oauth.Unavailable)
		})
	}
}

func FuzzResponseState(f *testing.F) {
	f.Add("a.eyJzdGF0ZSI6IngifQ.b")
	f.Add("..")
	f.Fuzz(func(t *testing.T, response string) { oauth.ResponseState(response) })
}

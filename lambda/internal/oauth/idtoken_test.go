package oauth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// Rule 30, 47, A7, G10: every check of an ID token.
func TestIDTokenChecks(t *testing.T) {
	other := oauthtest.NewKey()
	for _, tt := range []struct {
		name   string
		claims map[string]any
		sign   func(p *oauthtest.Provider) func(map[string]any) string
		hash   bool // with an at_hash of the access token
		ok     bool
	}{
		{name: "good", ok: true},
		{name: "aud is an array", claims: map[string]any{"aud": []string{oauthtest.ClientID}}, ok: true},
		{name: "azp is us", claims: map[string]any{"azp": oauthtest.ClientID, "aud": []string{oauthtest.ClientID, "other"}}, ok: true},
		{name: "iat within the leeway", claims: map[string]any{"iat": now.Add(50 * time.Second).Unix()}, ok: true},
		{name: "at_hash", hash: true, ok: true},
		{name: "claims in another case", claims: map[string]any{"Sub": "leak", "Nonce": "leak", "AUD": 7, "EXP": "leak", "Iss": "leak", "ACR": []string{"leak"}, "At_Hash": 7}, ok: true},
		{name: "claims that were not asked for", claims: map[string]any{"acr": []string{"leak"}, "auth_time": "leak", "amr": "leak", "name": 7, "scope": map[string]any{}}, ok: true},
		{name: "exp with a fraction", claims: map[string]any{"exp": float64(now.Unix()) + 60.5}, ok: true},
		{name: "at_hash is a number", claims: map[string]any{"at_hash": 7}},
		{name: "only in another case", claims: map[string]any{"sub": nil, "Sub": "leak"}},
		{name: "nonce only in another case", claims: map[string]any{"nonce": nil, "Nonce": "leak"}},
		{name: "nonce is a number", claims: map[string]any{"nonce": 7}},
		{name: "azp is a number", claims: map[string]any{"azp": 7}},
		{name: "aud has a number", claims: map[string]any{"aud": []any{oauthtest.ClientID, 7}}},
		{name: "iat is text", claims: map[string]any{"iat": "leak"}},
		{name: "not valid yet", claims: map[string]any{"nbf": now.Add(61 * time.Second).Unix()}},
		{name: "iss of another", claims: map[string]any{"iss": "https://leak.example"}},
		{name: "iss missing", claims: map[string]any{"iss": nil}},
		{name: "aud of another", claims: map[string]any{"aud": "leak"}},
		{name: "aud missing", claims: map[string]any{"aud": nil}},
		{name: "azp of another", claims: map[string]any{"azp": "leak"}},
		{name: "azp empty", claims: map[string]any{"azp": ""}},
		{name: "several aud without azp", claims: map[string]any{"aud": []string{oauthtest.ClientID, "leak"}}},
		{name: "expired", claims: map[string]any{"exp": now.Add(-time.Second).Unix()}},
		{name: "exp missing", claims: map[string]any{"exp": nil}},
		{name: "exp is text", claims: map[string]any{"exp": "leak"}},
		{name: "iat in the future", claims: map[string]any{"iat": now.Add(61 * time.Second).Unix()}},
		{name: "iat missing", claims: map[string]any{"iat": nil}},
		{name: "nonce missing", claims: map[string]any{"nonce": nil}},
		{name: "nonce of another", claims: map[string]any{"nonce": "leak"}},
		{name: "sub missing", claims: map[string]any{"sub": nil}},
		{name: "sub is a number", claims: map[string]any{"sub": 7}},
		{name: "at_hash of another", claims: map[string]any{"at_hash": "leak"}},
		{name: "no JWT", sign: func(*oauthtest.Provider) func(map[string]any) string {
			return func(map[string]any) string { return "leak" }
		}},
		{name: "alg none", sign: func(*oauthtest.Provider) func(map[string]any) string { return oauthtest.Unsigned }},
		{name: "HS256 with the client secret", sign: func(*oauthtest.Provider) func(map[string]any) string {
			return func(claims map[string]any) string {
				return oauthtest.SignWith([]byte(oauthtest.ClientSecret+"padding"), "k1", jose.HS256, claims)
			}
		}},
		{name: "HS256 with the public key", sign: func(p *oauthtest.Provider) func(map[string]any) string {
			return func(claims map[string]any) string {
				return oauthtest.SignWith(oauthtest.PublicKeyBytes(p.Key), "k1", jose.HS256, claims)
			}
		}},
		{name: "another key under the same id", sign: func(*oauthtest.Provider) func(map[string]any) string {
			return func(claims map[string]any) string { return oauthtest.SignWith(other, "k1", jose.ES256, claims) }
		}},
		{name: "unknown key id", sign: func(*oauthtest.Provider) func(map[string]any) string {
			return func(claims map[string]any) string { return oauthtest.SignWith(other, "k2", jose.ES256, claims) }
		}},
		{name: "payload altered", sign: func(p *oauthtest.Provider) func(map[string]any) string {
			return func(claims map[string]any) string {
				signed := strings.Split(oauthtest.SignWith(p.Key, "k1", jose.ES256, claims), ".")
				claims["sub"] = "leak"
				altered := strings.Split(oauthtest.Unsigned(claims), ".")
				return signed[0] + "." + altered[1] + "." + signed[2]
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, config := start(t)
			p.Claims = oauthtest.Set(tt.claims)
			if tt.hash {
				p.TokenAnswer = func(answer map[string]any) {
					claims, _ := oauth.Claims(answer["id_token"].(string))
					var m map[string]any
					json.Unmarshal(claims, &m)
					sum := sha256.Sum256([]byte(answer["access_token"].(string)))
					m["at_hash"] = base64.RawURLEncoding.EncodeToString(sum[:16])
					answer["id_token"] = oauthtest.SignWith(p.Key, "k1", jose.ES256, m)
				}
			}
			if tt.sign != nil {
				p.Sign = tt.sign(p)
			}
			tokens, err := signIn(t, p, oauth.New(config))
			if tt.ok {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			want(t, p, err, oauth.InvalidIDToken)
			if tokens != (oauth.Tokens{}) {
				t.Error("tokens came with the error")
			}
		})
	}
}

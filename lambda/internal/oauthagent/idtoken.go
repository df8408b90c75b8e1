package oauthagent

import (
	"encoding/base64"
	"encoding/json"

	"github.com/tokenhandler/aws/lambda/internal/oauth"
)

// keptClaims are the claims that a refresh compares (OpenID Connect Core
// section 12.2), and the id of the provider's session.
var keptClaims = []string{"iss", "sub", "aud", "nonce", "sid"}

// kept returns the ID token as the cookie carries it: whole, or, with
// [Config.OmitIDToken], an unsecured JWT (RFC 7519 section 6) with the claims
// that a refresh needs.
func (a *agent) kept(idToken string) string {
	if !a.OmitIDToken || idToken == "" {
		return idToken
	}
	var claims map[string]json.RawMessage
	payload, err := oauth.Claims(idToken)
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return idToken // not reached: it has been verified
	}
	few := map[string]json.RawMessage{}
	for _, name := range keptClaims {
		if value, ok := claims[name]; ok {
			few[name] = value
		}
	}
	text, err := json.Marshal(few)
	if err != nil {
		return idToken
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(text) + "."
}

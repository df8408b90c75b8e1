package oauth

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

// maxJWT bounds a signed response, of the authorization or the user endpoint.
const maxJWT = 64 << 10

var asymmetricJOSE = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// verifyJWT verifies a JWT of the provider that is no ID token: its signature,
// that it is from the provider and for us, and the expiry if it has one. It
// returns the payload. what names the response in errors, kind is theirs.
func (c *Client) verifyJWT(ctx context.Context, p *provider, jwt, what string, kind Kind) ([]byte, map[string]json.RawMessage, error) {
	fail := func(reason string) ([]byte, map[string]json.RawMessage, error) {
		return nil, nil, &Error{kind, what + ": " + reason}
	}
	if len(jwt) > maxJWT {
		return fail("too large")
	}
	// Signed with an asymmetric algorithm: never none, never with a secret.
	if _, err := jose.ParseSignedCompact(jwt, asymmetricJOSE); err != nil {
		return fail("expected a JWT with an asymmetric signature")
	}
	keys := &verification{keys: p.keys}
	payload, err := keys.VerifySignature(ctx, jwt)
	switch {
	case keys.failure != nil:
		return nil, nil, &Error{Unavailable, "key set of the provider " + networkReason(keys.failure)}
	case err != nil:
		return fail("signature is not the provider's")
	}
	claims, err := strictjson.Object(payload)
	if err != nil {
		return fail("payload is not a JSON object without duplicate names")
	}
	issuer, ok := strictjson.String(claims, "iss")
	if !ok || issuer != c.config.Issuer {
		return fail("iss is not the configured issuer")
	}
	var aud audience
	if json.Unmarshal(claims["aud"], &aud) != nil || !slices.Contains(aud, c.config.ClientID) {
		return fail("aud is not this client")
	}
	if raw, present := claims["exp"]; present {
		var seconds float64
		if json.Unmarshal(raw, &seconds) != nil || !(float64(c.config.Now().Unix()) < seconds) {
			return fail("expired")
		}
	}
	return payload, claims, nil
}

// numericDate reads a claim that is a time (RFC 7519 section 2).
func numericDate(seconds float64) time.Time { return time.Unix(int64(seconds), 0) }

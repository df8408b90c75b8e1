package oauth

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

// issuedAtLeeway is how far the provider's clock may be ahead of ours.
const issuedAtLeeway = time.Minute

// asymmetric are the signature algorithms of ID tokens we accept: never none,
// and never one that takes the client secret or a public key for a shared key.
var asymmetric = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
	oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// idClaims are the claims of an ID token that are checked here and not by
// go-oidc.
type idClaims struct {
	Issuer          string   `json:"iss"`
	Subject         string   `json:"sub"`
	Audience        audience `json:"aud"`
	AuthorizedParty *string  `json:"azp"`
	Nonce           string   `json:"nonce"`
	AuthTime        *float64 `json:"auth_time"`
	ACR             string   `json:"acr"`
}

// audience is one string or an array of them (RFC 7519 section 4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// verifyIDToken does the validation of OpenID Connect Core section 3.1.3.7,
// except for the nonce.
func (c *Client) verifyIDToken(ctx context.Context, p *provider, tokens Tokens) (idClaims, error) {
	var claims idClaims
	if tokens.IDToken == "" {
		return claims, invalid("missing from the token response")
	}
	// RFC 7519 section 4: claim names "MUST be unique".
	payload, err := Claims(tokens.IDToken)
	if err != nil {
		return claims, err
	}
	if _, err := strictjson.Object(payload); err != nil {
		return claims, invalid("a claim comes twice")
	}
	keys := &verification{keys: p.keys}
	// Signature, alg, iss, aud contains us, exp and nbf.
	token, err := oidc.NewVerifier(c.config.Issuer, keys, &oidc.Config{
		ClientID: c.config.ClientID, SupportedSigningAlgs: asymmetric, Now: c.config.Now,
	}).Verify(ctx, tokens.IDToken)
	var expired *oidc.TokenExpiredError
	switch {
	case keys.failure != nil:
		return claims, &Error{Unavailable, "key set of the provider " + networkReason(keys.failure)}
	case errors.As(err, &expired):
		return claims, invalid("expired")
	case err != nil:
		return claims, invalid("signature, alg, iss, aud or nbf is not as expected")
	}
	if err := token.Claims(&claims); err != nil {
		return claims, invalid("a claim has the wrong type")
	}
	now := c.config.Now()
	switch {
	case claims.Subject == "":
		return claims, invalid("sub is missing")
	// Points 4 and 5: with several audiences an azp is expected, and if there
	// is one it is us.
	case len(claims.Audience) > 1 && claims.AuthorizedParty == nil:
		return claims, invalid("several audiences but no azp")
	case claims.AuthorizedParty != nil && *claims.AuthorizedParty != c.config.ClientID:
		return claims, invalid("azp is another client")
	case token.IssuedAt.IsZero():
		return claims, invalid("iat is missing")
	case token.IssuedAt.After(now.Add(issuedAtLeeway)):
		return claims, invalid("iat is in the future")
	// Section 3.1.3.8.
	case token.AccessTokenHash != "" && token.VerifyAccessToken(tokens.AccessToken) != nil:
		return claims, invalid("at_hash is not of the access token")
	}
	return claims, nil
}

func invalid(reason string) *Error { return &Error{InvalidIDToken, "id token: " + reason} }

// checkNonce does point 11 of section 3.1.3.7.
func (c idClaims) checkNonce(want string) error {
	if want == "" || subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(want)) != 1 {
		return invalid("nonce is not the one of this login")
	}
	return nil
}

// checkStepUp holds the authentication to what the login demanded of it.
func (c idClaims) checkStepUp(login Login, now time.Time) error {
	// Point 13: "If the auth_time Claim was requested, either through a specific
	// request for this Claim or by using the max_age parameter, the Client
	// SHOULD check the auth_time Claim value".
	if login.MaxAge != nil {
		if c.AuthTime == nil {
			return &Error{StepUpFailed, "id token: auth_time is missing though max_age was asked for"}
		}
		latest := numericDate(*c.AuthTime).Add(time.Duration(*login.MaxAge) * time.Second)
		if now.After(latest.Add(issuedAtLeeway)) {
			return &Error{StepUpFailed, "id token: auth_time is longer ago than max_age"}
		}
	}
	// Point 12.
	if len(login.ACR) > 0 && !slices.Contains(login.ACR, c.ACR) {
		return &Error{StepUpFailed, "id token: acr is none of those that were asked for"}
	}
	return nil
}

// checkContinues does the comparison of section 12.2. The previous token was
// verified when it was received.
func (c idClaims) checkContinues(previousIDToken string) error {
	payload, err := Claims(previousIDToken)
	if err != nil {
		return err
	}
	var previous idClaims
	if err := json.Unmarshal(payload, &previous); err != nil {
		return invalid("the previous one has a claim of the wrong type")
	}
	for _, a := range previous.Audience {
		if !slices.Contains(c.Audience, a) {
			return invalid("aud does not include the previous one")
		}
	}
	switch {
	case c.Issuer != previous.Issuer:
		return invalid("iss is not the previous one")
	case c.Subject != previous.Subject:
		return invalid("sub is not the previous one")
	// "it SHOULD NOT have a nonce Claim […] however, if it is present, its
	// value MUST be the same".
	case c.Nonce != "" && previous.Nonce != "" && c.Nonce != previous.Nonce:
		return invalid("nonce is not the previous one")
	}
	return nil
}

// Claims returns the payload of an ID token, a JSON object, byte for byte. It
// verifies nothing: it is for tokens that [Client.Exchange] or
// [Client.Refresh] returned.
func Claims(idToken string) (json.RawMessage, error) {
	segments := strings.Split(idToken, ".")
	if len(segments) != 3 {
		return nil, invalid("expected three segments")
	}
	payload, err := base64.RawURLEncoding.DecodeString(segments[1])
	if err != nil || !isObject(payload) {
		return nil, invalid("expected a payload that is a JSON object")
	}
	return payload, nil
}

// Subject returns the sub claim of an ID token, likewise.
func Subject(idToken string) (string, error) {
	payload, err := Claims(idToken)
	if err != nil {
		return "", err
	}
	var claims idClaims
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Subject == "" {
		return "", invalid("sub is missing")
	}
	return claims.Subject, nil
}

func isObject(b []byte) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(b, &object) == nil && object != nil
}

package oauth

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/jwt"
	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

// leeway is how far the provider's clock may be ahead of ours.
const leeway = time.Minute

// idClaims are the claims of an ID token. A claim is read when it is needed:
// one of another type matters only then.
type idClaims map[string]json.RawMessage

// text returns a claim that must be a string. It is "" if the claim is missing
// or null.
func (c idClaims) text(name string) (string, error) {
	value, ok := strictjson.String(c, name)
	if !ok {
		return "", invalid(name + " must be a string")
	}
	return value, nil
}

func (c idClaims) time(name string) (value time.Time, err error) {
	if jwt.ReadTime(c, name, &value) != nil {
		return time.Time{}, invalid(name + " must be a time")
	}
	return value, nil
}

func (c idClaims) audience() (value []string, err error) {
	if jwt.ReadList(c, "aud", &value) != nil {
		return nil, invalid("aud must be a string or a list of strings")
	}
	return value, nil
}

// verifyIDToken does the validation of OpenID Connect Core section 3.1.3.7,
// except for the nonce.
func (c *Client) verifyIDToken(ctx context.Context, p *provider, tokens Tokens) (idClaims, error) {
	if tokens.IDToken == "" {
		return nil, invalid("missing from the token response")
	}
	signed, err := p.keys.Verify(ctx, tokens.IDToken)
	switch {
	case errors.Is(err, jwt.ErrInvalid):
		return nil, invalid("not a JWT that the provider signed with an accepted algorithm")
	case err != nil:
		return nil, &Error{Unavailable, err.Error()}
	}
	// RFC 7519 section 4: claim names "MUST be unique".
	claims, err := strictjson.Object(signed.Payload)
	if err != nil {
		return nil, invalid("expected a JSON object without duplicate names")
	}
	return claims, c.checkIDToken(claims, signed, tokens.AccessToken)
}

func (c *Client) checkIDToken(claims idClaims, signed jwt.Signed, accessToken string) error {
	issuer, err1 := claims.text("iss")
	subject, err2 := claims.text("sub")
	party, err3 := claims.text("azp")
	hash, err4 := claims.text("at_hash")
	audience, err5 := claims.audience()
	expires, err6 := claims.time("exp")
	issued, err7 := claims.time("iat")
	notBefore, err8 := claims.time("nbf")
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8); err != nil {
		return invalid("a claim has the wrong type")
	}
	now := c.config.Now()
	_, hasParty := claims["azp"]
	switch {
	case signed.Type == "at+jwt" || signed.Type == "logout+jwt":
		return invalid("it has the type of another kind of token") // RFC 8725 section 3.11
	case issuer != c.config.Issuer:
		return invalid("iss is not the configured issuer")
	case !slices.Contains(audience, c.config.ClientID):
		return invalid("aud is not this client")
	case expires.IsZero():
		return invalid("exp is missing")
	case !now.Before(expires):
		return invalid("expired")
	case notBefore.After(now.Add(leeway)):
		return invalid("nbf is in the future")
	case subject == "":
		return invalid("sub is missing")
	// Points 4 and 5: with several audiences an azp is expected, and azp must be
	// this client.
	case len(audience) > 1 && !hasParty:
		return invalid("several audiences but no azp")
	case hasParty && party != c.config.ClientID:
		return invalid("azp is another client")
	case issued.IsZero():
		return invalid("iat is missing")
	case issued.After(now.Add(leeway)):
		return invalid("iat is in the future")
	// Section 3.1.3.8.
	case hash != "" && hash != jwt.HalfHash(signed.Algorithm, accessToken):
		return invalid("at_hash is not of the access token")
	}
	return nil
}

func invalid(reason string) *Error { return &Error{InvalidIDToken, "id token: " + reason} }

// checkNonce does point 11 of section 3.1.3.7.
func (c idClaims) checkNonce(want string) error {
	nonce, err := c.text("nonce")
	if err != nil || want == "" || subtle.ConstantTimeCompare([]byte(nonce), []byte(want)) != 1 {
		return invalid("nonce is not the one of this login")
	}
	return nil
}

// checkStepUp holds the authentication to the demands of the login.
func (c idClaims) checkStepUp(login Login, now time.Time) error {
	// Point 13: "If the auth_time Claim was requested, either through a specific
	// request for this Claim or by using the max_age parameter, the Client
	// SHOULD check the auth_time Claim value".
	if login.MaxAge != nil {
		authenticated, err := c.time("auth_time")
		if err != nil || authenticated.IsZero() {
			return &Error{StepUpFailed, "id token: auth_time is missing though max_age was asked for"}
		}
		if now.After(authenticated.Add(time.Duration(*login.MaxAge)*time.Second + leeway)) {
			return &Error{StepUpFailed, "id token: auth_time is longer ago than max_age"}
		}
	}
	// Point 12.
	if len(login.ACR) > 0 {
		if acr, err := c.text("acr"); err != nil || !slices.Contains(login.ACR, acr) {
			return &Error{StepUpFailed, "id token: acr is not among those that were asked for"}
		}
	}
	return nil
}

// checkContinues does the comparison of section 12.2. The previous token was
// verified when it was received.
func (c idClaims) checkContinues(previousIDToken string) error {
	previous, err := claimsOf(previousIDToken)
	if err != nil {
		return err
	}
	same := func(name string) bool {
		a, err1 := c.text(name)
		b, err2 := previous.text(name)
		return err1 == nil && err2 == nil && a == b
	}
	before, err1 := previous.audience()
	now, err2 := c.audience()
	nonce, hadNonce := c["nonce"]
	_, hasNonce := previous["nonce"]
	switch {
	case err1 != nil || err2 != nil || slices.ContainsFunc(before, func(a string) bool { return !slices.Contains(now, a) }):
		return invalid("aud does not include the previous one")
	case !same("iss"):
		return invalid("iss is not the previous one")
	case !same("sub"):
		return invalid("sub is not the previous one")
	// "it SHOULD NOT have a nonce Claim […] however, if it is present, its
	// value MUST be the same".
	case hadNonce && hasNonce && string(nonce) != `""` && string(nonce) != "null" && !same("nonce"):
		return invalid("nonce is not the previous one")
	}
	return nil
}

// Claims returns the payload of an ID token, a JSON object, byte for byte. It
// does not verify it: it is for tokens that [Client.Exchange] or
// [Client.Refresh] returned.
func Claims(idToken string) (json.RawMessage, error) {
	payload, err := jwt.Payload(idToken)
	if err != nil {
		return nil, invalid("expected a JWT with a payload that is a JSON object")
	}
	return payload, nil
}

func claimsOf(idToken string) (idClaims, error) {
	payload, err := Claims(idToken)
	if err != nil {
		return nil, err
	}
	claims, err := strictjson.Object(payload)
	if err != nil {
		return nil, invalid("expected a JSON object without duplicate names")
	}
	return claims, nil
}

// Subject returns the sub claim of an ID token, likewise.
func Subject(idToken string) (string, error) {
	claims, err := claimsOf(idToken)
	if err != nil {
		return "", err
	}
	subject, err := claims.text("sub")
	if err != nil || subject == "" {
		return "", invalid("sub is missing")
	}
	return subject, nil
}

// Package jwt verifies JWTs that the provider has signed: access tokens (RFC
// 9068 and those of older providers), introspection responses (RFC 9701), and,
// for package oauth, ID tokens and other signed responses.
//
// The keys come from the provider's JWK set only: of the token's header the key
// id is used, and no key or address in it.
//
// # Not done
//
// No discovery: the URL of the key set is configured. No encrypted tokens. No
// revocation: a signed token is accepted until it expires; package
// introspection knows better.
package jwt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

// ErrInvalid is wrapped by every error about the token itself, ErrExpired is
// returned for a token that was valid before. Any other error means that the
// token could not be checked.
var (
	ErrInvalid = errors.New("jwt: the token is not valid")
	ErrExpired = errors.New("jwt: the token has expired")
)

// maxAccessToken bounds an access token: API Gateway's headers end at 10,240
// bytes.
const maxAccessToken = 16 << 10

// leeway is for clocks that differ, on claims that lie in the future. It does
// not extend an expiry.
const leeway = 30 * time.Second

// freshness is how old a signed introspection response may be.
const freshness = 5 * time.Minute

// Config says which tokens are accepted.
type Config struct {
	Issuer string
	// TokenIssuer is the issuer of access tokens, if it is another one.
	TokenIssuer string
	Audience    []string // any of them
	// ClientID is the agent's client. A token for it is an ID token, unless the
	// token says otherwise.
	ClientID string
	// RequireType refuses access tokens without the type at+jwt (RFC 9068
	// section 4).
	RequireType bool
	Keys        *KeySet
	Now         func() time.Time
}

// Verifier verifies signatures and claims. It is safe for use by several
// goroutines.
type Verifier struct{ cfg Config }

// NewVerifier returns a verifier. It does no network call.
func NewVerifier(cfg Config) *Verifier {
	if cfg.TokenIssuer == "" {
		cfg.TokenIssuer = cfg.Issuer
	}
	return &Verifier{cfg}
}

// AccessToken verifies an access token: its signature, kind, iss, aud, exp, nbf
// and cnf (RFC 9068 section 4). thumbprint is that of the key whose possession
// the request proves (RFC 9449 section 6.1), empty for a plain bearer token.
func (v *Verifier) AccessToken(ctx context.Context, token, thumbprint string) (Claims, error) {
	if len(token) > maxAccessToken {
		return Claims{}, fmt.Errorf("%w: expected at most %d bytes", ErrInvalid, maxAccessToken)
	}
	signed, err := v.cfg.Keys.Verify(ctx, token)
	if err != nil {
		return Claims{}, err
	}
	c, err := ParseClaims(signed.Payload)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: %v", ErrInvalid, err)
	}
	if err := v.checkKind(signed.Type, c); err != nil {
		return Claims{}, err
	}
	if err := c.checkConfirmation(thumbprint); err != nil {
		return Claims{}, err
	}
	return c, v.check(c)
}

// otherKinds are claims that only other kinds of JWT have: security event and
// logout tokens (RFC 8417 section 2.2), introspection responses (RFC 9701
// section 5), authorization responses (JARM section 2.1), and the ID tokens of
// the hybrid flow (OpenID Connect Core section 3.3.2.11, FAPI 1.0).
var otherKinds = []string{"events", "token_introspection", "code", "c_hash", "s_hash"}

// checkKind refuses JWTs of the provider that are no access tokens (RFC 8725
// section 3.11 and 3.12). nonce and at_hash do not tell an ID token: Keycloak
// writes them into access tokens.
func (v *Verifier) checkKind(typ string, c Claims) error {
	// Providers older than RFC 9068 write the type JWT or no type.
	marked := typ == "at+jwt"
	if !marked && (v.cfg.RequireType || typ != "jwt" && typ != "") {
		return fmt.Errorf("%w: it has another type than an access token", ErrInvalid)
	}
	// Amazon Cognito Developer Guide, "Understanding the access token":
	// token_use is access, of an ID token id.
	switch use := c.text("token_use"); use {
	case "access":
		marked = true
	case "id", "refresh":
		return fmt.Errorf("%w: token_use is not access", ErrInvalid)
	}
	// Keycloak, class org.keycloak.util.TokenUtil: the claim typ is Bearer or
	// DPoP in access tokens.
	switch kind := c.text("typ"); kind {
	case "Bearer", "DPoP":
		marked = true
	case "ID", "Refresh", "Offline", "Logout":
		return fmt.Errorf("%w: the claim typ is not Bearer", ErrInvalid)
	}
	for _, name := range otherKinds {
		if c.Member(name) != nil {
			return fmt.Errorf("%w: it has a claim that access tokens have not", ErrInvalid)
		}
	}
	// OpenID Connect Core section 2: the audience of an ID token contains the
	// client. So do those of signed UserInfo and authorization responses.
	if !marked && v.cfg.ClientID != "" && slices.Contains(c.Audience, v.cfg.ClientID) {
		return fmt.Errorf("%w: it is for the client itself, as ID tokens are", ErrInvalid)
	}
	return nil
}

// checkConfirmation holds a token that is bound to a key to that key: without a
// proof it "MUST NOT" be accepted as a bearer token (RFC 9449 section 7.2, RFC
// 8705 section 3).
func (c Claims) checkConfirmation(thumbprint string) error {
	if !c.Bound() {
		return nil
	}
	confirmation, err := strictjson.Object(c.Member("cnf"))
	jkt, ok := strictjson.String(confirmation, "jkt")
	if err != nil || !ok || thumbprint == "" || jkt != thumbprint || len(confirmation) != 1 {
		return fmt.Errorf("%w: it is bound to a key that the request does not prove", ErrInvalid)
	}
	return nil
}

func (v *Verifier) check(c Claims) error {
	now := v.cfg.Now()
	switch {
	case c.Issuer != v.cfg.TokenIssuer:
		return fmt.Errorf("%w: another issuer than expected", ErrInvalid)
	case !v.isForUs(c):
		return fmt.Errorf("%w: another audience than expected", ErrInvalid)
	case c.Expires.IsZero():
		return fmt.Errorf("%w: it does not expire", ErrInvalid)
	case c.NotBefore.After(now.Add(leeway)):
		return fmt.Errorf("%w: it is not valid yet", ErrInvalid)
	case !now.Before(c.Expires):
		return ErrExpired
	}
	return nil
}

// isForUs compares the audience. Access tokens of Cognito have no audience and
// name the client that they were issued to ("Verifying JSON web tokens": "The
// client_id claim should match").
func (v *Verifier) isForUs(c Claims) bool {
	if c.Member("aud") != nil || c.text("token_use") != "access" {
		return c.HasAudience(v.cfg.Audience)
	}
	client := c.text("client_id")
	return client != "" && (client == v.cfg.ClientID || slices.Contains(v.cfg.Audience, client))
}

// Introspection verifies a signed introspection response that the provider
// made for this audience, and returns its member token_introspection (RFC 9701
// section 5).
func (v *Verifier) Introspection(ctx context.Context, response, audience string) ([]byte, error) {
	signed, err := v.cfg.Keys.Verify(ctx, response)
	if err != nil {
		return nil, err
	}
	if signed.Type != "token-introspection+jwt" {
		return nil, fmt.Errorf("%w: expected the type token-introspection+jwt", ErrInvalid)
	}
	c, err := ParseClaims(signed.Payload)
	if err != nil {
		return nil, err
	}
	var issued time.Time
	if err := ReadTime(c.members, "iat", &issued); err != nil {
		return nil, err
	}
	now := v.cfg.Now()
	switch {
	case c.Issuer != v.cfg.Issuer:
		return nil, fmt.Errorf("%w: another issuer than expected", ErrInvalid)
	case !c.HasAudience([]string{audience}):
		return nil, fmt.Errorf("%w: another audience than expected", ErrInvalid)
	case issued.Before(now.Add(-freshness)) || issued.After(now.Add(leeway)):
		return nil, fmt.Errorf("%w: it was not issued just now", ErrInvalid)
	case c.Member("token_introspection") == nil:
		return nil, fmt.Errorf("%w: expected the member token_introspection", ErrInvalid)
	}
	return c.Member("token_introspection"), nil
}

// Payload returns the payload of a JWT, a JSON object, byte for byte. It does
// not verify the JWT: use it for tokens that were verified when they were
// received, or that arrived over a trusted channel.
func Payload(token string) (json.RawMessage, error) {
	segments := strings.Split(token, ".")
	if len(segments) != 3 {
		return nil, errors.New("jwt: expected three segments")
	}
	payload, err := b64.DecodeString(segments[1])
	if err != nil {
		return nil, errors.New("jwt: expected base64url without padding")
	}
	if object, err := strictjson.Members(payload); err != nil || object == nil {
		return nil, errors.New("jwt: expected a payload that is a JSON object")
	}
	return payload, nil
}

// Unverified reads the claims of a JWT, likewise. ok is false if it is no JWT.
func Unverified(token string) (c Claims, ok bool) {
	payload, err := Payload(token)
	if err != nil || strings.HasSuffix(token, ".") { // not signed
		return Claims{}, false
	}
	c, err = ParseClaims(payload)
	return c, err == nil
}

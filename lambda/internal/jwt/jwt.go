// Package jwt verifies what a provider has signed: access tokens (RFC 9068 and
// those of older providers) and introspection responses (RFC 9701).
//
// The keys come from the provider's JWK set and from nowhere else: what a
// token's header says of keys, besides the id of one, is not followed. Only
// asymmetric algorithms are accepted, none and those with a shared secret never
// (RFC 8725 section 3.1).
//
// # What is not done
//
// No discovery: the URL of the key set is configured. No encrypted tokens. No
// revocation: a signed token is good until it expires; see package
// introspection for what knows better.
package jwt

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/lambda/internal/backchannel"
)

// ErrInvalid is wrapped by what is wrong with a token, ErrExpired is one that
// was good. Any other error means that nothing could be decided.
var (
	ErrInvalid = errors.New("jwt: the token is not valid")
	ErrExpired = errors.New("jwt: the token has expired")
)

// maxSize bounds a token; API Gateway's headers end at 10,240 bytes.
const maxSize = 16 << 10

// leeway is for clocks that differ, on claims that lie in the future. An
// expiry has none.
const leeway = 30 * time.Second

// freshness is how old a signed introspection response may be.
const freshness = 5 * time.Minute

var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// Config says whose tokens are accepted.
type Config struct {
	Issuer   string
	Audience []string // any of them
	JWKSURL  string
	Client   *backchannel.Client // nil: one with the default timeout
	Now      func() time.Time
}

// Verifier verifies signatures and claims. It is safe for use by several
// goroutines.
type Verifier struct {
	cfg  Config
	keys *keySet
}

// NewVerifier makes a verifier. Nothing is fetched before the first token.
func NewVerifier(cfg Config) *Verifier {
	if cfg.Client == nil {
		cfg.Client = backchannel.New(0)
	}
	return &Verifier{cfg: cfg, keys: &keySet{url: cfg.JWKSURL, client: cfg.Client, now: cfg.Now}}
}

// AccessToken verifies an access token: its signature, iss, aud, exp and nbf
// (RFC 9068 section 4).
func (v *Verifier) AccessToken(ctx context.Context, token string) (Claims, error) {
	typ, payload, err := v.verify(ctx, token)
	if err != nil {
		return Claims{}, err
	}
	// RFC 8725 section 3.11: explicit types tell kinds of JWT apart. Providers
	// older than RFC 9068 write JWT or nothing.
	switch typ {
	case "at+jwt", "jwt", "":
	default:
		return Claims{}, fmt.Errorf("%w: it is of another type than an access token", ErrInvalid)
	}
	c, err := ParseClaims(payload)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: %v", ErrInvalid, err)
	}
	// ID tokens have no type to tell them by, but these claims (OpenID Connect
	// Core section 2 and 3.1.3.6).
	for _, name := range []string{"nonce", "at_hash", "c_hash"} {
		if c.Member(name) != nil {
			return Claims{}, fmt.Errorf("%w: it is an ID token", ErrInvalid)
		}
	}
	return c, v.check(c)
}

func (v *Verifier) check(c Claims) error {
	now := v.cfg.Now()
	switch {
	case c.Issuer != v.cfg.Issuer:
		return fmt.Errorf("%w: another issuer than expected", ErrInvalid)
	case !c.HasAudience(v.cfg.Audience):
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

// Introspection verifies a signed introspection response that the provider
// made for this audience, and returns what it says of the token: the member
// token_introspection (RFC 9701 section 5).
func (v *Verifier) Introspection(ctx context.Context, response, audience string) ([]byte, error) {
	typ, payload, err := v.verify(ctx, response)
	if err != nil {
		return nil, err
	}
	if typ != "token-introspection+jwt" {
		return nil, fmt.Errorf("%w: expected the type token-introspection+jwt", ErrInvalid)
	}
	c, err := ParseClaims(payload)
	if err != nil {
		return nil, err
	}
	var issued time.Time
	if err := c.readTime("iat", &issued); err != nil {
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

// verify checks the signature and returns the type of the JWT, in lower case
// and without "application/" (RFC 7515 section 4.1.9), and its payload.
func (v *Verifier) verify(ctx context.Context, token string) (typ string, payload []byte, err error) {
	if len(token) > maxSize {
		return "", nil, fmt.Errorf("%w: expected at most %d bytes", ErrInvalid, maxSize)
	}
	// What the library says of a token may quote it.
	jws, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil || len(jws.Signatures) != 1 {
		return "", nil, fmt.Errorf("%w: expected a JWT signed with an asymmetric algorithm", ErrInvalid)
	}
	header := jws.Signatures[0].Protected
	keys, err := v.keys.candidates(ctx, header.KeyID)
	if err != nil {
		return "", nil, err
	}
	for _, k := range keys {
		if k.Algorithm != "" && k.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := jws.Verify(k.Key); err == nil {
			typ, _ := header.ExtraHeaders[jose.HeaderType].(string)
			return strings.TrimPrefix(strings.ToLower(typ), "application/"), payload, nil
		}
	}
	return "", nil, fmt.Errorf("%w: no key of the provider's has signed it", ErrInvalid)
}

func isSigningKey(k jose.JSONWebKey) bool {
	if k.Use != "" && k.Use != "sig" {
		return false
	}
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= minRSABits
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false // a shared secret or a private key has no place in a public set
}

// Unverified reads the claims of a JWT without looking at its signature: for
// tokens whose way here vouches for them. ok is false if it is no JWT.
func Unverified(token string) (c Claims, ok bool) {
	_, rest, _ := strings.Cut(token, ".")
	payload, signature, isJWT := strings.Cut(rest, ".")
	if !isJWT || signature == "" || strings.Contains(signature, ".") {
		return Claims{}, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return Claims{}, false
	}
	c, err = ParseClaims(raw)
	return c, err == nil
}

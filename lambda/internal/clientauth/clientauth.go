// Package clientauth authenticates a confidential client at its provider: with
// its secret (RFC 6749 section 2.3.1), with a signed assertion (RFC 7523), or
// with a certificate that the TLS connection shows (RFC 8705).
package clientauth

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
)

// Request is a request to an endpoint of the provider that demands the
// client's credentials: token, pushed authorization request, revocation.
type Request struct {
	// Issuer and TokenEndpoint are the provider's.
	Issuer, TokenEndpoint string
	ClientID              string

	// Header and Form are those of the request that will be sent.
	Header http.Header
	Form   url.Values
}

// Method adds the client's credentials to a request.
type Method interface {
	Authenticate(context.Context, Request) error
}

// Basic is client_secret_basic.
type Basic struct {
	Secret settings.Secret
}

// Authenticate sets the Authorization header and leaves the form alone: "The
// client MUST NOT use more than one authentication method in each request" (RFC
// 6749 section 2.3).
func (b Basic) Authenticate(_ context.Context, r Request) error {
	// Section 2.3.1: identifier and secret are "encoded using the
	// "application/x-www-form-urlencoded" encoding algorithm" before.
	request := http.Request{Header: r.Header}
	request.SetBasicAuth(url.QueryEscape(r.ClientID), url.QueryEscape(b.Secret.Reveal()))
	return nil
}

// Post is client_secret_post.
type Post struct {
	Secret settings.Secret
}

// Authenticate adds identifier and secret to the form.
func (p Post) Authenticate(_ context.Context, r Request) error {
	r.Form.Set("client_id", r.ClientID)
	r.Form.Set("client_secret", p.Secret.Reveal())
	return nil
}

// TLS is tls_client_auth and self_signed_tls_client_auth: the connection
// shows the certificate, and client_id names its owner (RFC 8705 section
// 2: "the client MUST include the client_id parameter").
type TLS struct{}

// Authenticate adds client_id.
func (TLS) Authenticate(_ context.Context, r Request) error {
	r.Form.Set("client_id", r.ClientID)
	return nil
}

// assertionLifetime is how long an assertion is good for: one request.
const assertionLifetime = time.Minute

// PrivateKeyJWT is private_key_jwt (OpenID Connect Core section 9).
type PrivateKeyJWT struct {
	Signer Signer
	// TokenEndpointAudience makes the token endpoint the audience instead of
	// the issuer, for providers that know only that.
	TokenEndpointAudience bool
	Now                   func() time.Time
}

// Authenticate signs an assertion for this one request.
func (p PrivateKeyJWT) Authenticate(ctx context.Context, r Request) error {
	// The audience is the issuer, a single string: an assertion with several
	// audiences, or with an endpoint that another provider claims to have, may
	// be used at another one (draft-ietf-oauth-rfc7523bis section 4).
	audience := r.Issuer
	if p.TokenEndpointAudience {
		audience = r.TokenEndpoint
	}
	now := p.Now()
	assertion, err := Sign(ctx, p.Signer, "JWT", map[string]any{
		"iss": r.ClientID, "sub": r.ClientID, "aud": audience, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(assertionLifetime).Unix(),
	})
	if err != nil {
		return err
	}
	r.Form.Set("client_id", r.ClientID)
	r.Form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	r.Form.Set("client_assertion", assertion)
	return nil
}

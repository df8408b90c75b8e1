package oauth

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/dpop"
)

const revocationEndpoint = "revocation endpoint"

// Revoke revokes a refresh token at the provider, and with it its grant (RFC
// 7009). It returns immediately if the provider has no such endpoint. It makes
// one attempt, because the caller ends the session in any case.
func (c *Client) Revoke(ctx context.Context, refreshToken string) error {
	return c.revoke(ctx, refreshToken, "refresh_token")
}

// RevokeAccess revokes an access token, likewise.
func (c *Client) RevokeAccess(ctx context.Context, accessToken string) error {
	return c.revoke(ctx, accessToken, "access_token")
}

// discardTimeout bounds a revocation that no one waits for but the caller.
const discardTimeout = 3 * time.Second

// Discard revokes tokens that no one will get, in one attempt: the refresh token, or the access token where there is no other.
func (c *Client) Discard(ctx context.Context, tokens Tokens) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	if tokens.RefreshToken != "" {
		return c.Revoke(ctx, tokens.RefreshToken)
	}
	return c.RevokeAccess(ctx, tokens.AccessToken)
}

func (c *Client) revoke(ctx context.Context, token, hint string) error {
	token = dpop.Token(token) // its key stays here
	if token == "" {
		return nil
	}
	p, err := c.provider(ctx, func(e *endpoints) bool { return e.Revocation != "" && c.authenticates(e) })
	if err != nil {
		return err
	}
	if p.Revocation == "" {
		return nil
	}
	a, err := c.post(ctx, p, revocationEndpoint, p.Revocation, url.Values{"token": {token}, "token_type_hint": {hint}})
	if err != nil {
		return err
	}
	// Section 2.2: "The authorization server responds with HTTP status code 200
	// if the token has been revoked successfully or if the client submitted an
	// invalid token", and "The content of the response body is ignored".
	if a.status == http.StatusOK {
		return nil
	}
	return a.refusal()
}

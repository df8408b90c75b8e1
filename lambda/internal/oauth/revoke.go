package oauth

import (
	"context"
	"net/http"
	"net/url"

	"github.com/tokenhandler/aws/lambda/internal/dpop"
)

const revocationEndpoint = "revocation endpoint"

// Revoke revokes a refresh token at the provider, and with it the grant it is
// of (RFC 7009). It does nothing where the provider has no such endpoint. It
// makes one attempt: the caller ends the session whatever comes of it.
func (c *Client) Revoke(ctx context.Context, refreshToken string) error {
	refreshToken = dpop.Token(refreshToken) // its key stays here
	if refreshToken == "" {
		return nil
	}
	p, err := c.provider(ctx, func(e *endpoints) bool { return e.Revocation != "" && c.authenticates(e) })
	if err != nil {
		return err
	}
	if p.Revocation == "" {
		return nil
	}
	a, err := c.post(ctx, p, revocationEndpoint, p.Revocation, url.Values{"token": {refreshToken}, "token_type_hint": {"refresh_token"}})
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

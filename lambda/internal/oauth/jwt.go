package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/jwt"
	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

// verifyJWT verifies a JWT of the provider that is no ID token: its signature,
// that it is from the provider and for this client, and the expiry if it has
// one. It returns the payload. name is that of the response in errors, kind is
// theirs.
func (c *Client) verifyJWT(ctx context.Context, p *provider, text, name string, kind Kind) ([]byte, map[string]json.RawMessage, error) {
	fail := func(reason string) ([]byte, map[string]json.RawMessage, error) {
		return nil, nil, &Error{kind, name + ": " + reason}
	}
	signed, err := p.keys.Verify(ctx, text)
	switch {
	case errors.Is(err, jwt.ErrInvalid):
		return fail("not a JWT that the provider signed with an accepted algorithm")
	case err != nil:
		return nil, nil, &Error{Unavailable, err.Error()}
	}
	claims, err := strictjson.Object(signed.Payload)
	if err != nil {
		return fail("payload is not a JSON object without duplicate names")
	}
	issuer, ok := strictjson.String(claims, "iss")
	if !ok || issuer != c.config.Issuer {
		return fail("iss is not the configured issuer")
	}
	var audience []string
	if jwt.ReadList(claims, "aud", &audience) != nil || !slices.Contains(audience, c.config.ClientID) {
		return fail("aud is not this client")
	}
	var expires time.Time
	if jwt.ReadTime(claims, "exp", &expires) != nil || !expires.IsZero() && !c.config.Now().Before(expires) {
		return fail("expired")
	}
	return signed.Payload, claims, nil
}

package oauth

import (
	"context"
	"net/url"

	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

// ResponseState returns the state of a signed authorization response. It does
// not verify the response: it finds the login that the response may belong to,
// before [Client.Response] verifies it.
func ResponseState(response string) string {
	payload, err := Claims(response)
	if err != nil {
		return ""
	}
	claims, err := strictjson.Object(payload)
	if err != nil {
		return ""
	}
	state, _ := strictjson.String(claims, "state")
	return state
}

// Response verifies a signed authorization response and returns its parameters
// (JWT Secured Authorization Response Mode for OAuth 2.0, section 2.4).
func (c *Client) Response(ctx context.Context, response string) (url.Values, error) {
	p, err := c.provider(ctx, func(e *endpoints) bool { return e.JWKS != "" })
	if err != nil {
		return nil, err
	}
	_, claims, err := c.verifyJWT(ctx, p, response, "authorization response", BadSignature)
	if err != nil {
		return nil, err
	}
	// Section 2.1: iss, aud and exp are always there.
	if claims["exp"] == nil || string(claims["exp"]) == "null" {
		return nil, &Error{BadSignature, "authorization response: exp is missing"}
	}
	parameters := url.Values{}
	for _, name := range []string{"code", "state", "iss", "error", "error_description", "error_uri", "session_state"} {
		value, ok := strictjson.String(claims, name)
		if !ok {
			return nil, &Error{BadSignature, "authorization response: a parameter is not a string"}
		}
		if value != "" {
			parameters.Set(name, value)
		}
	}
	return parameters, nil
}

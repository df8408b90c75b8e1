package oauthagent

import "github.com/tokenhandler/aws/lambda/internal/dpop"

// tokenBody gives the access token to the page, with the names of RFC 6749
// section 5.1. Only the lifetime has the name that it has in all other
// responses.
type tokenBody struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   *int   `json:"access_token_expires_in,omitempty"`
}

// token gives the page the session's access token, never the refresh token
// (OAuth 2.0 for Browser-Based Applications section 6.2, "Token-Mediating
// Backend"). It is an endpoint only with [Config.TokenMediation].
//
// It has the requirements of a refresh: "the same requirements" apply to
// cookies and to request forgery (sections 6.2.3.2 and 6.2.3.3).
//
// It takes no parameters. A page cannot ask for a token of less scope or for
// another resource, so it never gets a token with more than it asked for (section
// 6.2.2.3).
func (a *agent) token(c *call) (any, error) {
	b, err := c.read()
	if err != nil {
		return nil, err
	}
	if !b.empty() {
		return nil, malformed.with("token takes no parameters")
	}
	if err := a.customHeader(c); err != nil {
		return nil, err
	}
	access, ok := c.parts[a.Names.AccessToken]
	if !ok {
		return nil, c.refuse(unauthorized, "there is no session with an access token")
	}
	if _, err := a.doubleSubmit(c); err != nil {
		return nil, err
	}
	if err := a.checkDevice(c); err != nil {
		return nil, err
	}
	if access.Expired(c.now) || dpop.IsBound(access.Token) {
		// A bound token is from before DPoP was switched off, and contains its key.
		// As in the authorizer, the code asks for a refresh, which replaces it.
		return nil, tokenExpired
	}
	return tokenBody{access.Token, "Bearer", secondsLeft(access.Expires, c.now)}, nil
}

package oauthagent

import (
	"errors"

	"github.com/tokenhandler/aws/lambda/internal/oauth"
)

// backChannelLogout ends the sessions that a logout token of the provider names
// (OpenID Connect Back-Channel Logout 1.0). The provider calls it without
// Origin and cookies, so the token's signature decides. Malformed requests and
// failures get 400 (section 2.8).
func (a *agent) backChannelLogout(c *call) (any, error) {
	b, err := c.read()
	tokens := b.form["logout_token"]
	if err != nil || len(tokens) != 1 || b.json != nil {
		return nil, malformed.with("expected a form with one logout_token")
	}
	ctx := c.request.Context()
	token, err := a.Provider.LogoutToken(ctx, tokens[0])
	var reason *oauth.Error
	if errors.As(err, &reason) {
		return nil, malformed.with(reason.Reason)
	}
	if err != nil {
		return nil, malformed.with("the logout token cannot be validated")
	}
	first, err := a.Sessions.Once(ctx, token.ID, token.Until)
	switch {
	case err != nil:
		return nil, malformed.with(err.Error())
	case !first:
		return nil, malformed.with("logout token: jti has been used")
	}
	// Section 2.7: with a sid, "the RP MUST" log out that session; with a sub
	// alone, all of the user's.
	if token.SID != "" {
		_, err = a.Sessions.EndSID(ctx, token.SID, token.Subject)
	} else {
		_, err = a.Sessions.EndSubject(ctx, token.Subject)
	}
	if err != nil {
		if forget := a.Sessions.Forget(ctx, token.ID); forget != nil {
			c.notes = append(c.notes, forget.Error())
		}
		return nil, malformed.with(err.Error())
	}
	return struct{}{}, nil
}

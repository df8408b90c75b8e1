package oauthagent

import (
	"slices"

	"github.com/tokenhandler/aws/lambda/internal/csrf"
)

// refreshBody is empty if the expiry is unknown.
type refreshBody struct {
	ExpiresIn *int `json:"access_token_expires_in,omitempty"`
}

func (a *agent) refresh(c *call) (any, error) {
	b, err := c.read()
	if err != nil {
		return nil, err
	}
	scope, err := a.refreshScope(b)
	if err != nil {
		return nil, err
	}
	if err := a.customHeader(c); err != nil {
		return nil, err
	}
	refreshToken, ok := c.parts[a.Names.RefreshToken]
	id, identified := c.parts[a.Names.IDToken]
	if !ok || refreshToken.Expired(c.now) || !identified && a.Provider.OpenID() {
		// The session cannot go on. The provider would refuse the refresh token
		// again, or there is no previous ID token to compare a new one with. A
		// refresh token that is left over is revoked.
		c.endSession(a)
		a.revoke(c)
		return nil, c.refuse(sessionExpired, "there is no session with a refresh token and an ID token")
	}
	csrfValue, err := a.doubleSubmit(c)
	if err != nil {
		return nil, err
	}
	if err := a.checkDevice(c); err != nil {
		return nil, err
	}
	tokens, err := a.redeem(c, refreshToken.Token, id.Token, scope)
	if err != nil {
		return nil, err
	}
	if err := c.issue(a, c.opened.Session, tokens, csrfValue); err != nil {
		a.discard(c, tokens)
		return nil, err
	}
	if !c.assistant {
		return nil, nil
	}
	return refreshBody{secondsLeft(tokens.Expires, c.now)}, nil
}

// refreshScope returns the scope that limits the new access token. It is the
// only parameter of a refresh, and only if the settings let a page choose it.
func (a *agent) refreshScope(b body) (string, error) {
	if b.empty() {
		return "", nil
	}
	if !slices.Contains(a.ExtraParameters, "scope") {
		return "", malformed.with("refresh takes no parameters")
	}
	extra, err := b.extraParameters([]string{"scope"})
	if err == nil && extra["scope"] == "" {
		err = malformed.with("refresh takes no parameter but scope")
	}
	return extra["scope"], err
}

// customHeader requires the header that a page of another origin cannot send
// without a preflight. Any value is accepted.
func (a *agent) customHeader(c *call) error {
	if !c.assistant && len(c.header(a.Rules.HeaderName)) == 0 {
		return unauthorized.because(csrf.TokenMissing)
	}
	return nil
}

// doubleSubmit checks the CSRF header of the classic dialect against the CSRF
// cookie of the same session, and returns the session's CSRF value.
func (a *agent) doubleSubmit(c *call) (string, error) {
	content, ok := c.parts[a.Names.CSRF]
	if c.assistant {
		if !ok {
			return a.Ring.NewCSRF(), nil
		}
		return content.Token, nil
	}
	// Without the cookie the token is empty, which never matches.
	if err := a.Rules.DoubleSubmit(c.header, content.Token); err != nil {
		return "", unauthorized.because(err)
	}
	return content.Token, nil
}

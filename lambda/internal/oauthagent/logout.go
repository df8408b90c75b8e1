package oauthagent

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
)

// logoutTimeout bounds each of the two things that signing out asks of the
// provider: neither is worth waiting for.
const logoutTimeout = 3 * time.Second

// logoutBody is empty where there is nowhere to go.
type logoutBody struct {
	Classic   string `json:"url,omitempty"`
	Assistant string `json:"logout_url,omitempty"`
}

// logout removes every cookie. It needs none of them to open, or a user whose
// cookies are damaged or sealed with a lost key could never sign out: a trusted
// Origin and the custom header are enough. But where there is a CSRF cookie
// that opens, its value must have been sent.
func (a *agent) logout(c *call) (any, error) {
	if _, err := c.read(); err != nil {
		return nil, err
	}
	if err := a.customHeader(c); err != nil {
		return nil, err
	}
	if content, err := a.Names.Open(a.Ring, c.received, a.Names.CSRF); err == nil && !c.assistant {
		if err := a.Rules.DoubleSubmit(c.header, content.Token); err != nil {
			return nil, unauthorized.because(err)
		}
	}
	c.endSession(a)
	for n := 1; n <= cookie.MaxLogins; n++ {
		if _, received := c.received[a.Names.Login(n)]; received {
			c.set(a.Names.Unset(a.Names.Login(n)))
		}
	}
	// Of the provider only the log hears that it failed: the user is signed out
	// here all the same.
	location, err := a.logoutURL(c)
	if err != nil {
		c.notes = append(c.notes, "logout: "+noteOf(err))
	}
	a.revoke(c)
	switch {
	case location != "":
		return logoutBody{location, location}, nil
	case c.assistant:
		return logoutBody{}, nil
	}
	return logoutBody{Classic: a.PostLogoutRedirectURI}, nil
}

// logoutURL is where the provider's own session ends, or empty.
func (a *agent) logoutURL(c *call) (string, error) {
	if a.LocalLogout {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(c.request.Context(), logoutTimeout)
	defer cancel()
	text, err := a.Provider.LogoutURL(ctx)
	if err != nil || text == "" || !a.IDTokenHint || c.hint == "" {
		return text, err
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", err
	}
	query := u.Query()
	query.Set("id_token_hint", c.hint)
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// revoke revokes the session's refresh token, whether the session is still one
// or not, so that no copy of its cookie is of use any longer, nor the answer of
// a refresh that is still on its way. One attempt: RFC 7009 section 2.2.1 lets
// the client try again later, but nothing is remembered here.
func (a *agent) revoke(c *call) {
	content, err := a.Names.Open(a.Ring, c.received, a.Names.RefreshToken)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(c.request.Context(), logoutTimeout)
	defer cancel()
	if err := a.Provider.Revoke(ctx, content.Token); err != nil {
		c.notes = append(c.notes, "revocation: "+noteOf(err))
	}
}

func noteOf(err error) string {
	var e *oauth.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return "unknown"
}

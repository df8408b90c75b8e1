package oauthagent

import (
	"errors"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
)

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
	if content, err := a.Ring.Open(a.Names.CSRF, c.received[a.Names.CSRF]); err == nil && !c.assistant {
		if err := a.Rules.DoubleSubmit(c.header, content.Token); err != nil {
			return nil, unauthorized.because(err)
		}
	}
	c.endSession(a)
	for n := 1; n <= cookie.MaxLogins; n++ {
		if _, received := c.received[a.Names.Login(n)]; received {
			c.set(cookie.Unset(a.Names.Login(n)))
		}
	}
	url, err := a.Provider.LogoutURL(c.request.Context())
	if err != nil {
		// The user is signed out here all the same.
		c.notes = append(c.notes, noteOf(err))
	}
	switch {
	case url != "":
		return logoutBody{url, url}, nil
	case c.assistant:
		return logoutBody{}, nil
	}
	return logoutBody{Classic: a.PostLogoutRedirectURI}, nil
}

func noteOf(err error) string {
	var e *oauth.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return "unknown"
}

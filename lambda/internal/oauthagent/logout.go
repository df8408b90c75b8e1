package oauthagent

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
)

// logoutTimeout bounds each of the two calls to the provider during sign-out.
// The user is signed out here even if they fail.
const logoutTimeout = 3 * time.Second

// logoutBody is empty if there is no URL to go to.
type logoutBody struct {
	Classic   string `json:"url,omitempty"`
	Assistant string `json:"logout_url,omitempty"`
}

// logout removes every cookie. A trusted Origin and the custom header are
// enough: a user whose cookies are damaged, or sealed with a lost key, must be
// able to sign out. But if a CSRF cookie opens, the request must contain its
// value.
func (a *agent) logout(c *call) (any, error) {
	b, err := c.read()
	if err != nil {
		return nil, err
	}
	everywhere, err := a.everywhere(b)
	if err != nil {
		return nil, err
	}
	if err := a.customHeader(c); err != nil {
		return nil, err
	}
	if err := a.matchesCSRF(c); err != nil {
		return nil, err
	}
	c.endSession(a)
	for n := 1; n <= cookie.MaxLogins; n++ {
		if c.received.Has(a.Names.Login(n)) {
			c.set(a.Names.Unset(a.Names.Login(n)))
		}
	}
	// A failure of the provider is only logged: the user is signed out here all
	// the same.
	location, err := a.logoutURL(c)
	if err != nil {
		c.notes = append(c.notes, "logout: "+noteOf(err))
	}
	a.revoke(c)
	if err := a.endEverywhere(c, everywhere); err != nil {
		// The cookies are removed all the same, but copies of them may still work.
		return nil, tableFailure(err)
	}
	switch {
	case location != "":
		return logoutBody{location, location}, nil
	case c.assistant:
		return logoutBody{}, nil
	}
	return logoutBody{Classic: a.PostLogoutRedirectURI}, nil
}

// everywhere reports whether a request to sign out is for all sessions of the
// user: everywhere=true in a form or in JSON.
func (a *agent) everywhere(b body) (bool, error) {
	var request struct {
		Everywhere bool `json:"everywhere"`
	}
	if err := b.decode(&request); err != nil {
		return false, err
	}
	everywhere := request.Everywhere || b.form.Get("everywhere") == "true"
	if everywhere && a.Sessions == nil {
		return false, malformed.with("signing out everywhere needs a table of the sessions")
	}
	return everywhere, nil
}

// endEverywhere ends the recorded sessions of the request, or all sessions of
// its user.
func (a *agent) endEverywhere(c *call, everywhere bool) error {
	err := a.endRecords(c)
	subject := identityOf(c.opened.Contents.Token(a.Names.IDToken)).Subject
	if everywhere && subject != "" && err == nil {
		_, err = a.Sessions.EndSubject(c.request.Context(), subject)
	}
	return err
}

// matchesCSRF requires, in the classic dialect, the value of the session's CSRF
// cookie. Without a session it accepts the value of any CSRF cookie that opens.
func (a *agent) matchesCSRF(c *call) error {
	content, ok := c.opened.Contents.Get(a.Names.CSRF)
	contents := []cookie.Content{content}
	if !ok {
		contents = a.Names.All(a.Ring, c.received, a.Names.CSRF)
	}
	var err error
	for _, content := range contents {
		if err = a.Rules.DoubleSubmit(c.header, content.Token); err == nil || c.assistant {
			return nil
		}
	}
	if err != nil {
		return unauthorized.because(err)
	}
	return nil
}

// logoutURL returns the URL that ends the provider's own session, or "".
func (a *agent) logoutURL(c *call) (string, error) {
	if a.LocalLogout {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(c.request.Context(), logoutTimeout)
	defer cancel()
	text, err := a.Provider.LogoutURL(ctx)
	// This includes a session that is over: the provider's own session may go on.
	hint := c.opened.Contents.Token(a.Names.IDToken)
	if err != nil || text == "" || !a.IDTokenHint || hint == "" {
		return text, err
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", err
	}
	query := u.Query()
	query.Set("id_token_hint", hint)
	u.RawQuery = query.Encode()
	return u.String(), nil
}

func noteOf(err error) string {
	var e *oauth.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return "unknown"
}

package oauthagent

import (
	"encoding/json"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
)

// sessionBody is the response of session and login/end, with the names of both
// dialects.
type sessionBody struct {
	Handled       bool            `json:"handled"`
	IsLoggedIn    bool            `json:"isLoggedIn"`
	LoggedIn      bool            `json:"is_logged_in"`
	Claims        json.RawMessage `json:"claims,omitempty"`
	IDTokenClaims json.RawMessage `json:"id_token_claims,omitempty"`
	ExpiresIn     *int            `json:"access_token_expires_in,omitempty"`
	// DeviceBound is absent if device binding is off.
	DeviceBound *bool  `json:"device_bound,omitempty"`
	ReturnTo    string `json:"returnTo,omitempty"`
	Place       string `json:"return_to,omitempty"`
	// CSRF is for the classic dialect only.
	CSRF string `json:"csrf,omitempty"`
}

func (a *agent) session(c *call) (any, error) {
	c.sweep(a)
	return a.sessionAnswer(c, false)
}

// sessionAnswer describes the session. Only cookies that open, have not expired
// and belong together count.
func (a *agent) sessionAnswer(c *call, handled bool) (any, error) {
	answer := sessionBody{Handled: handled, ReturnTo: c.place, Place: c.place}
	if !c.loggedIn(a) {
		return answer, nil
	}
	answer.IsLoggedIn, answer.LoggedIn = true, true
	if a.Device.on() {
		bound := c.isBound(a)
		answer.DeviceBound = &bound
	}
	if id, ok := c.parts[a.Names.IDToken]; ok {
		claims, err := oauth.Claims(id.Token)
		if err != nil {
			return nil, serverError.because(err)
		}
		answer.Claims, answer.IDTokenClaims = claims, claims
	}
	if access, ok := c.parts[a.Names.AccessToken]; ok {
		answer.ExpiresIn = secondsLeft(access.Expires, c.now)
	}
	if c.assistant {
		return answer, nil
	}
	value, err := c.csrfValue(a)
	answer.CSRF = value
	return answer, err
}

// csrfValue returns the session's CSRF value. It is always the same, so that
// several tabs can use it. If its cookie is lost or damaged, csrfValue makes a
// new one: otherwise the classic dialect could not even sign out.
//
// The value comes from a cookie that opens under the name of the CSRF cookie
// and belongs to the session, so no other content is shown here. In version 1
// any cookie opens under that name. There the agent shows only CSRF values that
// it made: otherwise it would show the content of a stolen cookie (A1).
func (c *call) csrfValue(a *agent) (string, error) {
	if content, ok := c.parts[a.Names.CSRF]; ok && (!content.Unbound || a.Ring.MadeCSRF(content.Token)) {
		return content.Token, nil
	}
	value := a.Ring.NewCSRF()
	session := c.opened.Session
	added := []struct {
		name    string
		content cookie.Content
	}{{a.Names.CSRF, cookie.Content{Session: session, Token: value}}}
	if _, ok := c.parts[a.Names.Anchor]; ok {
		token := a.Names.AnchorToken(c.parts[a.Names.AccessToken].Token, value)
		added = append(added, added[0])
		added[1].name, added[1].content.Token = a.Names.Anchor, token
	}
	for _, each := range added {
		set, err := a.Names.SetSealed(each.name, a.Names.Seal(a.Ring, each.name, each.content), c.received)
		if err != nil {
			return "", serverError.with("the CSRF cookie is too large")
		}
		c.set(set...)
	}
	return value, nil
}

// adopt makes the session just issued the session of this call.
func (c *call) adopt(a *agent, session cookie.SessionID, tokens oauth.Tokens, csrfValue string) {
	c.opened.Session = session
	clear(c.parts)
	for name, content := range map[string]cookie.Content{
		a.Names.AccessToken:  {Session: session, Token: tokens.AccessToken, Expires: tokens.Expires},
		a.Names.RefreshToken: {Session: session, Token: tokens.RefreshToken},
		a.Names.IDToken:      {Session: session, Token: a.kept(tokens.IDToken)},
		a.Names.CSRF:         {Session: session, Token: csrfValue},
	} {
		if content.Token != "" {
			c.parts[name] = content
		}
	}
}

// secondsLeft returns nil if the expiry is unknown.
func secondsLeft(expires, now time.Time) *int {
	if expires.IsZero() {
		return nil
	}
	seconds := max(0, int(expires.Sub(now)/time.Second))
	return &seconds
}

func (a *agent) claims(c *call) (any, error) {
	id, ok := c.parts[a.Names.IDToken]
	if !ok || !c.loggedIn(a) {
		return nil, c.refuse(unauthorized, "there is no session with an ID token")
	}
	if err := a.checkDevice(c); err != nil {
		return nil, err
	}
	claims, err := oauth.Claims(id.Token)
	if err != nil {
		return nil, serverError.because(err)
	}
	return claims, nil
}

func (a *agent) userInfo(c *call) (any, error) {
	access, ok := c.accessToken(a)
	id, identified := c.parts[a.Names.IDToken]
	// If the provider issues no ID tokens, the access token identifies the user.
	complete := identified || !a.Provider.OpenID()
	_, expired := c.parts[a.Names.AccessToken]
	switch {
	case ok && complete:
	case expired && complete:
		return nil, tokenExpired
	default:
		return nil, c.refuse(unauthorized, "there is no session with an access token and an ID token")
	}
	if err := a.checkDevice(c); err != nil {
		return nil, err
	}
	subject := ""
	if identified {
		var err error
		if subject, err = oauth.Subject(id.Token); err != nil {
			return nil, serverError.because(err)
		}
	}
	claims, err := a.Provider.UserInfo(c.request.Context(), access.Token, subject)
	if err != nil {
		return nil, providerFailure(err)
	}
	return claims, nil
}

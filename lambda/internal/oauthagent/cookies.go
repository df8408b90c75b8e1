package oauthagent

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
)

// state is what the cookies of a request say.
type state struct {
	received map[string]string
	// parts are the session's cookies that opened, by name. They are of one
	// session, and empty where they were of several: parts that do not belong
	// together are no session.
	parts   map[string]cookie.Content
	session cookie.SessionID
	// hint is the session's ID token, also of a session that is over: the
	// provider's own session may go on.
	hint string
	// logins are the pending logins, by slot.
	logins map[int]pendingLogin
}

// pendingLogin is the content of a login cookie.
type pendingLogin struct {
	oauth.Login
	Place   string `json:"place,omitempty"` // that the page returns to
	expires time.Time
}

// open opens all cookies of the request.
func (c *call) open(a *agent) {
	c.received = cookie.Parse(c.header("Cookie")...)
	c.parts = map[string]cookie.Content{}
	bound := false
	for _, name := range a.Names.Session() {
		content, err := a.Names.Open(a.Ring, c.received, name)
		if err != nil {
			continue
		}
		c.parts[name] = content
		if content.Unbound {
			continue // version 1: of no session that could be told
		}
		if bound && content.Session != c.session {
			clear(c.parts)
			break
		}
		bound, c.session = true, content.Session
	}
	c.hint = c.parts[a.Names.IDToken].Token
	if len(c.parts) > 0 && a.Lifetimes.over(c.session, c.parts[a.Names.RefreshToken], c.now) {
		clear(c.parts)
	}
	c.logins = map[int]pendingLogin{}
	for n := 1; n <= cookie.MaxLogins; n++ {
		name := a.Names.Login(n)
		content, err := a.Ring.Open(name, c.received[name])
		if err != nil || content.Expires.IsZero() || content.Expired(c.now) {
			continue
		}
		login := pendingLogin{expires: content.Expires}
		if json.Unmarshal([]byte(content.Token), &login) == nil {
			c.logins[n] = login
		}
	}
}

// accessToken returns the access token, if it is there and not expired.
func (c *call) accessToken(a *agent) (cookie.Content, bool) {
	content, ok := c.parts[a.Names.AccessToken]
	return content, ok && !content.Expired(c.now)
}

// loggedIn reports whether there is a session: an access token of use, or a
// refresh token to get one with.
func (c *call) loggedIn(a *agent) bool {
	_, access := c.accessToken(a)
	refresh, ok := c.parts[a.Names.RefreshToken]
	return access || ok && !refresh.Expired(c.now)
}

// set adds cookies to the answer, each in place of one of the same name.
func (c *call) set(added ...*http.Cookie) {
	for _, cookie := range added {
		c.cookies = slices.DeleteFunc(c.cookies, func(other *http.Cookie) bool { return other.Name == cookie.Name })
	}
	c.cookies = append(c.cookies, added...)
}

// endSession removes the session's cookies, received or not.
func (c *call) endSession(a *agent) {
	for _, name := range a.Names.Session() {
		c.set(a.Names.UnsetAll(name, c.received)...)
	}
}

// sweep removes what is of no use: the whole session where there is none, the
// parts that did not open where there is one, and logins that are over. Left
// alone they would come with every request until the browser closes.
func (c *call) sweep(a *agent) {
	loggedIn := c.loggedIn(a)
	for _, name := range a.Names.Session() {
		_, opened := c.parts[name]
		if cookie.Received(c.received, name) && !(loggedIn && opened) {
			c.set(a.Names.UnsetAll(name, c.received)...)
		}
	}
	for n := 1; n <= cookie.MaxLogins; n++ {
		_, received := c.received[a.Names.Login(n)]
		if _, pending := c.logins[n]; received && !pending {
			c.set(a.Names.Unset(a.Names.Login(n)))
		}
	}
}

// issue sets the cookies of a session, all four or none. What the session does
// not have is removed, so that nothing of an earlier one stays behind.
func (c *call) issue(a *agent, session cookie.SessionID, tokens oauth.Tokens, csrfValue string) error {
	var cookies []*http.Cookie
	for _, part := range []struct {
		name    string
		token   string
		expires time.Time
	}{
		{a.Names.AccessToken, tokens.AccessToken, tokens.Expires},
		{a.Names.RefreshToken, tokens.RefreshToken, a.Lifetimes.refreshExpiry(session, c.now)},
		{a.Names.IDToken, tokens.IDToken, time.Time{}},
		{a.Names.CSRF, csrfValue, time.Time{}},
	} {
		if part.token == "" {
			cookies = append(cookies, a.Names.UnsetAll(part.name, c.received)...)
			continue
		}
		value := a.Names.Seal(a.Ring, part.name, cookie.Content{Session: session, Expires: part.expires, Token: part.token})
		sealed, err := a.Names.SetSealed(part.name, value, c.received)
		if err != nil {
			c.endSession(a)
			return sessionTooLarge.with(fmt.Sprintf("cookie %s has %d bytes, more than %d cookies hold", part.name, len(value), cookie.MaxParts))
		}
		cookies = append(cookies, sealed...)
	}
	if size, room := sizeOf(cookies), c.room(a); size > room {
		c.endSession(a)
		return sessionTooLarge.with(fmt.Sprintf("the session's cookies take %d bytes, expected at most %d beside this browser's other headers", size, room))
	}
	for _, each := range cookies {
		c.set(each)
	}
	return nil
}

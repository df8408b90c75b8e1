package oauthagent

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
)

// state is the content of a request's cookies.
type state struct {
	received cookie.Received
	// opened are the session's cookies that opened. parts are their contents, by
	// name, if the session is not over.
	opened cookie.Opened
	parts  map[string]cookie.Content
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
	c.opened = a.Names.Open(a.Ring, c.received, false, a.Names.Session()...)
	c.parts = maps.Collect(c.opened.Contents.All())
	if c.opened.Ambiguous != "" {
		c.notes = append(c.notes, ambiguous(c.opened.Ambiguous))
	}
	if len(c.parts) > 0 && (a.Lifetimes.over(c.opened.Session, c.parts[a.Names.RefreshToken], c.now) || c.markedOver(a)) {
		clear(c.parts)
	}
	c.logins = map[int]pendingLogin{}
	for n := 1; n <= cookie.MaxLogins; n++ {
		for _, content := range a.Names.All(a.Ring, c.received, a.Names.Login(n)) {
			login := pendingLogin{expires: content.Expires}
			if !content.Expires.IsZero() && !content.Expired(c.now) && json.Unmarshal([]byte(content.Token), &login) == nil {
				c.logins[n] = login
			}
		}
	}
}

func ambiguous(name string) string { return "There are two different cookies named " + name }

// accessToken returns the access token, if it is there and not expired.
func (c *call) accessToken(a *agent) (cookie.Content, bool) {
	content, ok := c.parts[a.Names.AccessToken]
	return content, ok && !content.Expired(c.now)
}

// markedOver reports whether the provider has refused this refresh token.
func (c *call) markedOver(a *agent) bool {
	refresh, ok := c.parts[a.Names.RefreshToken]
	return ok && slices.ContainsFunc(a.Names.All(a.Ring, c.received, a.Names.Over), func(over cookie.Content) bool {
		return over.Session == refresh.Session && over.Token == cookie.Fingerprint(refresh.Token)
	})
}

// markOver marks the session as over. The next request to the agent removes its
// cookies, unless another response has replaced the refresh token. Then this
// request lost a race against another refresh, and the session goes on.
func (c *call) markOver(a *agent, refreshToken string) {
	content := cookie.Content{Session: c.opened.Session, Token: cookie.Fingerprint(refreshToken)}
	if set, err := a.Names.SetSealed(a.Names.Over, a.Names.Seal(a.Ring, a.Names.Over, content), c.received); err == nil {
		c.set(set...)
	}
}

// loggedIn reports whether there is a session: an access token that has not
// expired, or a refresh token.
func (c *call) loggedIn(a *agent) bool {
	_, access := c.accessToken(a)
	refresh, ok := c.parts[a.Names.RefreshToken]
	return access || ok && !refresh.Expired(c.now)
}

// set adds cookies to the response. Each replaces one of the same name, domain
// and path.
func (c *call) set(added ...*http.Cookie) {
	for _, cookie := range added {
		c.cookies = slices.DeleteFunc(c.cookies, func(other *http.Cookie) bool { return samePlace(cookie, other) })
		c.cookies = append(c.cookies, cookie)
	}
}

func samePlace(a, b *http.Cookie) bool {
	return a.Name == b.Name && a.Domain == b.Domain && a.Path == b.Path
}

// endSession removes the session's cookies, whether received or not, and
// cookies of other configurations.
func (c *call) endSession(a *agent) {
	for _, name := range a.Names.Session() {
		c.set(a.Names.UnsetAll(name, c.received)...)
	}
	c.endDevice(a)
	c.set(c.leftovers(a, cookie.SignOut)...)
	c.unmark(a)
}

// unmark removes the mark that a session is over, if there is one.
func (c *call) unmark(a *agent) {
	if c.received.Has(a.Names.Over) {
		c.set(a.Names.Unset(a.Names.Over))
	}
}

func (c *call) leftovers(a *agent, on cookie.Occasion) []*http.Cookie {
	// Behind a content delivery network the gateway does not see the host that the
	// browser sees. A page of the same site has the same domains above it.
	page, _ := url.Parse(c.origin)
	return a.Names.Leftovers(a.Ring, c.received, c.opened, on, a.Host(c.request), page.Hostname())
}

// sweep removes useless cookies: all cookies of an invalid session, cookies
// that did not open beside a valid session, and logins that are over. Otherwise
// every request would carry them until the browser closes.
func (c *call) sweep(a *agent) {
	loggedIn := c.loggedIn(a)
	for _, name := range a.Names.Session() {
		_, opened := c.parts[name]
		if c.received.Has(name) && !(loggedIn && opened) {
			c.set(a.Names.UnsetAll(name, c.received)...)
		}
	}
	if !loggedIn {
		c.endDevice(a)
	}
	c.set(c.leftovers(a, cookie.Sweep)...)
	c.unmark(a)
	for n := 1; n <= cookie.MaxLogins; n++ {
		if _, pending := c.logins[n]; !pending && c.received.Has(a.Names.Login(n)) {
			c.set(a.Names.Unset(a.Names.Login(n)))
		}
	}
}

// issue sets all cookies of a session. If it fails, it sets no cookie. It
// removes cookies of an earlier session that this one does not replace.
func (c *call) issue(a *agent, session cookie.SessionID, tokens oauth.Tokens, csrfValue string) error {
	cookies := c.leftovers(a, cookie.SignIn)
	for _, part := range []struct {
		name    string
		token   string
		expires time.Time
	}{
		{a.Names.AccessToken, tokens.AccessToken, tokens.Expires},
		{a.Names.RefreshToken, tokens.RefreshToken, a.Lifetimes.refreshExpiry(session, c.now)},
		{a.Names.IDToken, a.kept(tokens.IDToken), time.Time{}},
		{a.Names.CSRF, csrfValue, time.Time{}},
		{a.Names.Anchor, a.Names.AnchorToken(tokens.AccessToken, csrfValue), time.Time{}},
	} {
		switch {
		case part.name == "": // this configuration needs no anchor
			continue
		case part.token == "" && part.name != a.Names.Anchor:
			cookies = append(cookies, a.Names.UnsetAll(part.name, c.received)...)
			continue
		}
		value := a.Names.Seal(a.Ring, part.name, cookie.Content{Session: session, Expires: part.expires, Token: part.token,
			Binding: a.bindingOf(part.name, c.deviceKey, tokens.RefreshToken != "")})
		sealed, err := a.Names.SetSealed(part.name, value, c.received)
		if err != nil {
			c.endSession(a)
			return sessionTooLarge.with(fmt.Sprintf("cookie %s has %d bytes, more than %d cookies hold", part.name, len(value), cookie.MaxParts))
		}
		cookies = append(cookies, sealed...)
	}
	if size, room := sizeOf(cookies)+a.Device.reserved(), c.room(a, cookies); size > room {
		c.endSession(a)
		return sessionTooLarge.with(fmt.Sprintf("the session's cookies take %d bytes, expected at most %d beside this browser's other headers", size, room))
	}
	c.set(cookies...)
	c.unmark(a)
	return nil
}

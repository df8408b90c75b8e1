package cookie

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Options are what a deployment chooses about its cookies. The zero value of
// each field but Prefix is the safest. That they do not contradict each other
// and the rules for name prefixes, package settings checks.
type Options struct {
	// Prefix is the first part of every name, without __Host- or __Secure-,
	// which follow from the other fields. With Curity it is all that comes
	// before -at, and may begin with either.
	Prefix string
	// Curity puts the access token and the CSRF value into version 1, for
	// interoperability. All other cookies are sealed in version 2 even then.
	Curity bool
	// Domain is the Domain attribute; empty: none, so that only the API's own
	// host gets the cookies.
	Domain string
	// BasePath is the Path attribute of the refresh token and the ID token, so
	// that requests to the protected API do not carry them. Empty: "/".
	BasePath string
}

// Names are the cookies of one deployment: how each is called, what it is
// scoped to and in which form it is written.
type Names struct {
	AccessToken, RefreshToken, IDToken, CSRF string

	login   string
	options Options
}

// NewNames returns the names of a prefix with the default options: browsers
// accept __Host- names only with Secure, Path=/ and no Domain (RFC 6265bis
// section 4.1.3.2), so that no sibling domain can plant one.
func NewNames(prefix string) Names { return NewNamesOf(Options{Prefix: prefix}) }

// NewNamesOf returns the names of options.
func NewNamesOf(o Options) Names {
	if o.BasePath == "" {
		o.BasePath = "/"
	}
	wide, scoped := "__Host-", "__Host-"
	if o.BasePath != "/" {
		scoped = "__Secure-"
	}
	if o.Domain != "" {
		wide, scoped = "__Secure-", "__Secure-"
	}
	if o.Curity {
		wide, scoped = "", "" // the whole of it is in the prefix
	}
	wide, scoped = wide+o.Prefix+"-", scoped+o.Prefix+"-"
	return Names{
		AccessToken: wide + "at", CSRF: wide + "csrf", login: wide + "login-",
		RefreshToken: scoped + "auth", IDToken: scoped + "id",
		options: o,
	}
}

// MaxLogins bounds the pending logins of one browser.
const MaxLogins = 5

// Login is the cookie of pending login n, from 1 to [MaxLogins].
func (n Names) Login(i int) string { return n.login + strconv.Itoa(i) }

// Session lists the cookies that make up a session.
func (n Names) Session() []string {
	return []string{n.AccessToken, n.RefreshToken, n.IDToken, n.CSRF}
}

// version1 reports whether a cookie is one that another implementation reads.
func (n Names) version1(name string) bool {
	return n.options.Curity && (name == n.AccessToken || name == n.CSRF)
}

// Seal returns the value of a cookie in the form the deployment has it in.
func (n Names) Seal(ring *Ring, name string, c Content) string {
	if n.version1(name) {
		return ring.sealVersion1(c.Token)
	}
	return ring.Seal(name, c)
}

// Open returns the content of a cookie of a request, joined if it came in
// parts, or [ErrNotOpened].
func (n Names) Open(ring *Ring, received map[string]string, name string) (Content, error) {
	value, ok := join(received, name)
	switch {
	case !ok:
		return Content{}, ErrNotOpened
	case n.version1(name):
		return ring.openVersion1(value)
	}
	return ring.Open(name, value)
}

// Set returns the cookie that sets a value. maxAge 0 makes it a cookie of the
// browser session.
func (n Names) Set(name, value string, maxAge time.Duration) (*http.Cookie, error) {
	c := n.attributes(name, name)
	c.Value = value
	c.MaxAge = int(maxAge / time.Second)
	if size := len(c.String()); size > MaxSize {
		return nil, fmt.Errorf("cookie: %s takes %d bytes, expected at most %d", name, size, MaxSize)
	}
	return c, nil
}

// Unset returns the cookie that removes one: its attributes are exactly those
// it was set with, or the browser keeps the old one (RFC 6265 section 5.3).
func (n Names) Unset(name string) *http.Cookie { return n.unsetPart(name, name) }

func (n Names) unsetPart(name, part string) *http.Cookie {
	c := n.attributes(name, part)
	c.MaxAge = -1
	// For user agents that know no Max-Age.
	c.Expires = time.Unix(1, 0)
	return c
}

// attributes are those of a part of the cookie name: the same for all parts.
func (n Names) attributes(name, part string) *http.Cookie {
	c := &http.Cookie{Name: part, Path: "/", Domain: n.options.Domain, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if name == n.RefreshToken || name == n.IDToken {
		c.Path = n.options.BasePath
	}
	return c
}

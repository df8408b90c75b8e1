package cookie

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Options are the choices of a deployment about its cookies. The zero value of
// each field but Prefix is the safest. Package settings checks that they do not
// contradict each other and the rules for name prefixes.
type Options struct {
	// Prefix is the first part of every name, without __Host- or __Secure-,
	// which follow from the other fields. With Curity it is all that comes
	// before -at, and may begin with either.
	Prefix string
	// Curity puts the access token and the CSRF value into version 1, for
	// interoperability. All other cookies are sealed even then.
	Curity bool
	// Domain is the Domain attribute. Empty: no such attribute, and only the API's
	// own host gets the cookies.
	Domain string
	// BasePath is the Path attribute of the refresh token and the ID token, so
	// that requests to the protected API do not carry them. Empty: "/".
	BasePath string
	// Deployment is sealed into the cookies with the prefix: issuer, a space,
	// client id.
	Deployment string
	// MaxAge is how long browsers keep the session's cookies. Zero: until the
	// browser closes.
	MaxAge time.Duration
	// Former are prefixes, domains and paths of earlier configurations, whose
	// cookies [Names.Leftovers] removes: a path begins with a slash, a domain
	// has a dot.
	Former []string
}

// Names are the cookies of one deployment, with their names, places and forms.
type Names struct {
	AccessToken, RefreshToken, IDToken, CSRF string
	// Anchor is a __Host- cookie that names the session of the other cookies. It
	// is used if no other cookie of a session can have such a name. Empty: another
	// cookie is the anchor.
	Anchor string
	// Over marks a session as over: see [Fingerprint].
	Over string
	// Device shows that the session's device has proved its key recently. It is
	// not in [Names.Session].
	Device string

	login   string
	options Options
	places  map[string]Place
}

// NewNames returns the names of a prefix with the default options. Browsers
// accept __Host- names only with Secure, Path=/ and no Domain (RFC 6265bis
// section 4.1.3.2), so no sibling domain can plant one.
func NewNames(prefix string) Names { return NewNamesOf(Options{Prefix: prefix}) }

// NewNamesOf returns the names of options.
func NewNamesOf(o Options) Names {
	if o.BasePath == "" {
		o.BasePath = "/"
	}
	bare := bare(o.Prefix)
	wide, scoped := "__Host-", "__Host-"
	if o.BasePath != "/" {
		scoped = "__Secure-"
	}
	if o.Domain != "" {
		wide, scoped = "__Secure-", "__Secure-"
	}
	if o.Curity {
		wide = strings.TrimSuffix(o.Prefix, bare)
		scoped = wide
	}
	n := Names{
		AccessToken: wide + bare + "-at", CSRF: wide + bare + "-csrf",
		RefreshToken: scoped + bare + "-auth", IDToken: scoped + bare + "-id",
		// Only the agent reads pending logins, so they need no Domain. A planted
		// login would sign the user in to another account.
		login:   "__Host-" + bare + "-login-",
		Over:    "__Host-" + bare + "-over",
		Device:  "__Host-" + bare + "-device",
		options: o,
	}
	if wide != "__Host-" {
		n.Anchor = "__Host-" + bare + "-session"
	}
	n.places = map[string]Place{}
	add := func(kind, name string) {
		c := n.attributes(name, name)
		n.places[name] = NewPlace(kind, o.Deployment, bare, name, c.Domain, c.Path)
	}
	add("at", n.AccessToken)
	add("auth", n.RefreshToken)
	add("id", n.IDToken)
	add("csrf", n.CSRF)
	add("over", n.Over)
	add("device", n.Device)
	n.places[Challenge] = NewPlace("challenge", o.Deployment, bare, Challenge, "", "")
	if n.Anchor != "" {
		add("session", n.Anchor)
	}
	for i := 1; i <= MaxLogins; i++ {
		add("login", n.Login(i))
	}
	return n
}

// Challenge is the name under which [Names.Seal] seals the challenges that a
// device signs. It is no cookie.
const Challenge = "challenge"

// MaxLogins bounds the pending logins of one browser.
const MaxLogins = 5

// Login is the cookie of pending login n, from 1 to [MaxLogins].
func (n Names) Login(i int) string { return n.login + strconv.Itoa(i) }

// Session lists the cookies that make up a session.
func (n Names) Session() []string {
	names := []string{n.AccessToken, n.RefreshToken, n.IDToken, n.CSRF}
	if n.Anchor != "" {
		names = append(names, n.Anchor)
	}
	return names
}

// hostOnly reports whether browsers accept a cookie only from its own host (RFC
// 6265bis section 4.1.3.2).
func hostOnly(name string) bool { return strings.HasPrefix(name, "__Host-") }

// version1 reports whether another implementation reads a cookie.
func (n Names) version1(name string) bool {
	return n.options.Curity && (name == n.AccessToken || name == n.CSRF)
}

// Seal returns the value of a cookie in the deployment's form.
func (n Names) Seal(ring *Ring, name string, c Content) string {
	if n.version1(name) {
		return ring.sealVersion1(c.Token)
	}
	return ring.Seal(n.places[name], c)
}

// OpenValue returns the content of one value of a cookie, or [ErrNotOpened].
func (n Names) OpenValue(ring *Ring, name, value string) (Content, error) {
	if n.version1(name) {
		return ring.openVersion1(value)
	}
	place, known := n.places[name]
	if !known {
		return Content{}, ErrNotOpened
	}
	return ring.Open(place, value)
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

// Unset returns the cookie that removes one. Its attributes are exactly those
// it was set with: otherwise the browser keeps the old cookie (RFC 6265 section
// 5.3).
func (n Names) Unset(name string) *http.Cookie { return n.unsetPart(name, name) }

func (n Names) unsetPart(name, part string) *http.Cookie {
	return expired(n.attributes(name, part))
}

// expired changes a cookie to one that removes it.
func expired(c *http.Cookie) *http.Cookie {
	c.MaxAge = -1
	// For user agents that know no Max-Age.
	c.Expires = time.Unix(1, 0)
	return c
}

// attributes are those of a part of the cookie name: the same for all parts.
func (n Names) attributes(name, part string) *http.Cookie {
	c := &http.Cookie{Name: part, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if !hostOnly(name) {
		c.Domain = n.options.Domain
	}
	if name == n.RefreshToken || name == n.IDToken {
		c.Path = n.options.BasePath
	}
	return c
}

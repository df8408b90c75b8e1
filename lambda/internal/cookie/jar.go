package cookie

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// MaxSize is what browsers keep of one cookie: name, value and attributes of
// at least 4,096 bytes together (RFC 6265 section 6.1). More is dropped
// silently, which shows as an endless login.
const MaxSize = 4096

// MaxLogins bounds the pending logins of one browser.
const MaxLogins = 5

// Names are the cookies of one deployment.
type Names struct {
	AccessToken, RefreshToken, IDToken, CSRF string

	login string
}

// NewNames returns the names for a prefix. Browsers accept __Host- names only
// with Secure, Path=/ and no Domain (RFC 6265bis section 4.1.3.2), so that no
// sibling domain can plant one.
func NewNames(prefix string) Names {
	p := "__Host-" + prefix + "-"
	return Names{AccessToken: p + "at", RefreshToken: p + "auth", IDToken: p + "id", CSRF: p + "csrf", login: p + "login-"}
}

// Login is the cookie of pending login n, from 1 to [MaxLogins].
func (n Names) Login(i int) string { return n.login + strconv.Itoa(i) }

// Session lists the cookies that make up a session.
func (n Names) Session() []string {
	return []string{n.AccessToken, n.RefreshToken, n.IDToken, n.CSRF}
}

// Set returns the cookie that sets a value. maxAge 0 makes it a cookie of the
// browser session.
func Set(name, value string, maxAge time.Duration) (*http.Cookie, error) {
	c := attributes(name)
	c.Value = value
	c.MaxAge = int(maxAge / time.Second)
	if size := len(c.String()); size > MaxSize {
		return nil, fmt.Errorf("cookie: %s takes %d bytes, expected at most %d", name, size, MaxSize)
	}
	return c, nil
}

// Unset returns the cookie that removes one: its attributes are exactly those
// it was set with, or the browser keeps the old one (RFC 6265 section 5.3).
func Unset(name string) *http.Cookie {
	c := attributes(name)
	c.MaxAge = -1
	// For user agents that know no Max-Age.
	c.Expires = time.Unix(1, 0)
	return c
}

func attributes(name string) *http.Cookie {
	return &http.Cookie{Name: name, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}

// Parse reads the cookies of the request's Cookie headers, of which HTTP/2 may
// send several (RFC 9113 section 8.2.3). Names are case-sensitive. A name that
// comes twice with different values is ambiguous and is left out, so that
// nothing planted beside our own is ever chosen. Malformed pairs are skipped.
func Parse(headers ...string) map[string]string {
	r := http.Request{Header: http.Header{"Cookie": headers}}
	cookies := map[string]string{}
	var ambiguous []string
	for _, c := range r.Cookies() {
		if old, seen := cookies[c.Name]; seen && old != c.Value {
			ambiguous = append(ambiguous, c.Name)
		}
		cookies[c.Name] = c.Value
	}
	for _, name := range ambiguous {
		delete(cookies, name)
	}
	return cookies
}

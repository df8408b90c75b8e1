package oauthagent

import (
	"net/url"
	"slices"
	"strings"
)

// takeRedirectURI removes the redirect URI from a request to login/start and
// returns that of the login. It is redirectUri in JSON and redirect_uri in a
// form. It is optional: without it the login has the first redirect URI on the
// page's own origin, or the configured one.
//
// A page may ask only for a redirect URI on its own origin, exactly as it is
// listed (RFC 9700 section 2.1: "exact string matching"). So no page sends the
// response of its login to another page.
func (a *agent) takeRedirectURI(c *call, b body) (string, error) {
	var request struct {
		RedirectURI string `json:"redirectUri"`
	}
	if err := b.decode(&request); err != nil {
		return "", err
	}
	asked := request.RedirectURI
	if values, ok := b.form["redirect_uri"]; ok {
		delete(b.form, "redirect_uri")
		if len(values) > 1 {
			return "", malformed.with("redirect_uri comes twice")
		}
		asked = values[0]
	}
	allowed := a.RedirectURIs(c.origin)
	if asked != "" {
		if !slices.Contains(allowed, asked) || originOf(asked) != c.origin {
			return "", malformed.with("the redirect URI is not one of those allowed on the origin of the page")
		}
		return asked, nil
	}
	for _, uri := range allowed {
		if originOf(uri) == c.origin {
			return uri, nil
		}
	}
	return allowed[0], nil
}

// onRedirectURI reports whether a page is at a redirect URI of its origin.
func (a *agent) onRedirectURI(c *call, page *url.URL) bool {
	return slices.ContainsFunc(a.RedirectURIs(c.origin), func(uri string) bool {
		expected, err := url.Parse(uri)
		return err == nil && samePage(page, expected)
	})
}

// of reports whether the calling page may end the login. If the login has a
// redirect URI of its own, only pages of that origin may. Otherwise pages of
// any trusted origin may.
func (l pendingLogin) of(c *call) bool {
	return l.RedirectURI == "" || originOf(l.RedirectURI) == c.origin
}

// originOf returns the origin of a URL as browsers serialise it.
func originOf(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme) + "://" + host(u)
}

package oauthagent

import (
	"crypto/subtle"
	"net/url"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
)

// responseParameters are the parameters of an authorization response (RFC 6749
// section 4.1.2, RFC 9207, OpenID Connect Session Management). A page has
// others.
var responseParameters = []string{"code", "state", "iss", "error", "error_description", "error_uri", "session_state"}

func (a *agent) loginEnd(c *call) (any, error) {
	b, err := c.read()
	if err != nil {
		return nil, err
	}
	parameters, onRedirectURI, err := a.pageParameters(c, b)
	if err != nil {
		return nil, err
	}
	if parameters.Has("code") && slices.Equal(parameters["error"], []string{""}) {
		parameters.Del("error") // an empty error beside a code is ignored
	}
	c.sweep(a)
	switch {
	case !onRedirectURI:
		// The parameters belong to the page: other services return to it, too.
		return a.sessionAnswer(c, false)
	case parameters.Has("response") && a.Provider.Signed():
		return a.endSigned(c, parameters)
	case !(parameters.Has("code") || parameters.Has("error")) || !parameters.Has("state"):
		return a.sessionAnswer(c, false)
	case a.Provider.Signed():
		return nil, malformed.with("an authorization response that is not signed, though a signed one was asked for")
	}
	for _, name := range responseParameters {
		// RFC 6749 section 3.1: parameters "MUST NOT be included more than once".
		if len(parameters[name]) > 1 {
			return nil, malformed.with("a parameter of the authorization response comes twice")
		}
	}
	if c.repeats(a, parameters) {
		return a.sessionAnswer(c, true)
	}
	if err := a.finishLogin(c, parameters); err != nil {
		return nil, err
	}
	return a.sessionAnswer(c, true)
}

// repeats reports whether an authorization response with a code belongs to no
// pending login while there is a session. The page sent it twice, or was
// reloaded. Its code is not used, and the session stays as it is.
func (c *call) repeats(a *agent, parameters url.Values) bool {
	return parameters.Has("code") && !parameters.Has("error") && c.loginOf(parameters.Get("state")) == 0 && c.loggedIn(a)
}

// pageParameters returns the query parameters of the page, and whether the page
// is at a redirect URI. A form does not name the page, so there the Origin
// header must be enough.
func (a *agent) pageParameters(c *call, b body) (url.Values, bool, error) {
	if b.json == nil {
		return b.form, true, nil
	}
	var request struct {
		PageURL string `json:"pageUrl"`
	}
	if err := b.decode(&request); err != nil || request.PageURL == "" {
		return nil, false, err
	}
	page, err := url.Parse(request.PageURL)
	if err != nil || !page.IsAbs() || page.Host == "" {
		return nil, false, malformed.with("pageUrl is not an absolute URL")
	}
	parameters, err := url.ParseQuery(page.RawQuery)
	if err != nil {
		return nil, false, malformed.with("pageUrl has a malformed query")
	}
	return parameters, a.onRedirectURI(c, page), nil
}

// samePage compares scheme, host and path.
func samePage(page, expected *url.URL) bool {
	return page.User == nil && page.Scheme == expected.Scheme && host(page) == host(expected) && path(page) == path(expected)
}

// host returns the host without the default port, as browsers do.
func host(u *url.URL) string {
	h := strings.ToLower(u.Host)
	switch u.Scheme {
	case "https":
		h = strings.TrimSuffix(h, ":443")
	case "http":
		h = strings.TrimSuffix(h, ":80")
	}
	return h
}

func path(u *url.URL) string {
	if p := u.EscapedPath(); p != "" {
		return p
	}
	return "/"
}

// finishLogin ends the login that an authorization response belongs to. It removes
// the login's cookie also if the response fails: a state is used once.
func (a *agent) finishLogin(c *call, parameters url.Values) error {
	slot := c.loginOf(parameters.Get("state"))
	if slot == 0 {
		// RFC 9700 section 4.7.1: state is bound to the user agent. Error responses
		// are no exception.
		return unknownLogin
	}
	pending := c.logins[slot]
	if !pending.of(c) {
		return unknownLogin // and keep the cookie: another page must not end the login
	}
	login := pending.Login
	c.set(a.Names.Unset(a.Names.Login(slot)))
	if err := a.Provider.CheckLogin(login); err != nil {
		return providerFailure(err)
	}
	if err := a.Provider.CheckIssuer(c.request.Context(), parameters.Get("iss")); err != nil {
		return providerFailure(err)
	}
	code := parameters.Get("code")
	switch {
	case parameters.Has("error") && parameters.Has("code"):
		return malformed.with("an authorization response with both code and error")
	case parameters.Has("error"):
		return loginFailed(parameters.Get("error"))
	case code == "":
		return malformed.with("an authorization response with an empty code")
	}
	tokens, err := a.Provider.Exchange(c.request.Context(), code, login)
	if err != nil {
		return providerFailure(err)
	}
	// A new login is a new session, with a CSRF value of its own.
	session, csrfValue := newSession(c.now), a.Ring.NewCSRF()
	tokens = a.Lifetimes.bound(session, tokens, c.now)
	err = a.begin(c, session, tokens)
	if err == nil {
		err = c.issue(a, session, tokens, csrfValue)
	}
	if err != nil {
		a.discard(c, tokens)
		return err
	}
	a.revokeReplaced(c, tokens.IDToken)
	a.offerBinding(c, session)
	c.adopt(a, session, tokens, csrfValue)
	c.place = pending.Place
	return nil
}

// loginOf returns the slot of the login with a state, or 0. It compares all of
// them, each in constant time.
func (c *call) loginOf(state string) int {
	found := 0
	for n := 1; n <= cookie.MaxLogins; n++ {
		login, pending := c.logins[n]
		if pending && login.State != "" && subtle.ConstantTimeCompare([]byte(login.State), []byte(state)) == 1 {
			found = n
		}
	}
	return found
}

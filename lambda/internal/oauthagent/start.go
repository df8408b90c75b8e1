package oauthagent

import (
	"encoding/json"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
)

// loginLifetime is how long a user may take at the provider.
const loginLifetime = 10 * time.Minute

// maxExtraValue bounds the value of an extra parameter in bytes, and maxClaims
// that of claims, a JSON object (OpenID Connect Core section 5.5).
const (
	maxExtraValue = 512
	maxClaims     = 2048
)

func (a *agent) loginStart(c *call) (any, error) {
	b, err := c.read()
	if err != nil {
		return nil, err
	}
	place, err := b.takePlace()
	if err != nil {
		return nil, err
	}
	redirectURI, err := a.takeRedirectURI(c, b)
	if err != nil {
		return nil, err
	}
	extra, err := b.extraParameters(a.ExtraParameters)
	if err != nil {
		return nil, err
	}
	url, login, err := a.Provider.AuthorizeTo(c.request.Context(), redirectURI, extra)
	if err != nil {
		return nil, providerFailure(err)
	}
	if err := a.rememberLogin(c, pendingLogin{Login: login, Place: place}); err != nil {
		return nil, err
	}
	return struct {
		Classic   string `json:"authorizationRequestUrl"`
		Assistant string `json:"authorization_url"`
	}{url, url}, nil
}

// extraParameters reads the allowed parameters of
// {"extraParams":[{"key":…,"value":…}]} or a form.
func (b body) extraParameters(allowed []string) (map[string]string, error) {
	var request struct {
		ExtraParams []struct {
			Key   string  `json:"key"`
			Value *string `json:"value"`
		} `json:"extraParams"`
	}
	if err := b.decode(&request); err != nil {
		return nil, err
	}
	extra := map[string]string{}
	for _, p := range request.ExtraParams {
		if p.Value == nil {
			return nil, malformed.with("an extra parameter has no value")
		}
		if err := addExtra(allowed, extra, p.Key, *p.Value); err != nil {
			return nil, err
		}
	}
	for key, values := range b.form {
		for _, value := range values {
			if err := addExtra(allowed, extra, key, value); err != nil {
				return nil, err
			}
		}
	}
	return extra, nil
}

func addExtra(allowed []string, extra map[string]string, key, value string) error {
	_, twice := extra[key]
	limit := maxExtraValue
	if key == "claims" {
		limit = maxClaims
	}
	switch {
	case !slices.Contains(allowed, key):
		return malformed.with("an extra parameter is not among those allowed")
	case twice:
		// RFC 6749 section 3.1: "Request and response parameters MUST NOT be
		// included more than once."
		return malformed.with("an extra parameter comes twice")
	case len(value) > limit, !utf8.ValidString(value), containsControl(value):
		return malformed.with("an extra parameter is too long or has a character that is not allowed")
	}
	extra[key] = value
	return nil
}

func containsControl(s string) bool { return slices.ContainsFunc([]rune(s), unicode.IsControl) }

// rememberLogin seals the secrets of the request into a cookie of its own, so
// that several tabs can sign in at once.
//
// If the browser's headers would come near the limit of API Gateway, it drops
// the place. The user then returns to the redirect URI.
func (a *agent) rememberLogin(c *call, login pendingLogin) error {
	name := a.Names.Login(c.loginSlot())
	set, err := a.loginCookie(c, name, login)
	if login.Place != "" && (err != nil || inCookieHeader(set) > c.room(a, nil)) {
		login.Place = ""
		set, err = a.loginCookie(c, name, login)
	}
	if err != nil {
		return err
	}
	c.set(set)
	return nil
}

func (a *agent) loginCookie(c *call, name string, login pendingLogin) (*http.Cookie, error) {
	token, err := json.Marshal(login)
	if err != nil {
		return nil, serverError.with("a login cannot be marshalled")
	}
	content := cookie.Content{Session: newSession(c.now), Expires: c.now.Add(loginLifetime), Token: string(token)}
	set, err := a.Names.Set(name, a.Names.Seal(a.Ring, name, content), loginLifetime)
	if err != nil {
		return nil, serverError.with("the login cookie is too large")
	}
	return set, nil
}

// loginSlot returns a free slot, at random because another tab may choose at
// the same time. If all are taken, it returns the slot of the oldest login.
func (c *call) loginSlot() int {
	var free []int
	oldest := 0
	for n := 1; n <= cookie.MaxLogins; n++ {
		login, pending := c.logins[n]
		switch {
		case !pending:
			free = append(free, n)
		case oldest == 0 || login.expires.Before(c.logins[oldest].expires):
			oldest = n
		}
	}
	if len(free) == 0 {
		return oldest
	}
	return free[mathrand.IntN(len(free))]
}

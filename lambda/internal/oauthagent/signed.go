package oauthagent

import (
	"net/url"

	"github.com/tokenhandler/aws/lambda/internal/oauth"
)

// endSigned ends a login with a signed authorization response (JARM), which is
// then the only parameter. It compares the state before it verifies the
// signature: a response that belongs to no login of this browser must not cause
// a request to the provider.
func (a *agent) endSigned(c *call, parameters url.Values) (any, error) {
	response := parameters["response"]
	switch {
	case len(response) != 1:
		return nil, malformed.with("a parameter of the authorization response comes twice")
	case parameters.Has("code") || parameters.Has("error"):
		return nil, malformed.with("an authorization response that is signed and not")
	case c.loginOf(oauth.ResponseState(response[0])) == 0 && c.loggedIn(a):
		return a.sessionAnswer(c, true) // as in repeats
	case c.loginOf(oauth.ResponseState(response[0])) == 0:
		return nil, unknownLogin
	}
	signed, err := a.Provider.Response(c.request.Context(), response[0])
	if err != nil {
		return nil, providerFailure(err)
	}
	if err := a.finishLogin(c, signed); err != nil {
		return nil, err
	}
	return a.sessionAnswer(c, true)
}

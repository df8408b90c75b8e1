package oauthproxy

import (
	"errors"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/jwt"
)

// requirement is one of settings.Requirement, ready for use.
type requirement struct {
	scope  string
	scopes []string
	claims map[string]string
}

// requirements are what routes demand of the access token, by
// settings.RouteKey.
type requirements map[string]requirement

func newRequirements(of settings.Requirements) requirements {
	out := requirements{}
	for key, r := range of {
		out[key] = requirement{scope: r.Scope, scopes: r.Scopes(), claims: r.Claims}
	}
	return out
}

// lacking returns the code of what a token lacks for the matched method, ""
// if it has all, and the scopes demanded. The route is known by the resource
// that API Gateway matched, never by the path the client sent: how that would
// be matched, only the gateway knows.
func (rs requirements) lacking(r *Request, claims jwt.Claims) (code, scope string, err error) {
	if len(rs) == 0 {
		return "", "", nil
	}
	resource := r.Resource
	if !strings.HasPrefix(resource, "/") || r.RequestContext.ResourcePath != "" && r.RequestContext.ResourcePath != resource {
		return "", "", errors.New("oauthproxy: expected the event to name the matched resource")
	}
	// An event has the request's method, also where the resource's is ANY.
	for _, method := range []string{r.HTTPMethod, "ANY"} {
		demanded, ok := rs[settings.RouteKey(method, resource)]
		if !ok {
			continue
		}
		if !claims.HasScopes(demanded.scopes) {
			return contract.CodeInsufficientScope, demanded.scope, nil
		}
		for name, value := range demanded.claims {
			if !claims.Has(name, value) {
				return contract.CodeAccessDenied, "", nil
			}
		}
	}
	return "", "", nil
}

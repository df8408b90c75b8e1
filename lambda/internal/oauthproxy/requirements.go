package oauthproxy

import (
	"errors"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/exchange"
	"github.com/tokenhandler/aws/lambda/internal/jwt"
)

// requirement is one of settings.Requirement, ready for use.
type requirement struct {
	scope  string
	scopes []string
	claims map[string]string
	target *exchange.Target // nil: the token itself goes upstream
}

// requirements are those of all routes, by settings.RouteKey.
type requirements map[string]requirement

func newRequirements(of settings.Requirements) requirements {
	out := requirements{}
	for key, r := range of {
		ready := requirement{scope: r.Scope, scopes: r.Scopes(), claims: r.Claims}
		if x := r.Exchange; x != nil {
			ready.target = &exchange.Target{Audience: x.Audience, Resource: x.Resource, Scope: x.Scope}
		}
		out[key] = ready
	}
	return out
}

// of returns the requirements for the matched method. The route is known by the
// resource that API Gateway matched, never by the path that the client sent: only
// the gateway knows how it matches a path.
func (rs requirements) of(r *Request) ([]requirement, error) {
	if len(rs) == 0 {
		return nil, nil
	}
	resource := r.Resource
	if !strings.HasPrefix(resource, "/") || r.RequestContext.ResourcePath != "" && r.RequestContext.ResourcePath != resource {
		return nil, errors.New("oauthproxy: expected the event to name the matched resource")
	}
	var found []requirement
	// An event has the request's method, also where the resource's is ANY.
	for _, method := range []string{r.HTTPMethod, "ANY"} {
		if demanded, ok := rs[settings.RouteKey(method, resource)]; ok {
			found = append(found, demanded)
		}
	}
	return found, nil
}

// lacks returns the code of a refusal if a token lacks a scope or claim, otherwise
// "", and the required scopes.
func (r requirement) lacks(claims jwt.Claims) (code, scope string) {
	if !claims.HasScopes(r.scopes) {
		return contract.CodeInsufficientScope, r.scope
	}
	for name, value := range r.claims {
		if !claims.Has(name, value) {
			return contract.CodeAccessDenied, ""
		}
	}
	return "", ""
}

// targetOf returns the API that the token is exchanged for, or nil. The requirement
// of the method itself comes before that of ANY.
func targetOf(required []requirement) *exchange.Target {
	for _, r := range required {
		if r.target != nil {
			return r.target
		}
	}
	return nil
}

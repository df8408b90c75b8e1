package tokenhandler

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

// demands are the requirements of all routes of one authorizer. A handler and
// those made from it with Extend share them, because they share the authorizer,
// which knows a route by its method and resource.
type demands struct {
	authorizer settings.Authorizer
	routes     map[string]settings.Requirement
	upstreams  settings.Upstreams // with Props.AccessTokens.DPoP
}

// demand adds the requirements of a protected route to those of the authorizer.
func (h *ProtectedAPI) demand(r Route) {
	h.checkDemands(r)
	changed := false
	for _, m := range r.Methods {
		key := settings.RouteKey(m, r.Path)
		required := settings.Requirement{
			Scope:  strings.Join(slices.Concat(r.Scopes, r.MethodScopes[m]), " "),
			Claims: maps.Clone(r.Claims),
		}
		if r.Exchange != (Exchange{}) {
			exchange := r.Exchange
			required.Exchange = &exchange
		}
		if known, ok := h.demands.routes[key]; ok && !reflect.DeepEqual(known, required) {
			r.misuse(&r.Scopes, "and %s and %s of %s must be those of the route of another API with the same authorizer, which does not tell them apart", r.setting(&r.Claims), r.setting(&r.Exchange), key)
		}
		h.demands.routes[key] = required
		changed = changed || !required.IsZero()
	}
	if !changed {
		return
	}
	requirements := settings.Requirements{}
	for key, required := range h.demands.routes {
		if !required.IsZero() {
			requirements[key] = required
		}
	}
	h.demands.authorizer.RouteRequirements = requirements
	refuse(settings.Check(&h.demands.authorizer, isToken))
	h.addVariable(&h.demands.authorizer.RouteRequirements)
}

// addVariable adds a variable to the authorizer's environment, or replaces it.
// The field is one of h.demands.authorizer.
func (h *ProtectedAPI) addVariable(field any) {
	refuse(settings.CheckSize(&h.demands.authorizer, isToken))
	v := settings.VariableOf(&h.demands.authorizer, field)
	h.function.AddEnvironment(jsii.String(v.Name), jsii.String(v.Value), nil)
}

func (h *ProtectedAPI) checkDemands(r Route) {
	if r.Exchange != (Exchange{}) {
		h.checkExchange(&r)
	}
	if len(r.Scopes)+len(r.MethodScopes)+len(r.Claims) == 0 {
		return
	}
	if h.function == nil {
		r.misuse(&r.Scopes, "and %s of %s cannot be combined with FromTokenHandlerAttributes, the authorizer gets them from its own app", r.setting(&r.Claims), r.Path)
	}
	if !h.demands.authorizer.KnowsScopes() {
		r.misuse(&r.Scopes, "and %s of %s require %s or %s, or nothing is known of the access tokens", r.setting(&r.Claims), r.Path, settings.SettingOf(&h.props, &h.props.PhantomToken.Enabled), settings.SettingOf(&h.props, &h.props.AccessTokens.VerifyTokens))
	}
	for m := range r.MethodScopes {
		if !slices.Contains(r.Methods, m) {
			r.misuse(&r.MethodScopes, "of %s has %q: expected methods of the route only", r.Path, m)
		}
	}
	for _, list := range append(slices.Collect(maps.Values(r.MethodScopes)), r.Scopes) {
		for _, scope := range list {
			if !settings.IsScopeToken(scope) {
				r.misuse(&r.Scopes, "of %s has %q: expected one scope per element, without space, quote and backslash", r.Path, scope)
			}
		}
	}
	for name := range r.Claims {
		if name == "" {
			r.misuse(&r.Claims, "of %s has a claim without a name", r.Path)
		}
	}
}

func (h *ProtectedAPI) checkExchange(r *Route) {
	if h.function == nil {
		r.misuse(&r.Exchange, "of %s cannot be combined with FromTokenHandlerAttributes, the authorizer gets it from its own app", r.Path)
	}
	if h.demands.authorizer.TokenExchange.URL == "" {
		r.misuse(&r.Exchange, "of %s requires %s", r.Path, settings.SettingOf(&h.props, &h.props.TokenExchange.URL))
	}
	if err := r.Exchange.Check(); err != nil {
		r.misuse(&r.Exchange, "of %s: %s", r.Path, err.Error())
	}
}

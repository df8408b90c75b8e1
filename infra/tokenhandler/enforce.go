package tokenhandler

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/enforce"
	"github.com/tokenhandler/aws/infra/internal/rules"
	"github.com/tokenhandler/aws/internal/settings"
)

// validation is one step of the check that the rules make of the API's methods
// at the end of synthesis, however they were made. CDK writes no template when a
// step returns errors.
//
// It cannot see changes by AddPropertyOverride and the like. CDK's validation
// plugin applies the same rules to the templates; synthesis then fails, too. The
// command infra/check finds methods that another app adds, in its own template.
type validation struct {
	handler *ProtectedAPI
	part    int
}

// addValidations has CDK make the check.
func (h *ProtectedAPI) addValidations() {
	for part := range enforce.Parts {
		h.Node().AddValidation(&validation{h, part})
	}
}

// Validate implements constructs.IValidation.
func (v *validation) Validate() *[]*string {
	h, faults := v.handler, []*string{}
	siblings := h.siblings()
	first := v.part == 0
	if first {
		faults = h.literalSecrets()
	}
	if len(siblings) == 0 || siblings[0] != h { // the first one speaks for all
		return &faults
	}
	if first {
		h.tree = enforce.NewTree(h.API, enforced(siblings))
	}
	h.tree.Read(v.part)
	if v.part == enforce.Parts-1 {
		for _, fault := range h.tree.Faults() {
			faults = append(faults, jsii.String(fault))
		}
	}
	return &faults
}

// Validate makes the whole check at once, as CDK makes it at the end of synthesis.
func (h *ProtectedAPI) Validate() *[]*string {
	var all []*string
	for part := range enforce.Parts {
		all = append(all, *(&validation{h, part}).Validate()...)
	}
	return &all
}

// siblings are the token handlers of the API, h among them.
func (h *ProtectedAPI) siblings() []*ProtectedAPI {
	if h.group == nil {
		return nil
	}
	return h.group.members
}

// register adds the token handler to those of its API and of its stage. The
// first one of a stage registers the check of templates.
func (h *ProtectedAPI) register() {
	h.group = groupOf(h.API)
	h.group.Add(h)
	stage := awscdk.Stage_Of(h)
	all := groupOf(stage)
	if all.Add(h); len(all.members) == 1 {
		awscdk.Validations_Of(stage).AddPlugins(plugin(stage, all))
	}
}

// plugin is the check of the templates of a stage.
func plugin(stage awscdk.Stage, handlers *group) *enforce.Plugin {
	return &enforce.Plugin{Stage: stage, Own: func() (apis, authorizers map[string][]string) { return ownParts(handlers.members) }}
}

// enforced describes token handlers for the check of the construct tree.
func enforced(handlers []*ProtectedAPI) []enforce.Handler {
	var out []enforce.Handler
	for _, h := range handlers {
		e := enforce.Handler{Path: *h.Node().Path(), Protected: h.protected, Bound: h.props.AccessTokens.DPoP}
		if h.Authorizer != nil {
			e.Authorizers = append(e.Authorizers, h.facts(*h.Authorizer.AuthorizerId(), false))
		}
		if h.safeAuthorizer != nil {
			e.Authorizers = append(e.Authorizers, h.facts(*h.safeAuthorizer.AuthorizerId(), true))
		}
		if h.owner != nil {
			e.Agent, e.Specs, e.Functions = h.owner.agent, h.owner.specs, h.owner.functions()
		}
		out = append(out, e)
	}
	return out
}

// facts describes an authorizer for the rules.
func (h *ProtectedAPI) facts(id string, safe bool) enforce.Authorizer {
	function := h.proxy()
	a := rules.Authorizer{Known: true, Type: "REQUEST", Function: &function}
	if caching := h.props.AuthorizerCaching; caching.TTL != 0 {
		a.TTL, a.Sources, a.OnlySafe = int(caching.TTL.Seconds()), h.identitySources(safe), safe
	}
	return enforce.Authorizer{ID: id, Authorizer: a}
}

// proxy describes the OAuth proxy for the rules.
func (h *ProtectedAPI) proxy() rules.Function {
	authorizer := &settings.Authorizer{AuthorizerCaching: h.props.AuthorizerCaching}
	ttl := settings.VariableOf(authorizer, &authorizer.AuthorizerCaching.TTL).Value
	return rules.Function{CSRFHeader: h.props.Cookies.CSRFHeaderName(), CacheTTL: ttl, CacheDialect: h.props.AuthorizerCaching.Dialect, Bound: h.props.AccessTokens.DPoP}
}

// functions describes the OAuth proxy by its logical id and by that of its alias.
func (h *TokenHandler) functions() map[string]rules.Function {
	functions := map[string]rules.Function{}
	for _, part := range []awslambda.IFunction{h.AuthorizerFunction, h.invoked} {
		if resource, ok := part.Node().DefaultChild().(awscdk.CfnElement); ok {
			functions[fmt.Sprint(part.Stack().Resolve(resource.LogicalId()))] = h.proxy()
		}
	}
	return functions
}

// ownParts lists, by the file name of their template, the REST APIs of token
// handlers, and the authorizers of those whose function another app deploys.
func ownParts(handlers []*ProtectedAPI) (apis, authorizers map[string][]string) {
	apis, authorizers = map[string][]string{}, map[string][]string{}
	add := func(to map[string][]string, stack awscdk.Stack, id *string) {
		resolved, _ := stack.Resolve(id).(map[string]any)
		ref, _ := resolved["Ref"].(string)
		if file := *stack.TemplateFile(); ref != "" && !slices.Contains(to[file], ref) {
			to[file] = append(to[file], ref)
		}
	}
	for _, h := range handlers {
		add(apis, h.API.Stack(), h.API.RestApiId())
		if h.owner != nil {
			for _, spec := range h.owner.specs {
				add(apis, spec.Stack(), spec.RestApiId())
			}
		}
		if h.function == nil {
			add(authorizers, awscdk.Stack_Of(h), h.Authorizer.AuthorizerId())
		}
	}
	return apis, authorizers
}

// Package rules holds the rules for REST APIs behind the token handler. Each
// rule has a file, a stable name and one sentence.
//
// The construct applies the rules to its construct tree ([API.Findings]). The
// validation plugin, the app and the command infra/check apply them to
// synthesized templates ([Check]): AWS::ApiGateway::Method resources and OpenAPI
// bodies of REST APIs, with the stages, functions and distributions around them.
//
// A finding is also reported where a template cannot be read. HTTP APIs
// (AWS::ApiGatewayV2::…) are not checked, and of WebSocket APIs only $connect.
// Resources with a condition are taken as present.
package rules

import (
	"fmt"
	"slices"
	"strings"
)

// Rule is a rule. One of its functions is set.
type Rule struct {
	// Name is stable: people refer to it.
	Name string
	// Sentence is the demand of the rule.
	Sentence string
	// Advice rules give warnings, which stop neither synthesis nor the check.
	Advice bool

	method   func(m *Method) []string // faults of a method
	api      func(a *API, found found)
	template func(m *model, found found)
}

// found reports a fault at a place. m is nil if the fault is not about one method.
type found func(at Place, m *Method, fault string)

// All lists the rules in the order of the documentation.
func All() []Rule {
	return []Rule{
		authorizerOnEveryMethod,
		publicOrProtected,
		noGreedyPublicPath,
		agentOnItsEndpoints,
		tokenUpstream,
		proofUpstream,
		noSessionUpstream,
		readableIntegration,
		readableDefinition,
		requestAuthorizer,
		authorizerOnConnect,
		authorizerCacheKey,
		authorizerCacheAge,
		cachedRoutesAreMapped,
		authorizerOfItsRoute,
		responseCacheKey,
		noDataTrace,
		noTokenInAccessLog,
		noSecretInTemplate,
		onePathVariable,
		cookiePathReachesAgent,
		firewallOnEveryHost,
		deploymentWaits,
		functionPolicySize,
		environmentSize,
		templateSize,
		preflightOnEveryResource,
	}
}

// Place is a resource of a template, or a construct.
type Place struct {
	LogicalID string
	Construct string // construct path; empty if the template does not tell
}

// String names the resource in one line.
func (p Place) String() string {
	switch {
	case p.Construct == "":
		return p.LogicalID
	case p.LogicalID == "":
		return p.Construct
	}
	return p.LogicalID + " (" + p.Construct + ")"
}

// Finding is a violation of a rule.
type Finding struct {
	Place
	Rule   string  // its name
	Advice bool    // a warning
	Method *Method // nil if the finding is not about one method
	Fault  string
}

// String is the finding in one line.
func (f Finding) String() string { return f.Place.String() + ": " + f.Text() }

// Text is the finding without its place.
func (f Finding) Text() string {
	text := f.Fault + " [" + f.Rule + "]"
	if f.Method == nil {
		return text
	}
	return fmt.Sprintf("%s %s %s", f.Method.HTTPMethod, f.Method.Path, text)
}

// Findings applies the rules for methods and APIs to one API.
func (a *API) Findings() []Finding {
	var all []Finding
	for _, rule := range All() {
		all = append(all, rule.check(a)...)
	}
	slices.SortStableFunc(all, byPlace)
	return all
}

func (r Rule) check(a *API) []Finding {
	var all []Finding
	if r.method != nil {
		for _, m := range a.Methods {
			for _, fault := range r.method(m) {
				all = append(all, Finding{m.Place, r.Name, r.Advice, m, fault})
			}
		}
	}
	if r.api != nil {
		r.api(a, r.reporter(&all))
	}
	return all
}

func (r Rule) reporter(all *[]Finding) found {
	return func(at Place, m *Method, fault string) {
		*all = append(*all, Finding{at, r.Name, r.Advice, m, fault})
	}
}

func byPlace(a, b Finding) int {
	if c := strings.Compare(a.LogicalID, b.LogicalID); c != 0 {
		return c
	}
	return strings.Compare(a.Construct, b.Construct)
}

// one makes a list of a fault, which may be empty.
func one(fault string) []string {
	if fault == "" {
		return nil
	}
	return []string{fault}
}

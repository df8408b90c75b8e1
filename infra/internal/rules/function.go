package rules

import (
	"maps"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/cloudformation"
	"github.com/tokenhandler/aws/internal/settings"
)

// Functions lists the OAuth proxies of a template by logical id: functions with
// the settings of one, and aliases of them.
func Functions(t *cloudformation.Template) map[string]Function {
	found := map[string]Function{}
	for id, r := range t.Resources {
		if r.Type == "AWS::Lambda::Function" && isProxy(variables(r)) {
			found[id] = functionOf(variables(r))
		}
	}
	for id, r := range t.Resources {
		if r.Type != "AWS::Lambda::Alias" {
			continue
		}
		for of := range cloudformation.Mentions(r.Properties["FunctionName"]) {
			if f, known := found[of]; known {
				found[id] = f
			}
		}
	}
	return found
}

// isProxy recognises the OAuth proxy: it has the settings that the authorizer
// requires, among them a key, and lacks one of the agent's.
func isProxy(variables map[string]any) bool {
	key := variables["ENCRYPTION_KEY"] != nil || variables["ENCRYPTION_KEY_SECRET_ARN"] != nil
	return key && hasAll(variables, append(requiredVariables(settings.Authorizer{}), "COOKIE_NAME_PREFIX")) && !isAgent(variables)
}

func isAgent(variables map[string]any) bool {
	return hasAll(variables, requiredVariables(settings.Agent{}))
}

func functionOf(variables map[string]any) Function {
	cookies := settings.Cookies{NamePrefix: cloudformation.String(variables["COOKIE_NAME_PREFIX"]), CSRFHeader: cloudformation.String(variables["CSRF_HEADER"])}
	return Function{
		CSRFHeader:   cookies.CSRFHeaderName(),
		CacheTTL:     cloudformation.String(variables["CACHE_TTL"]),
		CacheDialect: settings.Dialect(cloudformation.String(variables["CACHE_DIALECT"])),
		Bound:        cloudformation.String(variables["DPOP"]) == "true",
	}
}

func variables(r *cloudformation.Resource) map[string]any {
	return cloudformation.Object(cloudformation.Object(r.Properties["Environment"])["Variables"])
}

// requiredVariables are those that a function with the settings s cannot start
// without.
func requiredVariables(s any) []string {
	var names []string
	for _, v := range settings.Describe(s) {
		if v.Required && !v.Secret {
			names = append(names, v.Name)
		}
	}
	return names
}

func hasAll(variables map[string]any, names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return variables[name] == nil })
}

// invoked finds the OAuth proxy that the URI of an authorizer invokes: in this
// template, or in another of the app, whose exports are named after the
// resource.
func (m *model) invoked(uri any) (Function, bool) {
	for _, id := range slices.Sorted(maps.Keys(cloudformation.Mentions(uri))) {
		if f, ours := m.proxies[id]; ours {
			return f, true
		}
		if _, here := m.template.Resources[id]; here {
			continue // a resource of another stack may have the same id
		}
		if f, ours := m.options.Functions[id]; ours {
			return f, true
		}
	}
	if imports := cloudformation.Imports(uri); imports != "" {
		for _, id := range slices.Sorted(maps.Keys(m.options.Functions)) {
			if strings.Contains(imports, id) {
				return m.options.Functions[id], true
			}
		}
	}
	return Function{}, false
}

// isAgent reports whether an integration invokes the OAuth agent and no other
// function.
func (m *model) isAgent(uri any) bool { return m.agent(uri) != nil }

// agent returns the OAuth agent that an integration invokes, through an alias or
// directly; nil if it invokes another function.
func (m *model) agent(uri any) *cloudformation.Resource {
	var agent *cloudformation.Resource
	for id := range cloudformation.Mentions(uri) {
		r := m.template.Resources[id]
		switch {
		case r == nil:
		case r.Type == "AWS::Lambda::Alias":
			return m.agent(r.Properties["FunctionName"])
		case r.Type == "AWS::Lambda::Function" && (agent != nil || !isAgent(variables(r))):
			return nil
		case r.Type == "AWS::Lambda::Function":
			agent = r
		}
	}
	return agent
}

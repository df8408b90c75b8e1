package templatecheck

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
)

// Function is what the rule reads of an OAuth proxy: what it was told of the
// results that API Gateway keeps.
type Function struct {
	CSRFHeader   string // of the double submit
	CacheTTL     string // seconds; empty: that nothing is kept
	CacheDialect string // of all clients, where something is kept
}

// proof is the request header by which clients prove that a request is not
// cross-site, and must be in the key of what is kept; empty where a method needs
// none.
func (f Function) proof(httpMethod string) string {
	switch {
	case f.CacheDialect == settings.DialectAssistant:
		return contract.HeaderVersion
	case httpMethod == "GET", httpMethod == "HEAD":
		return ""
	}
	return f.CSRFHeader
}

// Functions lists the OAuth proxies of a template by logical id: the functions
// with the settings of one, and the aliases that lead to them.
func Functions(t Template) map[string]Function {
	found := map[string]Function{}
	for id, r := range t.Resources {
		if r.Type == "AWS::Lambda::Function" && isProxy(r.variables()) {
			found[id] = functionOf(r.variables())
		}
	}
	for id, r := range t.Resources {
		if r.Type != "AWS::Lambda::Alias" {
			continue
		}
		ids := map[string]bool{}
		mentioned(r.Properties["FunctionName"], ids)
		for of := range ids {
			if f, known := found[of]; known {
				found[id] = f
			}
		}
	}
	return found
}

// isProxy: a function with the settings that the authorizer needs, among them
// a key, and not with all of the agent's.
func isProxy(variables map[string]any) bool {
	required := requiredVariables(settings.Authorizer{})
	key := variables["ENCRYPTION_KEY"] != nil || variables["ENCRYPTION_KEY_SECRET_ARN"] != nil
	return key && hasAll(variables, append(required, "COOKIE_NAME_PREFIX")) && !hasAll(variables, requiredVariables(settings.Agent{}))
}

func functionOf(variables map[string]any) Function {
	shared := settings.Shared{CookieNamePrefix: text(variables["COOKIE_NAME_PREFIX"]), CSRFHeader: text(variables["CSRF_HEADER"])}
	return Function{
		CSRFHeader:   shared.CSRFHeaderName(),
		CacheTTL:     text(variables["CACHE_TTL"]),
		CacheDialect: text(variables["CACHE_DIALECT"]),
	}
}

func (r Resource) variables() map[string]any {
	return object(object(r.Properties["Environment"])["Variables"])
}

// requiredVariables are those that a function with the settings s cannot start
// without.
func requiredVariables(s any) []string {
	var names []string
	for _, v := range settings.Describe(s) {
		if !v.Optional && !v.Secret && v.Default == "" {
			names = append(names, v.Name)
		}
	}
	return names
}

func hasAll(variables map[string]any, names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return variables[name] == nil })
}

// invoked finds the OAuth proxy that a URI of an authorizer invokes: in this
// template, or in another of the app, whose exports are named after the
// resource.
func (c *checker) invoked(uri any) (Function, bool) {
	ids := map[string]bool{}
	mentioned(uri, ids)
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if f, ours := c.functions[id]; ours {
			return f, true
		}
		if _, here := c.Resources[id]; here {
			continue // of another stack, which may name its resources alike
		}
		if f, ours := c.options.Functions[id]; ours {
			return f, true
		}
	}
	if imports := importsIn(uri); imports != "" {
		for _, id := range slices.Sorted(maps.Keys(c.options.Functions)) {
			if strings.Contains(imports, id) {
				return c.options.Functions[id], true
			}
		}
	}
	return Function{}, false
}

// importsIn joins the names of what a value imports from other stacks.
func importsIn(v any) string {
	switch v := v.(type) {
	case []any:
		var all string
		for _, item := range v {
			all += importsIn(item)
		}
		return all
	case map[string]any:
		var all string
		for key, item := range v {
			if key == "Fn::ImportValue" || key == "Fn::GetStackOutput" {
				raw, _ := json.Marshal(item)
				all += string(raw)
			} else {
				all += importsIn(item)
			}
		}
		return all
	}
	return ""
}

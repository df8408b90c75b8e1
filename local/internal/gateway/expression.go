package gateway

import (
	"fmt"
	"strings"
)

// source is a compiled mapping expression: where a value comes from. upstream is nil unless the expression reads an
// integration's response. No value, or an empty one, is not ok: "a mapping whose source is missing adds nothing".
type source func(c *call, upstream *response) (values []string, ok bool)

// mapping sets one target parameter.
type mapping struct {
	name   string // of the header, query parameter or path parameter
	source source
}

// place says which expressions are legal.
type place struct {
	declared map[string]bool // "method.request.…" parameters of the method; nil: need not be declared
	response bool            // integration.response.* is legal, method.request.* is not
}

func one(v string, ok bool) ([]string, bool) { return []string{v}, ok && v != "" }

// parseSource compiles an expression. AWS: "Parameter mapping source reference for REST APIs in API Gateway".
func parseSource(expr string, at place) (source, error) {
	if len(expr) >= 2 && expr[0] == '\'' && expr[len(expr)-1] == '\'' {
		literal := expr[1 : len(expr)-1]
		return func(*call, *response) ([]string, bool) { return one(literal, true) }, nil
	}
	if name, ok := strings.CutPrefix(expr, "context."); ok {
		if !knownContext(name) {
			return nil, fmt.Errorf("%q: this context variable is not implemented", expr)
		}
		return func(c *call, _ *response) ([]string, bool) { return one(c.contextValue(name)) }, nil
	}
	if name, ok := strings.CutPrefix(expr, "stageVariables."); ok && name != "" {
		return func(c *call, _ *response) ([]string, bool) { return one(c.g.api.StageVariables[name], true) }, nil
	}
	if rest, ok := strings.CutPrefix(expr, "method.request."); ok && !at.response {
		return requestSource(expr, rest, at.declared)
	}
	if rest, ok := strings.CutPrefix(expr, "integration.response."); ok && at.response {
		return responseSource(expr, rest)
	}
	if strings.HasPrefix(expr, "$") {
		return nil, fmt.Errorf("%q: a mapping expression has no dollar sign (that is for templates)", expr)
	}
	return nil, fmt.Errorf("%q is not a mapping expression that is legal here (a literal needs single quotes)", expr)
}

func requestSource(expr, rest string, declared map[string]bool) (source, error) {
	kind, name, ok := strings.Cut(rest, ".")
	if kind == "body" {
		return nil, fmt.Errorf("%q: mapping from the body is not implemented", expr)
	}
	if !ok || name == "" {
		return nil, fmt.Errorf("%q names no parameter", expr)
	}
	if declared != nil {
		base := strings.Replace(strings.Replace(expr, ".multivalueheader.", ".header.", 1), ".multivaluequerystring.", ".querystring.", 1)
		if _, ok := declared[base]; !ok {
			// AWS, when the API is created: "Invalid mapping expression parameter specified".
			return nil, fmt.Errorf("%q is not declared in the method's RequestParameters", expr)
		}
	}
	switch kind {
	case "header":
		// AWS says that names are case-sensitive, yet method.request.header.Authorization has always found the
		// lower-case header of HTTP/2 clients.
		return func(c *call, _ *response) ([]string, bool) { return one(c.headers.get(name)) }, nil
	case "multivalueheader":
		return func(c *call, _ *response) ([]string, bool) {
			v := c.headers.values(name)
			return v, len(v) > 0
		}, nil
	case "querystring":
		return func(c *call, _ *response) ([]string, bool) { return one(lastOf(c.query, name)) }, nil
	case "multivaluequerystring":
		return func(c *call, _ *response) ([]string, bool) {
			var v []string
			for _, p := range c.query {
				if p.name == name {
					v = append(v, p.value)
				}
			}
			return v, len(v) > 0
		}, nil
	case "path":
		return func(c *call, _ *response) ([]string, bool) { return one(lastOf(c.pathParams, name)) }, nil
	}
	return nil, fmt.Errorf("%q is not a request parameter", expr)
}

func responseSource(expr, rest string) (source, error) {
	kind, name, ok := strings.Cut(rest, ".")
	if !ok || name == "" || kind != "header" && kind != "multivalueheader" {
		return nil, fmt.Errorf("%q: only headers of the integration's response can be mapped here", expr)
	}
	return func(_ *call, upstream *response) ([]string, bool) {
		if upstream == nil {
			return nil, false
		}
		if kind == "header" {
			return one(upstream.headers.get(name))
		}
		v := upstream.headers.values(name)
		return []string{strings.Join(v, ",")}, len(v) > 0
	}, nil
}

// resolve evaluates header mappings. A value that does not resolve, or that no header can carry, omits the header.
func resolve(mappings []mapping, c *call, upstream *response) headers {
	var out headers
	for _, m := range mappings {
		values, ok := m.source(c, upstream)
		for _, v := range values {
			if ok && validValue(v) {
				out = append(out, header{m.name, v})
			}
		}
	}
	return out
}

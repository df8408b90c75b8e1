// Package mapped writes the mappings of mapped routes: integrations of the type
// HTTP, which pass only mapped headers and parameters in both directions. It
// uses API Gateway's expressions and not the CDK.
package mapped

import (
	"slices"
	"strconv"
	"strings"
)

// Method is one method of a mapped route.
type Method struct {
	HTTPMethod string
	Path       []string // names of path parameters in the upstream URL
	Query      []string // names of query parameters that go up
	Up         []string // names of request headers that go up besides Content-Type and Accept
	Down       []string // names of response headers that come down besides the usual ones
	Expose     []string // names of response headers that pages may read besides those that come down
	Statuses   []int    // that come down as they are; nil: DefaultStatuses

	// Origin is the expression of Access-Control-Allow-Origin. Empty: no CORS
	// headers.
	Origin string
	// Set maps further request headers, by target.
	Set map[string]string
}

// ClientAddress is the target and the source of the client's address. Mapped
// routes write it; a header of that name from the client never goes up.
//
// The source is the address of the connection to API Gateway. Behind CloudFront
// or a proxy it is the address of that.
const (
	ClientAddressHeader = "X-Forwarded-For"
	ClientAddressSource = "context.identity.sourceIp"
)

// always are the request headers of every mapped route. Accept is a list (RFC
// 9110 section 12.5.1) and may come in several lines; Content-Type may not.
const (
	contentType = "Content-Type"
	accept      = "Accept"
)

// Request returns the mappings of the request to the integration.
func (m Method) Request() map[string]string {
	up := map[string]string{"integration.request.header." + ClientAddressHeader: ClientAddressSource}
	for target, source := range m.Set {
		up[target] = source
	}
	up["integration.request.header."+contentType] = "method.request.header." + contentType
	// The multi-value forms: the others give only the last of several values.
	// AWS, "Parameter mapping source reference for REST APIs in API Gateway".
	for _, name := range append([]string{accept}, m.Up...) {
		up["integration.request.header."+name] = "method.request.multivalueheader." + name
	}
	for _, name := range m.Query {
		up["integration.request.querystring."+name] = "method.request.multivaluequerystring." + name
	}
	for _, name := range m.Path {
		up["integration.request.path."+name] = "method.request.path." + name
	}
	return up
}

// Declared returns the request parameters that Request uses, as a method
// declares them: true for those that are required.
func (m Method) Declared() map[string]bool {
	declared := map[string]bool{}
	for _, name := range m.Path {
		declared["method.request.path."+name] = true
	}
	for _, name := range append([]string{contentType, accept}, m.Up...) {
		declared["method.request.header."+name] = false
	}
	for _, name := range m.Query {
		declared["method.request.querystring."+name] = false
	}
	return declared
}

// Response is one integration response.
type Response struct {
	Status     string
	Pattern    string            // of upstream statuses; empty: those that no other takes
	Parameters map[string]string // expressions by "method.response.header.<name>"
}

// Responses returns the integration responses. No two take the same upstream
// status.
func (m Method) Responses() []Response {
	listed := m.Statuses
	if listed == nil {
		listed = slices.DeleteFunc(slices.Clone(DefaultStatuses), func(s int) bool { return !Occurs(s, m.HTTPMethod, m.Up) })
	}
	var all []Response
	for _, s := range statusesOf(listed) {
		all = append(all, Response{strconv.Itoa(s.code), s.pattern, m.down(s.code)})
	}
	return all
}

// fixed are the response headers with constant values. An answer of an API is
// data: a browser must not guess its type, run it, or put it into a frame
// (OWASP REST Security Cheat Sheet, "Security Headers"). A route that lists one
// of the first two passes on the upstream's own.
var fixed = []struct{ name, value string }{
	// REST APIs have no mapping that adds a header only if it is missing. An
	// answer without Cache-Control may be stored (RFC 9111 section 4.2.2), so
	// the safe value is the default.
	{"Cache-Control", "no-store"},
	{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"Strict-Transport-Security", "max-age=31536000"},
}

func (m Method) down(code int) map[string]string {
	down := map[string]string{}
	set := func(name, source string) { down["method.response.header."+name] = source }
	set("Vary", "'Origin'")
	set(contentType, "integration.response.header."+contentType)
	for _, f := range fixed {
		if !slices.ContainsFunc(m.Down, func(name string) bool { return strings.EqualFold(name, f.name) }) {
			set(f.name, "'"+f.value+"'")
		}
	}
	for _, name := range headersOf[code] {
		set(name, "integration.response.header."+name)
	}
	for _, name := range m.Down {
		set(name, "integration.response.multivalueheader."+name)
	}
	if m.Origin == "" {
		return down
	}
	set("Access-Control-Allow-Origin", m.Origin)
	set("Access-Control-Allow-Credentials", "'true'")
	if exposed := List(headersOf[code], m.Down, m.Expose); len(exposed) > 0 {
		set("Access-Control-Expose-Headers", "'"+strings.Join(exposed, ",")+"'")
	}
	return down
}

// List joins lists of header names, in lower case and each name once.
func List(lists ...[]string) []string {
	var names []string
	for _, name := range slices.Concat(lists...) {
		if name = strings.ToLower(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

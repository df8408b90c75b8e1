package templatecheck

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/settings"
)

// Template is a decoded CloudFormation template.
type Template struct {
	Resources map[string]Resource
	Transform any
}

// Resource is a resource of a template.
type Resource struct {
	Type       string
	Properties map[string]any
	Metadata   map[string]any
}

func (r Resource) construct() string { return text(r.Metadata["aws:cdk:path"]) }

// Options say what a template does not.
type Options struct {
	// APIs are the logical ids of the REST APIs to look at, as the methods name
	// them. Empty: all of them.
	APIs []string
	// OnlyUsers leaves out REST APIs that use no OAuth proxy anywhere, unless
	// APIs has them, and with them whatever else is not the token handler's.
	OnlyUsers bool
	// Authorizers are the token handler's, by logical id, or by id or name of
	// import where they are in another stack. Empty: those that invoke an OAuth
	// proxy of this template or of Functions. With OnlyUsers, those as well.
	Authorizers []string
	// Functions are the OAuth proxies of other templates of the app.
	Functions map[string]Function
	// Public are reasons by "METHOD /path".
	Public map[string]string
}

// Finding is a method, or an API, with something wrong.
type Finding struct {
	LogicalID, Construct string
	Method, Path         string // empty: the whole API
	Fault                string
}

// String is the finding in one line.
func (f Finding) String() string {
	where := f.LogicalID
	if f.Construct != "" {
		where += " (" + f.Construct + ")"
	}
	if f.Method == "" {
		return where + ": " + f.Fault
	}
	return fmt.Sprintf("%s: %s %s %s", where, f.Method, f.Path, f.Fault)
}

// Report is what Check found.
type Report struct {
	Findings []Finding
	Methods  map[string]int    // number of methods looked at, by kind
	Public   map[string]string // reasons by "METHOD /path"
}

type checker struct {
	Template
	options   Options
	report    Report
	paths     map[string]string   // by the name of the resource id
	functions map[string]Function // of this template
}

// Check applies the rule to every method of the template.
func Check(t Template, options Options) Report {
	c := checker{Template: t, options: options, report: Report{Methods: map[string]int{}, Public: map[string]string{}}}
	c.paths, c.functions = resourcePaths(t), Functions(t)
	if options.OnlyUsers {
		c.options.APIs = append(slices.Clip(options.APIs), c.users()...)
	}
	if t.Transform != nil && (!options.OnlyUsers || len(c.options.APIs) > 0) {
		c.fail("Transform", "", "the template has a transform: check the template that it gives")
	}
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		r := t.Resources[id]
		c.secrets(id, r)
		switch r.Type {
		case "AWS::ApiGateway::Method":
			if c.wanted(name(r.Properties["RestApiId"])) {
				c.method(id, r)
			}
		case "AWS::ApiGateway::RestApi":
			if c.wanted(id) {
				c.api(id, r)
			}
		}
	}
	return c.report
}

func (c *checker) wanted(api string) bool {
	return len(c.options.APIs) == 0 && !c.options.OnlyUsers || slices.Contains(c.options.APIs, api)
}

// users are the REST APIs with an authorizer that invokes an OAuth proxy.
func (c *checker) users() []string {
	var apis []string
	for _, id := range slices.Sorted(maps.Keys(c.Resources)) {
		switch r := c.Resources[id]; r.Type {
		case "AWS::ApiGateway::Authorizer":
			if _, ours := c.invoked(r.Properties["AuthorizerUri"]); ours {
				apis = append(apis, name(r.Properties["RestApiId"]))
			}
		case "AWS::ApiGateway::RestApi":
			for _, scheme := range securitySchemes(object(r.Properties["Body"])) {
				if _, ours := c.invoked(object(object(scheme)["x-amazon-apigateway-authorizer"])["authorizerUri"]); ours {
					apis = append(apis, id)
				}
			}
		}
	}
	return apis
}

func (c *checker) fail(id, construct, fault string) {
	c.report.Findings = append(c.report.Findings, Finding{LogicalID: id, Construct: construct, Fault: fault})
}

// judge applies the rule to a method, and before it the one for its
// authorizer.
func (c *checker) judge(id, construct string, m Method, authorizer string) {
	if reason := c.options.Public[m.HTTPMethod+" "+m.Path]; reason != "" && m.Public == "" {
		m.Public = reason
	}
	fault := m.Fault()
	if m.Authorization == "CUSTOM" && !m.Ours && authorizer != "" {
		fault = authorizer
	}
	c.report.Methods[m.Kind()]++
	if m.Kind() == "public" {
		c.report.Public[m.HTTPMethod+" "+m.Path] = m.Public
	}
	if fault != "" {
		c.report.Findings = append(c.report.Findings, Finding{id, construct, m.HTTPMethod, m.Path, fault})
	}
}

func (c *checker) method(id string, r Resource) {
	p := r.Properties
	m := Method{HTTPMethod: literal(p["HttpMethod"], "(unreadable)"), Authorization: literal(p["AuthorizationType"], "NONE"),
		Path: c.paths[name(p["ResourceId"])], Public: text(r.Metadata[PublicKey])}
	if m.Path == "" {
		// A resource of another stack: its path cannot be judged.
		m.Path = "(path of " + name(p["ResourceId"]) + ")"
	}
	m.Integration, m.Parameters, m.Templates = integration(object(p["Integration"]))
	m.Agent = m.Integration == "AWS_PROXY" && c.isAgent(object(p["Integration"])["Uri"])
	var fault string
	m.Ours, fault = c.ours(name(p["AuthorizerId"]), m)
	c.judge(id, r.construct(), m, fault)
}

// literal reads a string that must be known now; anything else would be judged
// by what it is not.
func literal(v any, absent string) string {
	if v == nil {
		return absent
	}
	if s, ok := v.(string); ok {
		return strings.ToUpper(s)
	}
	return name(v)
}

func integration(p map[string]any) (kind string, parameters, templates map[string]string) {
	switch v := p["Type"].(type) {
	case nil:
		kind = "none"
		if p != nil {
			kind = "unreadable"
		}
	case string:
		kind = strings.ToUpper(v)
	default:
		kind = "unreadable"
	}
	return kind, stringMap(p["RequestParameters"]), stringMap(p["RequestTemplates"])
}

// ours reports whether an authorizer is the token handler's, and why not.
func (c *checker) ours(id string, m Method) (bool, string) {
	named := slices.Contains(c.options.Authorizers, id)
	r, here := c.Resources[id]
	switch {
	case named && !here:
		return true, ""
	case !named && len(c.options.Authorizers) > 0 && !c.options.OnlyUsers:
		return false, fmt.Sprintf("has authorizer %s: expected %s", id, strings.Join(c.options.Authorizers, " or "))
	case !here:
		return false, fmt.Sprintf("has authorizer %s, which is not in this template: name it if it is the token handler's", id)
	}
	fault := c.authorizerFault(id, named, m, Authorizer{
		Type: text(r.Properties["Type"]), TTL: integer(r.Properties["AuthorizerResultTtlInSeconds"], DefaultTTL),
		Sources: strings.Split(text(r.Properties["IdentitySource"]), ","),
	}, r.Properties["AuthorizerUri"])
	return fault == "", fault
}

// authorizerFault says why an authorizer of the template cannot be the token
// handler's, or not that of this method, or "". That of a name that was given
// may invoke what it likes.
func (c *checker) authorizerFault(id string, named bool, m Method, a Authorizer, uri any) string {
	f, ours := c.invoked(uri)
	if ours {
		a.Function = &f
	}
	fault := a.Fault()
	if fault == "" && !ours && !named {
		return fmt.Sprintf("has authorizer %s, which does not invoke the OAuth proxy, a function with the settings of one: name it if it is the token handler's", id)
	}
	if fault == "" {
		fault = a.MethodFault(m)
	}
	return fault
}

// isAgent reports whether an integration invokes the OAuth agent: a function
// with every setting the agent requires.
func (c *checker) isAgent(uri any) bool {
	ids := map[string]bool{}
	mentioned(uri, ids)
	functions := 0
	for id := range ids {
		r := c.Resources[id]
		if r.Type == "AWS::Lambda::Alias" {
			// Of a version of the function.
			return c.isAgent(r.Properties["FunctionName"])
		}
		if r.Type != "AWS::Lambda::Function" {
			continue
		}
		functions++
		if !hasAll(r.variables(), requiredVariables(settings.Agent{})) {
			return false
		}
	}
	return functions == 1
}

// resourcePaths gives the path of every resource by the name of its id.
func resourcePaths(t Template) map[string]string {
	paths := map[string]string{}
	var path func(id string, depth int) string
	path = func(id string, depth int) string {
		r, ok := t.Resources[id]
		if !ok || depth > 64 {
			return ""
		}
		part, parent := text(r.Properties["PathPart"]), name(r.Properties["ParentId"])
		if strings.HasSuffix(parent, ".RootResourceId") {
			return "/" + part
		}
		above := path(parent, depth+1)
		if above == "" {
			return "/…/" + part // below a resource of another stack
		}
		return above + "/" + part
	}
	for id, r := range t.Resources {
		switch r.Type {
		case "AWS::ApiGateway::Resource":
			paths[id] = path(id, 0)
			paths[id+".ResourceId"] = paths[id]
		case "AWS::ApiGateway::RestApi":
			paths[id+".RootResourceId"] = "/"
		}
	}
	return paths
}

package templatecheck

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// verbs of an OpenAPI path item.
var verbs = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace", "x-amazon-apigateway-any-method"}

// api checks the OpenAPI body of a REST API, if it has one.
func (c *checker) api(id string, r Resource) {
	if r.Properties["BodyS3Location"] != nil {
		c.fail(id, r.construct(), "is defined by an OpenAPI file in S3, which cannot be checked: give the definition inline (Body)")
		return
	}
	if r.Properties["Body"] == nil {
		return
	}
	body := object(r.Properties["Body"])
	paths := object(body["paths"])
	if body["Fn::Transform"] != nil || paths == nil {
		c.fail(id, r.construct(), "is defined by an OpenAPI body without readable paths: give the definition inline")
		return
	}
	schemes := securitySchemes(body)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if path == "Fn::Transform" || object(paths[path])["$ref"] != nil {
			c.fail(id, r.construct(), fmt.Sprintf("path %s refers to a definition elsewhere, which cannot be checked: write it out", path))
			continue
		}
		for _, verb := range verbs {
			if operation := object(object(paths[path])[verb]); operation != nil {
				c.operation(id, r.construct(), path, verb, operation, schemes)
			}
		}
	}
}

func securitySchemes(body map[string]any) map[string]any {
	if schemes := object(body["securityDefinitions"]); schemes != nil { // OpenAPI 2
		return schemes
	}
	return object(object(body["components"])["securitySchemes"])
}

func (c *checker) operation(id, construct, path, verb string, operation, schemes map[string]any) {
	m := Method{HTTPMethod: strings.ToUpper(verb), Path: path, Public: text(operation["x-tokenhandler-public"])}
	if strings.HasPrefix(verb, "x-") {
		m.HTTPMethod = "ANY"
	}
	p := object(operation["x-amazon-apigateway-integration"])
	m.Integration, m.Parameters, m.Templates = integration(map[string]any{
		"Type": p["type"], "RequestParameters": p["requestParameters"], "RequestTemplates": p["requestTemplates"]})
	if p == nil {
		m.Integration = "none"
	}
	m.Agent = m.Integration == "AWS_PROXY" && c.isAgent(p["uri"])
	var fault string
	m.Authorization, m.Ours, fault = c.security(operation["security"], schemes, m)
	c.judge(id, construct, m, fault)
}

// security reads the requirement of one operation. One at the root of the body
// does not count: whether an import applies it is not said by the
// documentation. Alternatives, of which any would do, do not count either.
func (c *checker) security(v any, schemes map[string]any, m Method) (authorization string, ours bool, fault string) {
	list, _ := v.([]any)
	if len(list) == 0 {
		return "NONE", false, ""
	}
	if len(list) > 1 || len(object(list[0])) != 1 {
		return "CUSTOM", false, "has alternative security requirements: expected the token handler's authorizer alone"
	}
	scheme := slices.Collect(maps.Keys(object(list[0])))[0]
	s := object(schemes[scheme])
	a := object(s["x-amazon-apigateway-authorizer"])
	if s == nil || a == nil {
		return "CUSTOM", false, fmt.Sprintf("has security scheme %s, which is no authorizer of this body", scheme)
	}
	named := slices.Contains(c.options.Authorizers, scheme)
	if len(c.options.Authorizers) > 0 && !named && !c.options.OnlyUsers {
		return "CUSTOM", false, fmt.Sprintf("has authorizer %s: expected %s", scheme, strings.Join(c.options.Authorizers, " or "))
	}
	fault = c.authorizerFault(scheme, named, m, Authorizer{
		Type: strings.ToUpper(text(a["type"])), TTL: integer(a["authorizerResultTtlInSeconds"], DefaultTTL),
		Sources: strings.Split(text(a["identitySource"]), ","),
	}, a["authorizerUri"])
	return "CUSTOM", fault == "", fault
}

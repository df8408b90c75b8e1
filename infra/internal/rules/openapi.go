package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

// verbs of an OpenAPI path item.
var verbs = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace", "x-amazon-apigateway-any-method"}

// readDefinition reads the OpenAPI body of a REST API, if it has one.
func (m *model) readDefinition(api *API, r *cloudformation.Resource) {
	unreadable := func(fault string) { api.Unreadable = append(api.Unreadable, fault) }
	if r.Properties["BodyS3Location"] != nil {
		unreadable("is defined by an OpenAPI file in S3, which cannot be checked: give the definition inline (Body)")
		return
	}
	if r.Properties["Body"] == nil {
		return
	}
	body := cloudformation.Object(r.Properties["Body"])
	paths := cloudformation.Object(body["paths"])
	if body["Fn::Transform"] != nil || paths == nil {
		unreadable("is defined by an OpenAPI body without readable paths: give the definition inline")
		return
	}
	schemes := securitySchemes(body)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := cloudformation.Object(paths[path])
		if path == "Fn::Transform" || item["$ref"] != nil {
			unreadable(fmt.Sprintf("path %s refers to a definition elsewhere, which cannot be checked: write it out", path))
			continue
		}
		parent := ""
		for _, part := range strings.Split(strings.Trim(path, "/"), "/") {
			api.Resources = append(api.Resources, Resource{api.Place, parent, part})
			parent += "/" + part
		}
		for _, verb := range verbs {
			if operation := cloudformation.Object(item[verb]); operation != nil {
				api.Methods = append(api.Methods, m.operation(api, path, verb, operation, schemes))
			}
		}
	}
}

func securitySchemes(body map[string]any) map[string]any {
	if schemes := cloudformation.Object(body["securityDefinitions"]); schemes != nil { // OpenAPI 2
		return schemes
	}
	return cloudformation.Object(cloudformation.Object(body["components"])["securitySchemes"])
}

func (m *model) operation(api *API, path, verb string, operation, schemes map[string]any) *Method {
	method := &Method{Place: api.Place, HTTPMethod: strings.ToUpper(verb), Path: path, Public: cloudformation.String(operation["x-tokenhandler-public"])}
	if strings.HasPrefix(verb, "x-") {
		method.HTTPMethod = "ANY"
	}
	var integration map[string]any
	if p := cloudformation.Object(operation["x-amazon-apigateway-integration"]); p != nil {
		integration = map[string]any{"Type": p["type"], "RequestParameters": p["requestParameters"], "RequestTemplates": p["requestTemplates"],
			"CacheKeyParameters": p["cacheKeyParameters"], "Uri": p["uri"]}
	}
	method.readIntegration(integration)
	method.IsAgent = method.Integration == "AWS_PROXY" && m.isAgent(integration["Uri"])
	method.Authorization, method.Authorizer = m.security(operation["security"], schemes)
	m.markPublic(method)
	return method
}

// security reads the security requirement of one operation. A requirement at
// the root of the body does not count: the documentation of imports does not
// mention it. Alternatives do not count either, because any of them would do.
func (m *model) security(v any, schemes map[string]any) (authorization string, a *Authorizer) {
	list := cloudformation.List(v)
	if len(list) == 0 {
		return "NONE", nil
	}
	if len(list) > 1 || len(cloudformation.Object(list[0])) != 1 {
		return "CUSTOM", &Authorizer{Foreign: "has alternative security requirements: it must have the token handler's authorizer alone"}
	}
	scheme := slices.Collect(maps.Keys(cloudformation.Object(list[0])))[0]
	definition := cloudformation.Object(cloudformation.Object(schemes[scheme])["x-amazon-apigateway-authorizer"])
	if definition == nil {
		return "CUSTOM", &Authorizer{Foreign: fmt.Sprintf("has security scheme %s, which is not an authorizer of this body", scheme)}
	}
	named := slices.Contains(m.options.Authorizers, scheme)
	if len(m.options.Authorizers) > 0 && !named && !m.options.OnlyUsers {
		return "CUSTOM", &Authorizer{Foreign: fmt.Sprintf("has authorizer %s: it must be %s", scheme, strings.Join(m.options.Authorizers, " or "))}
	}
	return "CUSTOM", m.judged(scheme, named, Authorizer{
		Type: strings.ToUpper(cloudformation.String(definition["type"])), TTL: integer(definition["authorizerResultTtlInSeconds"], DefaultTTL),
		Sources: strings.Split(cloudformation.String(definition["identitySource"]), ","),
	}, definition["authorizerUri"])
}

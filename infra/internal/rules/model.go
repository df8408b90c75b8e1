package rules

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

// model is a template as the rules see it.
type model struct {
	template *cloudformation.Template
	options  Options
	ids      []string            // of all resources, sorted
	proxies  map[string]Function // OAuth proxies of this template, by logical id
	apis     []*API              // to be checked, sorted by logical id
}

// Resource is a resource of a REST API: a part of a path.
type Resource struct {
	Place
	Parent string // name of the resource above
	Part   string
}

// Deployment is a deployment of a REST API.
type Deployment struct {
	Place
	Waits map[string]bool // logical ids that are made before it
	Needs []Place         // methods and gateway responses of the API
}

func newModel(t *cloudformation.Template, options Options) *model {
	m := &model{template: t, options: options, ids: slices.Sorted(maps.Keys(t.Resources)), proxies: Functions(t)}
	if options.OnlyUsers {
		m.options.APIs = append(slices.Clip(options.APIs), m.users()...)
	}
	for _, id := range m.ids {
		t.Resources[id].ID = id // a template that was made in code lacks ids
	}
	paths := m.paths()
	for _, id := range m.ids {
		switch r := t.Resources[id]; r.Type {
		case "AWS::ApiGateway::Method":
			if api := m.api(cloudformation.Name(r.Properties["RestApiId"])); api != nil {
				api.Methods = append(api.Methods, m.method(r, paths))
			}
		case "AWS::ApiGateway::RestApi":
			if api := m.api(id); api != nil {
				m.readDefinition(api, r)
			}
		case "AWS::ApiGateway::Resource":
			if api := m.api(cloudformation.Name(r.Properties["RestApiId"])); api != nil {
				api.Resources = append(api.Resources, Resource{place(r), cloudformation.Name(r.Properties["ParentId"]), cloudformation.String(r.Properties["PathPart"])})
			}
		case "AWS::ApiGateway::Stage":
			if api := m.api(cloudformation.Name(r.Properties["RestApiId"])); api != nil {
				api.Stages = append(api.Stages, ReadStage(place(r), r.Properties))
			}
		case "AWS::ApiGateway::Deployment":
			if api := m.api(cloudformation.Name(r.Properties["RestApiId"])); api != nil {
				m.readDeployment(api, r)
			}
		}
	}
	m.needs()
	slices.SortFunc(m.apis, func(a, b *API) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	return m
}

// api finds or makes the facts of an API, by its name. It returns nil for an
// API that is not to be checked.
func (m *model) api(name string) *API {
	if (len(m.options.APIs) > 0 || m.options.OnlyUsers) && !slices.Contains(m.options.APIs, name) {
		return nil
	}
	for _, api := range m.apis {
		if api.LogicalID == name {
			return api
		}
	}
	api := &API{Place: Place{LogicalID: name}}
	if r := m.template.Resources[name]; r != nil {
		api.Place = place(r)
	}
	m.apis = append(m.apis, api)
	return api
}

// users are the REST APIs with an authorizer that invokes an OAuth proxy.
func (m *model) users() []string {
	var apis []string
	for _, id := range m.ids {
		switch r := m.template.Resources[id]; r.Type {
		case "AWS::ApiGateway::Authorizer":
			if _, ours := m.invoked(r.Properties["AuthorizerUri"]); ours {
				apis = append(apis, cloudformation.Name(r.Properties["RestApiId"]))
			}
		case "AWS::ApiGateway::RestApi":
			for _, scheme := range securitySchemes(cloudformation.Object(r.Properties["Body"])) {
				authorizer := cloudformation.Object(cloudformation.Object(scheme)["x-amazon-apigateway-authorizer"])
				if _, ours := m.invoked(authorizer["authorizerUri"]); ours {
					apis = append(apis, id)
				}
			}
		}
	}
	return apis
}

func (m *model) method(r *cloudformation.Resource, paths map[string]string) *Method {
	p := r.Properties
	resource := cloudformation.Name(p["ResourceId"])
	method := &Method{Place: place(r), HTTPMethod: literal(p["HttpMethod"], "(unreadable)"), Authorization: literal(p["AuthorizationType"], "NONE"),
		ResourceID: resource, Path: paths[resource], Public: cloudformation.String(r.Metadata[PublicKey])}
	if method.Path == "" {
		method.Path = "(path of " + resource + ")" // a resource of another stack
	}
	integration := cloudformation.Object(p["Integration"])
	method.readIntegration(integration)
	method.IsAgent = method.Integration == "AWS_PROXY" && m.isAgent(integration["Uri"])
	if method.Authorization == "CUSTOM" {
		method.Authorizer = m.authorizer(cloudformation.Name(p["AuthorizerId"]))
	}
	m.markPublic(method)
	return method
}

func (m *model) markPublic(method *Method) {
	if reason := m.options.Public[method.HTTPMethod+" "+method.Path]; reason != "" && method.Public == "" {
		method.Public = reason
	}
}

func (m *Method) readIntegration(p map[string]any) {
	switch kind := p["Type"].(type) {
	case nil:
		m.Integration = "none"
		if p != nil {
			m.Integration = "unreadable"
		}
	case string:
		m.Integration = strings.ToUpper(kind)
	default:
		m.Integration = "unreadable"
	}
	m.Parameters, m.Templates = stringMap(p["RequestParameters"]), stringMap(p["RequestTemplates"])
	for _, key := range cloudformation.List(p["CacheKeyParameters"]) {
		m.CacheKey = append(m.CacheKey, cloudformation.Name(key))
	}
}

// authorizer reads an authorizer by its id.
func (m *model) authorizer(id string) *Authorizer {
	named := slices.Contains(m.options.Authorizers, id)
	r, here := m.template.Resources[id]
	switch {
	case named && !here:
		return &Authorizer{}
	case !named && len(m.options.Authorizers) > 0 && !m.options.OnlyUsers:
		return &Authorizer{Foreign: fmt.Sprintf("has authorizer %s: it must be %s", id, strings.Join(m.options.Authorizers, " or "))}
	case !here:
		return &Authorizer{Foreign: fmt.Sprintf("has authorizer %s, which is not in this template: name it if it is the token handler's", id)}
	}
	p := r.Properties
	return m.judged(id, named, Authorizer{
		Type: cloudformation.String(p["Type"]), TTL: integer(p["AuthorizerResultTtlInSeconds"], DefaultTTL),
		Sources: strings.Split(cloudformation.String(p["IdentitySource"]), ","),
	}, p["AuthorizerUri"])
}

// judged tells whether an authorizer of the template is the token handler's: it
// invokes an OAuth proxy, or its name was given.
func (m *model) judged(id string, named bool, a Authorizer, uri any) *Authorizer {
	a.Known = true
	if f, ours := m.invoked(uri); ours {
		a.Function = &f
	} else if !named {
		a.Foreign = fmt.Sprintf("has authorizer %s, which does not invoke the OAuth proxy, a function with the settings of one: name it if it is the token handler's", id)
	}
	return &a
}

// paths returns the path of every resource by the name of its id.
func (m *model) paths() map[string]string {
	paths := map[string]string{}
	var path func(id string, depth int) string
	path = func(id string, depth int) string {
		r, ok := m.template.Resources[id]
		if !ok || depth > cloudformation.MaxDepth {
			return ""
		}
		part, parent := cloudformation.String(r.Properties["PathPart"]), cloudformation.Name(r.Properties["ParentId"])
		if strings.HasSuffix(parent, ".RootResourceId") {
			return "/" + part
		}
		above := path(parent, depth+1)
		if above == "" {
			return "/…/" + part // below a resource of another stack
		}
		return above + "/" + part
	}
	for _, id := range m.ids {
		switch m.template.Resources[id].Type {
		case "AWS::ApiGateway::Resource":
			paths[id] = path(id, 0)
			paths[id+".ResourceId"] = paths[id]
		case "AWS::ApiGateway::RestApi":
			paths[id+".RootResourceId"] = "/"
		}
	}
	return paths
}

// readDeployment reads which resources are made before a deployment. In
// templates of other tools a deployment may also have a stage.
func (m *model) readDeployment(api *API, r *cloudformation.Resource) {
	d := Deployment{Place: place(r), Waits: map[string]bool{}}
	pending := []string{r.ID}
	for len(pending) > 0 {
		next := m.template.Resources[pending[0]]
		pending = pending[1:]
		if next == nil {
			continue
		}
		for _, id := range append(next.After(), slices.Collect(maps.Keys(cloudformation.Mentions(next.Properties)))...) {
			if !d.Waits[id] {
				d.Waits[id] = true
				pending = append(pending, id)
			}
		}
	}
	api.Deployments = append(api.Deployments, d)
	if description := cloudformation.Object(r.Properties["StageDescription"]); description != nil {
		api.Stages = append(api.Stages, ReadStage(place(r), description))
	}
}

// needs tells each deployment the methods and gateway responses of its API.
func (m *model) needs() {
	for _, api := range m.apis {
		if len(api.Deployments) == 0 {
			continue
		}
		var needs []Place
		for _, id := range m.ids {
			r := m.template.Resources[id]
			if (r.Type == "AWS::ApiGateway::Method" || r.Type == "AWS::ApiGateway::GatewayResponse") && cloudformation.Name(r.Properties["RestApiId"]) == api.LogicalID {
				needs = append(needs, place(r))
			}
		}
		for i := range api.Deployments {
			api.Deployments[i].Needs = needs
		}
	}
}

func place(r *cloudformation.Resource) Place { return Place{r.ID, r.ConstructPath()} }

// literal reads a string that must be known now. Anything else reads as its
// JSON, which is equal to no valid value.
func literal(v any, absent string) string {
	if v == nil {
		return absent
	}
	if s, ok := v.(string); ok {
		return strings.ToUpper(s)
	}
	return cloudformation.Name(v)
}

// stringMap reads a map of strings. Any other value reads as its JSON, which is
// equal to no value that a rule accepts.
func stringMap(v any) map[string]string {
	m := cloudformation.Object(v)
	out := make(map[string]string, len(m))
	for key, value := range m {
		out[key] = cloudformation.Name(value)
	}
	return out
}

// integer reads a number. It returns absent for a missing value and -1 for an
// unreadable one.
func integer(v any, absent int) int {
	switch v := v.(type) {
	case nil:
		return absent
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return int(n)
		}
	case float64:
		return int(v)
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			return n
		}
	}
	return -1
}

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

// facts are read from the templates.
type facts struct {
	known   bool
	trusted int              // origins of all clients of the API
	clients int              // token handlers of the API
	classic bool             // the gateway caches results, of the classic dialect only
	domain  string           // Domain of the cookies
	lead    string           // prefix of their names: __Host-, __Secure- or empty
	details map[route]method // of routes and public routes
	kept    bool             // the gateway caches results of the authorizer
	idle    []string         // authorizers with identity sources and a TTL of 0
	empty   []string         // mappings to an empty literal
}

// method is a route's method, as the template has it.
type method struct {
	integration string   // HTTP, HTTP_PROXY or AWS_PROXY
	up          []string // request headers that are mapped, in lower case
	body        bool     // the gateway validates bodies
	required    []string // query parameters that the gateway requires
}

// resource is a CloudFormation resource, with the properties that are read.
type resource struct {
	Type       string
	Metadata   map[string]any
	Properties struct {
		HTTPMethod         string `json:"HttpMethod"`
		AuthorizationType  string
		AuthorizerID       reference `json:"AuthorizerId"`
		ResourceID         reference `json:"ResourceId"`
		ParentID           reference `json:"ParentId"`
		PathPart           string
		RequestParameters  map[string]any
		RequestModels      map[string]any
		RequestValidatorID reference `json:"RequestValidatorId"`
		Integration        struct {
			Type                 string
			RequestParameters    map[string]any
			IntegrationResponses []struct{ ResponseParameters map[string]any }
		}
		ResponseParameters map[string]any // of a gateway response

		AuthorizerURI json.RawMessage `json:"AuthorizerUri"`
		TTL           any             `json:"AuthorizerResultTtlInSeconds"`
		Sources       any             `json:"IdentitySource"`

		ValidateRequestBody       any
		ValidateRequestParameters any

		Environment struct{ Variables map[string]any }
	}
}

// reference is the logical id that a Ref names, or empty.
type reference string

func (r *reference) UnmarshalJSON(text []byte) error {
	var ref struct{ Ref string }
	if json.Unmarshal(text, &ref) == nil {
		*r = reference(ref.Ref)
	}
	return nil // other values do not refer to a resource of the template
}

type resources map[string]resource

// setting returns an environment variable of a Lambda.
func (r resource) setting(name string) string {
	text, _ := r.Properties.Environment.Variables[name].(string)
	return text
}

// prefix returns the cookie prefix of a token handler's Lambda, or an empty string.
func (r resource) prefix() string {
	if r.setting("TRUSTED_WEB_ORIGINS") == "" {
		return ""
	}
	return cmp.Or(r.setting("COOKIE_NAME_PREFIX"), "th")
}

// readTemplates sets options and facts from the synthesized templates. Flags take
// precedence.
func (o *options) readTemplates(path string) error {
	files, _, err := cloudformation.ReadAll(path)
	if err != nil {
		return err
	}
	var templates []resources
	for _, file := range files {
		content, err := json.Marshal(file.Resources)
		if err != nil {
			return err
		}
		var template resources
		if err := json.Unmarshal(content, &template); err != nil {
			return fmt.Errorf("-template: %s: %w", file.Name, err)
		}
		templates = append(templates, template)
	}
	if err := o.chooseClient(templates); err != nil {
		return err
	}
	o.facts.known, o.facts.details = true, map[route]method{}
	given := len(o.routes) > 0
	for _, t := range templates {
		o.readClient(t)
		o.readGateway(t, given)
	}
	sortRoutes(o.routes)
	sortRoutes(o.public)
	slices.Sort(o.facts.idle)
	slices.Sort(o.facts.empty)
	return nil
}

// chooseClient chooses the token handler to test: a template may have several on
// one API, each with cookies of its own.
func (o *options) chooseClient(templates []resources) error {
	clients, origins := map[string]bool{}, map[string]bool{}
	for _, t := range templates {
		for _, r := range t {
			if r.prefix() == "" {
				continue
			}
			clients[r.prefix()] = true
			for _, origin := range list(r.setting("TRUSTED_WEB_ORIGINS")) {
				origins[origin] = true
			}
			if o.prefix == "" && o.agent != "" && r.setting("AGENT_BASE_PATH") == o.agent {
				o.prefix = r.prefix()
			}
		}
	}
	names := slices.Sorted(maps.Keys(clients))
	o.facts.clients, o.facts.trusted = len(names), len(origins)
	switch {
	case o.prefix != "":
	case len(names) > 1:
		return errors.New("the template has several token handlers: -prefix must be one of " + strings.Join(names, ", "))
	case len(names) == 1:
		o.prefix = names[0]
	}
	return nil
}

// readClient reads the Lambdas of the chosen token handler.
func (o *options) readClient(t resources) {
	for _, r := range t {
		if r.prefix() == "" || r.prefix() != o.prefix {
			continue
		}
		if len(o.origins) == 0 {
			o.origins = list(r.setting("TRUSTED_WEB_ORIGINS"))
		}
		o.csrf = cmp.Or(o.csrf, r.setting("CSRF_HEADER"))
		o.agent = cmp.Or(o.agent, r.setting("AGENT_BASE_PATH"))
		o.bearer = o.bearer || r.setting("ALLOW_TOKEN") == "true"
		o.facts.classic = o.facts.classic || r.setting("CACHE_DIALECT") == "classic"
		o.facts.domain = r.setting("COOKIE_DOMAIN")
		switch {
		case r.setting("COOKIE_FORMAT") == "curity":
			o.facts.lead = ""
		case o.facts.domain != "":
			o.facts.lead = "__Secure-"
		default:
			o.facts.lead = "__Host-"
		}
	}
}

// readGateway reads the methods and authorizers. It skips those of other token
// handlers.
func (o *options) readGateway(t resources, given bool) {
	for id, r := range t {
		p := r.Properties
		switch r.Type {
		case "AWS::ApiGateway::Authorizer":
			sources := p.Sources != nil && p.Sources != ""
			if off := p.TTL == 0.0; !off {
				o.facts.kept = true // the default is 300 seconds
			} else if sources {
				o.facts.idle = append(o.facts.idle, id)
			}
		case "AWS::ApiGateway::GatewayResponse":
			o.findEmpty(id, p.ResponseParameters)
		case "AWS::ApiGateway::Method":
			o.findEmpty(id, p.Integration.RequestParameters)
			for _, response := range p.Integration.IntegrationResponses {
				o.findEmpty(id, response.ResponseParameters)
			}
			found := route{p.HTTPMethod, t.path(p.ResourceID)}
			reason, _ := r.Metadata["tokenhandler:public"].(string)
			protected := p.AuthorizationType == "CUSTOM"
			if of := t.client(p.AuthorizerID); reason == "" && (!protected || of != "" && of != o.prefix) {
				continue
			}
			o.facts.details[found] = t.method(r)
			switch {
			case given:
			case reason != "":
				o.public = append(o.public, found)
			default:
				o.routes = append(o.routes, found)
			}
		}
	}
}

func (t resources) method(r resource) method {
	p := r.Properties
	m := method{integration: p.Integration.Type}
	for target := range p.Integration.RequestParameters {
		if name, ok := strings.CutPrefix(target, "integration.request.header."); ok {
			m.up = append(m.up, strings.ToLower(name))
		}
	}
	validator := t[string(p.RequestValidatorID)].Properties
	m.body = validator.ValidateRequestBody == true && len(p.RequestModels) > 0
	for parameter, required := range p.RequestParameters {
		name, ok := strings.CutPrefix(parameter, "method.request.querystring.")
		if ok && required == true && validator.ValidateRequestParameters == true {
			m.required = append(m.required, name)
		}
	}
	slices.Sort(m.required)
	return m
}

// findEmpty collects mappings to an empty literal.
func (o *options) findEmpty(id string, mappings map[string]any) {
	for target, source := range mappings {
		if source == "''" || source == "" {
			o.facts.empty = append(o.facts.empty, id+" "+target)
		}
	}
}

// client returns the cookie prefix of the authorizer's function, or an empty
// string.
func (t resources) client(authorizer reference) string {
	uri := string(t[string(authorizer)].Properties.AuthorizerURI)
	for id, r := range t {
		if r.prefix() != "" && strings.Contains(uri, `"`+id+`"`) {
			return r.prefix()
		}
	}
	return ""
}

// path returns the path of a resource.
func (t resources) path(id reference) string {
	r, known := t[string(id)]
	if !known || r.Type != "AWS::ApiGateway::Resource" {
		return "/"
	}
	return strings.TrimSuffix(t.path(r.Properties.ParentID), "/") + "/" + r.Properties.PathPart
}

// list splits at commas.
func list(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

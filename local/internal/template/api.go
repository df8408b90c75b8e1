package template

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// API is a REST API with the stage that serves it.
type API struct {
	LogicalID, ConstructPath     string
	ID, Name                     string
	Partition, Region, AccountID string
	EndpointType                 string // REGIONAL or EDGE
	Stage                        string
	StageVariables               map[string]string
	BinaryMediaTypes             []string
	Methods                      []*Method // sorted by path, then method
	GatewayResponses             []*GatewayResponse
}

// Method is one method of one resource.
type Method struct {
	LogicalID, ConstructPath string
	HTTPMethod               string // upper case, or ANY
	Path                     string // resource template, "/orders/{id}"
	ResourceID               string
	Authorizer               *Authorizer     // nil: no authorization
	RequestParameters        map[string]bool // "method.request.header.X": required
	ValidateParameters       bool            // required parameters are checked

	// Schemas are the JSON schemas that bodies are checked against, by content type. Nil: they are not.
	Schemas     map[string]string
	Integration Integration
	Responses   map[string]map[string]bool // declared by status: "method.response.header.X"
}

// Where names the method in errors.
func (m *Method) Where() string {
	return fmt.Sprintf("%s %s at %s (%s)", m.HTTPMethod, m.Path, m.ConstructPath, m.LogicalID)
}

// Integration answers a method.
type Integration struct {
	Type              string // AWS_PROXY, HTTP_PROXY, HTTP or MOCK
	HTTPMethod        string
	URI               string
	FunctionID        string // logical id of the function, for AWS_PROXY
	RequestParameters map[string]string
	RequestTemplates  map[string]string
	Passthrough       string // WHEN_NO_MATCH, WHEN_NO_TEMPLATES or NEVER
	Timeout           time.Duration
	Stream            bool // the response is passed on as it comes
	Responses         []IntegrationResponse
}

// IntegrationResponse maps one kind of answer of a non-proxy integration.
type IntegrationResponse struct {
	StatusCode       string
	SelectionPattern string
	Parameters       map[string]string
	Templates        map[string]string
}

// Authorizer is a Lambda authorizer of type REQUEST.
type Authorizer struct {
	LogicalID, ConstructPath string
	ID, Name                 string
	FunctionID               string // logical id of the function
	IdentitySources          []string
	TTL                      time.Duration // 0: results are not cached
}

// GatewayResponse customises one type of error that the gateway itself answers with.
type GatewayResponse struct {
	LogicalID, ConstructPath string
	Type                     string
	StatusCode               string // empty: not changed
	Parameters               map[string]string
	Templates                map[string]string
}

// invoked returns the logical ids of the functions the API calls.
func (a *API) invoked() map[string]bool {
	out := map[string]bool{}
	for _, m := range a.Methods {
		if m.Integration.FunctionID != "" {
			out[m.Integration.FunctionID] = true
		}
		if m.Authorizer != nil {
			out[m.Authorizer.FunctionID] = true
		}
	}
	return out
}

func (l *loader) loadAPI() *API {
	ids := l.ofType("AWS::ApiGateway::RestApi")
	if l.opts.API != "" {
		ids = slices.DeleteFunc(ids, func(id string) bool { return id != l.opts.API })
	}
	if len(ids) != 1 {
		l.fail("%s: expected one AWS::ApiGateway::RestApi, found %d %v", l.stack, len(ids), ids)
		return nil
	}
	r := l.Resources[ids[0]]
	p := l.read(r)
	id, _ := l.ref(r.ID, 0)
	api := &API{LogicalID: r.ID, ConstructPath: r.ConstructPath(), ID: id.(string), Name: p.str("Name"), Partition: l.opts.Partition,
		Region: l.opts.Region, AccountID: l.opts.AccountID, EndpointType: "EDGE", BinaryMediaTypes: p.strings("BinaryMediaTypes")}
	if ec, ok := p.m["EndpointConfiguration"].(map[string]any); ok {
		if t := (props{l, p.where, ec}).strings("Types"); len(t) == 1 {
			api.EndpointType = t[0]
		}
	}
	if api.EndpointType != "REGIONAL" && api.EndpointType != "EDGE" {
		p.fail("property EndpointConfiguration: type %s is not implemented, only REGIONAL and EDGE are", api.EndpointType)
	}
	l.loadStage(api)
	authorizers := l.loadAuthorizers(api)
	l.loadMethods(api, authorizers)
	for _, id := range l.ofType("AWS::ApiGateway::GatewayResponse") {
		r := l.Resources[id]
		if p := l.read(r); p.str("RestApiId") == api.ID {
			api.GatewayResponses = append(api.GatewayResponses, &GatewayResponse{LogicalID: id, ConstructPath: r.ConstructPath(),
				Type: p.str("ResponseType"), StatusCode: p.str("StatusCode"),
				Parameters: p.stringMap("ResponseParameters"), Templates: p.stringMap("ResponseTemplates")})
		}
	}
	return api
}

func (l *loader) loadStage(api *API) {
	deployments := map[string]bool{}
	for _, id := range l.ofType("AWS::ApiGateway::Deployment") {
		if p := l.read(l.Resources[id]); p.str("RestApiId") == api.ID {
			ref, _ := l.ref(id, 0)
			deployments[ref.(string)] = true
		}
	}
	var found []string
	for _, id := range l.ofType("AWS::ApiGateway::Stage") {
		p := l.read(l.Resources[id])
		name := p.str("StageName")
		if p.str("RestApiId") != api.ID || l.opts.Stage != "" && name != l.opts.Stage {
			continue
		}
		found = append(found, name)
		if !deployments[p.str("DeploymentId")] {
			p.fail("property DeploymentId: is not a deployment of %s in this template", api.Name)
		}
		for _, s := range p.list("MethodSettings") {
			p.object("MethodSettings", "AWS::ApiGateway::Stage MethodSetting", s)
		}
		api.Stage, api.StageVariables = name, p.stringMap("Variables")
	}
	if len(found) != 1 {
		l.fail("API %s: expected one stage, found %d %v", api.Name, len(found), found)
	}
}

// loadAuthorizers returns the authorizers by their id.
func (l *loader) loadAuthorizers(api *API) map[string]*Authorizer {
	out := map[string]*Authorizer{}
	for _, id := range l.ofType("AWS::ApiGateway::Authorizer") {
		r := l.Resources[id]
		p := l.read(r)
		if p.str("RestApiId") != api.ID {
			continue
		}
		if t := p.str("Type"); t != "REQUEST" {
			p.fail("property Type: %s is not implemented, only REQUEST is", t)
			continue
		}
		ref, _ := l.ref(id, 0)
		a := &Authorizer{LogicalID: id, ConstructPath: r.ConstructPath(), ID: ref.(string), Name: p.str("Name"),
			FunctionID: l.functionOf(p, "AuthorizerUri", false),
			// AWS: "The default is 300 … the maximum value is 3600".
			TTL: time.Duration(p.integer("AuthorizerResultTtlInSeconds", 300)) * time.Second}
		if a.TTL < 0 || a.TTL > time.Hour {
			p.fail("property AuthorizerResultTtlInSeconds: must be 0 to 3600")
		}
		for _, s := range strings.Split(p.str("IdentitySource"), ",") {
			if s = strings.TrimSpace(s); s != "" {
				a.IdentitySources = append(a.IdentitySources, s)
			}
		}
		if a.TTL > 0 && len(a.IdentitySources) == 0 {
			p.fail("property IdentitySource: at least one is required when results are cached")
		}
		out[a.ID] = a
	}
	return out
}

// functionOf finds the function that an API Gateway Lambda URI invokes. For a streamed response API Gateway calls
// InvokeWithResponseStream, which has a URI of its own.
func (l *loader) functionOf(p props, name string, stream bool) string {
	uri := p.str(name)
	version, action := "2015-03-31", "invocations"
	if stream {
		version, action = "2021-11-15", "response-streaming-invocations"
	}
	_, rest, ok := strings.Cut(uri, ":lambda:path/"+version+"/functions/")
	arn, isInvocation := strings.CutSuffix(rest, "/"+action)
	if !ok || !isInvocation {
		p.fail("property %s: %q is not the URI of a Lambda function's %s", name, uri, action)
		return ""
	}
	for _, id := range l.ofType("AWS::Lambda::Function") {
		if got, err := l.getAtt(id, "Arn", 0); err == nil && got == arn {
			return id
		}
	}
	p.fail("property %s: %s is not a function of this template (aliases and versions are not implemented)", name, arn)
	return ""
}

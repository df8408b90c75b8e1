package template

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/cloudformation"
	"github.com/tokenhandler/aws/internal/partition"
)

// WebSocketAPI is a WebSocket API with the stage that serves it.
type WebSocketAPI struct {
	LogicalID, ConstructPath     string
	ID, Name                     string
	Partition, Region, AccountID string
	Host                         string // of the default endpoint: {api-id}.execute-api.{region}.{suffix}
	RouteSelection               string // "$request.body.action"
	Stage                        string
	StageVariables               map[string]string

	// Paths are the URL paths at which it is served, sorted: the stage's of the default endpoint, and those of
	// mappings of custom domain names.
	Paths  []string
	Routes []*WebSocketRoute // sorted by key
}

// WebSocketRoute is one route of a WebSocket API.
type WebSocketRoute struct {
	LogicalID, ConstructPath string
	Key                      string      // "$connect", "$disconnect", "$default" or a value of the route selection expression
	Authorizer               *Authorizer // of $connect; nil: no authorization
	FunctionID               string      // logical id of the function; empty: no integration
	Timeout                  time.Duration
	TwoWay                   bool // the body that the function returns goes to the client
}

// Predefined route keys. AWS: the prefix "$" is "reserved for predefined routes".
const (
	RouteConnect    = "$connect"
	RouteDisconnect = "$disconnect"
	RouteDefault    = "$default"
)

// Where names the route in errors.
func (r *WebSocketRoute) Where() string {
	return fmt.Sprintf("route %s at %s (%s)", r.Key, r.ConstructPath, r.LogicalID)
}

// Authorizer returns the authorizer of the API's connections, nil if there is none. AWS: "The $connect route protects the
// other routes, because it is called on every connection."
func (a *WebSocketAPI) Authorizer() *Authorizer {
	for _, r := range a.Routes {
		if r.Key == RouteConnect {
			return r.Authorizer
		}
	}
	return nil
}

func (a *WebSocketAPI) invoked(out map[string]bool) {
	for _, r := range a.Routes {
		if r.FunctionID != "" {
			out[r.FunctionID] = true
		}
		if r.Authorizer != nil {
			out[r.Authorizer.FunctionID] = true
		}
	}
}

// loadWebSocketAPIs reads the WebSocket APIs, sorted by logical id.
func (l *loader) loadWebSocketAPIs() []*WebSocketAPI {
	var out []*WebSocketAPI
	served := map[string]string{} // logical id of the API by path
	for _, id := range l.ofType("AWS::ApiGatewayV2::Api") {
		r := l.Resources[id]
		p := l.read(r)
		if t := p.str("ProtocolType"); t != "WEBSOCKET" {
			p.fail("property ProtocolType: %q is not implemented, only WEBSOCKET is", t)
			continue
		}
		ref, _ := l.ref(id, 0)
		api := &WebSocketAPI{LogicalID: id, ConstructPath: r.ConstructPath(), ID: ref.(string), Name: p.str("Name"),
			Partition: l.opts.Partition, Region: l.opts.Region, AccountID: l.opts.AccountID,
			RouteSelection: p.str("RouteSelectionExpression")}
		var err error
		if api.Host, err = l.executeAPI(api.ID); err != nil {
			p.fail("%w", err)
		}
		l.loadWebSocketStage(p, api)
		if p.str("DisableExecuteApiEndpoint") != "true" && api.Stage != "" {
			api.Paths = append(api.Paths, "/"+api.Stage)
		}
		l.loadMappings(api)
		slices.Sort(api.Paths)
		api.Paths = slices.Compact(api.Paths)
		for _, path := range api.Paths {
			if other := served[path]; other != "" {
				p.fail("the local run serves all APIs on one host, and %s has the same path %s", other, path)
			}
			served[path] = id
		}
		l.loadWebSocketRoutes(api)
		out = append(out, api)
	}
	l.checkOwners()
	return out
}

// leaveOutHTTPAPI reports whether a resource is an HTTP API or a part of one, and ignores it then. A REST API beside it is
// served all the same. References to it get made-up names.
func (l *loader) leaveOutHTTPAPI(id string) bool {
	r := l.Resources[id]
	of := r
	if api := l.Resources[cloudformation.Name(r.Properties["ApiId"])]; api != nil {
		of = api
	}
	vpcLink := r.Type == "AWS::ApiGatewayV2::VpcLink" // a method that uses it is refused
	http := strings.HasPrefix(r.Type, "AWS::ApiGatewayV2::") && of.Type == "AWS::ApiGatewayV2::Api" && of.Properties["ProtocolType"] == "HTTP"
	if vpcLink || http {
		l.ignore(r, NotImplemented)
	}
	return vpcLink || http
}

// executeAPI is the host of an API's default endpoint.
func (l *loader) executeAPI(id string) (string, error) {
	suffix, err := partition.Suffix(l.opts.Partition)
	return id + ".execute-api." + l.opts.Region + "." + suffix, err
}

var webSocketStage = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

func (l *loader) loadWebSocketStage(where props, api *WebSocketAPI) {
	deployments := map[string]bool{}
	for _, id := range l.ofType("AWS::ApiGatewayV2::Deployment") {
		if p := l.read(l.Resources[id]); p.str("ApiId") == api.ID {
			ref, _ := l.ref(id, 0)
			deployments[ref.(string)] = true
		}
	}
	var found []string
	for _, id := range l.ofType("AWS::ApiGatewayV2::Stage") {
		p := l.read(l.Resources[id])
		if p.str("ApiId") != api.ID {
			continue
		}
		api.Stage, api.StageVariables = p.str("StageName"), p.stringMap("StageVariables")
		found = append(found, api.Stage)
		// AWS::ApiGatewayV2::Stage: "Stage names can contain only alphanumeric characters, hyphens, and underscores, or
		// be $default." $default is for HTTP APIs.
		if !webSocketStage.MatchString(api.Stage) {
			p.fail("property StageName: must have letters, digits, hyphens and underscores only on a WebSocket API, got %q", api.Stage)
		}
		if p.str("AutoDeploy") != "true" && !deployments[p.str("DeploymentId")] {
			p.fail("property DeploymentId: is not a deployment of %s in this template, and AutoDeploy is not true", api.Name)
		}
	}
	if len(found) != 1 {
		where.fail("expected one AWS::ApiGatewayV2::Stage, found %d %v", len(found), found)
	}
}

// loadMappings adds the paths at which custom domain names serve the API.
func (l *loader) loadMappings(api *WebSocketAPI) {
	for _, id := range l.ofType("AWS::ApiGatewayV2::ApiMapping") {
		p := l.read(l.Resources[id])
		if p.str("ApiId") == api.ID && p.str("Stage") == api.Stage {
			api.Paths = append(api.Paths, "/"+p.str("ApiMappingKey"))
		}
	}
}

// loadWebSocketAuthorizers returns the authorizers of an API by their id.
func (l *loader) loadWebSocketAuthorizers(api *WebSocketAPI) map[string]*Authorizer {
	out := map[string]*Authorizer{}
	for _, id := range l.ofType("AWS::ApiGatewayV2::Authorizer") {
		r := l.Resources[id]
		p := l.read(r)
		if p.str("ApiId") != api.ID {
			continue
		}
		ref, _ := l.ref(id, 0)
		if t := p.str("AuthorizerType"); t != "REQUEST" {
			p.fail("property AuthorizerType: %q is not implemented, only REQUEST is", t)
			out[ref.(string)] = &Authorizer{} // so that its routes add no second error
			continue
		}
		a := &Authorizer{LogicalID: id, ConstructPath: r.ConstructPath(), ID: ref.(string), Name: p.str("Name"),
			FunctionID: l.functionOf(p, "AuthorizerUri", false), IdentitySources: p.strings("IdentitySource")}
		out[a.ID] = a
	}
	return out
}

type webSocketIntegration struct {
	function string
	timeout  time.Duration
}

// loadWebSocketIntegrations returns the integrations of an API by their id.
func (l *loader) loadWebSocketIntegrations(api *WebSocketAPI) map[string]webSocketIntegration {
	out := map[string]webSocketIntegration{}
	for _, id := range l.ofType("AWS::ApiGatewayV2::Integration") {
		p := l.read(l.Resources[id])
		if p.str("ApiId") != api.ID {
			continue
		}
		ref, _ := l.ref(id, 0)
		if t := p.str("IntegrationType"); t != "AWS_PROXY" {
			p.fail("property IntegrationType: %q is not implemented on a WebSocket API, only AWS_PROXY is", t)
			out[ref.(string)] = webSocketIntegration{} // so that its routes add no second error
			continue
		}
		if c := p.str("ConnectionType"); c != "" && c != "INTERNET" {
			p.fail("property ConnectionType: %s is not implemented", c)
		}
		if m := p.str("IntegrationMethod"); m != "" && m != "POST" {
			p.fail("property IntegrationMethod: Lambda functions are invoked with POST, got %q", m)
		}
		// AWS: "50 milliseconds - 29 seconds for all integration types".
		timeout := time.Duration(p.integer("TimeoutInMillis", 29000)) * time.Millisecond
		if timeout < 50*time.Millisecond || timeout > 29*time.Second {
			p.fail("property TimeoutInMillis: %v is out of range", timeout)
		}
		out[ref.(string)] = webSocketIntegration{l.functionOf(p, "IntegrationUri", false), timeout}
	}
	return out
}

func (l *loader) loadWebSocketRoutes(api *WebSocketAPI) {
	authorizers, integrations := l.loadWebSocketAuthorizers(api), l.loadWebSocketIntegrations(api)
	responses := map[string]bool{} // by id of the route
	for _, id := range l.ofType("AWS::ApiGatewayV2::RouteResponse") {
		p := l.read(l.Resources[id])
		if p.str("ApiId") != api.ID {
			continue
		}
		// AWS: "You can only define the $default route response for WebSocket APIs."
		if key := p.str("RouteResponseKey"); key != RouteDefault {
			p.fail("property RouteResponseKey: must be $default, got %q", key)
		}
		responses[p.str("RouteId")] = true
	}
	seen := map[string]bool{}
	for _, id := range l.ofType("AWS::ApiGatewayV2::Route") {
		r := l.Resources[id]
		p := l.read(r)
		if p.str("ApiId") != api.ID {
			continue
		}
		route := &WebSocketRoute{LogicalID: id, ConstructPath: r.ConstructPath(), Key: p.str("RouteKey")}
		predefined := slices.Contains([]string{RouteConnect, RouteDisconnect, RouteDefault}, route.Key)
		switch {
		case route.Key == "" || strings.HasPrefix(route.Key, "$") && !predefined:
			p.fail("property RouteKey: %q is not a route key", route.Key)
			continue
		case seen[route.Key]:
			p.fail("property RouteKey: %s is defined twice", route.Key)
			continue
		}
		seen[route.Key] = true
		switch t := p.str("AuthorizationType"); t {
		case "", "NONE":
		case "CUSTOM":
			if route.Key != RouteConnect {
				// AWS: "You can only use a Lambda authorizer function for the $connect route."
				p.fail("property AuthorizationType: CUSTOM is possible on $connect only")
			} else if route.Authorizer = authorizers[p.str("AuthorizerId")]; route.Authorizer == nil {
				p.fail("property AuthorizerId: is not an authorizer of %s in this template", api.Name)
			}
		default:
			p.fail("property AuthorizationType: %q is not implemented, only NONE and CUSTOM are", t)
		}
		switch target, ok := strings.CutPrefix(p.str("Target"), "integrations/"); {
		case ok:
			in, known := integrations[target]
			if !known {
				p.fail("property Target: is not an integration of %s in this template", api.Name)
			}
			route.FunctionID, route.Timeout = in.function, in.timeout
		case p.str("Target") != "":
			p.fail("property Target: expected integrations/ and an id")
		case route.Key != RouteConnect && route.Key != RouteDisconnect:
			// AWS: "Setting up an integration for $connect is optional."
			p.fail("property Target: is required on a route for messages")
		}
		ref, _ := l.ref(id, 0)
		// AWS: the expression "should be provided to initiate two-way communication for a WebSocket route. Currently,
		// this value is restricted to $default only", and "API Gateway will not pass the backend response through to
		// the route response, unless you set up a route response."
		expression, response := p.str("RouteResponseSelectionExpression"), responses[ref.(string)]
		switch {
		case expression != "" && expression != RouteDefault:
			p.fail("property RouteResponseSelectionExpression: must be $default, got %q", expression)
		case (expression == "") == response:
			p.fail("property RouteResponseSelectionExpression: responses need it and an AWS::ApiGatewayV2::RouteResponse, and one of them is missing")
		case response && (route.Key == RouteConnect || route.Key == RouteDisconnect):
			p.fail("property RouteResponseSelectionExpression: responses of %s are not implemented", route.Key)
		}
		route.TwoWay = response
		api.Routes = append(api.Routes, route)
	}
	slices.SortFunc(api.Routes, func(a, b *WebSocketRoute) int { return strings.Compare(a.Key, b.Key) })
}

// checkOwners refuses parts of APIs that are not in this template, such as a route of an imported API: they would be
// left out without a word.
func (l *loader) checkOwners() {
	owners := map[string]bool{}
	for _, id := range l.ofType("AWS::ApiGatewayV2::Api") {
		ref, _ := l.ref(id, 0)
		owners[ref.(string)] = true
	}
	for _, typ := range []string{"Route", "RouteResponse", "Integration", "Authorizer", "Deployment", "Stage"} {
		for _, id := range l.ofType("AWS::ApiGatewayV2::" + typ) {
			if p := l.read(l.Resources[id]); !owners[p.str("ApiId")] {
				p.fail("property ApiId: is not an API of this template")
			}
		}
	}
}

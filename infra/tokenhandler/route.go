package tokenhandler

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/rules"
	"github.com/tokenhandler/aws/internal/proxyheader"
)

// Route is a path of the API that is passed on to an upstream: an HTTP API
// (Upstream) or a Lambda (Function).
//
// Unless Transparent is set, an HTTP API gets only the headers and parameters
// that are listed here, and the page gets only the listed response headers.
// Bodies are passed as text, unchanged.
type Route struct {
	// Path on the API, such as /orders/{id}. A greedy parameter ({proxy+}) may
	// be its last segment if Transparent or Function is set.
	Path string `json:"path"`

	// Methods out of GET, HEAD, POST, PUT, PATCH and DELETE; or ANY alone if
	// Transparent or Function is set.
	Methods []string `json:"methods"`

	// Upstream is the URL of the upstream request: https (http for loopback
	// names only), without query. It may use the parameters of Path. {proxy} is
	// the greedy one. Host names may be tokens, behind a literal https://.
	Upstream string `json:"upstream"`

	// Transparent passes on every request header and query parameter, and the
	// whole response (HTTP_PROXY). Authorization is the access token; Cookie
	// and the CSRF header are overwritten with "none". The gateway cannot add
	// CORS headers to such a response: use it for pages on the origin of the
	// API, or with upstream APIs that write them.
	Transparent bool `json:"transparent"`

	// VPCLink leads to an Upstream inside a VPC, through a Network Load Balancer.
	// The URL of Upstream may then begin with http://. Such requests carry the
	// access token unencrypted within the VPC.
	VPCLink awsapigateway.IVpcLink `json:"vpcLinkId"`

	// PrivateLink leads to an Upstream inside a VPC, through a VPC link V2 and an
	// Application or Network Load Balancer. Transparent routes only: AWS documents
	// it for HTTP_PROXY integrations. http:// is allowed as with VPCLink.
	PrivateLink *PrivateLink `json:"privateLink"`

	// Function is the upstream instead of Upstream (AWS_PROXY). It gets the whole
	// request: the sealed session cookies, the CSRF header, and all identity and
	// routing headers as the client sent them. API Gateway cannot remove them.
	// The access token is in requestContext.authorizer.token, and the function
	// writes its own CORS headers, with requestContext.authorizer.allowedOrigin.
	// Package github.com/tokenhandler/aws/upstream does all of it for functions
	// in Go.
	Function awslambda.IFunction `json:"function"`

	// Stream passes on responses as they arrive, such as server-sent events.
	// Only with Transparent or Function. API Gateway ends a stream after 15
	// minutes, or after 5 minutes without data. The authorizer decides when a
	// stream starts, and a stream does not end with the session. A Function
	// must stream its responses, too.
	Stream bool `json:"stream"`

	// Timeout is how long the gateway waits for the upstream: 50 ms to 29 s, up
	// to 5 minutes with a raised quota of the account ("Maximum integration
	// timeout in milliseconds"), and up to 15 minutes with Stream. Zero: 29 s, or
	// 15 minutes with Stream.
	Timeout time.Duration `json:"timeout"`

	// Scopes the access token must have, all of them; MethodScopes those it must
	// have besides for a method. Claims it must have: each is this value, or a
	// list with this value in it. A token that lacks a scope is refused with the
	// code insufficient_scope, which tells the page that refreshing is of no use.
	// All of it needs Props.PhantomToken or Props.AccessTokens.VerifyTokens.
	Scopes       []string            `json:"scopes"`
	MethodScopes map[string][]string `json:"methodScopes"`
	Claims       map[string]string   `json:"claims"`

	// Exchange has the authorizer exchange the access token (RFC 8693), so that the
	// upstream API gets a token of its own and never the session's. Scopes and Claims
	// are those of the session's token. Requires Props.TokenExchange.
	Exchange Exchange `json:"exchange"`

	// QueryParameters are the query parameters that the upstream API gets. All
	// others are dropped. Not with Transparent or Function.
	QueryParameters []string `json:"queryParameters"`

	// RequiredQueryParameters must be there and not empty, or the gateway
	// refuses the request with 400, after the authorizer and before upstream.
	// Of a mapped route they are some of QueryParameters.
	RequiredQueryParameters []string `json:"requiredQueryParameters"`

	// RequestSchema is the JSON schema (draft 4) of bodies of POST, PUT and
	// PATCH. If a body does not match, the gateway refuses the request with
	// 400, after the authorizer and before upstream. It applies to every
	// content type, so the route then accepts JSON only; an empty body counts
	// as {}. Methods must be listed, not ANY.
	RequestSchema map[string]any `json:"requestSchema"`

	// RequestHeaders are headers that the upstream API gets besides
	// Authorization, Content-Type and Accept. Preflights allow them, which is
	// their only effect with Transparent or Function.
	RequestHeaders []string `json:"requestHeaders"`

	// Statuses are the statuses of the upstream API that reach the page
	// unchanged. Nil: Props.Statuses. All others become the first of their
	// class, 200, 400 or 500. Redirects and 206 become 502, and 401 always
	// stays 401. Each takes about a kilobyte of the template for every method.
	// Not with Transparent or Function.
	Statuses []int `json:"statuses"`

	// ResponseHeaders are response headers that the page gets besides
	// Content-Type, ETag, Location and Retry-After. The page may read them.
	// Responses have "Cache-Control: no-store" and a Content-Security-Policy
	// that forbids everything. A route that lists one of these two passes on
	// the upstream's header instead, or no header if the upstream omits it. Not
	// with Transparent or Function.
	ResponseHeaders []string `json:"responseHeaders"`
}

// PrivateLink is a way into a VPC that Route.PrivateLink names.
type PrivateLink struct {
	// ID of a VPC link V2, such as that of an awsapigatewayv2.VpcLink.
	ID string `json:"id"`
	// LoadBalancer is the ARN of the load balancer, or of its listener.
	LoadBalancer string `json:"loadBalancer"`
}

// Protect adds a route: its methods with the authorizer, and its preflight.
// Upstream gets the access token as "Authorization: Bearer …", and neither the
// session cookies nor the CSRF header. It returns the route's resource.
//
// Methods of mapped routes stand in the stack of the API while they fit there,
// about 30 of them, and in nested stacks beyond that: see docs/construct.md,
// "Size".
func (h *ProtectedAPI) Protect(route Route) awsapigateway.IResource {
	return h.add(route, "")
}

// Public adds a route without the authorizer, and its preflight. The reason
// stays in the template as metadata, for the check of synthesis and for
// readers. An upstream API gets neither a token nor the session cookies; a
// Function gets the sealed cookies. A public route must not be greedy, because
// it would also serve the methods that other routes lack.
//
// With several trusted origins the responses have no CORS headers, because the
// authorizer, which distinguishes them, does not run.
func (h *ProtectedAPI) Public(route Route, reason string) awsapigateway.IResource {
	if reason = strings.TrimSpace(reason); reason == "" {
		misuse("Public got no reason for %s: expected why the route is open to everyone", route.Path)
	}
	if strings.Contains(route.Path, "+}") {
		misuse("Public got the greedy path %q: expected one without {proxy+}, which would also serve the methods that other routes lack", route.Path)
	}
	return h.add(route, reason)
}

// MarkPublic says why a method made without [ProtectedAPI.Public] is open to
// everyone. Synthesis fails without it.
func MarkPublic(method awsapigateway.Method, reason string) {
	if reason = strings.TrimSpace(reason); reason == "" {
		misuse("MarkPublic got no reason for %s: expected why the method is open to everyone", *method.Node().Path())
	}
	method.Node().DefaultChild().(awsapigateway.CfnMethod).AddMetadata(jsii.String(rules.PublicKey), reason)
}

// add adds a route, protected unless there is a reason for it to be public.
func (h *ProtectedAPI) add(route Route, public string) awsapigateway.IResource {
	parameters := h.checkRoute(route, public != "")
	if public == "" {
		h.demand(route)
		h.tellUpstream(route)
	} else if len(route.Scopes)+len(route.MethodScopes)+len(route.Claims) > 0 || route.Exchange != (Exchange{}) {
		misuse("Public got Scopes, Claims or an Exchange for %s: expected none, no authorizer looks at a token there", route.Path)
	}
	h.routes = append(h.routes, route.Path)

	resource := h.resource(route.Path)
	h.refuseOccupied("Route.Path "+route.Path, resource, slices.Concat(route.Methods, []string{"OPTIONS"}))
	for _, m := range route.Methods {
		h.addMethod(resource, route, m, parameters, public)
	}
	preflight := route.Methods
	if slices.Contains(preflight, "ANY") {
		preflight = knownMethods
	}
	h.addRoutePreflight(resource, route, preflight)
	return resource
}

// addMethod adds a method of a route.
func (h *ProtectedAPI) addMethod(resource awsapigateway.IResource, route Route, m string, parameters []string, public string) {
	options := h.methodOptions(m, public == "")
	finish := func(method awsapigateway.Method) {
		if public != "" {
			MarkPublic(method, public)
		} else {
			h.protected = append(h.protected, resourcePathOf(method))
		}
	}
	if !route.whole() {
		h.addMapped(resource, route, h.mapped(route, m, parameters, public == ""), options, finish)
		return
	}
	integration := functionIntegration
	if route.Function == nil {
		options.RequestParameters = pathParameters(parameters)
		integration = func(route Route) awsapigateway.Integration {
			return h.transparentIntegration(route, m, parameters, public == "")
		}
	}
	h.validate(options, route, m)
	method := resource.AddMethod(jsii.String(m), integration(route), options)
	h.linkPrivately(method, route.PrivateLink)
	finish(method)
}

func (h *ProtectedAPI) methodOptions(method string, protected bool) *awsapigateway.MethodOptions {
	if !protected {
		return &awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_NONE}
	}
	return &awsapigateway.MethodOptions{Authorizer: h.AuthorizerFor(method), AuthorizationType: awsapigateway.AuthorizationType_CUSTOM}
}

func pathParameters(names []string) *map[string]*bool {
	request := map[string]*bool{}
	for _, name := range names {
		request["method.request.path."+name] = jsii.Bool(true)
	}
	return &request
}

// functionIntegration hands the request to a Lambda. A function has one
// permission per API: one per method would exceed the 20,480 bytes of a
// function's policy at about 50 methods (aws-cdk issues #5774 and #9327).
func functionIntegration(route Route) awsapigateway.Integration {
	return awsapigateway.NewLambdaIntegration(route.Function, &awsapigateway.LambdaIntegrationOptions{
		Proxy:                   jsii.Bool(true),
		ScopePermissionToMethod: jsii.Bool(false),
		ResponseTransferMode:    route.transferMode(),
		Timeout:                 route.timeout(),
	})
}

// transferMode is empty for the default, so that the template does not name it.
func (r Route) transferMode() awsapigateway.ResponseTransferMode {
	if r.Stream {
		return awsapigateway.ResponseTransferMode_STREAM
	}
	return ""
}

func (r Route) timeout() awscdk.Duration {
	timeout := r.Timeout
	if timeout == 0 && r.Stream {
		timeout = maxStream
	}
	if timeout == 0 {
		return nil
	}
	return awscdk.Duration_Millis(jsii.Number(float64(timeout.Milliseconds())))
}

// transparentIntegration is HTTP_PROXY, which passes on everything that no
// mapping overwrites. REST APIs have no mapping that removes a header, so the
// session and the headers of package proxyheader are overwritten. A mapping
// replaces a header of the same spelling. AWS does not document its effect on
// other letter cases, so both that browsers use are mapped: "Header names and
// query parameters are processed in a case-sensitive way" (Amazon API Gateway
// important notes), and HTTP/2 has them in lower case. Authorization does not
// need this: the authorizer refuses a request with one beside the session.
func (h *ProtectedAPI) transparentIntegration(route Route, method string, parameters []string, protected bool) awsapigateway.Integration {
	up := h.overwritten()
	if !protected {
		up[rules.AuthorizationTarget] = jsii.String("'none'")
	}
	for _, name := range parameters {
		up["integration.request.path."+name] = jsii.String("method.request.path." + name)
	}
	return httpIntegration(route, method, &awsapigateway.HttpIntegrationProps{
		Proxy:   jsii.Bool(true),
		Options: &awsapigateway.IntegrationOptions{RequestParameters: &up},
	})
}

// overwritten are the request parameters of a protected transparent route.
func (h *ProtectedAPI) overwritten() map[string]*string {
	up := map[string]*string{rules.AuthorizationTarget: jsii.String(rules.TokenSource)}
	overwrite := func(name, source string) {
		up["integration.request.header."+name] = jsii.String(source)
		up["integration.request.header."+strings.ToLower(name)] = jsii.String(source)
	}
	overwrite("Cookie", "'none'")
	overwrite(h.props.Cookies.CSRFHeaderName(), "'none'")
	for _, name := range proxyheader.Identity {
		overwrite(name, "'none'")
	}
	for _, header := range proxyheader.Routing {
		overwrite(header.Name, header.Source)
	}
	if !h.binary() {
		// Without binary media types API Gateway decodes responses as text,
		// which destroys compressed ones.
		overwrite("Accept-Encoding", "'identity'")
	}
	return up
}

// IntegrationParameters returns the RequestParameters of the integration of a
// protected method that you make without [ProtectedAPI.Protect]: the access token
// in Authorization, and for HTTP_PROXY (proxy) also values in place of the session
// cookies, the CSRF header and the headers by which proxies name users and
// addresses. Add those of your path and query parameters to the map. The method
// needs [ProtectedAPI.AuthorizerFor] and [ProtectedAPI.AddPreflight], too.
func (h *ProtectedAPI) IntegrationParameters(proxy bool) map[string]*string {
	if h.props.AccessTokens.DPoP {
		misuse("IntegrationParameters: cannot be combined with Props.AccessTokens.DPoP, for which routes are made by Protect")
	}
	if proxy {
		return h.overwritten()
	}
	up := map[string]*string{}
	for name, source := range h.mapped(Route{}, "GET", nil, true).Set {
		up[name] = jsii.String(source)
	}
	return up
}

func httpIntegration(route Route, method string, props *awsapigateway.HttpIntegrationProps) awsapigateway.Integration {
	props.HttpMethod = jsii.String(method)
	props.Options.ResponseTransferMode = route.transferMode()
	props.Options.Timeout = route.timeout()
	if route.VPCLink != nil {
		props.Options.ConnectionType = awsapigateway.ConnectionType_VPC_LINK
		props.Options.VpcLink = route.VPCLink
	}
	return awsapigateway.NewHttpIntegration(jsii.String(route.Upstream), props)
}

// linkPrivately leads a method through a VPC link V2, for which CDK's
// integrations have no property: "you create an HTTP proxy integration, specify
// the VPC link V2 to use, and provide the ARN of an Network Load Balancer or an
// Application Load Balancer" (Amazon API Gateway Developer Guide, "Set up a
// private integration").
func (h *ProtectedAPI) linkPrivately(method awsapigateway.Method, link *PrivateLink) {
	if link == nil {
		return
	}
	resource := method.Node().DefaultChild().(awsapigateway.CfnMethod)
	resource.AddPropertyOverride(jsii.String("Integration.ConnectionType"), "VPC_LINK")
	resource.AddPropertyOverride(jsii.String("Integration.ConnectionId"), link.ID)
	resource.AddPropertyOverride(jsii.String("Integration.IntegrationTarget"), link.LoadBalancer)
	if d := h.API.LatestDeployment(); d != nil {
		d.AddToLogicalId(map[string]any{"link": link.ID, "target": link.LoadBalancer, "method": *method.Node().Path()})
	}
}

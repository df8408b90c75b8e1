package tokenhandler

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"
)

// Route is a path of the API that is passed on to an upstream HTTP API: of a
// request only what is listed here goes up, of an answer only what is listed
// here comes down. Bodies are passed as text, unchanged.
type Route struct {
	// Path on the API, such as /orders/{id}. Greedy parameters ({proxy+}) are
	// not accepted.
	Path string

	// Methods out of GET, HEAD, POST, PUT, PATCH and DELETE.
	Methods []string

	// Upstream is the URL the request goes to: https (http for loopback names
	// only), without query. It may use the parameters of Path. Host names may
	// be tokens, behind a literal https://.
	Upstream string

	// QueryParameters that go up, by name; all others are dropped.
	QueryParameters []string

	// RequestHeaders that go up besides Authorization, Content-Type and
	// Accept. Preflights allow them.
	RequestHeaders []string

	// ResponseHeaders that come down besides Content-Type, Cache-Control,
	// ETag, Location and Retry-After. The page may read them.
	ResponseHeaders []string
}

// Protect adds a route: its methods with the authorizer, and its preflight.
// Upstream gets the access token as "Authorization: Bearer …", and neither the
// session cookies nor the CSRF header. It returns the route's resource.
//
// The usual upstream statuses come down as they are, rare ones as 502. A
// template holds about 25 mapped methods (CloudFormation's limit is 1 MB).
func (h *TokenHandler) Protect(route Route) awsapigateway.IResource {
	parameters := h.checkRoute(route)
	h.routes = append(h.routes, route.Path)

	resource := h.resource(route.Path)
	h.refuseOccupied("Route.Path "+route.Path, resource, slices.Concat(route.Methods, []string{"OPTIONS"}))
	for _, m := range route.Methods {
		resource.AddMethod(jsii.String(m), h.mappedIntegration(route, m, parameters), h.mappedMethod(route, parameters))
	}
	h.addPreflight(resource, route.Methods, route.RequestHeaders)
	return resource
}

// mappedIntegration is of the type HTTP and not HTTP_PROXY: it sends only what
// is mapped, so that no cookie, CSRF header or Authorization of the client
// reaches upstream, and it can map CORS headers onto the answer.
func (h *TokenHandler) mappedIntegration(route Route, method string, parameters []string) awsapigateway.Integration {
	up := map[string]*string{
		"integration.request.header.Authorization": jsii.String("context.authorizer.token"),
	}
	for _, name := range requestHeaders(route) {
		up["integration.request.header."+name] = jsii.String("method.request.header." + name)
	}
	for _, name := range route.QueryParameters {
		// The multi-value form: the other gives only the last of several values.
		up["integration.request.querystring."+name] = jsii.String("method.request.multivaluequerystring." + name)
	}
	for _, name := range parameters {
		up["integration.request.path."+name] = jsii.String("method.request.path." + name)
	}

	var responses []*awsapigateway.IntegrationResponse
	for _, status := range statuses {
		down := map[string]*string{}
		for _, header := range h.down(route, status) {
			down["method.response.header."+header.name] = jsii.String(header.source)
		}
		response := &awsapigateway.IntegrationResponse{StatusCode: jsii.String(status.code), ResponseParameters: &down}
		if status.code != defaultStatus {
			response.SelectionPattern = jsii.String(status.code)
		}
		responses = append(responses, response)
	}
	return awsapigateway.NewHttpIntegration(jsii.String(route.Upstream), &awsapigateway.HttpIntegrationProps{
		HttpMethod: jsii.String(method),
		Proxy:      jsii.Bool(false),
		Options: &awsapigateway.IntegrationOptions{
			PassthroughBehavior:  awsapigateway.PassthroughBehavior_WHEN_NO_MATCH, // bodies of any content type
			RequestParameters:    &up,
			IntegrationResponses: &responses,
		},
	})
}

// mappedMethod declares what mappedIntegration uses.
func (h *TokenHandler) mappedMethod(route Route, parameters []string) *awsapigateway.MethodOptions {
	request := map[string]*bool{}
	for _, name := range requestHeaders(route) {
		request["method.request.header."+name] = jsii.Bool(false)
	}
	for _, name := range route.QueryParameters {
		request["method.request.querystring."+name] = jsii.Bool(false)
	}
	for _, name := range parameters {
		request["method.request.path."+name] = jsii.Bool(true)
	}
	var responses []*awsapigateway.MethodResponse
	for _, status := range statuses {
		declared := map[string]*bool{}
		for _, header := range h.down(route, status) {
			declared["method.response.header."+header.name] = jsii.Bool(true)
		}
		responses = append(responses, &awsapigateway.MethodResponse{
			StatusCode: jsii.String(status.code), ResponseParameters: &declared,
		})
	}
	return &awsapigateway.MethodOptions{
		Authorizer:        h.Authorizer,
		AuthorizationType: awsapigateway.AuthorizationType_CUSTOM,
		RequestParameters: &request,
		MethodResponses:   &responses,
	}
}

func requestHeaders(route Route) []string {
	return slices.Concat([]string{"Content-Type", "Accept"}, route.RequestHeaders)
}

type mapping struct{ name, source string }

// down lists the headers of an answer and where they come from.
func (h *TokenHandler) down(route Route, s status) []mapping {
	headers := []mapping{
		{"Access-Control-Allow-Origin", "context.authorizer.allowedOrigin"},
		{"Access-Control-Allow-Credentials", "'true'"},
		{"Vary", "'Origin'"},
	}
	for _, name := range slices.Concat(s.headers(), route.ResponseHeaders) {
		headers = append(headers, mapping{name, "integration.response.header." + name})
	}
	if exposed := headerList(s.exposed(), route.ResponseHeaders, h.props.CORS.ExposeHeaders); len(exposed) > 0 {
		headers = append(headers, mapping{"Access-Control-Expose-Headers", "'" + strings.Join(exposed, ",") + "'"})
	}
	return headers
}

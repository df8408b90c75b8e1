package tokenhandler

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/mapped"
	"github.com/tokenhandler/aws/infra/internal/placement"
	"github.com/tokenhandler/aws/infra/internal/rules"
	"github.com/tokenhandler/aws/internal/contract"
)

// DefaultStatuses reach the page unchanged if Route.Statuses and Props.Statuses
// are nil. A method gets those that can occur on it: 201 only with a body, 304
// only if If-None-Match or If-Modified-Since reaches the upstream API.
var DefaultStatuses = slices.Clone(mapped.DefaultStatuses)

// requestIDHeader carries upstream the id by which the logs know the request.
const requestIDHeader = "X-Request-Id"

// mapped describes a method of a mapped route. It is of the type HTTP and not
// HTTP_PROXY. It sends only mapped headers and parameters, so that no cookie,
// CSRF header or Authorization of the client reaches upstream, and it can map
// CORS headers onto the response.
func (h *ProtectedAPI) mapped(route Route, method string, parameters []string, protected bool) mapped.Method {
	m := mapped.Method{
		HTTPMethod: method,
		Path:       parameters,
		Query:      route.QueryParameters,
		Up:         route.RequestHeaders,
		Down:       route.ResponseHeaders,
		Expose:     h.props.CORS.ExposeHeaders,
		Statuses:   route.Statuses,
		Origin:     contract.FromContext(contract.ContextAllowedOrigin),
		// A route that lists the header sends the page's instead.
		Set: map[string]string{"integration.request.header." + requestIDHeader: "context.requestId"},
	}
	if m.Statuses == nil {
		m.Statuses = h.props.Statuses
	}
	if !protected {
		m.Origin = errorOrigin(trusted(h.props.Application), true) // as for errors: no authorizer has run
		return m
	}
	m.Set[rules.AuthorizationTarget] = rules.TokenSource
	for i, header := range h.props.AccessTokens.ClaimHeaders.Names() {
		m.Set["integration.request.header."+header] = contract.FromContext(contract.ContextClaim(i))
	}
	if h.props.AccessTokens.DPoP {
		m.Set[proofTarget] = proofSource
	}
	return m
}

// addMapped adds a method of a mapped route where there is room for it.
func (h *ProtectedAPI) addMapped(resource awsapigateway.IResource, route Route, m mapped.Method, options *awsapigateway.MethodOptions, finish func(awsapigateway.Method)) {
	declareMapped(options, m)
	h.validate(options, route, m.HTTPMethod)
	h.placement.Add(resource, &placement.Method{
		Path: route.Path, HTTPMethod: m.HTTPMethod,
		Integration: mappedIntegration(route, m), Options: options,
		Size: []any{m.Request(), m.Declared(), m.Responses(), m.Responses()},
		Made: finish,
		Removed: func(method awsapigateway.Method) {
			path := resourcePathOf(method)
			h.protected = slices.DeleteFunc(h.protected, func(p string) bool { return p == path })
		},
	})
	// The placement does not tie the method to the deployment.
	is := map[string]any{"mapped": m, "upstream": route.Upstream, "required": route.RequiredQueryParameters, "schema": route.RequestSchema}
	if route.VPCLink != nil {
		is["vpcLink"] = *route.VPCLink.VpcLinkId()
	}
	h.redeployFor(m.HTTPMethod+" "+route.Path, is)
}

func mappedIntegration(route Route, m mapped.Method) awsapigateway.Integration {
	var responses []*awsapigateway.IntegrationResponse
	for _, r := range m.Responses() {
		response := &awsapigateway.IntegrationResponse{StatusCode: jsii.String(r.Status), ResponseParameters: texts(r.Parameters)}
		if r.Pattern != "" {
			response.SelectionPattern = jsii.String(r.Pattern)
		}
		responses = append(responses, response)
	}
	return httpIntegration(route, m.HTTPMethod, &awsapigateway.HttpIntegrationProps{
		Proxy: jsii.Bool(false),
		Options: &awsapigateway.IntegrationOptions{
			PassthroughBehavior:  awsapigateway.PassthroughBehavior_WHEN_NO_MATCH, // bodies of any content type
			RequestParameters:    texts(m.Request()),
			IntegrationResponses: &responses,
		},
	})
}

// declareMapped declares the parameters that mappedIntegration uses.
func declareMapped(options *awsapigateway.MethodOptions, m mapped.Method) {
	request := map[string]*bool{}
	for name, required := range m.Declared() {
		request[name] = jsii.Bool(required)
	}
	options.RequestParameters = &request
	var responses []*awsapigateway.MethodResponse
	for _, r := range m.Responses() {
		declared := map[string]*bool{}
		for name := range r.Parameters {
			declared[name] = jsii.Bool(true)
		}
		responses = append(responses, &awsapigateway.MethodResponse{StatusCode: jsii.String(r.Status), ResponseParameters: &declared})
	}
	options.MethodResponses = &responses
}

func texts(m map[string]string) *map[string]*string {
	out := make(map[string]*string, len(m))
	for key, value := range m {
		out[key] = jsii.String(value)
	}
	return &out
}

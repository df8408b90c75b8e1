package tokenhandler

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/rules"
	"github.com/tokenhandler/aws/internal/contract"
)

// mappedIntegration is of the type HTTP and not HTTP_PROXY: it sends only what
// is mapped, so that no cookie, CSRF header or Authorization of the client
// reaches upstream, and it can map CORS headers onto the answer.
func (h *TokenHandler) mappedIntegration(route Route, method string, parameters []string, protected bool) awsapigateway.Integration {
	up := map[string]*string{}
	if protected {
		up[rules.AuthorizationTarget] = jsii.String(rules.TokenSource)
		if h.props.AccessTokens.DPoP {
			up[proofTarget] = jsii.String(proofSource)
		}
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
	for _, status := range h.statuses(route) {
		down := map[string]*string{}
		for _, header := range h.down(route, status, protected) {
			down["method.response.header."+header.name] = jsii.String(header.source)
		}
		response := &awsapigateway.IntegrationResponse{StatusCode: jsii.String(status.code), ResponseParameters: &down}
		if status.pattern != "" {
			response.SelectionPattern = jsii.String(status.pattern)
		}
		responses = append(responses, response)
	}
	return httpIntegration(route, method, &awsapigateway.HttpIntegrationProps{
		Proxy: jsii.Bool(false),
		Options: &awsapigateway.IntegrationOptions{
			PassthroughBehavior:  awsapigateway.PassthroughBehavior_WHEN_NO_MATCH, // bodies of any content type
			RequestParameters:    &up,
			IntegrationResponses: &responses,
		},
	})
}

// declareMapped declares what mappedIntegration uses.
func (h *TokenHandler) declareMapped(options *awsapigateway.MethodOptions, route Route, parameters []string, protected bool) {
	options.RequestParameters = pathParameters(parameters)
	request := *options.RequestParameters
	for _, name := range requestHeaders(route) {
		request["method.request.header."+name] = jsii.Bool(false)
	}
	for _, name := range route.QueryParameters {
		request["method.request.querystring."+name] = jsii.Bool(false)
	}
	var responses []*awsapigateway.MethodResponse
	for _, status := range h.statuses(route) {
		declared := map[string]*bool{}
		for _, header := range h.down(route, status, protected) {
			declared["method.response.header."+header.name] = jsii.Bool(true)
		}
		responses = append(responses, &awsapigateway.MethodResponse{
			StatusCode: jsii.String(status.code), ResponseParameters: &declared,
		})
	}
	options.MethodResponses = &responses
}

func requestHeaders(route Route) []string {
	return slices.Concat([]string{"Content-Type", "Accept"}, route.RequestHeaders)
}

type mapping struct{ name, source string }

// down lists the headers of an answer and where they come from.
func (h *TokenHandler) down(route Route, s status, protected bool) []mapping {
	headers := []mapping{{"Vary", "'Origin'"}}
	origin := contract.FromContext(contract.ContextAllowedOrigin)
	if !protected {
		origin = errorOrigin(h.props.Application.TrustedWebOrigins, true) // as for errors: no authorizer has run
	}
	if origin != "" {
		headers = append(headers, mapping{"Access-Control-Allow-Origin", origin}, mapping{"Access-Control-Allow-Credentials", "'true'"})
	}
	for _, name := range slices.Concat(s.headers(), route.ResponseHeaders) {
		headers = append(headers, mapping{name, "integration.response.header." + name})
	}
	if exposed := headerList(s.exposed(), route.ResponseHeaders, h.props.CORS.ExposeHeaders); len(exposed) > 0 {
		headers = append(headers, mapping{"Access-Control-Expose-Headers", "'" + strings.Join(exposed, ",") + "'"})
	}
	return headers
}

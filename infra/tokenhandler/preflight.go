package tokenhandler

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/mapped"
	"github.com/tokenhandler/aws/infra/internal/placement"
	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/preview"
)

// AddPreflight adds the OPTIONS method that responds to CORS preflights for
// methods of a resource. [ProtectedAPI.Protect] adds it to its routes. Call it
// only for methods made in another way.
func (h *ProtectedAPI) AddPreflight(resource awsapigateway.IResource, methods ...string) {
	for _, m := range methods {
		if !isMethod(m) {
			misuse("AddPreflight got method %q: expected one of %s", m, strings.Join(knownMethods, ", "))
		}
	}
	h.refuseOccupied("AddPreflight", resource, []string{"OPTIONS"})
	h.addPreflight(resource, methods, nil)
}

// addPreflight adds a preflight that stays where it is.
func (h *ProtectedAPI) addPreflight(resource awsapigateway.IResource, methods, headers []string) {
	integration, options := h.preflight(methods, headers)
	resource.AddMethod(jsii.String("OPTIONS"), integration, options)
}

// addRoutePreflight adds the preflight of a route. With a given API it stays in
// the stack of the API: CDK refuses an API without a method of its own.
func (h *ProtectedAPI) addRoutePreflight(resource awsapigateway.IResource, route Route, methods []string) {
	if h.props.API != nil {
		h.addPreflight(resource, methods, route.RequestHeaders)
		return
	}
	integration, options := h.preflight(methods, route.RequestHeaders)
	cors := h.preflightHeaders(methods, route.RequestHeaders)
	h.placement.Add(resource, &placement.Method{
		Path: route.Path, HTTPMethod: "OPTIONS", Integration: integration, Options: options, Preflight: true,
		Size: []any{preflightTemplate(trusted(h.props.Application), cors), options.MethodResponses},
		Made: func(awsapigateway.Method) {}, Removed: func(awsapigateway.Method) {},
	})
	h.redeployFor("OPTIONS "+route.Path, map[string]any{"origins": trusted(h.props.Application), "cors": cors})
}

// preflight is a MOCK OPTIONS method. CDK's own preflight returns the first
// trusted origin to unknown origins. This one returns no Access-Control header
// to them.
func (h *ProtectedAPI) preflight(methods, headers []string) (awsapigateway.Integration, *awsapigateway.MethodOptions) {
	cors := h.preflightHeaders(methods, headers)

	// Headers that a template sets are declared too.
	declared := map[string]*bool{
		"method.response.header.Access-Control-Allow-Origin": jsii.Bool(true),
		"method.response.header.Vary":                        jsii.Bool(true),
	}
	for _, header := range cors {
		declared["method.response.header."+header[0]] = jsii.Bool(true)
	}
	integration := awsapigateway.NewMockIntegration(&awsapigateway.IntegrationOptions{
		PassthroughBehavior: awsapigateway.PassthroughBehavior_NEVER,
		RequestTemplates:    &map[string]*string{"application/json": jsii.String(`{"statusCode": 204}`)},
		IntegrationResponses: &[]*awsapigateway.IntegrationResponse{{
			StatusCode: jsii.String("204"),
			ResponseParameters: &map[string]*string{
				// For every origin: RFC 9110 section 12.5.5, the response
				// depends on it.
				"method.response.header.Vary": jsii.String("'Origin'"),
			},
			ResponseTemplates: &map[string]*string{
				"application/json": jsii.String(preflightTemplate(trusted(h.props.Application), cors)),
			},
		}},
	})
	return integration, &awsapigateway.MethodOptions{
		AuthorizationType: awsapigateway.AuthorizationType_NONE, // browsers send no cookie with a preflight
		ApiKeyRequired:    jsii.Bool(false),
		MethodResponses: &[]*awsapigateway.MethodResponse{{
			StatusCode:         jsii.String("204"),
			ResponseParameters: &declared,
		}},
	}
}

// preflightHeaders are the headers of a preflight response besides the origin.
func (h *ProtectedAPI) preflightHeaders(methods, headers []string) [][2]string {
	if len(h.props.CORS.AllowMethods) > 0 {
		methods = h.props.CORS.AllowMethods
	}
	always := []string{"content-type", "accept", contract.HeaderVersion, h.props.Cookies.CSRFHeaderName()}
	if h.props.AccessTokens.AllowToken {
		// A page may then bring a token of its own, without the session.
		always = append(always, contract.HeaderAuthorization)
	}
	allowHeaders := mapped.List(always, headers, h.props.CORS.AllowHeaders)
	return [][2]string{
		{"Access-Control-Allow-Credentials", "true"},
		{"Access-Control-Allow-Methods", strings.Join(methods, ",")},
		{"Access-Control-Allow-Headers", strings.Join(allowHeaders, ",")},
		{"Access-Control-Max-Age", fmt.Sprint(int(h.props.CORS.MaxAge.Seconds()))},
	}
}

// preflightTemplate returns a trusted origin and the CORS headers to that
// origin only. An absent header is null, and in Velocity null == "" is false,
// so the template tests !$origin. Synthesis checks that the names and values
// contain no characters that Velocity would interpret.
//
// The header map is asked and not $input.params("origin"), which would also
// find a query parameter of that name.
func preflightTemplate(origins []string, cors [][2]string) string {
	var conditions []string
	for _, origin := range origins {
		condition := `$origin == "` + origin + `"`
		if strings.Contains(origin, "*") { // checked: a pattern of previews
			// As in the preflights that CDK writes (aws-apigateway, lib/resource.ts).
			condition = `$origin.matches("` + preview.Regexp(origin) + `")`
		}
		conditions = append(conditions, condition)
	}
	lines := []string{
		`#set($origin = $input.params().header.get("origin"))`,
		`#if(!$origin || $origin == "")#set($origin = $input.params().header.get("Origin"))#end`,
		`#if(` + strings.Join(conditions, " || ") + `)`,
		`#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)`,
	}
	for _, header := range cors {
		lines = append(lines, `#set($context.responseOverride.header.`+header[0]+` = "`+header[1]+`")`)
	}
	return strings.Join(append(lines, `#end`), "\n")
}

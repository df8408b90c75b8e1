package tokenhandler

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/contract"
)

// gatewayResponse is an error response of the gateway itself.
type gatewayResponse struct {
	kind    string
	status  string // "": the type's own
	code    string
	message string
	early   bool // happens before the authorizer, or without a result of it
}

// gatewayResponses are all types (Amazon API Gateway Developer Guide, "Gateway
// response types"). Each is written out, because a type that is written does
// not inherit from DEFAULT_4XX or DEFAULT_5XX. Bodies contain constants only,
// because API Gateway does not escape variables in them.
var gatewayResponses = []gatewayResponse{
	// The authorizer refuses with a Deny and says why in its context, in
	// constants. Clients refresh on 401, the default would be 403.
	{kind: "ACCESS_DENIED", status: "401", code: contract.InTemplate(contract.ContextCode), message: contract.InTemplate(contract.ContextMessage)},
	{kind: "UNAUTHORIZED", status: "401", code: contract.CodeUnauthorizedRequest, message: contract.MessageUnauthorized, early: true},
	{kind: "AUTHORIZER_FAILURE", status: "500", code: contract.CodeServerError, message: "The request could not be authorized", early: true},
	{kind: "AUTHORIZER_CONFIGURATION_ERROR", status: "500", code: contract.CodeServerError, message: "The request could not be authorized", early: true},

	{kind: "BAD_REQUEST_BODY", status: "400", code: contract.CodeInvalidRequest, message: "The request body is not valid"},
	{kind: "BAD_REQUEST_PARAMETERS", status: "400", code: contract.CodeInvalidRequest, message: "A request parameter is missing or not valid"},
	{kind: "UNSUPPORTED_MEDIA_TYPE", status: "415", code: contract.CodeUnsupportedMediaType, message: "The content type is not supported"},
	// AWS: "customization of the default 413 gateway response isn't currently
	// supported". Written out for the day it is.
	{kind: "REQUEST_TOO_LARGE", status: "413", code: contract.CodeRequestTooLarge, message: "The request is too large"},

	// An unknown path or method; API Gateway's 403 would read as a refusal.
	{kind: "MISSING_AUTHENTICATION_TOKEN", status: "404", code: contract.CodeNotFound, message: "There is no such path or method", early: true},
	{kind: "RESOURCE_NOT_FOUND", status: "404", code: contract.CodeNotFound, message: "There is no such path or method"},

	{kind: "THROTTLED", status: "429", code: contract.CodeTooManyRequests, message: "Too many requests"},
	{kind: "QUOTA_EXCEEDED", status: "429", code: contract.CodeTooManyRequests, message: "Too many requests"},

	// 403 and not 401: refreshing the session would not help.
	{kind: "WAF_FILTERED", status: "403", code: contract.CodeForbidden, message: "The request was refused", early: true},
	{kind: "INVALID_API_KEY", status: "403", code: contract.CodeForbidden, message: "The request was refused"},
	{kind: "INVALID_SIGNATURE", status: "403", code: contract.CodeForbidden, message: "The request was refused", early: true},
	{kind: "EXPIRED_TOKEN", status: "403", code: contract.CodeForbidden, message: "The request was refused", early: true},

	{kind: "INTEGRATION_FAILURE", status: "502", code: contract.CodeUpstreamUnavailable, message: "The service behind could not be reached"},
	{kind: "INTEGRATION_TIMEOUT", status: "504", code: contract.CodeUpstreamTimeout, message: "The service behind did not answer in time"},
	{kind: "API_CONFIGURATION_ERROR", status: "500", code: contract.CodeServerError, message: "A technical problem occurred"},

	// Without a status: one given here would replace that of every type that
	// is not written out.
	{kind: "DEFAULT_4XX", code: contract.CodeInvalidRequest, message: "The request was refused"},
	{kind: "DEFAULT_5XX", code: contract.CodeServerError, message: "A technical problem occurred"},
}

func (h *ProtectedAPI) addGatewayResponses() {
	siblings := h.siblings()
	if h.props.API != nil && len(siblings) == 1 {
		h.refuseGatewayResponses()
	}
	if len(trustedBy(siblings)) > 1 {
		for _, s := range siblings {
			if s.owner != nil {
				s.owner.leaveToAgent()
			}
		}
	}
	for _, r := range gatewayResponses {
		if len(siblings) > 1 {
			h.changeGatewayResponse(r, errorHeaders(siblings, r), errorBody(siblings, r))
			continue
		}
		h.API.AddGatewayResponse(jsii.String(gatewayResponseID(r)), r.options(siblings))
	}
	if d := h.API.LatestDeployment(); d != nil && len(siblings) > 1 {
		d.AddToLogicalId(map[string]any{"origins": trustedBy(siblings)})
	}
}

// refuseGatewayResponses panics if the given API has gateway responses: there is
// one of each type, and pages could not read those of others.
func (h *ProtectedAPI) refuseGatewayResponses() {
	for _, child := range *h.API.Node().Children() {
		if _, ok := child.(awsapigateway.GatewayResponse); ok {
			misuse("Props.API has the gateway response %s: remove it, the token handler makes all of them. Props.RefusalFields adds fields to their bodies", *child.Node().Path())
		}
	}
}

func (r gatewayResponse) options(siblings []*ProtectedAPI) *awsapigateway.GatewayResponseOptions {
	headers := errorHeaders(siblings, r)
	options := &awsapigateway.GatewayResponseOptions{
		Type:            awsapigateway.ResponseType_Of(jsii.String(r.kind)),
		ResponseHeaders: &headers,
		Templates:       &map[string]*string{"application/json": jsii.String(errorBody(siblings, r))},
	}
	if r.status != "" {
		options.StatusCode = jsii.String(r.status)
	}
	return options
}

func errorHeaders(siblings []*ProtectedAPI, r gatewayResponse) map[string]*string {
	headers := map[string]*string{
		"Cache-Control": jsii.String("'no-store'"),
		"Vary":          jsii.String("'Origin'"),
	}
	if origin := errorOrigin(trustedBy(siblings), r.early); origin != "" {
		headers["Access-Control-Allow-Origin"] = jsii.String(origin)
		headers["Access-Control-Allow-Credentials"] = jsii.String("'true'")
		headers["Access-Control-Expose-Headers"] = jsii.String("'" + contract.HeaderRequestID + "'")
	}
	return headers
}

// errorBody is the template of a body.
func errorBody(siblings []*ProtectedAPI, r gatewayResponse) string {
	more := ""
	if r.kind == "ACCESS_DENIED" && slices.ContainsFunc(siblings, (*ProtectedAPI).knowsScopes) {
		// The scopes a route demands, empty for other codes. Scopes have no
		// character that JSON would have to escape (RFC 6749 appendix A.4).
		more = `,"` + contract.FieldScope + `":"` + contract.InTemplate(contract.ContextScope) + `"`
	}
	return fmt.Sprintf(`{"code":"%[1]s","error_code":"%[1]s","message":"%[2]s"%[3]s%[4]s}`, r.code, r.message, more, refusalFields(siblings, r))
}

// errorOrigin is the expression of Access-Control-Allow-Origin. With one
// trusted origin it is a constant, which every gateway response may carry:
// browsers show the response to that origin only. With several, the authorizer
// names the origin of the request. Errors before the authorizer then have no
// such header.
func errorOrigin(origins []string, early bool) string {
	if len(origins) == 1 {
		return "'" + origins[0] + "'"
	}
	if early {
		return ""
	}
	return contract.FromContext(contract.ContextAllowedOrigin)
}

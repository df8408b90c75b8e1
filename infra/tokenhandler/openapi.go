package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// OpenAPISecurityScheme is the authorizer as a security scheme, for the
// definition of an awsapigateway.SpecRestApi in this stack or another of the
// same account and region: it belongs under components.securitySchemes, and its
// name in the security of every operation. See [TokenHandler.ExtendSpec].
//
// The scheme caches no results, so it cannot be combined with
// Props.AuthorizerCaching. With Props.AccessTokens.DPoP every route must be
// made by Protect.
func (h *TokenHandler) OpenAPISecurityScheme() map[string]any {
	if h.props.AuthorizerCaching.TTL != 0 || h.props.AccessTokens.DPoP {
		misuse("OpenAPISecurityScheme: expected neither Props.AuthorizerCaching nor Props.AccessTokens.DPoP, for which routes are made by Protect")
	}
	return map[string]any{
		// AWS, "x-amazon-apigateway-authorizer object": the name is that of the
		// header with the token, "Unused" for an authorizer that reads requests.
		"type":                         "apiKey",
		"name":                         "Unused",
		"in":                           "header",
		"x-amazon-apigateway-authtype": "custom",
		"x-amazon-apigateway-authorizer": map[string]any{
			"type": "request",
			"authorizerUri": "arn:" + *awscdk.Aws_PARTITION() + ":apigateway:" + *awscdk.Aws_REGION() +
				":lambda:path/2015-03-31/functions/" + *h.invoked.FunctionArn() + "/invocations",
			"authorizerResultTtlInSeconds": 0,
		},
	}
}

// OpenAPIPreflight is the operation that responds to CORS preflights for
// methods of a path. It belongs under options of that path. headers are allowed
// besides those that every preflight allows.
func (h *ProtectedAPI) OpenAPIPreflight(methods []string, headers ...string) map[string]any {
	for _, m := range methods {
		if !isMethod(m) {
			misuse("OpenAPIPreflight got method %q: expected those of the path, without OPTIONS", m)
		}
	}
	cors := h.preflightHeaders(methods, headers)
	declared := map[string]any{}
	for _, name := range append([]string{"Access-Control-Allow-Origin", "Vary"}, first(cors)...) {
		declared[name] = map[string]any{"schema": map[string]any{"type": "string"}}
	}
	return map[string]any{
		"responses": map[string]any{"204": map[string]any{"description": "answer to a preflight", "headers": declared}},
		"x-amazon-apigateway-integration": map[string]any{
			"type":                "mock",
			"passthroughBehavior": "never",
			"requestTemplates":    map[string]any{"application/json": `{"statusCode": 204}`},
			"responses": map[string]any{"default": map[string]any{
				"statusCode":         "204",
				"responseParameters": map[string]any{"method.response.header.Vary": "'Origin'"},
				"responseTemplates":  map[string]any{"application/json": preflightTemplate(trusted(h.props.Application), cors)},
			}},
		},
	}
}

func first(pairs [][2]string) []string {
	var names []string
	for _, pair := range pairs {
		names = append(names, pair[0])
	}
	return names
}

// ExtendSpec protects a REST API that an inline OpenAPI definition makes, with
// the same sessions, as [TokenHandler.Extend] does for APIs made of methods.
// The definition has [TokenHandler.OpenAPISecurityScheme], names it in the
// security of every operation, and maps the token into Authorization:
//
//	"x-amazon-apigateway-integration": {"type": "http", …, "requestParameters":
//	    {"integration.request.header.Authorization": "context.authorizer.token"}}
//
// Synthesis fails on an operation that does not, and on a definition that cannot
// be read, such as a file in S3. An operation that is meant to be open says why:
// "x-tokenhandler-public": "the reason". ExtendSpec lets the API
// invoke the authorizer and gives it the gateway responses.
func (h *TokenHandler) ExtendSpec(api awsapigateway.SpecRestApi) {
	if api == nil {
		misuse("ExtendSpec got no API: expected the SpecRestApi to protect")
	}
	h.specs = append(h.specs, api)
	stack := awscdk.Stack_Of(api)
	awslambda.NewCfnPermission(api, jsii.String("TokenHandlerAuthorizer"), &awslambda.CfnPermissionProps{
		Action:       jsii.String("lambda:InvokeFunction"),
		FunctionName: h.invoked.FunctionArn(),
		Principal:    jsii.String("apigateway.amazonaws.com"),
		// The definition's import makes the authorizer: its id is not known here.
		SourceArn: stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("execute-api"), Resource: api.RestApiId(), ResourceName: jsii.String("authorizers/*"),
		}),
	})
	for _, r := range gatewayResponses {
		api.AddGatewayResponse(jsii.String(gatewayResponseID(r)), r.options([]*ProtectedAPI{&h.ProtectedAPI}))
	}
}

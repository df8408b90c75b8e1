package tokenhandler

import (
	"fmt"
	"maps"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/templatecheck"
)

// OpenAPISecurityScheme is the authorizer as a security scheme, for the
// definition of an awsapigateway.SpecRestApi in this stack or another of the
// same account and region: it belongs under components.securitySchemes, and its
// name in the security of every operation. See [TokenHandler.ExtendSpec].
//
// It caches nothing, so it is not for use with Props.AuthorizerCaching; and
// with Props.DPoP every route is made by Protect.
func (h *TokenHandler) OpenAPISecurityScheme() map[string]any {
	h.refuseImported("OpenAPISecurityScheme")
	if h.props.AuthorizerCaching != nil || h.props.DPoP {
		misuse("OpenAPISecurityScheme: expected neither Props.AuthorizerCaching nor Props.DPoP, for which routes are made by Protect")
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

// OpenAPIPreflight is the operation that answers CORS preflights for methods of
// a path: it belongs under options of that path. Headers are allowed besides
// those that every preflight allows.
func (h *TokenHandler) OpenAPIPreflight(methods []string, headers ...string) map[string]any {
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
				"responseTemplates":  map[string]any{"application/json": preflightTemplate(h.shared.TrustedWebOrigins, cors)},
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
// the same sessions: what [TokenHandler.Extend] is to APIs made of methods. The
// definition has [TokenHandler.OpenAPISecurityScheme], names it in the security
// of every operation, and maps the token into Authorization:
//
//	"x-amazon-apigateway-integration": {"type": "http", …, "requestParameters":
//	    {"integration.request.header.Authorization": "context.authorizer.token"}}
//
// Synthesis fails on an operation that does not, and on a definition that cannot
// be read, such as a file in S3. An operation that is meant to be open says why:
// "x-tokenhandler-public": "the reason". ExtendSpec lets the API
// invoke the authorizer and gives it the gateway responses.
func (h *TokenHandler) ExtendSpec(api awsapigateway.SpecRestApi) {
	h.refuseImported("ExtendSpec")
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
		api.AddGatewayResponse(jsii.String(gatewayResponseID(r)), r.options([]*TokenHandler{h}))
	}
}

// refuseImported panics on a token handler of another app: of its function
// nothing is known that a definition could be compared with.
func (h *TokenHandler) refuseImported(caller string) {
	if h.AuthorizerFunction == nil {
		misuse("%s: expected it of a token handler of this app, not of Import", caller)
	}
}

// specFaults applies the rule to an API with an OpenAPI definition: to one that
// was given to ExtendSpec, whatever is in it, and for the token handlers that New
// made to any other with a scheme that invokes the function of one of them.
func specFaults(api awsapigateway.CfnRestApi, handlers []*TokenHandler) []*string {
	const id = "Api" // of no importance: findings are named by the construct
	options := templatecheck.Options{OnlyUsers: true, Functions: map[string]templatecheck.Function{}}
	looked := false
	for _, h := range handlers {
		maps.Copy(options.Functions, h.function())
		looked = looked || h.watchable != nil // of Extend: the one that New made speaks for it
		for _, spec := range h.specs {
			if *spec.Node().DefaultChild().Node().Path() == *api.Node().Path() {
				options.APIs, looked = []string{id}, true
			}
		}
	}
	if !looked {
		return nil
	}
	properties := map[string]any{}
	for name, value := range map[string]any{"Body": api.Body(), "BodyS3Location": api.BodyS3Location()} {
		if value != nil {
			properties[name] = api.Stack().Resolve(value)
		}
	}
	report := templatecheck.Check(templatecheck.Template{Resources: map[string]templatecheck.Resource{
		id: {Type: "AWS::ApiGateway::RestApi", Properties: properties},
	}}, options)
	faults := []*string{}
	for _, f := range report.Findings {
		where := *api.Node().Path()
		if f.Method != "" {
			where = f.Method + " " + f.Path + " at " + where
		}
		faults = append(faults, jsii.String(where+" "+f.Fault))
	}
	return faults
}

// function describes the OAuth proxy by its logical id, and by that of the
// alias that stands for it.
func (h *TokenHandler) function() map[string]templatecheck.Function {
	functions := map[string]templatecheck.Function{}
	for _, part := range []awslambda.IFunction{h.AuthorizerFunction, h.invoked} {
		if part == nil { // of Import
			continue
		}
		if resource, ok := part.Node().DefaultChild().(awscdk.CfnElement); ok {
			functions[fmt.Sprint(part.Stack().Resolve(resource.LogicalId()))] = h.proxy()
		}
	}
	return functions
}

// proxy is what the rule reads of the OAuth proxy.
func (h *TokenHandler) proxy() templatecheck.Function {
	caching := h.props.AuthorizerCaching.settings()
	return templatecheck.Function{CSRFHeader: h.shared.CSRFHeaderName(), CacheTTL: caching.CacheTTL, CacheDialect: caching.CacheDialect}
}

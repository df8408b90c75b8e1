package tokenhandler

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2integrations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

func withWebSocket(stack awscdk.Stack, h *TokenHandler) {
	h.Protect(orders())
	api := awsapigatewayv2.NewWebSocketApi(stack, jsii.String("Events"), nil)
	function := awslambda.NewFunction(stack, jsii.String("OnConnect"), &awslambda.FunctionProps{
		Runtime: awslambda.Runtime_NODEJS_22_X(), Handler: jsii.String("index.handler"),
		Code: awslambda.Code_FromInline(jsii.String("exports.handler = async () => ({ statusCode: 200 })")),
	})
	h.ProtectWebSocket("Events", api, awsapigatewayv2integrations.NewWebSocketLambdaIntegration(jsii.String("OnConnect"), function, nil))
}

func TestProtectWebSocket(t *testing.T) {
	template := synth(t, oneOrigin(), withWebSocket)
	authorizers := template.only("AWS::ApiGatewayV2::Authorizer")
	if len(authorizers) != 1 {
		t.Fatalf("got %d authorizers", len(authorizers))
	}
	for id, r := range authorizers {
		p := r.Properties
		if p["AuthorizerType"] != "REQUEST" || p["IdentitySource"] != nil || p["AuthorizerResultTtlInSeconds"] != nil {
			t.Errorf("got %v", p)
		}
		mustContain(t, text(p["AuthorizerUri"]), "TokenHandlerAuthorizerFunction", "/invocations")
		permitted := false
		for _, permission := range template.only("AWS::Lambda::Permission") {
			source := text(permission.Properties["SourceArn"])
			if text(permission.Properties["Principal"]) == `"apigateway.amazonaws.com"` && strings.Contains(source, "/authorizers/") && strings.Contains(source, id) {
				mustContain(t, source, "execute-api")
				permitted = true
			}
		}
		if !permitted {
			t.Error("API Gateway has no permission to invoke the OAuth proxy for the authorizer")
		}
		for _, route := range template.only("AWS::ApiGatewayV2::Route") {
			if route.Properties["RouteKey"] == "$connect" && (route.Properties["AuthorizationType"] != "CUSTOM" || text(route.Properties["AuthorizerId"]) != `{"Ref":"`+id+`"}`) {
				t.Errorf("the route $connect is %v", route.Properties)
			}
		}
	}
}

func TestWebSocketMisuse(t *testing.T) {
	for name, change := range map[string]func(*Props){
		"cannot be combined with Props.AccessTokens.DPoP":     func(p *Props) { p.AccessTokens.DPoP = true },
		"cannot be combined with Props.AuthorizerCaching.TTL": func(p *Props) { p.AuthorizerCaching.TTL = 30e9 },
	} {
		props := oneOrigin()
		change(props)
		mustContain(t, panicOf(func() { synth(t, props, withWebSocket) }), "ProtectWebSocket Events "+name)
	}
	integration := func() awsapigatewayv2.WebSocketRouteIntegration {
		return awsapigatewayv2integrations.NewWebSocketMockIntegration(jsii.String("Mock"), nil)
	}
	mustContain(t, panicOf(func() {
		synth(t, oneOrigin(), func(stack awscdk.Stack, h *TokenHandler) {
			api := awsapigatewayv2.NewWebSocketApi(stack, jsii.String("Events"), &awsapigatewayv2.WebSocketApiProps{
				ConnectRouteOptions: &awsapigatewayv2.WebSocketRouteOptions{Integration: integration()}})
			h.ProtectWebSocket("Events", api, integration())
		})
	}), "ProtectWebSocket Events: the API has a route $connect already: leave out ConnectRouteOptions")
	mustContain(t, panicOf(func() {
		synth(t, oneOrigin(), func(stack awscdk.Stack, h *TokenHandler) {
			other := awscdk.NewStack(awscdk.App_Of(stack), jsii.String("Other"), nil)
			h.ProtectWebSocket("Events", awsapigatewayv2.NewWebSocketApi(other, jsii.String("Events"), nil), integration())
		})
	}), "ProtectWebSocket Events: the API must be in the stack of the token handler")
	mustContain(t, panicOf(func() {
		synth(t, oneOrigin(), func(_ awscdk.Stack, h *TokenHandler) { h.ProtectWebSocket("Events", nil, nil) })
	}), "ProtectWebSocket Events: api and integration are required")
}

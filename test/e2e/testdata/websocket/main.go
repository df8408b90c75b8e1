// Command websocket is the CDK app that TestWebSocket runs: a REST API behind
// the token handler, and a WebSocket API that its sessions open.
//
//	go run ./local -app test/e2e/testdata/websocket
package main

import (
	"runtime"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2integrations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	// context is a value of cdk -c.
	context := func(name, otherwise string) string {
		if v, ok := app.Node().TryGetContext(jsii.String(name)).(string); ok {
			return v
		}
		return otherwise
	}
	origin, issuer := context("origin", "http://www.example.localhost:3000"), context("issuer", "http://login.example.localhost:3002")
	provider := context("provider", "http://127.0.0.1:3002")
	stack := awscdk.NewStack(app, jsii.String("WebSocket"), nil)

	architecture := awslambda.Architecture_X86_64()
	if runtime.GOARCH == "arm64" {
		architecture = awslambda.Architecture_ARM_64()
	}
	handler := tokenhandler.New(stack, "TokenHandler", &tokenhandler.Props{
		Application: tokenhandler.Application{
			TrustedWebOrigins:     []string{origin},
			RedirectURI:           origin + "/",
			PostLogoutRedirectURI: origin + "/",
		},
		Provider: tokenhandler.Provider{
			Issuer:             issuer,
			ClientID:           "spa-client",
			AuthorizeEndpoint:  issuer + "/auth",
			LogoutEndpoint:     issuer + "/session/end",
			TokenEndpoint:      provider + "/token",
			UserInfoEndpoint:   provider + "/me",
			JWKSEndpoint:       provider + "/jwks",
			RevocationEndpoint: provider + "/token/revocation",
		},
		Architecture: architecture,
	})
	function := awslambda.NewFunction(stack, jsii.String("Events"), &awslambda.FunctionProps{
		Runtime: awslambda.Runtime_NODEJS_22_X(),
		Handler: jsii.String("index.handler"),
		Code:    awslambda.Code_FromAsset(jsii.String("function"), nil),
	})
	handler.Protect(tokenhandler.Route{Path: "/me", Methods: []string{"GET"}, Function: function})

	integration := func(id string) awsapigatewayv2.WebSocketRouteIntegration {
		return awsapigatewayv2integrations.NewWebSocketLambdaIntegration(jsii.String(id), function, nil)
	}
	api := awsapigatewayv2.NewWebSocketApi(stack, jsii.String("Socket"), &awsapigatewayv2.WebSocketApiProps{
		DefaultRouteOptions:    &awsapigatewayv2.WebSocketRouteOptions{Integration: integration("OnMessage"), ReturnResponse: jsii.Bool(true)},
		DisconnectRouteOptions: &awsapigatewayv2.WebSocketRouteOptions{Integration: integration("OnDisconnect")},
	})
	handler.ProtectWebSocket("Socket", api, integration("OnConnect"))
	stage := awsapigatewayv2.NewWebSocketStage(stack, jsii.String("Stage"), &awsapigatewayv2.WebSocketStageProps{
		WebSocketApi: api, StageName: jsii.String("events"), AutoDeploy: jsii.Bool(true),
	})
	stage.GrantManagementApiAccess(function)
	function.AddEnvironment(jsii.String("CALLBACK_URL"), stage.CallbackUrl(), nil)

	app.Synth(nil)
}

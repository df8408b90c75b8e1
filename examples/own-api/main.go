// Command own-api is a CDK app with a REST API of its own, whose methods lead
// to a Lambda. The token handler protects them. Synthesis fails if a method has
// no authorizer.
//
//	cd examples/own-api && npx cdk synth
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("OwnAPI"), nil)

	// The function finds the access token in requestContext.authorizer.token.
	reports := awslambda.NewFunction(stack, jsii.String("Reports"), &awslambda.FunctionProps{
		Runtime: awslambda.Runtime_NODEJS_22_X(),
		Handler: jsii.String("index.handler"),
		Code: awslambda.Code_FromInline(jsii.String(
			"exports.handler = async event => ({statusCode: 200, body: JSON.stringify({user: event.requestContext.authorizer.sub})})")),
	})
	api := awsapigateway.NewRestApi(stack, jsii.String("Api"), &awsapigateway.RestApiProps{
		CloudWatchRole: jsii.Bool(false),
	})

	handler := tokenhandler.New(stack, "TokenHandler", &tokenhandler.Props{
		API: api,
		Application: tokenhandler.Application{
			TrustedWebOrigins: []string{"https://www.example.com"},
			RedirectURI:       "https://www.example.com/",
		},
		Provider: tokenhandler.Provider{
			Issuer:   "https://login.example.com",
			ClientID: "spa-client",
		},
	})
	// A route of the token handler.
	handler.Protect(tokenhandler.Route{
		Path:     "/reports",
		Methods:  []string{"GET"},
		Function: reports,
	})
	// A method of your own: it takes the authorizer and a preflight.
	archive := api.Root().AddResource(jsii.String("archive"), nil)
	archive.AddMethod(jsii.String("POST"), awsapigateway.NewLambdaIntegration(reports, nil), &awsapigateway.MethodOptions{
		Authorizer: handler.Authorizer,
	})
	handler.AddPreflight(archive, "POST")

	app.Synth(nil)
}

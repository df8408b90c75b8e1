package tokenhandler_test

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

func ExampleNew() {
	stack := exampleStack()

	handler := tokenhandler.New(stack, "TokenHandler", &tokenhandler.Props{
		TrustedWebOrigins: []string{"https://www.example.com"},
		Provider: tokenhandler.Provider{
			Issuer:   "https://login.example.com",
			ClientID: "spa-client",
			Scope:    "openid profile",
		},
		RedirectURI: "https://www.example.com/",
	})
	handler.Protect(tokenhandler.Route{
		Path:     "/orders/{id}",
		Methods:  []string{"GET", "PUT"},
		Upstream: "https://orders.internal.example/v1/orders/{id}",
	})

	template := assertions.Template_FromStack(stack, nil)
	template.HasResourceProperties(jsii.String("AWS::ApiGateway::Method"), map[string]any{
		"HttpMethod":        "PUT",
		"AuthorizationType": "CUSTOM",
	})
	fmt.Println("synthesized")
	// Output: synthesized
}

// A method that CDK makes takes the authorizer and a preflight. Here the
// upstream API gets everything but the session cookies, which are written over.
func ExampleTokenHandler_AddPreflight() {
	stack := exampleStack()
	handler := tokenhandler.New(stack, "TokenHandler", exampleProps())

	reports := handler.API.Root().AddResource(jsii.String("reports"), nil)
	reports.AddMethod(jsii.String("GET"), awsapigateway.NewHttpIntegration(jsii.String("https://reports.internal.example/"),
		&awsapigateway.HttpIntegrationProps{
			Options: &awsapigateway.IntegrationOptions{
				RequestParameters: &map[string]*string{
					"integration.request.header.Authorization": jsii.String("context.authorizer.token"),
					"integration.request.header.Cookie":        jsii.String("'none'"),
				},
			},
		}), &awsapigateway.MethodOptions{Authorizer: handler.Authorizer})
	handler.AddPreflight(reports, "GET")

	assertions.Template_FromStack(stack, nil)
	fmt.Println("synthesized")
	// Output: synthesized
}

// Everything below /api goes to one API as it is, for pages on the same
// origin; one path is open to everyone.
func ExampleTokenHandler_Protect_transparent() {
	stack := exampleStack()
	handler := tokenhandler.New(stack, "TokenHandler", exampleProps())

	handler.Protect(tokenhandler.Route{
		Path:        "/api/{proxy+}",
		Methods:     []string{"ANY"},
		Upstream:    "https://api.internal.example/{proxy}",
		Transparent: true,
	})
	handler.Public(tokenhandler.Route{
		Path:     "/health",
		Methods:  []string{"GET"},
		Upstream: "https://api.internal.example/health",
	}, "asked by the load balancer")

	assertions.Template_FromStack(stack, nil)
	fmt.Println("synthesized")
	// Output: synthesized
}

// Application and API on one host.
func ExampleNewSite() {
	stack := exampleStack()
	handler := tokenhandler.New(stack, "TokenHandler", exampleProps())
	handler.Protect(tokenhandler.Route{Path: "/api/orders", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/"})

	site := tokenhandler.NewSite(stack, "Site", &tokenhandler.SiteProps{
		Handler: handler,
		Name:    "www.example.com",
		Certificate: awscertificatemanager.Certificate_FromCertificateArn(stack, jsii.String("Certificate"),
			jsii.String("arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012")),
	})
	awscdk.NewCfnOutput(stack, jsii.String("Bucket"), &awscdk.CfnOutputProps{Value: site.Bucket.BucketName()})

	assertions.Template_FromStack(stack, nil)
	fmt.Println("synthesized")
	// Output: synthesized
}

// Another API, in another stack, with the same sessions.
func ExampleTokenHandler_Extend() {
	stack := exampleStack()
	handler := tokenhandler.New(stack, "TokenHandler", exampleProps())
	handler.Protect(tokenhandler.Route{Path: "/orders", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/"})
	handler.AddAlarms(tokenhandler.Alarms{})

	other := awscdk.NewStack(awscdk.Stage_Of(stack), jsii.String("Invoices"), nil)
	api := awsapigateway.NewRestApi(other, jsii.String("Api"), nil)
	handler.Extend(other, "TokenHandler", api).Protect(tokenhandler.Route{
		Path: "/invoices", Methods: []string{"GET"}, Upstream: "https://invoices.internal.example/",
	})

	assertions.Template_FromStack(other, nil)
	fmt.Println("synthesized")
	// Output: synthesized
}

// A method without the authorizer stops synthesis.
func ExampleTokenHandler_Validate() {
	stack := exampleStack()
	handler := tokenhandler.New(stack, "TokenHandler", exampleProps())
	handler.Protect(tokenhandler.Route{Path: "/orders", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/"})
	handler.API.Root().AddResource(jsii.String("admin"), nil).AddMethod(jsii.String("GET"), nil, nil)

	for _, fault := range *handler.Validate() {
		fmt.Println(*fault)
	}
	// Output: GET /admin at Example/Stack/TokenHandler/Api/Default/admin/GET/Resource has no authorizer: add it with Protect of the token handler, or give it the token handler's Authorizer
}

func exampleProps() *tokenhandler.Props {
	return &tokenhandler.Props{
		TrustedWebOrigins: []string{"https://www.example.com"},
		Provider:          tokenhandler.Provider{Issuer: "https://login.example.com", ClientID: "spa-client"},
		RedirectURI:       "https://www.example.com/",
	}
}

// exampleStack compiles no Lambda when synthesized. A real app just has
// awscdk.NewStack(app, …).
func exampleStack() awscdk.Stack {
	app := awscdk.NewApp(&awscdk.AppProps{Context: &map[string]any{"aws:cdk:bundling-stacks": []string{}}})
	return awscdk.NewStack(awscdk.NewStage(app, jsii.String("Example"), nil), jsii.String("Stack"), nil)
}

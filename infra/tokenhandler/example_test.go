package tokenhandler_test

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

func ExampleNew() {
	stack := exampleStack()

	handler := tokenhandler.New(stack, "TokenHandler", &tokenhandler.Props{
		Application: tokenhandler.Application{
			TrustedWebOrigins: []string{"https://www.example.com"},
			RedirectURI:       "https://www.example.com/",
		},
		Provider: tokenhandler.Provider{
			Issuer:   "https://login.example.com",
			ClientID: "spa-client",
			Scope:    "openid profile",
		},
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

// All requests below /api go to one API unchanged, for pages on the same
// origin. One path is open to everyone.
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

// Routes to a Lambda, which finds the token in requestContext.authorizer.token,
// and to an API inside a VPC.
func ExampleTokenHandler_Protect_inside() {
	stack := exampleStack()
	handler := tokenhandler.New(stack, "TokenHandler", exampleProps())

	handler.Protect(tokenhandler.Route{
		Path:    "/invoices/{proxy+}",
		Methods: []string{"ANY"},
		Function: awslambda.Function_FromFunctionAttributes(stack, jsii.String("Invoices"), &awslambda.FunctionAttributes{
			FunctionArn:     jsii.String("arn:aws:lambda:eu-north-1:123456789012:function:invoices"),
			SameEnvironment: jsii.Bool(true),
		}),
	})
	handler.Protect(tokenhandler.Route{
		Path:     "/stock",
		Methods:  []string{"GET"},
		Upstream: "https://stock.internal.example/stock",
		VPCLink:  awsapigateway.VpcLink_FromVpcLinkId(stack, jsii.String("Inside"), jsii.String("abc123")),
	})

	assertions.Template_FromStack(stack, nil)
	fmt.Println("synthesized")
	// Output: synthesized
}

// Scopes that a token must have: the authorizer then has to know the tokens,
// here by asking the provider.
func ExampleTokenHandler_Protect_scopes() {
	stack := exampleStack()
	props := exampleProps()
	props.PhantomToken = tokenhandler.PhantomToken{Enabled: true, IntrospectionURL: "https://login.example.com/introspect"}
	handler := tokenhandler.New(stack, "TokenHandler", props)

	handler.Protect(tokenhandler.Route{
		Path:         "/orders",
		Methods:      []string{"GET", "POST"},
		Upstream:     "https://orders.internal.example/orders",
		Scopes:       []string{"orders.read"},
		MethodScopes: map[string][]string{"POST": {"orders.write"}},
	})

	assertions.Template_FromStack(stack, nil)
	fmt.Println("synthesized")
	// Output: synthesized
}

// Existing resources stay: an API, keys, secrets, log groups.
func ExampleNew_existing() {
	stack := exampleStack()
	api := awsapigateway.NewRestApi(stack, jsii.String("Api"), &awsapigateway.RestApiProps{CloudWatchRole: jsii.Bool(false)})
	secret := func(name string) awssecretsmanager.ISecret {
		return awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String(name), jsii.String("prod/"+name))
	}
	logs := awslogs.LogGroup_FromLogGroupName(stack, jsii.String("Logs"), jsii.String("/platform/token-handler"))

	props := exampleProps()
	props.API = api
	props.KMSKey = awskms.Key_FromKeyArn(stack, jsii.String("Key"), jsii.String("arn:aws:kms:eu-north-1:123456789012:key/12345678-1234-1234-1234-123456789012"))
	props.CookieKeySecret = secret("session-key")
	props.Provider.ClientSecret = secret("client-credentials")
	props.Operation.Agent.LogGroup, props.Operation.Authorizer.LogGroup = logs, logs
	handler := tokenhandler.New(stack, "TokenHandler", props)
	handler.Protect(tokenhandler.Route{Path: "/orders", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/"})

	template := assertions.Template_FromStack(stack, nil)
	for _, kind := range []string{"AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::Logs::LogGroup"} {
		template.ResourceCountIs(jsii.String(kind), jsii.Number(0))
	}
	fmt.Println("synthesized")
	// Output: synthesized
}

// The API on a host of its own.
func ExampleNew_domain() {
	stack := exampleStack()
	props := exampleProps()
	props.Domain = &tokenhandler.Domain{
		Name: "api.example.com",
		HostedZone: awsroute53.HostedZone_FromHostedZoneAttributes(stack, jsii.String("Zone"), &awsroute53.HostedZoneAttributes{
			HostedZoneId: jsii.String("Z0123456789ABCDEFGHIJ"), ZoneName: jsii.String("example.com"),
		}),
	}
	handler := tokenhandler.New(stack, "TokenHandler", props)
	handler.Protect(tokenhandler.Route{Path: "/orders", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/"})

	assertions.Template_FromStack(stack, nil)
	fmt.Println("synthesized")
	// Output: synthesized
}

// An API that an OpenAPI definition makes.
func ExampleTokenHandler_ExtendSpec() {
	stack := exampleStack()
	handler := tokenhandler.New(stack, "TokenHandler", exampleProps())
	handler.Protect(tokenhandler.Route{Path: "/orders", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/"})

	reports := awsapigateway.NewSpecRestApi(stack, jsii.String("Reports"), &awsapigateway.SpecRestApiProps{
		CloudWatchRole: jsii.Bool(false),
		ApiDefinition: awsapigateway.ApiDefinition_FromInline(map[string]any{
			"openapi":    "3.0.1",
			"info":       map[string]any{"title": "reports", "version": "1"},
			"components": map[string]any{"securitySchemes": map[string]any{"session": handler.OpenAPISecurityScheme()}},
			"paths": map[string]any{"/reports": map[string]any{
				"options": handler.OpenAPIPreflight([]string{"GET"}),
				"get": map[string]any{
					"security": []any{map[string]any{"session": []any{}}},
					"x-amazon-apigateway-integration": map[string]any{
						"type": "http", "httpMethod": "GET", "uri": "https://reports.internal.example/",
						"requestParameters": map[string]any{"integration.request.header.Authorization": "context.authorizer.token"},
					},
				},
			}},
		}),
	})
	handler.ExtendSpec(reports)

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

// An API of another app, which knows the token handler by its function only.
func ExampleFromTokenHandlerAttributes() {
	stack := exampleStack()
	handler := tokenhandler.FromTokenHandlerAttributes(stack, "TokenHandler", &tokenhandler.TokenHandlerAttributes{
		AuthorizerFunction: awslambda.Function_FromFunctionAttributes(stack, jsii.String("OAuthProxy"), &awslambda.FunctionAttributes{
			FunctionArn:     jsii.String("arn:aws:lambda:eu-north-1:123456789012:function:oauth-proxy"),
			SameEnvironment: jsii.Bool(true),
		}),
		API:         awsapigateway.NewRestApi(stack, jsii.String("Api"), &awsapigateway.RestApiProps{CloudWatchRole: jsii.Bool(false)}),
		Application: tokenhandler.Application{TrustedWebOrigins: []string{"https://www.example.com"}},
	})
	handler.Protect(tokenhandler.Route{Path: "/invoices", Methods: []string{"GET"}, Upstream: "https://invoices.internal.example/"})

	assertions.Template_FromStack(stack, nil)
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
	// Output: GET /admin at Example/Stack/TokenHandler/Api/Default/admin/GET/Resource has no authorizer: add the route with Protect, or give the method the token handler's Authorizer; if it is open on purpose, mark it with MarkPublic [TH-AuthorizerOnEveryMethod]
}

func exampleProps() *tokenhandler.Props {
	return &tokenhandler.Props{
		Application: tokenhandler.Application{TrustedWebOrigins: []string{"https://www.example.com"}, RedirectURI: "https://www.example.com/"},
		Provider:    tokenhandler.Provider{Issuer: "https://login.example.com", ClientID: "spa-client"},
	}
}

// exampleStack compiles no Lambda when synthesized. A real app just has
// awscdk.NewStack(app, …).
func exampleStack() awscdk.Stack {
	app := awscdk.NewApp(&awscdk.AppProps{Context: &map[string]any{"aws:cdk:bundling-stacks": []string{}}})
	return awscdk.NewStack(awscdk.NewStage(app, jsii.String("Example"), nil), jsii.String("Stack"), nil)
}

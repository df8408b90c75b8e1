// Package tokenhandler is the construct that puts an OAuth token handler in
// front of Amazon API Gateway: single page applications get HttpOnly cookies,
// upstream APIs get access tokens, and no token is ever in the browser.
//
//	handler := tokenhandler.New(stack, "TokenHandler", &tokenhandler.Props{
//		Application: tokenhandler.Application{
//			TrustedWebOrigins: []string{"https://www.example.com"},
//			RedirectURI:       "https://www.example.com/",
//		},
//		Provider: tokenhandler.Provider{
//			Issuer:   "https://login.example.com",
//			ClientID: "spa-client",
//			Scope:    "openid profile",
//		},
//	})
//	handler.Protect(tokenhandler.Route{
//		Path:     "/orders/{id}",
//		Methods:  []string{"GET", "PUT"},
//		Upstream: "https://orders.internal.example/v1/orders/{id}",
//	})
//
// # Resources
//
// [New] makes
//
//   - a regional REST API (or it uses yours, [Props].API);
//   - the OAuth proxy, a Lambda that is the API's REQUEST authorizer: it checks
//     origin and CSRF, opens the cookie and returns the access token, which the
//     gateway writes into the Authorization header of the upstream request.
//     It caches no results, so it decides about every request;
//   - the OAuth agent, a Lambda under /oauth-agent that signs users in and out
//     at the provider, refreshes tokens and sets the cookies;
//   - CORS preflights that allow trusted origins only, and gateway responses
//     with a JSON body and CORS headers, so that a page can read the errors.
//     With several trusted origins, errors before the authorizer ran (an unknown
//     path, a crashed authorizer) have no CORS headers;
//   - with one trusted origin, models for the JSON bodies of the agent's login
//     endpoints: with several, a page could not read the gateway's refusal;
//   - a customer-managed KMS key for the Lambdas' environments, and two secrets
//     in Secrets Manager: the cookie key and the OAuth client secret;
//   - a role per Lambda that may only write its own log group and decrypt with
//     that key.
//
// # Adding routes
//
// [ProtectedAPI.Protect] adds a route to an HTTP upstream, also through a VPC
// link, or to a Lambda. Only listed headers and parameters pass or, with
// Transparent, everything. [ProtectedAPI.Public] adds a route without the
// authorizer, with a reason. [TokenHandler.Extend] protects another REST API with
// the same sessions, [TokenHandler.ExtendSpec] an API made from an OpenAPI
// definition, [FromTokenHandlerAttributes] an API of another app. Methods made in
// another way need the authorizer and a preflight:
//
//	reports := handler.API.Root().AddResource(jsii.String("reports"), nil)
//	reports.AddMethod(jsii.String("GET"), integration, &awsapigateway.MethodOptions{
//		Authorizer: handler.Authorizer,
//	})
//	handler.AddPreflight(reports, "GET")
//
// A Lambda behind such a method finds the token in
// requestContext.authorizer.token.
//
// # Synthesis fails on an unprotected method
//
// At the end of synthesis the construct checks every method of the API, however
// it was made. All but the agent's endpoints, MOCK preflights and public methods
// must use the authorizer, and HTTP integrations must write its token into
// Authorization. Otherwise CDK writes no template, and the error names the
// construct, the method, its path, the way out and the rule. docs/construct.md
// lists the rules.
//
// A validation plugin of CDK applies the same rules to the written templates of
// this API and of every API in the stage with an authorizer that invokes the
// OAuth proxy. It sees changes by AddPropertyOverride and the like, and makes
// synthesis fail as well. The command infra/check of this module applies the
// rules to any synthesized template.
//
// # Secrets
//
// Templates and assets hold no secret: the Lambdas' environments refer to
// Secrets Manager, and CloudFormation puts the values in when it creates or
// changes a function. A value changed later reaches a function only when the
// function changes too.
//
// # Bundling
//
// The Lambdas are compiled by the go command on the PATH from the sources of
// this module, also when another module imports it; Docker is not used. The
// same sources and Go version give the same asset hashes and the same binaries
// on every machine. Binaries in the output folder are not compiled again.
//
// # Errors
//
// Wrong properties panic, as constructs do, with an error that starts with
// "tokenhandler:" and names the field.
package tokenhandler

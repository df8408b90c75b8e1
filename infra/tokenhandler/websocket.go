package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// ProtectWebSocket adds the route $connect to a WebSocket API and puts the OAuth
// proxy in front of it. integration is asked once for each connection that is
// allowed; every integration of the API finds the token and its expiry in
// requestContext.authorizer. docs/websocket.md has the layout that it needs and the
// duties of your integrations, which must end connections.
//
// The API must not have a route $connect already, so leave out ConnectRouteOptions.
// It cannot be combined with Props.AccessTokens.DPoP, whose proofs are for one
// request, and not with Props.AuthorizerCaching.
func (h *TokenHandler) ProtectWebSocket(id string, api awsapigatewayv2.WebSocketApi, integration awsapigatewayv2.WebSocketRouteIntegration) awsapigatewayv2.WebSocketRoute {
	switch {
	case api == nil || integration == nil:
		misuse("ProtectWebSocket %s: api and integration are required", id)
	case h.props.AccessTokens.DPoP:
		misuse("ProtectWebSocket %s cannot be combined with Props.AccessTokens.DPoP: a proof is for one request", id)
	case h.props.AuthorizerCaching.TTL != 0:
		misuse("ProtectWebSocket %s cannot be combined with Props.AuthorizerCaching.TTL: the function refuses requests that are not part of the cache key", id)
	case api.Node().TryFindChild(jsii.String("$connect-Route")) != nil: // which CDK makes of ConnectRouteOptions
		misuse("ProtectWebSocket %s: the API has a route $connect already: leave out ConnectRouteOptions", id)
	case !sameStack(api, h):
		misuse("ProtectWebSocket %s: the API must be in the stack of the token handler", id)
	}
	stack := awscdk.Stack_Of(h)
	// Without identity sources the function decides over all requests. Results of
	// WebSocket authorizers are not cached.
	authorizer := awsapigatewayv2.NewCfnAuthorizer(h, jsii.String(id+"Authorizer"), &awsapigatewayv2.CfnAuthorizerProps{
		ApiId:          api.ApiId(),
		Name:           jsii.String(id),
		AuthorizerType: jsii.String("REQUEST"),
		AuthorizerUri: jsii.String("arn:" + *stack.Partition() + ":apigateway:" + *stack.Region() +
			":lambda:path/2015-03-31/functions/" + *h.invoked.FunctionArn() + "/invocations"),
	})
	h.invoked.AddPermission(jsii.String(id+"Permission"), &awslambda.Permission{
		Principal: awsiam.NewServicePrincipal(jsii.String("apigateway.amazonaws.com"), nil),
		SourceArn: stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("execute-api"), Resource: api.ApiId(), ResourceName: jsii.String("authorizers/" + *authorizer.Ref()),
		}),
	})
	route := awsapigatewayv2.NewWebSocketRoute(h, jsii.String(id+"Connect"), &awsapigatewayv2.WebSocketRouteProps{
		WebSocketApi: api, RouteKey: jsii.String("$connect"), Integration: integration,
	})
	resource := route.Node().DefaultChild().(awsapigatewayv2.CfnRoute)
	resource.SetAuthorizationType(jsii.String("CUSTOM"))
	resource.SetAuthorizerId(authorizer.Ref())
	return route
}

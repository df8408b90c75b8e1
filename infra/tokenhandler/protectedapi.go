package tokenhandler

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/enforce"
	"github.com/tokenhandler/aws/infra/internal/placement"
)

// ProtectedAPI is a REST API that a token handler protects: the one of a
// [TokenHandler], or another by [TokenHandler.Extend] or
// [FromTokenHandlerAttributes].
type ProtectedAPI struct {
	constructs.Construct

	// API is the REST API, made or given.
	API awsapigateway.RestApi
	// Authorizer is the OAuth proxy, for methods made without
	// [ProtectedAPI.Protect]. With Props.AuthorizerCaching it is nil until
	// needed: use [ProtectedAPI.AuthorizerFor].
	Authorizer awsapigateway.RequestAuthorizer

	safeAuthorizer awsapigateway.RequestAuthorizer // for GET and HEAD with Props.AuthorizerCaching

	props    Props               // with defaults
	function awslambda.Function  // the OAuth proxy; nil if another app deploys it
	invoked  awslambda.IFunction // by the authorizer: function, or an alias or a reference of it
	owner    *TokenHandler       // that New made for this API; nil for other APIs
	group    *group              // of the API
	demands  *demands

	protected  []string                                   // construct paths of the methods that Protect made
	routes     []string                                   // paths given to Protect
	validators map[string]awsapigateway.IRequestValidator // by id
	models     map[string]awsapigateway.IModel            // by id
	placement  *placement.Placement                       // of the methods of mapped routes
	tree       *enforce.Tree                              // read while CDK validates
}

// useAPI takes an API, which is in the stack of the construct.
func (h *ProtectedAPI) useAPI(api awsapigateway.RestApi, owned bool) {
	if !sameStack(api, h) {
		misuse("Props.API is in stack %s: it must be in the stack of the token handler, %s",
			*awscdk.Stack_Of(api).Node().Path(), *awscdk.Stack_Of(h).Node().Path())
	}
	h.API = api
	h.placement = placement.New(h, h.API, owned)
	h.register()
}

// addAuthorizer makes the REQUEST authorizer. Without a cache every request is
// decided by the Lambda: a cached Allow would skip the origin and CSRF checks
// and outlive a logout. Without identity sources the Lambda sees requests that
// lack them: "If you turn off authorization caching for a REQUEST authorizer,
// API Gateway directly passes the request to the Lambda function" (Amazon API
// Gateway Developer Guide, "Use API Gateway Lambda authorizers").
//
// With Props.AuthorizerCaching there are two, made by AuthorizerFor.
func (h *ProtectedAPI) addAuthorizer() {
	if h.props.AuthorizerCaching.TTL != 0 {
		return
	}
	h.Authorizer = awsapigateway.NewRequestAuthorizer(h, jsii.String("Authorizer"), &awsapigateway.RequestAuthorizerProps{
		Handler:         h.invoked,
		IdentitySources: &[]*string{},
		ResultsCacheTtl: awscdk.Duration_Seconds(jsii.Number(0)),
	})
	enforce.Attach(h.Authorizer, h.API, h.invoked)
	h.redeployWith("authorizer", "REQUEST, TTL 0, no identity source")
}

// redeployWith makes a new deployment if the properties of an authorizer
// change: such a change reaches the stage only with a new deployment. CDK does
// this behind a feature flag, which the consumer controls.
func (h *ProtectedAPI) redeployWith(authorizer, is string) {
	if d := h.API.LatestDeployment(); d != nil {
		d.AddToLogicalId(map[string]any{
			authorizer: is,
			"function": *h.invoked.FunctionArn(),
		})
	}
}

// redeployFor makes a new deployment if the properties of a method change.
func (h *ProtectedAPI) redeployFor(method string, is map[string]any) {
	if d := h.API.LatestDeployment(); d != nil {
		raw, err := json.Marshal(is) // sorted, so that it is the same each time
		if err != nil {
			panic("tokenhandler: internal error: " + err.Error())
		}
		d.AddToLogicalId(map[string]any{method: string(raw)})
	}
}

package tokenhandler

import (
	"encoding/json"
	"strings"
	"sync"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/bundle"
	"github.com/tokenhandler/aws/infra/internal/enforce"
	"github.com/tokenhandler/aws/infra/internal/placement"
)

// TokenHandler is the construct. Its fields are the resources other parts of a
// stack may need; treat them as read-only.
type TokenHandler struct {
	constructs.Construct

	// API is the REST API, made or given.
	API awsapigateway.RestApi
	// Authorizer is the OAuth proxy, for methods made without
	// [TokenHandler.Protect]. With Props.AuthorizerCaching it is nil until
	// needed: use [TokenHandler.AuthorizerFor].
	Authorizer         awsapigateway.RequestAuthorizer
	AuthorizerFunction awslambda.Function
	AgentFunction      awslambda.Function
	// KMSKey encrypts the environments of both functions.
	KMSKey awskms.IKey
	// CookieKeySecret is the secret with the key that seals the cookies.
	CookieKeySecret awssecretsmanager.ISecret
	// ClientSecret holds the OAuth client's secret; nil if it authenticates
	// without one.
	ClientSecret awssecretsmanager.ISecret

	safeAuthorizer awsapigateway.RequestAuthorizer // for GET and HEAD with Props.AuthorizerCaching

	props     Props                       // with defaults
	invoked   awslambda.IFunction         // by the authorizer: AuthorizerFunction, or what stands for it
	group     *group                      // of the API
	specs     []awsapigateway.SpecRestApi // given to ExtendSpec
	agent     map[string]string           // paths of the agent's methods by construct path
	protected []string                    // construct paths of the methods that Protect made
	routes    []string                    // paths given to Protect
	demands   *demands
	module    *bundle.Module
	rotation  awslambda.Function // nil without Props.CookieKeyRotation
	watchable func() watched     // made once, when first asked for; nil of Extend

	placement *placement.Placement // of the methods of mapped routes
	tree      *enforce.Tree        // read while CDK validates

	validators map[string]awsapigateway.IRequestValidator // by id
	models     map[string]awsapigateway.IModel            // by id
	validated  []awsapigateway.CfnMethod                  // the agent's, with a model
}

// New makes a token handler below scope. It panics with an error that starts
// with "tokenhandler:" and names the field when props are wrong.
//
// At least one method must use the authorizer, through [TokenHandler.Protect]
// or otherwise: CDK does not synthesize an authorizer that belongs to no API.
func New(scope constructs.Construct, id string, props *Props) *TokenHandler {
	p := checked(props)
	h := &TokenHandler{props: p}
	constructs.NewConstruct_Override(h, scope, &id)
	h.addValidations()

	h.module = bundle.Find(h)
	h.addKeys(p)
	h.addFunctions(p)
	h.invoked = h.warm("AuthorizerFunction", h.AuthorizerFunction)
	h.addAPI(p)
	h.register()
	h.checkSiblings(h.siblings())
	h.addAuthorizer()
	h.addGatewayResponses()
	h.addAgent(p.Application.AgentPath, p.Provider.Requests.ExtraParameters)
	h.watchable = sync.OnceValue(h.newWatched)
	return h
}

// addAPI takes the given API or makes one.
func (h *TokenHandler) addAPI(p Props) {
	h.takeAPI(p)
	h.placement = placement.New(h, h.API, p.API == nil)
}

func (h *TokenHandler) takeAPI(p Props) {
	h.API = p.API
	if h.API != nil {
		if !sameStack(h.API, h) {
			misuse("Props.API is in stack %s: expected it in the stack of the token handler, %s",
				*awscdk.Stack_Of(h.API).Node().Path(), *awscdk.Stack_Of(h).Node().Path())
		}
		return
	}
	props := &awsapigateway.RestApiProps{
		RestApiName:   jsii.String(h.apiName()),
		EndpointTypes: &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL},
		// The role is a setting of the whole account and region: not ours.
		CloudWatchRole: jsii.Bool(false),
		DeployOptions:  h.stageOptions(),
	}
	h.useDomain(props)
	h.API = awsapigateway.NewRestApi(h, jsii.String("Api"), props)
	h.addWebACL()
	h.mapDomain()
	h.addRecords()
}

// apiName returns the name of the API that is made. CloudWatch's metrics of API
// Gateway have no other dimension for an API (Amazon API Gateway Developer
// Guide, "Amazon API Gateway dimensions and metrics"), so it is unique in the
// account and region: the stack's name and the construct's path in the stack.
func (h *TokenHandler) apiName() string {
	stack := awscdk.Stack_Of(h)
	path := strings.TrimPrefix(*h.Node().Path(), *stack.Node().Path()+"/")
	return *stack.StackName() + "-" + strings.ReplaceAll(path, "/", "-")
}

// addAuthorizer makes the REQUEST authorizer. Without a cache every request is
// decided by the Lambda: a cached Allow would skip the origin and CSRF checks
// and outlive a logout. Without identity sources the Lambda sees requests that
// lack them: "If you turn off authorization caching for a REQUEST authorizer,
// API Gateway directly passes the request to the Lambda function" (Amazon API
// Gateway Developer Guide, "Use API Gateway Lambda authorizers").
//
// With Props.AuthorizerCaching there are two, made by AuthorizerFor.
func (h *TokenHandler) addAuthorizer() {
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

// redeployWith makes a deployment of its own of what an authorizer is: its
// change reaches the stage only with a new deployment. CDK sees to that behind
// a feature flag, which is the consumer's.
func (h *TokenHandler) redeployWith(authorizer, is string) {
	if d := h.API.LatestDeployment(); d != nil {
		d.AddToLogicalId(map[string]any{
			authorizer: is,
			"function": *h.invoked.FunctionArn(),
		})
	}
}

// redeployFor makes a deployment of its own of what a method is.
func (h *TokenHandler) redeployFor(method string, is map[string]any) {
	if d := h.API.LatestDeployment(); d != nil {
		raw, err := json.Marshal(is) // sorted, so that it is the same each time
		if err != nil {
			panic("tokenhandler: internal error: " + err.Error())
		}
		d.AddToLogicalId(map[string]any{method: string(raw)})
	}
}

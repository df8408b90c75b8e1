package tokenhandler

import (
	"strings"
	"sync"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/bundle"
)

// TokenHandler is the construct: the OAuth agent, the keys and one REST API that
// it protects. Its fields are resources that other parts of a stack may need;
// treat them as read-only.
type TokenHandler struct {
	// ProtectedAPI is the first field: jsii knows objects by their address, which
	// is then that of the token handler, too.
	ProtectedAPI

	AuthorizerFunction awslambda.Function
	AgentFunction      awslambda.Function
	// KMSKey encrypts the environments of both functions.
	KMSKey awskms.IKey
	// SessionsTable records the sessions; nil without Props.Sessions.
	SessionsTable awsdynamodb.ITable
	// CookieKeySecret is the secret with the key that seals the cookies.
	CookieKeySecret awssecretsmanager.ISecret
	// ClientSecret holds the OAuth client's secret; nil if it authenticates
	// without one.
	ClientSecret awssecretsmanager.ISecret

	module    *bundle.Module
	rotation  awslambda.Function          // nil without Props.CookieKeyRotation
	specs     []awsapigateway.SpecRestApi // given to ExtendSpec
	agent     map[string]string           // paths of the agent's methods by construct path
	validated []awsapigateway.CfnMethod   // the agent's methods with a model
	watchable func() watched              // made once, when first asked for
}

// New makes a token handler below scope. It panics with an error that starts
// with "tokenhandler:" and names the field when props are wrong.
//
// At least one method must use the authorizer, through [ProtectedAPI.Protect]
// or otherwise: CDK does not synthesize an authorizer that belongs to no API.
func New(scope constructs.Construct, id string, props *Props) *TokenHandler {
	p := checked(props)
	h := &TokenHandler{ProtectedAPI: ProtectedAPI{props: p}}
	h.owner = h
	constructs.NewConstruct_Override(&h.ProtectedAPI, scope, &id)
	h.addValidations()

	h.module = bundle.Find(h)
	h.addKeys(p)
	h.addFunctions(p)
	h.function, h.invoked = h.AuthorizerFunction, h.warm("AuthorizerFunction", h.AuthorizerFunction)
	h.useAPI(h.apiOf(p), p.API == nil)
	h.checkSiblings(h.siblings())
	h.addAuthorizer()
	h.addGatewayResponses()
	h.addAgent(p.Application.AgentPath, p.Provider.Requests.ExtraParameters)
	h.watchable = sync.OnceValue(h.newWatched)
	return h
}

// apiOf returns the given API or makes one.
func (h *TokenHandler) apiOf(p Props) awsapigateway.RestApi {
	if p.API != nil {
		return p.API
	}
	props := &awsapigateway.RestApiProps{
		RestApiName: jsii.String(h.apiName()),
		EndpointConfiguration: &awsapigateway.EndpointConfiguration{
			Types:         &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL},
			IpAddressType: addressType(p.DualStack),
		},
		// The role is a setting of the whole account and region: not ours.
		CloudWatchRole: jsii.Bool(false),
		DeployOptions:  h.stageOptions(),
	}
	if len(p.BinaryMediaTypes) > 0 {
		props.BinaryMediaTypes = jsii.Strings(p.BinaryMediaTypes...)
	}
	h.useDomain(props)
	h.API = awsapigateway.NewRestApi(h, jsii.String("Api"), props)
	h.addWebACL()
	h.mapDomain()
	h.addRecords()
	return h.API
}

// addressType is empty for the default, so that the template does not name it.
func addressType(dualStack bool) awsapigateway.IpAddressType {
	if dualStack {
		return awsapigateway.IpAddressType_DUAL_STACK
	}
	return ""
}

// apiName returns the name of the API that is made. CloudWatch's metrics of API
// Gateway have no other dimension for an API (Amazon API Gateway Developer
// Guide, "Amazon API Gateway dimensions and metrics"), so it is unique in the
// account and region: the stack's name and the construct's path in the stack.
func (h *TokenHandler) apiName() string {
	if h.props.APIName != "" {
		return h.props.APIName
	}
	stack := awscdk.Stack_Of(h)
	path := strings.TrimPrefix(*h.Node().Path(), *stack.Node().Path()+"/")
	return *stack.StackName() + "-" + strings.ReplaceAll(path, "/", "-")
}

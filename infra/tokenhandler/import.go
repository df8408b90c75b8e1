package tokenhandler

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/tokenhandler/aws/internal/settings"
)

// ImportProps configure [Import]. AuthorizerFunction, API and TrustedWebOrigins
// are required. What they say of the token handler must be as it is there.
type ImportProps struct {
	// AuthorizerFunction is the OAuth proxy of a token handler that is deployed
	// already, by another app: by its ARN, with SameEnvironment, so that this
	// stack can give this API the permission to invoke it.
	//
	//	awslambda.Function_FromFunctionAttributes(stack, jsii.String("OAuthProxy"), &awslambda.FunctionAttributes{
	//		FunctionArn:     jsii.String("arn:aws:lambda:eu-north-1:123456789012:function:…"),
	//		SameEnvironment: jsii.Bool(true),
	//	})
	AuthorizerFunction awslambda.IFunction

	// API is the REST API to protect, as for [Props].API.
	API awsapigateway.RestApi

	// TrustedWebOrigins, CookieNamePrefix and CSRFHeader are those of [Props]: the
	// preflights and the errors of this API are made for them.
	TrustedWebOrigins []string
	CookieNamePrefix  string
	CSRFHeader        string

	// CORS widens what the preflights allow.
	CORS CORS
}

// Import protects a REST API with a token handler that another app deploys:
// what [TokenHandler.Extend] is within one app. The sessions, the agent and the
// keys stay there; here there are the authorizer, the preflights and the gateway
// responses of this API, and the check of synthesis. Browsers send the session
// cookies to one host only, so both APIs belong behind one host.
//
// Of the result, AuthorizerFunction, AgentFunction, Key and the secrets are nil.
// Routes have no Scopes and Claims: the authorizer is told of them by its own
// app. Results are not cached. It is not for a token handler with Props.DPoP.
func Import(scope constructs.Construct, id string, props *ImportProps) *TokenHandler {
	p, shared := checkedImport(props)
	h := &TokenHandler{props: p, shared: shared, invoked: props.AuthorizerFunction,
		demands: &demands{routes: map[string]settings.Requirement{}}}
	constructs.NewConstruct_Override(h, scope, &id)
	h.Node().AddValidation(h)
	h.takeAPI(p)
	h.register()
	h.addAuthorizer()
	h.addGatewayResponses()
	return h
}

func checkedImport(props *ImportProps) (Props, settings.Shared) {
	if props == nil || props.AuthorizerFunction == nil || props.API == nil {
		misuse("ImportProps lacks AuthorizerFunction or API: expected both")
	}
	p := Props{TrustedWebOrigins: slices.Clone(props.TrustedWebOrigins), CookieNamePrefix: props.CookieNamePrefix,
		CSRFHeader: props.CSRFHeader, CORS: props.CORS, API: props.API}
	setDefaults(&p)
	shared := p.sharedSettings()
	if err := settings.Check(shared, isToken); err != nil {
		misuse("%s", strings.ReplaceAll(inPropsWords(strings.TrimPrefix(err.Error(), "settings: ")), "Props.", "ImportProps."))
	}
	checkOrigins(p)
	checkAPI(p)
	checkCORS(p.CORS)
	return p, shared
}

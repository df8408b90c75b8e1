package tokenhandler

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/tokenhandler/aws/internal/settings"
)

// ImportProps configure [Import]. AuthorizerFunction, API and
// Application.TrustedWebOrigins are required. What they say of the token handler must be as it is there.
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

	// Application and Cookies are those of [Props], of which Import uses
	// TrustedWebOrigins, NamePrefix and CSRFHeader: the preflights and the errors
	// of this API are made for them.
	Application Application
	Cookies     Cookies

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
// app. Results are not cached. It is not for a token handler with Props.AccessTokens.DPoP.
func Import(scope constructs.Construct, id string, props *ImportProps) *TokenHandler {
	p := checkedImport(props)
	h := &TokenHandler{props: p, invoked: props.AuthorizerFunction,
		demands: &demands{routes: map[string]settings.Requirement{}}}
	constructs.NewConstruct_Override(h, scope, &id)
	h.addValidations()
	h.addAPI(p)
	h.register()
	h.addAuthorizer()
	h.addGatewayResponses()
	return h
}

func checkedImport(props *ImportProps) Props {
	if props == nil || props.AuthorizerFunction == nil || props.API == nil {
		misuse("ImportProps lacks AuthorizerFunction or API: expected both")
	}
	p := Props{Application: props.Application, Cookies: props.Cookies, CORS: props.CORS, API: props.API}
	settings.SetDefaults(&p)
	p.Architecture = awslambda.Architecture_ARM_64()
	c := newChecker(&p)
	var shared settings.Shared
	settings.Copy(&shared, &p, nil)
	c.Add(settings.Check(&shared, isToken))
	checkOrigins(c, &p)
	checkAPI(c, &p)
	checkCORS(c, &p)
	if faults := c.Faults(); len(faults) > 0 {
		panic(fmt.Errorf("tokenhandler: %w", importFaults(faults)))
	}
	return p
}

// importFaults are faults in the names of ImportProps.
type importFaults settings.Faults

func (f importFaults) Error() string {
	return settings.Faults(f).In(func(s settings.Setting) string { return "ImportProps." + s.GoName() })
}

package tokenhandler

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/tokenhandler/aws/internal/settings"
)

// TokenHandlerAttributes describe a token handler that another app deploys, and
// an API to protect with it. AuthorizerFunction, API and
// Application.TrustedWebOrigins are required. Application and Cookies must equal
// those of the token handler.
type TokenHandlerAttributes struct {
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

	// Application and Cookies are those of [Props]. Only
	// TrustedWebOrigins, NamePrefix and CSRFHeader are used: the preflights and the errors
	// of this API are made for them.
	Application Application
	Cookies     Cookies

	// CORS extends the headers and methods that preflights allow.
	CORS CORS
}

// FromTokenHandlerAttributes protects a REST API with a token handler that
// another app deploys, as [TokenHandler.Extend] does within one app. The sessions,
// the agent and the keys stay there. This app gets the authorizer, the preflights
// and the gateway responses of this API, and the check of synthesis. Browsers send
// the session cookies to one host only, so both APIs belong behind one host.
//
// Routes cannot have Scopes and Claims, which the authorizer gets from its own
// app. Results are not cached. The token handler must not have
// Props.AccessTokens.DPoP.
func FromTokenHandlerAttributes(scope constructs.Construct, id string, attributes *TokenHandlerAttributes) *ProtectedAPI {
	p := checkedAttributes(attributes)
	h := &ProtectedAPI{props: p, invoked: attributes.AuthorizerFunction,
		demands: &demands{routes: map[string]settings.Requirement{}}}
	constructs.NewConstruct_Override(h, scope, &id)
	h.addValidations()
	h.useAPI(p.API, false)
	h.addAuthorizer()
	h.addGatewayResponses()
	return h
}

func checkedAttributes(props *TokenHandlerAttributes) Props {
	if props == nil || props.AuthorizerFunction == nil || props.API == nil {
		misuse("TokenHandlerAttributes must have AuthorizerFunction and API")
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
		panic(fmt.Errorf("tokenhandler: %w", attributeFaults(faults)))
	}
	return p
}

// attributeFaults are faults in the names of TokenHandlerAttributes.
type attributeFaults settings.Faults

func (f attributeFaults) Error() string {
	return settings.Faults(f).In(func(s settings.Setting) string { return "TokenHandlerAttributes." + s.GoName() })
}

package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/bundle"
	"github.com/tokenhandler/aws/internal/settings"
)

// lambda holds the differences between the two functions.
type lambda struct {
	id          string
	description string
	pkg         string // relative to the root of this module
	timeout     float64
	settings    any
}

// addFunctions makes the two Lambdas. Both need the cookie key; the authorizer
// gets a client secret only to introspect with.
func (h *TokenHandler) addFunctions(p Props) {
	h.checkReplica(p)
	agent, authorizer := agentSettings(&p, h.reference), authorizerSettings(&p, h.reference)
	agent.CookieKey = h.cookieKey(p)
	authorizer.CookieKey = agent.CookieKey
	agent.Sessions = h.sessionsTable(p)
	authorizer.Sessions = agent.Sessions
	if h.ClientSecret != nil {
		agent.Provider.ClientSecret = h.reference(h.ClientSecret)
	}
	if secret := h.introspectionSecret(p); secret != nil {
		authorizer.PhantomToken.ClientSecret = h.reference(secret)
	}
	if exchange := p.TokenExchange; exchange.URL != "" && exchange.ClientSecret == nil {
		authorizer.TokenExchange.ClientSecret = h.reference(h.ClientSecret)
	}
	h.demands = &demands{authorizer: *authorizer, routes: map[string]settings.Requirement{}}
	h.AuthorizerFunction = h.newFunction(p, lambda{
		id:          "AuthorizerFunction",
		description: "Token handler: OAuth proxy (authorizer)",
		pkg:         "./lambda/authorizer",
		timeout:     5,
		settings:    authorizer,
	})
	h.AgentFunction = h.newFunction(p, lambda{
		id:          "AgentFunction",
		description: "Token handler: OAuth agent",
		pkg:         "./lambda/agent",
		timeout:     15,
		settings:    agent,
	})
	h.allowSigning(p)
	h.allowReadingKey(p)
	h.allowSessions()
	h.addRotation(p)
}

func (h *TokenHandler) newFunction(p Props, l lambda) awslambda.Function {
	refuse(settings.CheckSize(l.settings, isToken))
	options := p.Operation.options(l.id)
	logs := h.logGroup(l.id+"Logs", options.LogGroup)
	// A role of its own instead of AWSLambdaBasicExecutionRole, which may write
	// to every log group of the account.
	role := awsiam.NewRole(h, jsii.String(l.id+"Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	logs.GrantWrite(role)

	environment := map[string]*string{}
	for _, v := range settings.Variables(l.settings) {
		environment[v.Name] = jsii.String(v.Value)
	}
	if len(environment) > 0 {
		h.KMSKey.GrantDecrypt(role)
	}
	props := &awslambda.FunctionProps{
		Description:           jsii.String(l.description),
		Runtime:               awslambda.Runtime_PROVIDED_AL2023(),
		Handler:               jsii.String("bootstrap"),
		Architecture:          p.Architecture,
		Code:                  h.module.Code(l.pkg, bundle.GOARCH(p.Architecture)),
		Role:                  role,
		LogGroup:              logs,
		Timeout:               awscdk.Duration_Seconds(jsii.Number(l.timeout)),
		MemorySize:            jsii.Number(options.MemorySize),
		Environment:           &environment,
		EnvironmentEncryption: h.KMSKey,
	}
	if l.id != rotationID { // which calls Secrets Manager only
		p.Network.place(props, role)
	}
	if options.ReservedConcurrency > 0 {
		props.ReservedConcurrentExecutions = jsii.Number(options.ReservedConcurrency)
	}
	if p.Operation.Tracing {
		props.Tracing = awslambda.Tracing_ACTIVE
	}
	return awslambda.NewFunction(h, jsii.String(l.id), props)
}

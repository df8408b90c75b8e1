package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

// lambda is what the two functions differ in.
type lambda struct {
	id          string
	description string
	pkg         string // relative to the root of this module
	timeout     float64
	memory      float64
	settings    any
}

// addFunctions makes the two Lambdas. Both need the cookie key; only the agent
// gets the client secret.
func (h *TokenHandler) addFunctions(p Props, agent settings.Agent) {
	agent.EncryptionKey = reference(h.EncryptionKeySecret)
	agent.ClientSecret = reference(h.ClientSecret)

	h.AuthorizerFunction = h.newFunction(p, lambda{
		id:          "AuthorizerFunction",
		description: "Token handler: OAuth proxy (authorizer)",
		pkg:         "./lambda/authorizer",
		timeout:     5,
		memory:      256,
		settings:    settings.Authorizer{Shared: agent.Shared},
	})
	h.AgentFunction = h.newFunction(p, lambda{
		id:          "AgentFunction",
		description: "Token handler: OAuth agent",
		pkg:         "./lambda/agent",
		timeout:     15,
		memory:      256,
		settings:    agent,
	})
}

func (h *TokenHandler) newFunction(p Props, l lambda) awslambda.Function {
	logs := awslogs.NewLogGroup(h, jsii.String(l.id+"Logs"), &awslogs.LogGroupProps{
		Retention: awslogs.RetentionDays_ONE_MONTH,
	})
	// A role of its own instead of AWSLambdaBasicExecutionRole, which may write
	// to every log group of the account.
	role := awsiam.NewRole(h, jsii.String(l.id+"Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	logs.GrantWrite(role)
	h.Key.GrantDecrypt(role)

	environment := map[string]*string{}
	for _, v := range settings.Variables(l.settings) {
		environment[v.Name] = jsii.String(v.Value)
	}
	return awslambda.NewFunction(h, jsii.String(l.id), &awslambda.FunctionProps{
		Description:           jsii.String(l.description),
		Runtime:               awslambda.Runtime_PROVIDED_AL2023(),
		Handler:               jsii.String("bootstrap"),
		Architecture:          p.Architecture,
		Code:                  code(moduleDir(), l.pkg, goarch(p.Architecture)),
		Role:                  role,
		LogGroup:              logs,
		Timeout:               awscdk.Duration_Seconds(jsii.Number(l.timeout)),
		MemorySize:            jsii.Number(l.memory),
		Environment:           &environment,
		EnvironmentEncryption: h.Key,
	})
}

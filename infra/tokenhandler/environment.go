package tokenhandler

import (
	"reflect"

	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"

	"github.com/tokenhandler/aws/internal/settings"
)

// agentSettings returns the environment of the agent, without the secrets that
// the construct makes.
func agentSettings(p *Props, reference func(awssecretsmanager.ISecret) settings.Secret) *settings.Agent {
	var s settings.Agent
	settings.Copy(&s, p, toEnvironment(reference))
	return &s
}

// authorizerSettings returns the environment of the authorizer likewise.
func authorizerSettings(p *Props, reference func(awssecretsmanager.ISecret) settings.Secret) *settings.Authorizer {
	var s settings.Authorizer
	settings.Copy(&s, p, toEnvironment(reference))
	s.Deployment = settings.DeploymentOf(p.Provider.Issuer, p.Provider.ClientID)
	if !p.AccessTokens.VerifyTokens {
		s.Provider = settings.TokenIssuer{}
	}
	if p.PhantomToken.Enabled && s.PhantomToken.ClientID == "" {
		s.PhantomToken.ClientID = p.Provider.ClientID
	}
	if p.TokenExchange.URL != "" && s.TokenExchange.ClientID == "" {
		s.TokenExchange.ClientID = p.Provider.ClientID
	}
	return &s
}

// toEnvironment converts constructs of the CDK to the values that the Lambdas
// have: secrets to references, keys to their ARNs.
func toEnvironment(reference func(awssecretsmanager.ISecret) settings.Secret) func(dst, src reflect.Value) bool {
	return func(dst, src reflect.Value) bool {
		if src.IsZero() {
			return true
		}
		switch construct := src.Interface().(type) {
		case awssecretsmanager.ISecret:
			dst.SetString(string(reference(construct)))
			return true
		case awskms.IKey:
			dst.SetString(*construct.KeyArn())
			return true
		}
		return false
	}
}

// placeholder replaces the reference of a secret while settings are checked.
// Only the Lambdas see its value, when they start.
func placeholder(awssecretsmanager.ISecret) settings.Secret { return "given" }

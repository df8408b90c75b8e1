package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

// newStack makes the stack TokenHandler-<stage>, or TokenHandler-<stage>-<region>
// of a stage with regions.
func newStack(scope constructs.Construct, s stage) awscdk.Stack {
	props := awscdk.StackProps{Description: jsii.String("OAuth token handler for single page applications, stage " + s.name)}
	if s.Account != "" {
		props.Env = &awscdk.Environment{Account: jsii.String(s.Account), Region: jsii.String(s.Region)}
	}
	name := "TokenHandler-" + s.name
	if s.regional {
		name += "-" + s.Region
	}
	stack := awscdk.NewStack(scope, jsii.String(name), &props)

	handler := tokenhandler.New(stack, "TokenHandler", s.props(stack))
	s.addRoutes(stack, handler)
	s.complete(stack, handler)
	s.addClients(stack, handler)

	url := handler.API.Url()
	switch {
	case s.Domain != nil:
		url = jsii.String("https://" + s.Domain.Name + "/" + s.Domain.BasePath)
	case s.Site != nil:
		url = jsii.String("https://" + s.Site.Name + "/")
	}
	output(stack, "ApiUrl", "Base URL of the API", url)
	if handler.ClientSecret != nil {
		output(stack, "ClientSecretArn", "OAuth client secret: register its value at the provider", handler.ClientSecret.SecretArn())
	}
	output(stack, "AuthorizerFunctionArn", "OAuth proxy, for APIs of other apps (tokenhandler.FromTokenHandlerAttributes)", handler.AuthorizerFunction.FunctionArn())
	output(stack, "EncryptionKeyArn", "Key of the session cookies", handler.CookieKeySecret.SecretArn())
	return stack
}

// props are the stage's properties of its token handler; what is given by name
// or ARN is made below scope.
func (s stage) props(scope constructs.Construct) *tokenhandler.Props {
	idle, absolute, _ := s.lifetimes() // check has seen that they read
	keyRotation, rotatedElsewhere, _ := s.keyRotation()
	return &tokenhandler.Props{
		Application: tokenhandler.Application{
			TrustedWebOrigins:     s.Origins,
			RedirectURI:           s.RedirectURI,
			PostLogoutRedirectURI: s.PostLogoutRedirectURI,
			AgentPath:             s.AgentPath,
		},
		Cookies: tokenhandler.Cookies{
			NamePrefix: s.CookiePrefix,
			CSRFHeader: s.CSRFHeader,
			Format:     s.CookieFormat,
			Domain:     s.CookieDomain,
			BasePath:   s.CookieBasePath,
		},
		Provider: tokenhandler.Provider{
			Profile:           s.Profile,
			Issuer:            s.Issuer,
			ClientID:          s.ClientID,
			ClientSecret:      clientSecret(scope, s.ClientSecretName),
			Authentication:    s.authentication(scope),
			Requests:          s.requests(),
			Scope:             s.Scope,
			AuthorizeEndpoint: s.AuthorizeEndpoint,
			TokenEndpoint:     s.TokenEndpoint,
			UserInfoEndpoint:  s.UserInfoEndpoint,
			JWKSEndpoint:      s.JWKSEndpoint,
			LogoutEndpoint:    s.LogoutEndpoint,

			RevocationEndpoint: s.RevocationEndpoint,
			PAREndpoint:        s.PAREndpoint,
		},
		Session: tokenhandler.Session{
			IdleLifetime:   idle,
			Lifetime:       absolute,
			Logout:         s.Logout,
			IDTokenHint:    s.IDTokenHint,
			TokenMediation: s.TokenMediation,
		},
		AccessTokens: tokenhandler.AccessTokens{
			AllowToken:   s.AllowToken,
			VerifyTokens: s.VerifyTokens,
			Audience:     s.Audience,
			DPoP:         s.DPoP,
		},
		PhantomToken:              phantomToken(scope, s),
		AuthorizerCaching:         s.caching(),
		Architecture:              architecture(s.Architecture),
		CookieKeyRotation:         keyRotation,
		CookieKeySecret:           s.sessionKey(scope),
		CookieKeyRotatedElsewhere: rotatedElsewhere,
		Domain:                    s.domain(scope),
		Operation:                 s.Operation.construct(),
	}
}

// clientSecret refers to an existing secret by name or ARN; nil without either.
func clientSecret(scope constructs.Construct, name string) awssecretsmanager.ISecret {
	return givenSecret(scope, "GivenClientSecret", name)
}

func givenSecret(scope constructs.Construct, constructID, name string) awssecretsmanager.ISecret {
	id := jsii.String(constructID)
	switch {
	case name == "":
		return nil
	case strings.HasPrefix(name, "arn:"):
		return awssecretsmanager.Secret_FromSecretCompleteArn(scope, id, jsii.String(name))
	}
	return awssecretsmanager.Secret_FromSecretNameV2(scope, id, jsii.String(name))
}

func architecture(name string) awslambda.Architecture {
	if name == "x86_64" {
		return awslambda.Architecture_X86_64()
	}
	return awslambda.Architecture_ARM_64()
}

func output(stack awscdk.Stack, id, description string, value *string) {
	awscdk.NewCfnOutput(stack, jsii.String(id), &awscdk.CfnOutputProps{Description: jsii.String(description), Value: value})
}

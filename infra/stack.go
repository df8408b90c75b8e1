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

// newStack makes the stack TokenHandler-<stage>.
func newStack(scope constructs.Construct, s stage) awscdk.Stack {
	props := awscdk.StackProps{Description: jsii.String("OAuth token handler for single page applications, stage " + s.name)}
	if s.Account != "" {
		props.Env = &awscdk.Environment{Account: jsii.String(s.Account), Region: jsii.String(s.Region)}
	}
	stack := awscdk.NewStack(scope, jsii.String("TokenHandler-"+s.name), &props)

	handler := tokenhandler.New(stack, "TokenHandler", &tokenhandler.Props{
		TrustedWebOrigins: s.Origins,
		CookieNamePrefix:  s.CookiePrefix,
		CSRFHeader:        s.CSRFHeader,
		Provider: tokenhandler.Provider{
			Issuer:            s.Issuer,
			ClientID:          s.ClientID,
			ClientSecret:      clientSecret(stack, s.ClientSecretName),
			Scope:             s.Scope,
			AuthorizeEndpoint: s.AuthorizeEndpoint,
			TokenEndpoint:     s.TokenEndpoint,
			UserInfoEndpoint:  s.UserInfoEndpoint,
			JWKSEndpoint:      s.JWKSEndpoint,
			LogoutEndpoint:    s.LogoutEndpoint,
		},
		RedirectURI:           s.RedirectURI,
		PostLogoutRedirectURI: s.PostLogoutRedirectURI,
		Architecture:          architecture(s.Architecture),
	})
	for _, r := range s.Routes {
		handler.Protect(r.construct())
	}

	output(stack, "ApiUrl", "Base URL of the API", handler.API.Url())
	output(stack, "ClientSecretArn", "OAuth client secret: register its value at the provider", handler.ClientSecret.SecretArn())
	output(stack, "EncryptionKeyArn", "Key of the session cookies", handler.EncryptionKeySecret.SecretArn())
	return stack
}

// clientSecret refers to an existing secret by name or ARN; nil without either.
func clientSecret(scope constructs.Construct, name string) awssecretsmanager.ISecret {
	id := jsii.String("GivenClientSecret")
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

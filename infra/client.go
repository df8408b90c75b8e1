package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

// authentication is how the stage's client authenticates.
func (s stage) authentication(scope constructs.Construct) tokenhandler.Authentication {
	a := tokenhandler.Authentication{
		Method: s.ClientAuthentication, KeyID: s.ClientKeyID, Algorithm: s.ClientSigningAlgorithm,
		TokenEndpointAudience: s.ClientTokenEndpointAud,
		PrivateKey:            givenSecret(scope, "GivenClientPrivateKey", s.ClientPrivateKey),
		Certificate:           givenSecret(scope, "GivenClientCertificate", s.ClientCertificate),
		CertificateKey:        givenSecret(scope, "GivenClientCertificateKey", s.ClientCertificateKey),
	}
	if s.ClientKMSKey != "" {
		a.KMSKey = awskms.Key_FromKeyArn(scope, jsii.String("GivenClientKey"), jsii.String(s.ClientKMSKey))
	}
	return a
}

func (s stage) requests() tokenhandler.Requests {
	return tokenhandler.Requests{
		Push: s.PushRequests, Sign: s.SignRequests, ResponseMode: s.ResponseMode, Resources: s.Resources,
		ExtraParameters: s.ExtraParameters, EssentialACR: s.EssentialACR,
	}
}

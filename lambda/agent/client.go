package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/clientauth"
	"github.com/tokenhandler/aws/lambda/internal/kmssigner"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
)

// newClient wires the settings of the OAuth client. It does no network call.
func newClient(s settings.Agent, lookup func(string) (string, bool)) (*oauth.Client, error) {
	if err := s.Complete(nil); err != nil {
		return nil, err
	}
	signer, err := newSigner(s, lookup)
	if err != nil {
		return nil, err
	}
	config := oauth.Config{
		Profile:               s.ProviderProfile,
		Issuer:                s.Issuer,
		ClientID:              s.ClientID,
		Scopes:                s.Scope,
		RedirectURI:           s.RedirectURI,
		PostLogoutRedirectURI: s.PostLogoutRedirectURI,
		AuthorizeEndpoint:     s.AuthorizeEndpoint,
		TokenEndpoint:         s.TokenEndpoint,
		UserInfoEndpoint:      s.UserInfoEndpoint,
		JWKSEndpoint:          s.JWKSEndpoint,
		LogoutEndpoint:        s.LogoutEndpoint,
		RevocationEndpoint:    s.RevocationEndpoint,
		PAREndpoint:           s.PAREndpoint,
		Push:                  s.PushRequests,
		ResponseMode:          s.ResponseMode,
		Resources:             s.Resources,
		EssentialACR:          s.EssentialACR,
		DPoP:                  s.DPoP,
	}
	if s.SignRequests {
		config.RequestSigner = signer
	}
	config.Authentication, config.Certificate, err = newAuthentication(s, signer)
	if err != nil {
		return nil, err
	}
	return oauth.New(config), nil
}

func newAuthentication(s settings.Agent, signer clientauth.Signer) (clientauth.Method, *tls.Certificate, error) {
	switch s.Authentication() {
	case settings.ClientSecretBasic:
		return clientauth.Basic{Secret: s.ClientSecret}, nil, nil
	case settings.ClientSecretPost:
		return clientauth.Post{Secret: s.ClientSecret}, nil, nil
	case settings.PrivateKeyJWT:
		return clientauth.PrivateKeyJWT{
			Signer: signer, Now: time.Now,
			TokenEndpointAudience: s.ClientAssertionAudience == "token_endpoint",
		}, nil, nil
	case settings.TLSClientAuth:
		certificate, err := clientauth.Certificate(s.ClientCertificate, s.ClientCertificateKey)
		if err != nil {
			return nil, nil, fmt.Errorf("CLIENT_CERTIFICATE, CLIENT_CERTIFICATE_KEY: %w", err)
		}
		return clientauth.TLS{}, certificate, nil
	}
	return nil, nil, errors.New("CLIENT_AUTHENTICATION is not known")
}

// newSigner returns nil where nothing is signed.
func newSigner(s settings.Agent, lookup func(string) (string, bool)) (clientauth.Signer, error) {
	switch {
	case s.ClientKMSKeyID != "":
		region, _ := lookup("AWS_REGION")
		signer, err := kmssigner.New(kmssigner.Config{
			Key: s.ClientKMSKeyID, Algorithm: s.ClientSigningAlgorithm, KeyID: s.ClientKeyID, Region: region,
		})
		if err != nil {
			return nil, fmt.Errorf("CLIENT_KMS_KEY_ID: %w", err)
		}
		return signer, nil
	case s.ClientPrivateKey != "":
		key, err := clientauth.ParseKey(s.ClientPrivateKey, s.ClientSigningAlgorithm, s.ClientKeyID)
		if err != nil {
			return nil, fmt.Errorf("CLIENT_PRIVATE_KEY: %w", err)
		}
		return key, nil
	}
	return nil, nil
}

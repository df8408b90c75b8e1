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
	signer, err := newSigner(s, lookup)
	if err != nil {
		return nil, err
	}
	p := s.Provider
	config := oauth.Config{
		Profile:               p.Profile,
		Issuer:                p.Issuer,
		ClientID:              p.ClientID,
		Scopes:                p.Scope,
		RedirectURI:           s.Application.RedirectURI,
		PostLogoutRedirectURI: s.Application.PostLogoutRedirectURI,
		MetadataURL:           p.MetadataURL,
		SendsIssuer:           p.SendsIssuer,
		Algorithms:            p.SignatureAlgorithms,
		AuthorizeParameters:   p.Requests.Parameters,
		AuthorizeEndpoint:     p.AuthorizeEndpoint,
		TokenEndpoint:         p.TokenEndpoint,
		UserInfoEndpoint:      p.UserInfoEndpoint,
		JWKSEndpoint:          p.JWKSEndpoint,
		LogoutEndpoint:        p.LogoutEndpoint,
		RevocationEndpoint:    p.RevocationEndpoint,
		PAREndpoint:           p.PAREndpoint,
		Push:                  p.Requests.Push,
		ResponseMode:          p.Requests.ResponseMode,
		Resources:             p.Requests.Resources,
		EssentialACR:          p.Requests.EssentialACR,
		DPoP:                  s.AccessTokens.DPoP,
		CABundle:              s.Network.CABundle,
	}
	if p.Requests.Sign {
		config.RequestSigner = signer
	}
	config.Authentication, config.Certificate, err = newAuthentication(s, signer)
	if err != nil {
		return nil, err
	}
	return oauth.New(config), nil
}

func newAuthentication(s settings.Agent, signer clientauth.Signer) (clientauth.Method, *tls.Certificate, error) {
	switch s.Provider.AuthenticationMethod() {
	case settings.ClientSecretBasic:
		return clientauth.Basic{Secret: s.Provider.ClientSecret}, nil, nil
	case settings.ClientSecretPost:
		return clientauth.Post{Secret: s.Provider.ClientSecret}, nil, nil
	case settings.PrivateKeyJWT:
		return clientauth.PrivateKeyJWT{
			Signer: signer, Now: time.Now,
			TokenEndpointAudience: s.Provider.Authentication.TokenEndpointAudience,
		}, nil, nil
	case settings.TLSClientAuth:
		certificate, err := clientauth.Certificate(s.Provider.Authentication.Certificate, s.Provider.Authentication.CertificateKey)
		if err != nil {
			return nil, nil, fmt.Errorf("CLIENT_CERTIFICATE, CLIENT_CERTIFICATE_KEY: %w", err)
		}
		return clientauth.TLS{}, certificate, nil
	}
	return nil, nil, errors.New("CLIENT_AUTHENTICATION is not known")
}

// newSigner returns nil if the client signs no messages.
func newSigner(s settings.Agent, lookup func(string) (string, bool)) (clientauth.Signer, error) {
	a := s.Provider.Authentication
	switch {
	case a.KMSKey != "":
		region, _ := lookup("AWS_REGION")
		signer, err := kmssigner.New(kmssigner.Config{
			Key: a.KMSKey, Algorithm: a.Algorithm, KeyID: a.KeyID, Region: region,
		})
		if err != nil {
			return nil, fmt.Errorf("CLIENT_KMS_KEY_ID: %w", err)
		}
		return signer, nil
	case a.PrivateKey != "":
		key, err := clientauth.ParseKey(a.PrivateKey, a.Algorithm, a.KeyID)
		if err != nil {
			return nil, fmt.Errorf("CLIENT_PRIVATE_KEY: %w", err)
		}
		return key, nil
	}
	return nil, nil
}

package main

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/local/internal/provider"
)

// register registers the agent's client at the bundled provider with the
// authentication that the stage has, and returns the features that the stage
// asks of a provider.
func register(agent settings.Agent, client provider.Client) (provider.Client, provider.Features, error) {
	auth, requests := agent.Provider.Authentication, agent.Provider.Requests
	features := provider.Features{
		SignedRequests: requests.Sign, SignedResponses: requests.ResponseMode != "", Resources: requests.Resources,
	}
	if client.Metadata == nil {
		client.Metadata = map[string]any{}
	}
	client.Metadata["token_endpoint_auth_method"] = agent.Provider.AuthenticationMethod()
	switch {
	case auth.KMSKey != "":
		return client, features, errors.New("local: CLIENT_KMS_KEY_ID: there is no AWS KMS here: expected clientPrivateKeySecretName and -secrets")
	case agent.Provider.AuthenticationMethod() == settings.TLSClientAuth:
		return client, features, errors.New("local: the bundled provider has no TLS: expected another clientAuthentication than tls_client_auth")
	case auth.PrivateKey == "":
		return client, features, nil
	}
	public, err := publicKey(auth.PrivateKey)
	if err != nil {
		return client, features, err
	}
	client.Metadata["jwks"] = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: public, KeyID: auth.KeyID, Use: "sig"}}}
	return client, features, nil
}

// publicKey is the public half of a private key in PKCS #8 form, as "openssl
// genpkey" writes it.
func publicKey(private settings.Secret) (crypto.PublicKey, error) {
	failure := errors.New("local: the private key of the client: expected PKCS #8 in PEM form, as openssl genpkey writes it")
	block, _ := pem.Decode([]byte(private.Reveal()))
	if block == nil {
		return nil, failure
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, failure
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, failure
	}
	if _, err := json.Marshal(jose.JSONWebKey{Key: signer.Public()}); err != nil {
		return nil, failure
	}
	return signer.Public(), nil
}

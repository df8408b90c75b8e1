package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

// Kinds of providers, for [Provider].
const (
	ProfileOIDC    = "oidc"    // any OpenID Provider
	ProfileCognito = "cognito" // Amazon Cognito user pools
	ProfileGitHub  = "github"  // OAuth apps of GitHub
	ProfileOAuth2  = "oauth2"  // any other OAuth 2.0 server, without ID tokens
)

// Ways to authenticate, for [Authentication].
const (
	ClientSecretBasic = settings.ClientSecretBasic
	ClientSecretPost  = settings.ClientSecretPost
	PrivateKeyJWT     = settings.PrivateKeyJWT
	TLSClientAuth     = settings.TLSClientAuth
)

// Authentication is how the client authenticates at its provider. With
// [PrivateKeyJWT] and [TLSClientAuth] there is no client secret.
type Authentication struct {
	// Method is one of the constants above. Default: ClientSecretBasic;
	// ClientSecretPost with ProfileGitHub.
	Method string

	// KMSKey signs assertions and authorization requests: an asymmetric key of
	// usage SIGN_VERIFY, which never leaves AWS KMS. The agent may sign with
	// this key and with no other. Register its public key at the provider.
	KMSKey awskms.IKey
	// PrivateKey holds a private key in PEM form, in place of KMSKey.
	PrivateKey awssecretsmanager.ISecret
	// KeyID is the id (kid) under which the provider knows the public key.
	KeyID string
	// Algorithm to sign with: ES256 to ES512, PS256 to PS512, RS256 to RS512,
	// or EdDSA with PrivateKey. Default: that of PrivateKey; ES256 with KMSKey.
	Algorithm string
	// TokenEndpointAudience makes the token endpoint the audience of assertions
	// instead of the issuer, for providers that demand it.
	TokenEndpointAudience bool

	// Certificate and CertificateKey hold the certificate chain and its private
	// key in PEM form, for TLSClientAuth.
	Certificate    awssecretsmanager.ISecret
	CertificateKey awssecretsmanager.ISecret
}

// Requests is what is asked of the provider, and how.
type Requests struct {
	// Push sends authorization requests to the provider directly (RFC 9126).
	// To a provider whose metadata demands it they go so in any case.
	Push bool
	// Sign signs authorization requests (RFC 9101) with the key of
	// Authentication.
	Sign bool
	// ResponseMode jwt or query.jwt asks for signed authorization responses
	// (JARM) and accepts no others.
	ResponseMode string
	// Resources are the APIs that access tokens are for (RFC 8707), as absolute
	// URIs.
	Resources []string
	// ExtraParameters are what a page may add to the authorization request.
	// Nil: ui_locales, login_hint, prompt and acr_values.
	ExtraParameters []string
	// EssentialACR makes a login fail that is of none of the acr_values that
	// the page asked for.
	EssentialACR bool
}

// clientSettings are those of the OAuth client, without its secrets.
func (p Provider) clientSettings() settings.Client {
	a, r := p.Authentication, p.Requests
	s := settings.Client{
		ProviderProfile:        p.Profile,
		ClientAuthentication:   a.Method,
		ClientKeyID:            a.KeyID,
		ClientSigningAlgorithm: a.Algorithm,
		RevocationEndpoint:     p.RevocationEndpoint,
		PAREndpoint:            p.PAREndpoint,
		PushRequests:           r.Push,
		SignRequests:           r.Sign,
		ResponseMode:           r.ResponseMode,
		Resources:              r.Resources,
		ExtraParameters:        r.ExtraParameters,
		EssentialACR:           r.EssentialACR,
	}
	if a.TokenEndpointAudience {
		s.ClientAssertionAudience = "token_endpoint"
	}
	if a.KMSKey != nil {
		s.ClientKMSKeyID = *a.KMSKey.KeyArn()
	}
	return s
}

// checkClient looks at what goes together. At synthesis secrets are there or
// not; what is in them only the agent sees, at its start.
func checkClient(p Props, agent settings.Agent) error {
	given := func(s awssecretsmanager.ISecret) settings.Secret {
		if s == nil {
			return ""
		}
		return "given"
	}
	a := p.Provider.Authentication
	agent.ClientPrivateKey, agent.ClientCertificate, agent.ClientCertificateKey = given(a.PrivateKey), given(a.Certificate), given(a.CertificateKey)
	agent.ClientSecret = given(p.Provider.ClientSecret)
	if agent.NeedsSecret() {
		agent.ClientSecret = "made" // where none is given
	}
	return agent.Complete(isToken)
}

// clientSecrets puts references to the client's credentials into the agent's
// settings.
func (h *TokenHandler) clientSecrets(p Props, agent *settings.Agent) {
	a := p.Provider.Authentication
	for _, s := range []struct {
		secret awssecretsmanager.ISecret
		into   *settings.Secret
	}{
		{h.ClientSecret, &agent.ClientSecret}, {a.PrivateKey, &agent.ClientPrivateKey},
		{a.Certificate, &agent.ClientCertificate}, {a.CertificateKey, &agent.ClientCertificateKey},
	} {
		if s.secret != nil {
			*s.into = h.reference(s.secret)
		}
	}
}

// allowSigning lets the agent sign with the client's KMS key: kms:Sign, on
// exactly that key.
func (h *TokenHandler) allowSigning(p Props) {
	if key := p.Provider.Authentication.KMSKey; key != nil {
		h.AgentFunction.Role().AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("kms:Sign"), Resources: &[]*string{key.KeyArn()},
		}))
	}
}

// clientProps are the fields of Props that variables of the client come from,
// where their names differ.
var clientProps = map[string]string{
	"PROVIDER_PROFILE":            "Props.Provider.Profile",
	"CLIENT_AUTHENTICATION":       "Props.Provider.Authentication.Method",
	"CLIENT_PRIVATE_KEY":          "Props.Provider.Authentication.PrivateKey",
	"CLIENT_KMS_KEY_ID":           "Props.Provider.Authentication.KMSKey",
	"CLIENT_KEY_ID":               "Props.Provider.Authentication.KeyID",
	"CLIENT_SIGNING_ALGORITHM":    "Props.Provider.Authentication.Algorithm",
	"CLIENT_ASSERTION_AUDIENCE":   "Props.Provider.Authentication.TokenEndpointAudience",
	"CLIENT_CERTIFICATE":          "Props.Provider.Authentication.Certificate",
	"CLIENT_CERTIFICATE_KEY":      "Props.Provider.Authentication.CertificateKey",
	"PUSH_AUTHORIZATION_REQUESTS": "Props.Provider.Requests.Push",
	"SIGN_AUTHORIZATION_REQUESTS": "Props.Provider.Requests.Sign",
	"RESPONSE_MODE":               "Props.Provider.Requests.ResponseMode",
	"RESOURCES":                   "Props.Provider.Requests.Resources",
	"EXTRA_PARAMETERS":            "Props.Provider.Requests.ExtraParameters",
	"ESSENTIAL_ACR":               "Props.Provider.Requests.EssentialACR",
}

package settings

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Provider is an OpenID Provider or OAuth 2.0 server, and the client registered
// there. Endpoints that are not given are discovered from the issuer at first
// use. All URLs are https (http for loopback names only).
//
// S is the type of a secret, and K that of a KMS key: in the Lambdas [Secret]
// and the key's ARN, in the construct the CDK's types.
type Provider[S, K any] struct {
	// Profile is the kind of provider: oidc (any OpenID Provider), cognito,
	// github, or oauth2 (any other OAuth 2.0 server, without ID tokens).
	Profile string `env:"PROVIDER_PROFILE" json:"profile" rule:"profile" default:"oidc"`

	// Issuer is the issuer identifier of the provider.
	Issuer string `env:"ISSUER" json:"issuer" rule:"issuer" required:"true"`

	// ClientID is the client identifier registered at the provider.
	ClientID string `env:"CLIENT_ID" json:"clientId" rule:"credential" required:"true"`

	// ClientSecret is the client secret, for client_secret_basic and
	// client_secret_post. Without one, the construct makes a secret with a
	// generated value of 64 letters and digits, which must be registered at the
	// provider. If the provider chooses the value, put it into Secrets Manager
	// first and name that secret here. CloudFormation copies the value into the
	// Lambda when it creates the function, and not again while the reference
	// stays the same.
	ClientSecret S `env:"CLIENT_SECRET" json:"clientSecretName" rule:"credential"`

	// Scope lists the scopes to ask for, separated by spaces. It must contain
	// openid, unless the profile has no ID tokens.
	Scope string `env:"SCOPE,always" json:"scope" rule:"scope" default:"openid"`

	// MetadataURL is the address of the provider's metadata, if it is not the
	// well-known address of the issuer: Azure AD B2C has one for each policy.
	MetadataURL string `env:"METADATA_URL" json:"metadataUrl" rule:"url"`

	// AuthorizeEndpoint is the authorization endpoint.
	AuthorizeEndpoint string `env:"AUTHORIZE_ENDPOINT" json:"authorizeEndpoint" rule:"url"`
	// TokenEndpoint is the token endpoint.
	TokenEndpoint string `env:"TOKEN_ENDPOINT" json:"tokenEndpoint" rule:"url"`
	// UserInfoEndpoint is the UserInfo endpoint.
	UserInfoEndpoint string `env:"USERINFO_ENDPOINT" json:"userInfoEndpoint" rule:"url"`
	// JWKSEndpoint is the provider's JWK set.
	JWKSEndpoint string `env:"JWKS_ENDPOINT" json:"jwksEndpoint" rule:"url"`
	// LogoutEndpoint is the end session endpoint (OpenID Connect RP-Initiated
	// Logout).
	LogoutEndpoint string `env:"LOGOUT_ENDPOINT" json:"logoutEndpoint" rule:"url"`
	// RevocationEndpoint is the revocation endpoint (RFC 7009).
	RevocationEndpoint string `env:"REVOCATION_ENDPOINT" json:"revocationEndpoint" rule:"url"`
	// PAREndpoint is the pushed authorization request endpoint (RFC 9126).
	PAREndpoint string `env:"PAR_ENDPOINT" json:"parEndpoint" rule:"url"`

	// SendsIssuer says that the provider sends iss in every authorization response
	// (RFC 9207). A response without it is then refused, as it is if the metadata
	// says so.
	SendsIssuer bool `env:"PROVIDER_SENDS_ISS" json:"providerSendsIss"`

	// SignatureAlgorithms are the algorithms that the provider may sign with:
	// RS256 to RS512, PS256 to PS512, ES256 to ES512, EdDSA and Ed25519. Default:
	// all of them. FAPI 2.0 allows PS256, ES256, EdDSA and Ed25519.
	SignatureAlgorithms []string `env:"SIGNATURE_ALGORITHMS" json:"signatureAlgorithms" rule:"algorithm"`

	Authentication Authentication[S, K]
	Requests       Requests
}

// Authentication is how the client authenticates at its provider. With
// private_key_jwt and tls_client_auth there is no client secret.
type Authentication[S, K any] struct {
	// Method is client_secret_basic, client_secret_post, private_key_jwt or
	// tls_client_auth. Default: client_secret_basic; with the profile github
	// client_secret_post.
	Method string `env:"CLIENT_AUTHENTICATION" json:"clientAuthentication" rule:"authentication"`

	// KMSKey signs assertions and authorization requests: an asymmetric key with
	// usage SIGN_VERIFY, which never leaves AWS KMS. The agent may sign with this
	// key only. Register its public key at the provider.
	KMSKey K `env:"CLIENT_KMS_KEY_ID" json:"clientKmsKey" rule:"kmskey"`

	// PrivateKey is a private key in PEM form (PKCS #8, PKCS #1 or SEC 1,
	// unencrypted) instead of KMSKey.
	PrivateKey S `env:"CLIENT_PRIVATE_KEY" json:"clientPrivateKeySecretName" rule:"pem"`

	// KeyID is the id (kid) under which the provider knows the public key.
	KeyID string `env:"CLIENT_KEY_ID" json:"clientKeyId" rule:"credential"`

	// Algorithm is the signature algorithm: ES256 to ES512, PS256 to PS512, RS256
	// to RS512, or EdDSA or Ed25519 with PrivateKey. Default: that of the private key (PS256
	// for RSA); ES256 with KMSKey.
	Algorithm string `env:"CLIENT_SIGNING_ALGORITHM" json:"clientSigningAlgorithm" rule:"algorithm"`

	// TokenEndpointAudience makes the token endpoint the audience of assertions
	// instead of the issuer, for providers that require it.
	TokenEndpointAudience bool `env:"CLIENT_ASSERTION_AUDIENCE" json:"clientAssertionForTokenEndpoint" words:"issuer,token_endpoint"`

	// Certificate is the certificate chain in PEM form, for tls_client_auth.
	Certificate S `env:"CLIENT_CERTIFICATE" json:"clientCertificateSecretName" rule:"pem"`

	// CertificateKey is the private key of Certificate in PEM form.
	CertificateKey S `env:"CLIENT_CERTIFICATE_KEY" json:"clientCertificateKeySecretName" rule:"pem"`
}

// Requests are the properties of authorization requests.
type Requests struct {
	// Push sends authorization requests to the provider directly (RFC 9126).
	// A provider whose metadata requires that receives them directly in any case.
	Push bool `env:"PUSH_AUTHORIZATION_REQUESTS" json:"pushAuthorizationRequests"`

	// Sign signs authorization requests (RFC 9101) with the client's key.
	Sign bool `env:"SIGN_AUTHORIZATION_REQUESTS" json:"signAuthorizationRequests"`

	// ResponseMode jwt or query.jwt asks for signed authorization responses
	// (JARM) and accepts no others.
	ResponseMode string `env:"RESPONSE_MODE" json:"responseMode" rule:"responsemode"`

	// Resources are the APIs that access tokens are for (RFC 8707), as absolute
	// URIs.
	Resources []string `env:"RESOURCES" json:"resources" rule:"resource"`

	// ExtraParameters are the parameters that a page may add to the
	// authorization request. With scope among them it may request a part of
	// Scope, also when it refreshes.
	ExtraParameters []string `env:"EXTRA_PARAMETERS" json:"extraParameters" rule:"parameter" default:"ui_locales,login_hint,prompt,acr_values"`

	// Parameters are added to every authorization request, such as access_type
	// offline for Google. A page cannot change them.
	Parameters Texts `env:"AUTHORIZE_PARAMETERS" json:"authorizeParameters" rule:"parameters"`

	// EssentialACR fails a login unless its acr is one of the acr_values that
	// the page requested.
	EssentialACR bool `env:"ESSENTIAL_ACR" json:"essentialAcr"`
}

// Values of Provider.Profile.
const (
	ProfileOIDC    = "oidc"
	ProfileCognito = "cognito"
	ProfileGitHub  = "github"
	ProfileOAuth2  = "oauth2"
)

// Profiles are the values of Provider.Profile.
var Profiles = []string{ProfileOIDC, ProfileCognito, ProfileGitHub, ProfileOAuth2}

// Values of Authentication.Method.
const (
	ClientSecretBasic = "client_secret_basic"
	ClientSecretPost  = "client_secret_post"
	PrivateKeyJWT     = "private_key_jwt"
	TLSClientAuth     = "tls_client_auth"
)

// OpenID reports whether the provider issues ID tokens.
func (p Provider[S, K]) OpenID() bool {
	return p.Profile == "" || p.Profile == ProfileOIDC || p.Profile == ProfileCognito
}

// AuthenticationMethod returns Authentication.Method, or the profile's default.
func (p Provider[S, K]) AuthenticationMethod() string {
	switch {
	case p.Authentication.Method != "":
		return p.Authentication.Method
	case p.Profile == ProfileGitHub:
		return ClientSecretPost // the one that GitHub documents
	}
	return ClientSecretBasic
}

// NeedsSecret reports whether the client authenticates with a secret.
func (p Provider[S, K]) NeedsSecret() bool {
	method := p.AuthenticationMethod()
	return method == ClientSecretBasic || method == ClientSecretPost
}

// validParameters rejects the parameters of the protocol, and scope, which is a
// setting of its own.
func validParameters(p Texts) bool {
	for name, value := range p {
		if !isParameter(name) || name == "scope" || len(value) > 2048 || !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
			return false
		}
	}
	return true
}

// severalTenants reports whether an issuer is one of Microsoft's endpoints for
// several tenants. Their metadata and tokens name another issuer (Microsoft
// identity platform, "OpenID Connect on the Microsoft identity platform").
func severalTenants(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil {
		return false
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	return strings.HasPrefix(u.Host, "login.microsoftonline.") && slices.Contains([]string{"common", "organizations", "consumers"}, tenant)
}

// isPEM looks at the frame only. The agent parses the content when it starts.
func isPEM(s string) bool {
	s = strings.TrimSpace(s)
	return strings.HasPrefix(s, "-----BEGIN ") && strings.HasSuffix(s, "-----") && strings.Contains(s, "-----END ")
}

// isCertificates parses the certificates: a bundle that the Lambdas could not
// read would make every call to the provider fail.
func isCertificates(s string) bool {
	rest, n := []byte(strings.TrimSpace(s)), 0
	for len(rest) > 0 {
		var block *pem.Block
		if !bytes.HasPrefix(rest, []byte("-----BEGIN CERTIFICATE-----")) {
			return false
		}
		if block, rest = pem.Decode(rest); block == nil {
			return false
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return false
		}
		rest = bytes.TrimSpace(rest)
		n++
	}
	return n >= 1 && n <= 10
}

func isKMSKey(s string) bool {
	parts := strings.SplitN(s, ":", 6)
	return len(s) <= 256 && madeOf(s, 1, 256, ":/-_") && len(parts) == 6 && parts[0] == "arn" && parts[2] == "kms" &&
		parts[3] != "" && strings.HasPrefix(parts[5], "key/")
}

// isResource implements RFC 8707 section 2: "an absolute URI […] that MUST NOT
// include a fragment component".
func isResource(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	return ok && rest != "" && madeOf(scheme, 1, 32, "+-.") && isAudience(s) && !strings.Contains(s, "#")
}

// isParameter rejects the parameters that identify the client, the grant, and
// the destination of the response. A page must not choose them.
func isParameter(s string) bool {
	taken := []string{
		"response_type", "response_mode", "client_id", "redirect_uri", "state", "nonce", "code_challenge",
		"code_challenge_method", "request", "request_uri", "registration", "client_secret", "client_assertion",
		"client_assertion_type", "resource", "dpop_jkt", "id_token_hint", "code", "iss", "authorization_details",
		"return_to", // a parameter of login/start itself
	}
	return madeOf(s, 1, 64, "-_.") && !slices.Contains(taken, s)
}

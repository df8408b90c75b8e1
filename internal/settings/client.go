package settings

import (
	"errors"
	"slices"
	"strings"
)

// Client holds how the agent is a client of its provider, where that differs
// from what every OpenID Provider understands.
type Client struct {
	ProviderProfile string `env:"PROVIDER_PROFILE" rule:"profile" default:"oidc" doc:"Kind of provider: oidc (any OpenID Provider), cognito, github, or oauth2 (any other OAuth 2.0 server, without ID tokens)."`

	ClientAuthentication    string `env:"CLIENT_AUTHENTICATION" rule:"authentication" optional:"true" doc:"How the client authenticates: client_secret_basic, client_secret_post, private_key_jwt or tls_client_auth. Default: client_secret_basic; with PROVIDER_PROFILE github client_secret_post."`
	ClientPrivateKey        Secret `env:"CLIENT_PRIVATE_KEY" rule:"pem" optional:"true" doc:"Private key in PEM form (PKCS #8, PKCS #1 or SEC 1, unencrypted) for private_key_jwt and signed requests."`
	ClientKMSKeyID          string `env:"CLIENT_KMS_KEY_ID" rule:"kmskey" optional:"true" doc:"ARN of an asymmetric AWS KMS key of usage SIGN_VERIFY, in place of CLIENT_PRIVATE_KEY."`
	ClientKeyID             string `env:"CLIENT_KEY_ID" rule:"credential" optional:"true" doc:"Id (kid) under which the provider knows the public key."`
	ClientSigningAlgorithm  string `env:"CLIENT_SIGNING_ALGORITHM" rule:"algorithm" optional:"true" doc:"What to sign with: ES256 to ES512, PS256 to PS512, RS256 to RS512 or EdDSA. Default: that of the private key (PS256 for RSA); ES256 with AWS KMS."`
	ClientAssertionAudience string `env:"CLIENT_ASSERTION_AUDIENCE" rule:"assertionaudience" default:"issuer" doc:"Audience of the assertions of private_key_jwt: issuer or token_endpoint."`
	ClientCertificate       Secret `env:"CLIENT_CERTIFICATE" rule:"pem" optional:"true" doc:"Certificate chain in PEM form, for tls_client_auth."`
	ClientCertificateKey    Secret `env:"CLIENT_CERTIFICATE_KEY" rule:"pem" optional:"true" doc:"Private key of CLIENT_CERTIFICATE in PEM form."`

	RevocationEndpoint string `env:"REVOCATION_ENDPOINT" rule:"url" optional:"true" doc:"Revocation endpoint (RFC 7009); overrides discovery."`
	PAREndpoint        string `env:"PAR_ENDPOINT" rule:"url" optional:"true" doc:"Pushed authorization request endpoint (RFC 9126); overrides discovery."`

	PushRequests    bool     `env:"PUSH_AUTHORIZATION_REQUESTS" rule:"bool" optional:"true" doc:"true: authorization requests go to the provider directly (RFC 9126). A provider whose metadata demands it gets them so in any case."`
	SignRequests    bool     `env:"SIGN_AUTHORIZATION_REQUESTS" rule:"bool" optional:"true" doc:"true: authorization requests are signed (RFC 9101) with the client's key."`
	ResponseMode    string   `env:"RESPONSE_MODE" rule:"responsemode" optional:"true" doc:"jwt or query.jwt: authorization responses are signed (JARM), and no others are accepted."`
	Resources       []string `env:"RESOURCES" rule:"resource" optional:"true" doc:"APIs that access tokens are for (RFC 8707), as absolute URIs."`
	ExtraParameters []string `env:"EXTRA_PARAMETERS" rule:"parameter" default:"ui_locales,login_hint,prompt,acr_values" doc:"Parameters that a page may add to the authorization request. With scope among them it may ask for some of SCOPE, also when it refreshes."`
	EssentialACR    bool     `env:"ESSENTIAL_ACR" rule:"bool" optional:"true" doc:"true: where a page asks for acr_values, a login with another acr fails."`
}

// Profiles are the values of PROVIDER_PROFILE.
var Profiles = []string{"oidc", "cognito", "github", "oauth2"}

// Client authentication methods.
const (
	ClientSecretBasic = "client_secret_basic"
	ClientSecretPost  = "client_secret_post"
	PrivateKeyJWT     = "private_key_jwt"
	TLSClientAuth     = "tls_client_auth"
)

// OpenID reports whether the provider issues ID tokens.
func (c Client) OpenID() bool {
	return c.ProviderProfile == "" || c.ProviderProfile == "oidc" || c.ProviderProfile == "cognito"
}

// Authentication is the method, the profile's default where none is set.
func (c Client) Authentication() string {
	switch {
	case c.ClientAuthentication != "":
		return c.ClientAuthentication
	case c.ProviderProfile == "github":
		return ClientSecretPost // the one that GitHub documents
	}
	return ClientSecretBasic
}

// NeedsSecret reports whether the client authenticates with a secret.
func (c Client) NeedsSecret() bool {
	return c.Authentication() == ClientSecretBasic || c.Authentication() == ClientSecretPost
}

// Complete reports what is missing for what is switched on, what is given for
// nothing, and what does not go together. It looks at no value's form; [Load]
// and [Check] do. Values that opaque, if given, reports are not looked at.
func (a Agent) Complete(opaque func(string) bool) error {
	var errs []error
	need := func(missing bool, message string) {
		if missing {
			errs = append(errs, errors.New(message))
		}
	}
	if opaque == nil {
		opaque = func(string) bool { return false }
	}
	if scopes := strings.Split(a.Scope, " "); !opaque(a.Scope) {
		// OpenID Connect Core section 3.1.2.1: requests "MUST contain the openid scope value".
		need(a.OpenID() && !slices.Contains(scopes, "openid"), "SCOPE lacks openid: expected it among the scopes, with an OpenID Provider")
		need(!a.OpenID() && slices.Contains(scopes, "openid"), "SCOPE has openid: expected none with this PROVIDER_PROFILE, whose ID tokens nobody would verify")
	}
	method := a.Authentication()
	need(a.NeedsSecret() && a.ClientSecret == "", "CLIENT_SECRET is missing: expected 1 to 1024 printable ASCII characters, with "+method)
	need(!a.NeedsSecret() && a.ClientSecret != "", "CLIENT_SECRET is set: expected none with "+method)

	signs, key, kms := method == PrivateKeyJWT || a.SignRequests, a.ClientPrivateKey != "", a.ClientKMSKeyID != ""
	need(signs && !key && !kms, "CLIENT_PRIVATE_KEY is missing: expected it or CLIENT_KMS_KEY_ID, to sign with")
	need(key && kms, "CLIENT_PRIVATE_KEY is set: expected none with CLIENT_KMS_KEY_ID")
	need(!signs && (key || kms), "CLIENT_PRIVATE_KEY or CLIENT_KMS_KEY_ID is set: expected none where nothing is signed")
	need(kms && a.ClientSigningAlgorithm == "EdDSA", "CLIENT_SIGNING_ALGORITHM is EdDSA: expected another with CLIENT_KMS_KEY_ID")

	tls := method == TLSClientAuth
	need(tls && a.ClientCertificate == "", "CLIENT_CERTIFICATE is missing: expected it with "+method)
	need(tls && a.ClientCertificateKey == "", "CLIENT_CERTIFICATE_KEY is missing: expected it with "+method)
	need(!tls && (a.ClientCertificate != "" || a.ClientCertificateKey != ""), "CLIENT_CERTIFICATE or its key is set: expected none with "+method)

	need(a.ProviderProfile == "cognito" && a.PostLogoutRedirectURI == "", "POST_LOGOUT_REDIRECT_URI is missing: Cognito's logout needs it")
	need(a.ResponseMode != "" && a.ProviderProfile == "github", "RESPONSE_MODE is set: expected none with PROVIDER_PROFILE github")
	need(a.EssentialACR && (!a.OpenID() || !slices.Contains(a.AllowedParameters(), "acr_values")), "ESSENTIAL_ACR is set: expected an OpenID Provider, and acr_values among EXTRA_PARAMETERS")
	need(!a.OpenID() && slices.Contains(a.ExtraParameters, "max_age"), "EXTRA_PARAMETERS has max_age: expected none without ID tokens, nothing would tell when the user was authenticated")
	need(a.DPoP && a.TokenMediation, "TOKEN_MEDIATION is set: expected none with DPOP, a page has no key to use such a token with")
	need(a.DPoP && slices.Contains([]string{"cognito", "github"}, a.ProviderProfile), "DPOP is set: expected none with this PROVIDER_PROFILE, which issues bearer tokens only")
	return join(errs)
}

var defaultParameters = []string{"ui_locales", "login_hint", "prompt", "acr_values"}

// AllowedParameters are the extra parameters, the default ones where none are set.
func (c Client) AllowedParameters() []string {
	if len(c.ExtraParameters) == 0 {
		return defaultParameters
	}
	return c.ExtraParameters
}

func oneOf(values ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(values, s) }
}

// isPEM looks at the frame only: what is in it, the agent reads at its start.
func isPEM(s string) bool {
	s = strings.TrimSpace(s)
	return strings.HasPrefix(s, "-----BEGIN ") && strings.HasSuffix(s, "-----") && strings.Contains(s, "-----END ")
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

// isParameter refuses what says what is asked for, by whom, and where the
// response goes: that is not for a page to choose.
func isParameter(s string) bool {
	taken := []string{
		"response_type", "response_mode", "client_id", "redirect_uri", "state", "nonce", "code_challenge",
		"code_challenge_method", "request", "request_uri", "registration", "client_secret", "client_assertion",
		"client_assertion_type", "resource", "dpop_jkt", "id_token_hint", "code", "iss", "authorization_details",
		"return_to", // of login/start itself
	}
	return madeOf(s, 1, 64, "-_.") && !slices.Contains(taken, s)
}

package settings

import (
	"strings"
	"time"
)

// AccessTokens selects the access tokens that the authorizer accepts.
type AccessTokens struct {
	// AllowToken also accepts callers that send an access token of their own
	// (Authorization: Bearer) instead of a session: mobile applications, other
	// services. Without PhantomToken and VerifyTokens their tokens reach the
	// upstream API unchecked, and only the upstream API checks them.
	AllowToken bool `env:"ALLOW_TOKEN" json:"allowToken" lambda:"authorizer"`

	// VerifyTokens has the authorizer verify access tokens, which then must be
	// signed JWTs, or the JWTs that PhantomToken returns: the signature by the
	// provider's JWKSEndpoint, the issuer, Audience and expiry. The variables are
	// ISSUER and JWKS_ENDPOINT.
	VerifyTokens bool `json:"verifyTokens"`

	// Audience lists the audiences of the API. Access tokens must name one of
	// them. Required with VerifyTokens (except with the profile cognito, whose
	// access tokens name the client), optional with PhantomToken. It must not
	// be the client's id, which is the audience of ID tokens.
	Audience []string `env:"AUDIENCE" json:"audience" lambda:"authorizer" rule:"audience"`

	// Issuer is the issuer that access tokens name, if it differs from the
	// provider's: AD FS has another one for them.
	Issuer string `env:"ACCESS_TOKEN_ISSUER" json:"accessTokenIssuer" lambda:"authorizer" rule:"resource"`

	// RequireType accepts only access tokens with the type at+jwt (RFC 9068).
	// Without it, tokens of older providers with the type JWT or without a type
	// are accepted unless they look like other tokens. Requires VerifyTokens.
	RequireType bool `env:"REQUIRE_AT_JWT" json:"requireAtJwt" lambda:"authorizer"`

	// ClaimHeaders are request headers that mapped routes send upstream, each with
	// a claim of the access token: {"X-User-Email": "email"}. The header is left
	// out if the token lacks the claim, or if its value is no text, number, boolean
	// or list of them in printable ASCII. Requires VerifyTokens or PhantomToken.
	ClaimHeaders Texts `env:"CLAIM_HEADERS" json:"claimHeaders" lambda:"authorizer" rule:"claimheaders"`

	// DPoP binds access tokens to a key of the session (RFC 9449), which the
	// provider must support. Upstream APIs receive "Authorization: DPoP …" and a
	// proof for this one request in DPoP, which they must verify. A token stolen
	// from them is useless elsewhere. All protected routes must then be mapped
	// routes made by Protect. Upstream APIs that require a nonce do not work.
	DPoP bool `env:"DPOP" json:"dpop"`
}

// PhantomToken has the authorizer introspect every access token at the provider
// before it reaches the upstream API. Revoked tokens do not get there. If
// introspection fails, the authorizer refuses the request.
//
// S is the type of a secret.
type PhantomToken[S any] struct {
	// Enabled switches introspection on. Without it the others must be empty.
	Enabled bool `env:"USE_PHANTOM_TOKEN" json:"usePhantomToken"`

	// IntrospectionURL is the introspection endpoint (RFC 7662).
	IntrospectionURL string `env:"INTROSPECTION_URL" json:"introspectionUrl" rule:"url"`

	// MediaType is the form of the response: application/jwt, a JWT that replaces
	// the token (phantom tokens); application/token-introspection+jwt, a signed
	// response (RFC 9701), which requires VerifyTokens; application/json (RFC
	// 7662). With the last two the token itself reaches the upstream API.
	MediaType string `env:"INTROSPECTION_MEDIA_TYPE" json:"introspectionMediaType" rule:"introspection" default:"application/jwt"`

	// MaxAge is how long the authorizer remembers an active token, at most
	// until the token expires: whole seconds up to five minutes. Negative, in a
	// stage 0s: it introspects on every request.
	MaxAge time.Duration `env:"INTROSPECTION_MAX_AGE" json:"introspectionMaxAge" rule:"maxage" unit:"seconds" default:"60"`

	// ClientID is the client that may introspect. Default: the provider's client.
	ClientID string `env:"CLIENT_ID" json:"introspectionClientId" rule:"credential"`

	// ClientSecret is the secret of ClientID, sent with client_secret_basic. With
	// a ClientID and no ClientSecret, the construct makes a secret with a
	// generated value, which must be registered at the provider.
	ClientSecret S `env:"CLIENT_SECRET" json:"introspectionClientSecretName" rule:"credential"`
}

// TokenIssuer is the issuer of access tokens, for the authorizer.
type TokenIssuer struct {
	// Issuer is the issuer that access tokens must name.
	Issuer string `env:"ISSUER" json:"issuer" rule:"issuer"`
	// JWKSEndpoint is the issuer's JWK set. With it, the authorizer verifies
	// access tokens, or the responses of the introspection endpoint. The
	// construct sets both with VerifyTokens.
	JWKSEndpoint string `env:"JWKS_ENDPOINT" json:"verifyTokens" prop:"Props.AccessTokens.VerifyTokens" rule:"url"`
	// ClientID is the agent's client. The authorizer refuses tokens with this
	// audience, because they are ID tokens. Access tokens of Cognito must name
	// it.
	ClientID string `env:"AGENT_CLIENT_ID" json:"clientId" rule:"credential"`
	// Profile is the kind of provider: access tokens of cognito need no audience.
	Profile string `env:"PROVIDER_PROFILE" json:"profile" rule:"profile" default:"oidc"`
	// SignatureAlgorithms are the algorithms that the issuer may sign with.
	SignatureAlgorithms []string `env:"SIGNATURE_ALGORITHMS" json:"signatureAlgorithms" rule:"algorithm"`
}

// KnowsScopes reports whether the authorizer learns the scopes of an access
// token: from the provider's answer, or from a signature that it has verified.
func (a Authorizer) KnowsScopes() bool {
	return a.PhantomToken.Enabled || a.Provider.JWKSEndpoint != ""
}

// Values of PhantomToken.MediaType.
const (
	MediaTypeJWT    = "application/jwt"
	MediaTypeSigned = "application/token-introspection+jwt"
	MediaTypeJSON   = "application/json"
)

// validClaimHeaders keeps the headers of the gateway and of the protocol out.
func validClaimHeaders(headers Texts) bool {
	seen := map[string]bool{}
	for header, claim := range headers {
		name := strings.ToLower(header)
		reserved := strings.HasPrefix(name, "x-forwarded-") || strings.HasPrefix(name, "x-amz") || name == "x-request-id"
		if !strings.HasPrefix(name, "x-") || !madeOf(name, 3, 64, "-") || reserved || seen[name] || !isCredential(claim) || len(claim) > 128 {
			return false
		}
		seen[name] = true
	}
	return len(headers) <= 10
}

func isAudience(s string) bool {
	for _, c := range []byte(s) {
		if c <= 0x20 || c > 0x7e || c == ',' {
			return false
		}
	}
	return s != "" && len(s) <= 256
}

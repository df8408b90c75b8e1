package tokenhandler

import (
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"

	"github.com/tokenhandler/aws/internal/settings"
)

// Media types of [PhantomToken].
const (
	// IntrospectionJWT: the answer is a JWT, which goes upstream in the place of
	// the token (phantom tokens).
	IntrospectionJWT = settings.MediaTypeJWT
	// IntrospectionSigned: the answer is signed (RFC 9701); the token itself goes
	// upstream. Needs Props.VerifyTokens.
	IntrospectionSigned = settings.MediaTypeSigned
	// IntrospectionJSON: the answer of RFC 7662; the token itself goes upstream.
	IntrospectionJSON = settings.MediaTypeJSON
)

// PhantomToken has the authorizer ask the provider about every access token
// before it goes upstream: a revoked one goes nowhere. What is not a clear yes
// is refused, and while the provider does not answer nothing is let through.
type PhantomToken struct {
	// IntrospectionURL is the endpoint to ask: https (http for loopback names
	// only), with port and query as the provider wants them. May be a token.
	IntrospectionURL string

	// MediaType of the answer. Default: [IntrospectionJWT].
	MediaType string

	// MaxAge is how long an active token is not asked about again, in whole
	// seconds up to five minutes, and never longer than the token lives.
	// Default: one minute. Negative: not at all.
	MaxAge time.Duration

	// ClientID and ClientSecret are of the client that may introspect. Default:
	// those of Provider. With a ClientID and no ClientSecret, a secret is made
	// with a generated value, to be registered at the provider.
	ClientID     string
	ClientSecret awssecretsmanager.ISecret
}

// authorizerSettings are the authorizer's settings, without its secrets.
func authorizerSettings(p Props, shared settings.Shared) settings.Authorizer {
	s := settings.Authorizer{Shared: shared, AllowToken: p.AllowBearer, Audience: p.Audience, Caching: p.AuthorizerCaching.settings()}
	if p.VerifyTokens {
		s.Issuer, s.JWKSEndpoint = p.Provider.Issuer, p.Provider.JWKSEndpoint
	}
	if phantom := p.PhantomToken; phantom != nil {
		s.UsePhantomToken = true
		s.IntrospectionURL = phantom.IntrospectionURL
		s.IntrospectionMediaType = phantom.MediaType
		s.ClientID = phantom.ClientID
		if s.ClientID == "" {
			s.ClientID = p.Provider.ClientID
		}
		switch {
		case phantom.MaxAge < 0:
			s.IntrospectionMaxAge = "0"
		case phantom.MaxAge > 0:
			s.IntrospectionMaxAge = strconv.Itoa(int(phantom.MaxAge / time.Second))
		}
	}
	return s
}

// checkAccessTokens panics if what Props say of access tokens contradicts
// itself.
func checkAccessTokens(p Props, shared settings.Shared) {
	if p.VerifyTokens && p.Provider.JWKSEndpoint == "" {
		misuse("Props.Provider.JWKSEndpoint is empty: expected it with Props.VerifyTokens, since the authorizer does no discovery")
	}
	for i, audience := range p.Audience {
		if strings.Contains(audience, ",") { // the Lambda splits the list there
			misuse("Props.Audience[%d] is %q: expected one audience per element", i, audience)
		}
	}
	if phantom := p.PhantomToken; phantom != nil {
		if phantom.MaxAge > 0 && (phantom.MaxAge%time.Second != 0 || phantom.MaxAge > 5*time.Minute) {
			misuse("Props.PhantomToken.MaxAge is %s: expected whole seconds up to 5 minutes", phantom.MaxAge)
		}
		if phantom.ClientSecret != nil && phantom.ClientID == "" {
			misuse("Props.PhantomToken.ClientID is empty: expected the client that the ClientSecret is of")
		}
	}
	s := authorizerSettings(p, shared)
	err := settings.Check(s, isToken)
	if err == nil {
		if s.UsePhantomToken {
			s.ClientSecret = "given"
		}
		err = s.Complete()
	}
	if err != nil {
		misuse("%s", inAuthorizerWords(strings.TrimPrefix(err.Error(), "settings: ")))
	}
}

// inAuthorizerWords is inPropsWords for the authorizer's variables.
func inAuthorizerWords(message string) string {
	names := map[string]string{
		"ALLOW_TOKEN":              "Props.AllowBearer",
		"USE_PHANTOM_TOKEN":        "Props.PhantomToken",
		"INTROSPECTION_URL":        "Props.PhantomToken.IntrospectionURL",
		"INTROSPECTION_MEDIA_TYPE": "Props.PhantomToken.MediaType",
		"INTROSPECTION_MAX_AGE":    "Props.PhantomToken.MaxAge",
		"CLIENT_ID":                "Props.PhantomToken.ClientID",
		"ISSUER":                   "Props.Provider.Issuer",
		"JWKS_ENDPOINT":            "Props.VerifyTokens",
		"AUDIENCE":                 "Props.Audience",
		"CACHE_TTL":                "Props.AuthorizerCaching",
		"ROUTE_REQUIREMENTS":       "Scopes and Claims of routes",
		"UPSTREAMS":                "Upstream of routes",
	}
	return variableRE.ReplaceAllStringFunc(message, func(word string) string {
		if name, ok := names[word]; ok {
			return name
		}
		return inPropsWords(word)
	})
}

// introspectionSecret is the secret the authorizer gets, nil if it needs none.
func (h *TokenHandler) introspectionSecret(p Props) awssecretsmanager.ISecret {
	switch phantom := p.PhantomToken; {
	case phantom == nil:
		return nil
	case phantom.ClientSecret != nil:
		return phantom.ClientSecret
	case phantom.ClientID == "" && h.ClientSecret == nil:
		misuse("Props.PhantomToken.ClientID is empty: expected a client with a secret, Provider has none")
	case phantom.ClientID == "":
		return h.ClientSecret
	}
	return h.newSecret("IntrospectionSecret",
		"Client secret of the token handler's authorizer at the introspection endpoint: register it at the provider",
		nil, nil)
}

package settings

import (
	"errors"
	"slices"
	"strconv"
)

// KnowsScopes reports whether the authorizer will know what an access token is
// good for: from the provider's answer, or from a signature it has verified.
func (a Authorizer) KnowsScopes() bool { return a.UsePhantomToken || a.JWKSEndpoint != "" }

// Complete reports what is missing for what is switched on, and what is given
// for nothing: a secret that nobody needs is not to be there. It looks at no
// value's form; [Load] and [Check] do.
func (a Authorizer) Complete() error {
	var errs []error
	need := func(missing bool, message string) {
		if missing {
			errs = append(errs, errors.New(message))
		}
	}
	if a.UsePhantomToken {
		need(a.IntrospectionURL == "", "INTROSPECTION_URL is missing: expected the endpoint to ask, with USE_PHANTOM_TOKEN")
		need(a.ClientID == "", "CLIENT_ID is missing: expected the client of the introspection endpoint, with USE_PHANTOM_TOKEN")
		need(a.ClientSecret == "", "CLIENT_SECRET is missing: expected the secret of that client, with USE_PHANTOM_TOKEN")
		need(a.IntrospectionMediaType == MediaTypeSigned && a.JWKSEndpoint == "",
			"JWKS_ENDPOINT is missing: expected the keys to verify signed answers with, as INTROSPECTION_MEDIA_TYPE has it")
	} else {
		need(a.IntrospectionURL != "", "INTROSPECTION_URL is set: expected none without USE_PHANTOM_TOKEN")
		need(a.ClientSecret != "", "CLIENT_SECRET is set: expected none without USE_PHANTOM_TOKEN")
	}
	if a.JWKSEndpoint != "" {
		need(a.Issuer == "", "ISSUER is missing: expected it with JWKS_ENDPOINT")
		// Of a signed answer the audience is the client.
		signedAnswers := a.UsePhantomToken && a.IntrospectionMediaType == MediaTypeSigned
		need(len(a.Audience) == 0 && !signedAnswers, "AUDIENCE is missing: expected it with JWKS_ENDPOINT, or a token for any API of the issuer would do")
	}
	need(len(a.Audience) > 0 && !a.KnowsScopes(), "AUDIENCE is set: expected none without USE_PHANTOM_TOKEN or JWKS_ENDPOINT, nothing would look at it")
	need(a.RouteRequirements != "" && !a.KnowsScopes(),
		"ROUTE_REQUIREMENTS is set: expected none without USE_PHANTOM_TOKEN or JWKS_ENDPOINT, nothing would be known of the tokens")
	for _, fault := range a.cachingFaults() {
		need(true, fault)
	}
	for _, fault := range a.dpopFaults() {
		need(true, fault)
	}
	return join(errs)
}

// MaxAge is INTROSPECTION_MAX_AGE in seconds.
func (a Authorizer) MaxAge() int {
	if a.IntrospectionMaxAge == "" {
		return 60
	}
	n, _ := strconv.Atoi(a.IntrospectionMaxAge)
	return n
}

// Media types of introspection.
const (
	MediaTypeJWT    = "application/jwt"
	MediaTypeSigned = "application/token-introspection+jwt"
	MediaTypeJSON   = "application/json"
)

func isIntrospectionMediaType(s string) bool {
	return slices.Contains([]string{MediaTypeJWT, MediaTypeSigned, MediaTypeJSON}, s)
}

func isMaxAge(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && n <= 300 && s == strconv.Itoa(n)
}

func isAudience(s string) bool {
	for _, c := range []byte(s) {
		if c <= 0x20 || c > 0x7e || c == ',' {
			return false
		}
	}
	return s != "" && len(s) <= 256
}

func isRequirements(s string) bool { _, err := ParseRequirements(s); return err == nil }

// IsScopeToken reports whether s is one scope (RFC 6749 appendix A.4), of at
// most 128 characters.
func IsScopeToken(s string) bool { return isScopeToken(s) && len(s) <= 128 }

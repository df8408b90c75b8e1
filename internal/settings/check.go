package settings

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Check returns the faults of settings that the construct is about to write: s
// is a pointer to an [Agent], an [Authorizer] or a [Shared]. It does not look
// into secrets, which are references at synthesis, nor at values that opaque
// reports.
func Check(s any, opaque func(string) bool) Faults {
	c := NewChecker(s)
	c.Opaque, c.ShowValues = opaque, true
	c.check(s, variablesOf(s))
	return c.faults
}

func (c *Checker) check(s any, variables []Field) {
	for _, f := range variables {
		c.form(f)
	}
	if len(c.faults) > 0 {
		return
	}
	// The settings that these name with their values are of rules with a fixed
	// list of values, which the Lambdas may show.
	switch s := s.(type) {
	case *Shared:
		c.shared(s)
	case *Agent:
		c.shared(&s.Shared)
		c.agent(s)
	case *Authorizer:
		c.shared(&s.Shared)
		c.authorizer(s)
	}
}

// form checks a value by its rule. Empty values stand for the default.
func (c *Checker) form(f Field) {
	rule := rules[f.Tag("rule")]
	switch {
	case f.secret() && !c.loaded:
	case rule.duration != nil:
		if d := time.Duration(f.Value.Int()); d != 0 && !rule.duration(d) {
			c.show(f.Value, c.fault(f.Setting, "must be "+rule.expects))
		}
	case f.Value.Kind() == reflect.Slice:
		if f.Value.Len() > maxItems {
			c.fault(f.Setting, fmt.Sprintf("must have at most %d items, got %d", maxItems, f.Value.Len()))
		}
		for i, item := range f.texts() {
			if !rule.text(item) && !c.opaque(item) {
				f.item = i + 1
				c.show(f.Value.Index(i), c.fault(f.Setting, "must be "+rule.expects))
			}
		}
	case rule.text == nil:
	case f.Value.String() == "" && f.Tag("required") != "":
		c.fault(f.Setting, "is missing: it must be "+rule.expects)
	case f.Value.String() != "" && !rule.text(f.Value.String()) && !c.opaque(f.Value.String()):
		c.show(f.Value, c.fault(f.Setting, "must be "+rule.expects))
	}
}

func (c *Checker) shared(s *Shared) {
	_, prefix := cutNamePrefix(s.Cookies.NamePrefix)
	curity := s.Cookies.Format == FormatCurity
	c.Must(prefix == "" || curity, &s.Cookies.NamePrefix, "not begin with "+prefix+": the other settings decide which of __Host- and __Secure- applies")
	hostOnly := prefix == "__Host-" && curity
	// RFC 6265bis section 4.1.3.2: browsers drop others.
	c.Refuse(hostOnly && s.Cookies.Domain != "", &s.Cookies.Domain, "cannot be combined with a %s that begins with __Host-: browsers drop __Host- cookies that have a domain", &s.Cookies.NamePrefix)
	c.Refuse(hostOnly && s.Cookies.BasePath != "", &s.Cookies.BasePath, "cannot be combined with a %s that begins with __Host-: browsers drop __Host- cookies with a path other than /", &s.Cookies.NamePrefix)
	c.Refuse(curity && s.AccessTokens.DPoP, &s.AccessTokens.DPoP, "cannot be combined with %s curity: other implementations know no tokens that are bound to a key", &s.Cookies.Format)

	table := &s.Sessions
	c.Refuse(c.loaded && table.Table != "" && table.Key == "", &table.Key, "is required with %s", &table.Table)
	c.Refuse(table.Table == "" && table.Key != "", &table.Key, "requires %s", &table.Table)
	c.Refuse(table.Table != "" && curity, &table.Table, "cannot be combined with %s curity, whose access token cookie has no session", &s.Cookies.Format)

	device := &s.DeviceBinding
	c.Refuse(device.On() && curity, &device.Mode, "cannot be combined with %s curity, whose access token cookie names no device", &s.Cookies.Format)
	// Browsers renew the cookie at the host that set it.
	c.Refuse(device.On() && s.Cookies.Domain != "", &device.Mode, "cannot be combined with %s: the other hosts of the domain do not get the device cookie", &s.Cookies.Domain)

	key := &s.CookieKey
	c.Refuse(c.loaded && key.Key == "" && key.SecretARN == "", &key.Key, "is missing: it must be "+rules["key"].expects+", unless %s is set", &key.SecretARN)
	c.Refuse(key.Key != "" && key.SecretARN != "", &key.Key, "cannot be combined with %s", &key.SecretARN)
}

// Complete returns the missing settings and the contradictions of those that
// are switched on. It does not check the form of values.
func (a Authorizer) Complete() error {
	c := NewChecker(&a)
	c.authorizer(&a)
	return c.Err()
}

func (c *Checker) agent(a *Agent) {
	p, auth, requests := &a.Provider, &a.Provider.Authentication, &a.Provider.Requests
	c.Must(endsIn(a.Cookies.BasePath, a.Application.AgentPath), &a.Cookies.BasePath,
		"end in %s, as browsers see it, or they never send the cookies there", &a.Application.AgentPath)
	c.Refuse(a.Session.IdleLifetime != 0 && a.Cookies.Format == FormatCurity, &a.Session.IdleLifetime, "cannot be combined with %s curity, whose access token cookie has no expiry", &a.Cookies.Format)
	c.Refuse(a.Session.Lifetime != 0 && a.Cookies.Format == FormatCurity, &a.Session.Lifetime, "cannot be combined with %s curity, whose access token cookie has no expiry", &a.Cookies.Format)

	// A value of version 1 opens under every name: the page could be given a
	// refresh token.
	c.Refuse(a.Session.TokenMediation && a.Cookies.Format == FormatCurity, &a.Session.TokenMediation, "cannot be combined with %s curity, whose cookies do not tell an access token from a refresh token", &a.Cookies.Format)
	c.Refuse(a.Session.IDTokenHint && a.Session.OmitIDToken, &a.Session.IDTokenHint, "cannot be combined with %s: the cookies carry no ID token to send", &a.Session.OmitIDToken)

	// OpenID Connect Core section 3.1.2.1: requests "MUST contain the openid scope value".
	openid := slices.Contains(strings.Split(p.Scope, " "), "openid")
	c.Must(openid || !p.OpenID(), &p.Scope, "contain openid with %s "+p.Profile, &p.Profile)
	c.Must(!openid || p.OpenID(), &p.Scope, "not contain openid with %s "+p.Profile+", whose ID tokens are not verified", &p.Profile)

	c.Must(!severalTenants(p.Issuer), &p.Issuer, "name one tenant: replace common, organizations or consumers by the tenant's id")
	c.Must(validParameters(p.Requests.Parameters), &p.Requests.Parameters, "be "+rules["parameters"].expects)

	method := p.AuthenticationMethod()
	c.Refuse(p.NeedsSecret() && p.ClientSecret == "", &p.ClientSecret, "is required with %s "+method, &auth.Method)
	c.Refuse(!p.NeedsSecret() && p.ClientSecret != "", &p.ClientSecret, "cannot be combined with %s "+method, &auth.Method)

	signs := method == PrivateKeyJWT || requests.Sign
	key, kms := auth.PrivateKey != "", auth.KMSKey != ""
	c.Refuse(signs && !key && !kms, &auth.PrivateKey, "or %s is required, to sign with", &auth.KMSKey)
	c.Refuse(key && kms, &auth.PrivateKey, "cannot be combined with %s", &auth.KMSKey)
	c.Refuse(!signs && key, &auth.PrivateKey, "requires %s private_key_jwt or %s", &auth.Method, &requests.Sign)
	c.Refuse(!signs && kms, &auth.KMSKey, "requires %s private_key_jwt or %s", &auth.Method, &requests.Sign)
	c.Refuse(kms && strings.HasPrefix(auth.Algorithm, "Ed"), &auth.Algorithm, auth.Algorithm+" cannot be combined with %s", &auth.KMSKey)

	tls := method == TLSClientAuth
	c.Refuse(tls && auth.Certificate == "", &auth.Certificate, "is required with %s "+method, &auth.Method)
	c.Refuse(tls && auth.CertificateKey == "", &auth.CertificateKey, "is required with %s "+method, &auth.Method)
	c.Refuse(!tls && auth.Certificate != "", &auth.Certificate, "requires %s tls_client_auth", &auth.Method)
	c.Refuse(!tls && auth.CertificateKey != "", &auth.CertificateKey, "requires %s tls_client_auth", &auth.Method)

	bearerOnly := p.Profile == ProfileCognito || p.Profile == ProfileGitHub
	c.Refuse(p.Profile == ProfileCognito && a.Application.PostLogoutRedirectURI == "", &a.Application.PostLogoutRedirectURI, "is required with %s cognito, whose logout needs it", &p.Profile)
	c.Refuse(requests.ResponseMode != "" && p.Profile == ProfileGitHub, &requests.ResponseMode, "cannot be combined with %s github", &p.Profile)
	c.Refuse(requests.EssentialACR && !p.OpenID(), &requests.EssentialACR, "cannot be combined with %s "+p.Profile+", which has no ID tokens", &p.Profile)
	allowed := requests.ExtraParameters
	c.Refuse(requests.EssentialACR && len(allowed) > 0 && !slices.Contains(allowed, "acr_values"), &requests.EssentialACR, "requires acr_values in %s", &requests.ExtraParameters)
	c.Refuse(!p.OpenID() && slices.Contains(allowed, "max_age"), &requests.ExtraParameters, "must not contain max_age with %s "+p.Profile+": without ID tokens the time of sign-in is unknown", &p.Profile)
	c.Refuse(a.AccessTokens.DPoP && a.Session.TokenMediation, &a.Session.TokenMediation, "cannot be combined with %s: a page has no key to use such a token with", &a.AccessTokens.DPoP)
	c.Refuse(a.AccessTokens.DPoP && bearerOnly, &a.AccessTokens.DPoP, "cannot be combined with %s "+p.Profile+", which issues bearer tokens only", &p.Profile)
}

func (c *Checker) authorizer(a *Authorizer) {
	p, tokens, cache, jwks := &a.PhantomToken, &a.AccessTokens, &a.AuthorizerCaching, &a.Provider.JWKSEndpoint
	signedResponses := p.Enabled && p.MediaType == MediaTypeSigned
	c.Refuse(p.Enabled && p.IntrospectionURL == "", &p.IntrospectionURL, "is required with %s", &p.Enabled)
	c.Refuse(p.Enabled && p.ClientID == "", &p.ClientID, "is required with %s", &p.Enabled)
	c.Refuse(p.Enabled && p.ClientSecret == "", &p.ClientSecret, "is required with %s", &p.Enabled)
	c.Refuse(!p.Enabled && p.IntrospectionURL != "", &p.IntrospectionURL, "requires %s", &p.Enabled)
	c.Refuse(!p.Enabled && p.ClientSecret != "", &p.ClientSecret, "requires %s", &p.Enabled)
	c.Refuse(signedResponses && *jwks == "", jwks, "is required with %s "+MediaTypeSigned+", to verify the responses with", &p.MediaType)

	c.Refuse(*jwks != "" && a.Provider.Issuer == "", &a.Provider.Issuer, "is required with %s", jwks)
	// The audience of a signed response is the client.
	cognito := a.Provider.Profile == ProfileCognito && a.Provider.ClientID != ""
	c.Refuse(*jwks != "" && len(tokens.Audience) == 0 && !signedResponses && !cognito, &tokens.Audience, "is required with %s: without it, a token for any API of the issuer would be accepted", jwks)
	c.Refuse(len(tokens.Audience) > 0 && !a.KnowsScopes(), &tokens.Audience, "requires %s or %s", &p.Enabled, jwks)
	c.Must(a.Provider.ClientID == "" || !slices.Contains(tokens.Audience, a.Provider.ClientID), &tokens.Audience, "not contain the client's id, which is the audience of ID tokens")
	c.Refuse(tokens.Issuer != "" && !a.KnowsScopes(), &tokens.Issuer, "requires %s or %s", &p.Enabled, jwks)
	c.Must(validClaimHeaders(tokens.ClaimHeaders), &tokens.ClaimHeaders, "be "+rules["claimheaders"].expects)
	c.Refuse(len(tokens.ClaimHeaders) > 0 && !a.KnowsScopes(), &tokens.ClaimHeaders, "requires %s or %s: claims of an unverified token must not reach an API", &p.Enabled, jwks)
	c.Refuse(tokens.RequireType && *jwks == "", &tokens.RequireType, "requires %s", jwks)
	c.Refuse(a.RouteRequirements.demands() && !a.KnowsScopes(), &a.RouteRequirements, "requires %s or %s", &p.Enabled, jwks)

	x := &a.TokenExchange
	c.Refuse(a.RouteRequirements.exchanges() && x.URL == "", &x.URL, "is required with an exchange in %s", &a.RouteRequirements)
	c.Refuse(x.URL != "" && x.ClientID == "", &x.ClientID, "is required with %s", &x.URL)
	c.Refuse(x.URL != "" && x.ClientSecret == "", &x.ClientSecret, "is required with %s", &x.URL)
	c.Refuse(x.URL == "" && x.ClientID != "", &x.ClientID, "requires %s", &x.URL)
	c.Refuse(x.URL == "" && x.ClientSecret != "", &x.ClientSecret, "requires %s", &x.URL)
	// The proof is for the session's key, and an exchanged token is bound to no key.
	c.Refuse(x.URL != "" && tokens.DPoP, &x.URL, "cannot be combined with %s: an exchanged token is bound to no key", &tokens.DPoP)

	c.Refuse(cache.TTL == 0 && cache.Dialect != "", &cache.Dialect, "requires %s", &cache.TTL)
	c.Refuse(cache.TTL != 0 && cache.Dialect == "", &cache.Dialect, "is required with %s", &cache.TTL)
	// A caller without cookies has no key, and API Gateway refuses it before the
	// authorizer runs.
	c.Refuse(cache.TTL != 0 && tokens.AllowToken, &cache.TTL, "cannot be combined with %s", &tokens.AllowToken)
	// A cached result serves every path with the same key.
	c.Refuse(cache.TTL != 0 && len(a.RouteRequirements) > 0, &cache.TTL, "cannot be combined with %s", &a.RouteRequirements)
	// RFC 9449 section 11.1: a server may accept a proof only once.
	c.Refuse(cache.TTL != 0 && tokens.DPoP, &cache.TTL, "cannot be combined with %s: a proof is for one request", &tokens.DPoP)

	c.Refuse(len(a.Upstreams) > 0 && !tokens.DPoP, &a.Upstreams, "requires %s", &tokens.DPoP)
	// The JWT that replaces the token is bound to no key, and introspection
	// accepts bearer tokens only.
	c.Refuse(tokens.DPoP && p.Enabled, &p.Enabled, "cannot be combined with %s: a phantom token is bound to no key", &tokens.DPoP)
	// Proofs of callers are for this API, not for the upstream API.
	c.Refuse(tokens.DPoP && tokens.AllowToken, &tokens.AllowToken, "cannot be combined with %s: there is no key for a caller's token", &tokens.DPoP)
}

// Package settings is the one definition of the two Lambdas' settings.
//
// The infrastructure fills a struct and writes it as environment variables
// with [Variables]; the Lambdas read the same struct back with [Load]. Nobody
// else spells a variable's name.
//
// Names follow existing token handlers where they have the same thing. Lists
// are comma-separated and trimmed. URLs are https; http is accepted for
// loopback names only. A missing or malformed setting is an error that names
// the variable and never shows its value.
package settings

import "github.com/tokenhandler/aws/internal/contract"

// Shared holds what both Lambdas must agree on, since they read each other's
// cookies, and what is the same for both.
type Shared struct {
	TrustedWebOrigins []string `env:"TRUSTED_WEB_ORIGINS" rule:"origin" doc:"Origins of the single page applications, exactly as browsers send them in the Origin header. An empty list trusts nobody."`
	CookieNamePrefix  string   `env:"COOKIE_NAME_PREFIX" rule:"prefix" default:"th" doc:"Cookies are named __Host-<prefix>-at, -auth, -id, -csrf and -login-<n>; with COOKIE_FORMAT curity the prefix stands alone."`
	CSRFHeader        string   `env:"CSRF_HEADER" rule:"csrfheader" optional:"true" doc:"Request header that carries the double submit value. Default: x-<prefix>-csrf."`

	CookieFormat   string `env:"COOKIE_FORMAT" rule:"cookieformat" default:"sealed" doc:"Form of the access token and CSRF cookies: sealed, or curity for those of Curity's open-source token handler. The latter binds them to no name, session or expiry: only while another implementation must read them."`
	CookieDomain   string `env:"COOKIE_DOMAIN" rule:"domain" optional:"true" doc:"Domain of the cookies, such as example.com, whose names then begin with __Secure-. Every host below it gets them, and may plant some. Default: the API's own host only."`
	CookieBasePath string `env:"COOKIE_BASE_PATH" rule:"path" optional:"true" doc:"Path of the refresh token and ID token cookies, whose names then begin with __Secure-: the agent's path as browsers see it, such as /api/oauth-agent. Requests to the protected API then do not carry them. Default: /."`

	DPoP bool `env:"DPOP" rule:"bool" optional:"true" doc:"true: access tokens are bound to a key of the session (RFC 9449), and upstream APIs get a proof with each request. Default: false, bearer tokens."`

	EncryptionKey          Secret   `env:"ENCRYPTION_KEY" rule:"key" optional:"true" doc:"Key that seals the cookies: 64 hexadecimal characters (32 bytes). Needed without ENCRYPTION_KEY_SECRET_ARN."`
	EncryptionKeySecretARN string   `env:"ENCRYPTION_KEY_SECRET_ARN" rule:"secretarn" optional:"true" doc:"Secret in Secrets Manager to get the key from at start, instead of ENCRYPTION_KEY: its versions AWSCURRENT and AWSPREVIOUS open, and AWSPREVIOUS seals until AWSCURRENT is ten minutes old."`
	PreviousEncryptionKeys []Secret `env:"PREVIOUS_ENCRYPTION_KEYS" rule:"key" optional:"true" doc:"Keys that still open cookies sealed before a rotation; at most 4."`

	Metrics string `env:"METRICS" rule:"metrics" default:"emf" doc:"Whether decisions, requests and latencies are written to the log in the CloudWatch embedded metric format, of which CloudWatch makes metrics: emf or none."`
}

// Authorizer holds the settings of the OAuth proxy Lambda. What is switched on
// needs some of the others: see [Authorizer.Complete].
type Authorizer struct {
	Shared
	Caching

	AllowToken bool `env:"ALLOW_TOKEN" rule:"bool" optional:"true" doc:"true lets callers in that bring an access token of their own (Authorization: Bearer) instead of a session. Default: false."`

	UsePhantomToken        bool   `env:"USE_PHANTOM_TOKEN" rule:"bool" optional:"true" doc:"true asks the provider about every access token before it goes upstream. Default: false."`
	IntrospectionURL       string `env:"INTROSPECTION_URL" rule:"url" optional:"true" doc:"Introspection endpoint (RFC 7662)."`
	IntrospectionMediaType string `env:"INTROSPECTION_MEDIA_TYPE" rule:"introspection" default:"application/jwt" doc:"Form of the answer to ask for: application/jwt, a JWT that replaces the token; application/token-introspection+jwt, signed (RFC 9701); application/json."`
	IntrospectionMaxAge    string `env:"INTROSPECTION_MAX_AGE" rule:"maxage" default:"60" doc:"Seconds for which an active token is not asked about again, at most; 0 to 300."`
	ClientID               string `env:"CLIENT_ID" rule:"credential" optional:"true" doc:"Client identifier for the introspection endpoint."`
	ClientSecret           Secret `env:"CLIENT_SECRET" rule:"credential" optional:"true" doc:"Client secret for the introspection endpoint, sent with client_secret_basic."`

	Issuer       string   `env:"ISSUER" rule:"issuer" optional:"true" doc:"Issuer that access tokens must name."`
	JWKSEndpoint string   `env:"JWKS_ENDPOINT" rule:"url" optional:"true" doc:"JWK set of the issuer. Where given, what is signed is verified: access tokens, or the answers of the introspection endpoint."`
	Audience     []string `env:"AUDIENCE" rule:"audience" optional:"true" doc:"Audiences of which access tokens must name one."`

	RouteRequirements string `env:"ROUTE_REQUIREMENTS" rule:"requirements" optional:"true" doc:"What routes demand of the access token, as JSON: {\"GET /orders\":{\"scope\":\"orders.read\"}}."`

	Upstreams string `env:"UPSTREAMS" rule:"upstreams" optional:"true" doc:"Where routes lead to, as JSON: {\"GET /orders/{id}\":\"https://orders.internal.example/v1/orders/{id}\"}. Needed with DPOP: proofs are for these URLs."`
}

// Agent holds the settings of the OAuth agent Lambda. Some need others: see
// [Agent.Complete].
type Agent struct {
	Shared
	Session
	Client

	Issuer       string `env:"ISSUER" rule:"issuer" doc:"Issuer identifier of the OpenID Provider. Endpoints that are not given are discovered from it at first use."`
	ClientID     string `env:"CLIENT_ID" rule:"credential" doc:"Client identifier registered at the provider."`
	ClientSecret Secret `env:"CLIENT_SECRET" rule:"credential" optional:"true" doc:"Client secret, for client_secret_basic and client_secret_post."`
	Scope        string `env:"SCOPE" rule:"scope" default:"openid" doc:"Scopes to ask for, separated by spaces; must contain openid at an OpenID Provider, and not at another."`

	RedirectURI           string `env:"REDIRECT_URI" rule:"url" doc:"Page of the single page application the provider returns to; registered at the provider."`
	PostLogoutRedirectURI string `env:"POST_LOGOUT_REDIRECT_URI" rule:"url" optional:"true" doc:"Page the provider returns to after sign-out; registered at the provider."`

	AuthorizeEndpoint string `env:"AUTHORIZE_ENDPOINT" rule:"url" optional:"true" doc:"Authorization endpoint; overrides discovery."`
	TokenEndpoint     string `env:"TOKEN_ENDPOINT" rule:"url" optional:"true" doc:"Token endpoint; overrides discovery."`
	UserInfoEndpoint  string `env:"USERINFO_ENDPOINT" rule:"url" optional:"true" doc:"UserInfo endpoint; overrides discovery."`
	JWKSEndpoint      string `env:"JWKS_ENDPOINT" rule:"url" optional:"true" doc:"JWK set of the provider; overrides discovery."`
	LogoutEndpoint    string `env:"LOGOUT_ENDPOINT" rule:"url" optional:"true" doc:"End session endpoint (RP-initiated logout); overrides discovery."`

	BasePath string `env:"AGENT_BASE_PATH" rule:"path" default:"/oauth-agent" doc:"Path under which the agent's endpoints are served."`
}

// CSRFHeaderName is the header of the double submit: the one set, or
// x-<prefix>-csrf.
func (s Shared) CSRFHeaderName() string {
	if s.CSRFHeader != "" {
		return s.CSRFHeader
	}
	return contract.CSRFHeader(s.CookieNamePrefix)
}

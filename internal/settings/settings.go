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

// Shared holds what both Lambdas must agree on: they read each other's cookies.
type Shared struct {
	TrustedWebOrigins []string `env:"TRUSTED_WEB_ORIGINS" rule:"origin" doc:"Origins of the single page applications, exactly as browsers send them in the Origin header. An empty list trusts nobody."`
	CookieNamePrefix  string   `env:"COOKIE_NAME_PREFIX" rule:"prefix" default:"th" doc:"Cookies are named __Host-<prefix>-at, -auth, -id, -csrf and -login-<n>."`
	CSRFHeader        string   `env:"CSRF_HEADER" rule:"csrfheader" optional:"true" doc:"Request header that carries the double submit value. Default: x-<prefix>-csrf."`

	EncryptionKey          Secret   `env:"ENCRYPTION_KEY" rule:"key" doc:"Key that seals the cookies: 64 hexadecimal characters (32 bytes)."`
	PreviousEncryptionKeys []Secret `env:"PREVIOUS_ENCRYPTION_KEYS" rule:"key" optional:"true" doc:"Keys that still open cookies sealed before a rotation; at most 4."`
}

// Authorizer holds the settings of the OAuth proxy Lambda.
type Authorizer struct {
	Shared
}

// Agent holds the settings of the OAuth agent Lambda.
type Agent struct {
	Shared

	Issuer       string `env:"ISSUER" rule:"issuer" doc:"Issuer identifier of the OpenID Provider. Endpoints that are not given are discovered from it at first use."`
	ClientID     string `env:"CLIENT_ID" rule:"credential" doc:"Client identifier registered at the provider."`
	ClientSecret Secret `env:"CLIENT_SECRET" rule:"credential" doc:"Client secret, sent with client_secret_basic."`
	Scope        string `env:"SCOPE" rule:"scope" default:"openid" doc:"Scopes to ask for, separated by spaces; must contain openid."`

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
	return "x-" + s.CookieNamePrefix + "-csrf"
}

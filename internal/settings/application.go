package settings

// Application is the single page application, or several that share sessions.
type Application struct {
	// TrustedWebOrigins are the origins of the applications, exactly as browsers
	// send them in the Origin header: https (http for loopback names only), lower
	// case, no path, no wildcard. An empty list trusts no origin.
	TrustedWebOrigins []string `env:"TRUSTED_WEB_ORIGINS" json:"origins" rule:"origin" required:"true"`

	// SameOriginReads trusts GET and HEAD requests without an Origin header if the
	// browser says that they come from a page on the API's own host. Set it if a
	// distribution or proxy of yours serves the application on that host. A site
	// of the construct, and a domain that is a trusted origin, set it.
	SameOriginReads bool `env:"SAME_ORIGIN_READS" json:"sameOriginReads"`

	// RedirectURI is the page to which the provider returns, on one of the
	// trusted origins. It must be registered at the provider.
	RedirectURI string `env:"REDIRECT_URI" json:"redirectUri" lambda:"agent" rule:"url" required:"true"`

	// PostLogoutRedirectURI is the page to which the provider returns after
	// sign-out. It must be registered at the provider.
	PostLogoutRedirectURI string `env:"POST_LOGOUT_REDIRECT_URI" json:"postLogoutRedirectUri" lambda:"agent" rule:"url"`

	// AgentPath is the path of the agent's endpoints.
	AgentPath string `env:"AGENT_BASE_PATH,always" json:"agentPath" lambda:"agent" rule:"path" default:"/oauth-agent"`
}

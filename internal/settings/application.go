package settings

import (
	"slices"

	"github.com/tokenhandler/aws/internal/preview"
)

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

	// OtherRedirectURIs are further pages to which the provider may return, each on
	// one of the trusted origins and registered at the provider. The page that
	// starts a login gets the first one on its own origin, or the one that it asks
	// for: https://admin.example.com/callback.
	OtherRedirectURIs []string `env:"OTHER_REDIRECT_URIS" json:"otherRedirectUris" lambda:"agent" rule:"url"`

	// PreviewOrigin trusts the origins of preview deployments:
	// https://*.preview.example.com. The wildcard stands for exactly one label, and
	// the host below it must be on the site of a trusted origin and not be a public
	// suffix. Whoever can publish a page on such a host acts as the user who opens
	// it. A preview has the path of RedirectURI on its own origin as redirect URI.
	PreviewOrigin string `env:"PREVIEW_ORIGIN" json:"previewOrigin" rule:"preview"`

	// PostLogoutRedirectURI is the page to which the provider returns after
	// sign-out. It must be registered at the provider.
	PostLogoutRedirectURI string `env:"POST_LOGOUT_REDIRECT_URI" json:"postLogoutRedirectUri" lambda:"agent" rule:"url"`

	// AgentPath is the path of the agent's endpoints.
	AgentPath string `env:"AGENT_BASE_PATH,always" json:"agentPath" lambda:"agent" rule:"path" default:"/oauth-agent"`
}

// Trusts reports whether pages of an origin may use the session.
func (a *Application) Trusts(origin string) bool {
	return slices.Contains(a.TrustedWebOrigins, origin) || preview.Matches(a.PreviewOrigin, origin)
}

// RedirectURIs returns the redirect URIs of logins that a page of an origin
// starts: of a preview its own, otherwise all that are configured.
func (a *Application) RedirectURIs(origin string) []string {
	if !slices.Contains(a.TrustedWebOrigins, origin) && preview.Matches(a.PreviewOrigin, origin) {
		return []string{preview.Page(origin, a.RedirectURI)}
	}
	return append([]string{a.RedirectURI}, a.OtherRedirectURIs...)
}

package settings

import "time"

// Session holds how long sessions last, how they end, and whether pages may
// have the access token.
type Session struct {
	// IdleLifetime ends a session that has not been refreshed for this long:
	// whole seconds, up to a year. Default: as long as the provider accepts the
	// refresh token.
	IdleLifetime time.Duration `env:"SESSION_IDLE_LIFETIME" json:"sessionIdleLifetime" rule:"lifetime"`

	// Lifetime ends a session this long after sign-in, however often it was
	// refreshed: whole seconds, up to a year. Default: as long as the provider
	// accepts the refresh token.
	Lifetime time.Duration `env:"SESSION_LIFETIME" json:"sessionLifetime" rule:"lifetime"`

	// Logout is where signing out ends the session: provider sends the page on
	// to the provider's logout, local does not.
	Logout string `env:"LOGOUT" json:"logout" rule:"logout" default:"provider"`

	// IDTokenHint puts the ID token into the logout URL as id_token_hint, so that
	// the provider does not have to ask who signs out. The page, and everything
	// that sees its URLs, then sees the ID token.
	IDTokenHint bool `env:"ID_TOKEN_HINT" json:"idTokenHint"`

	// TokenMediation adds POST <AgentPath>/token, which gives the access token
	// to the page. Any script in the page can then take it away. It is for pages
	// that must call APIs that are not behind this API.
	TokenMediation bool `env:"TOKEN_MEDIATION" json:"tokenMediation"`
}

// Values of Session.Logout.
const (
	LogoutProvider = "provider"
	LogoutLocal    = "local"
)

// maxLifetime keeps a lifetime in the range that dates can be computed with.
const maxLifetime = 365 * 24 * time.Hour

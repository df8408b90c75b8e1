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

	// CookieLifetime is how long browsers keep the session's cookies after a
	// sign-in or refresh, also when they are restarted: whole seconds, up to a
	// year. iOS and installed web applications often drop cookies without it.
	// Default: until the browser closes.
	CookieLifetime time.Duration `env:"COOKIE_LIFETIME" json:"cookieLifetime" rule:"lifetime"`

	// OmitIDToken keeps the ID token out of the cookies, except the claims iss,
	// sub, aud, nonce and sid, which a refresh compares. The endpoints session and
	// claims then return only those.
	OmitIDToken bool `env:"OMIT_ID_TOKEN" json:"omitIdToken"`

	// Logout is where signing out ends the session: provider sends the page on to
	// the provider's logout, local does not.
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

// Sessions is the table of the sessions. Without it the agent records no sessions.
type Sessions struct {
	// Table is the name of the DynamoDB table.
	Table string `env:"SESSIONS_TABLE" rule:"table"`
	// Key hashes the search keys of the table: 64 hexadecimal characters (32
	// bytes). It must not change while sessions last.
	Key Secret `env:"SESSIONS_KEY" rule:"key"`
	// Repeat is how long the repetition of a refresh gets the same session,
	// without another call to the provider: whole seconds up to five minutes.
	Repeat time.Duration `env:"SESSIONS_REPEAT" json:"repeat" lambda:"agent" rule:"repeat" default:"1m0s"`
}

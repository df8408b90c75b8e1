package settings

import (
	"fmt"
	"time"
)

// Session holds how long sessions last, how they end, and whether pages may
// have the access token.
type Session struct {
	SessionIdleLifetime string `env:"SESSION_IDLE_LIFETIME" rule:"duration" optional:"true" doc:"How long a session lasts without a refresh, such as 30m. Default: as long as the provider honours the refresh token."`
	SessionLifetime     string `env:"SESSION_LIFETIME" rule:"duration" optional:"true" doc:"How long a session lasts at most, such as 8h; no refresh extends it. Default: as long as the provider honours the refresh token."`

	Logout      string `env:"LOGOUT" rule:"logout" default:"provider" doc:"Where signing out ends the session: provider (the page is sent on to the provider's logout) or local (the session at the provider goes on)."`
	IDTokenHint bool   `env:"ID_TOKEN_HINT" rule:"bool" optional:"true" doc:"true: the logout URL carries the ID token as id_token_hint, so that the provider need not ask. The page then sees the ID token."`

	TokenMediation bool `env:"TOKEN_MEDIATION" rule:"bool" optional:"true" doc:"true: POST token gives the access token to the page. Scripts in the page can then take it away."`
}

// Lifetimes returns the two lifetimes; zero stands for none.
func (s Session) Lifetimes() (idle, absolute time.Duration) {
	idle, _ = duration(s.SessionIdleLifetime)
	absolute, _ = duration(s.SessionLifetime)
	return idle, absolute
}

// faults refuses bounds that could not be kept: of a session that is over, the
// authorizer knows by nothing but the expiry in the cookie.
func (s Session) faults(cookieFormat string) []error {
	var errs []error
	for name, value := range map[string]string{"SESSION_IDLE_LIFETIME": s.SessionIdleLifetime, "SESSION_LIFETIME": s.SessionLifetime} {
		if value != "" && cookieFormat == FormatCurity {
			errs = append(errs, fmt.Errorf("%s is set: expected none with COOKIE_FORMAT curity, whose access token cookie has no expiry", name))
		}
	}
	return errs
}

// maxDuration keeps a lifetime below that of anything it could be held to.
const maxDuration = 365 * 24 * time.Hour

func duration(s string) (time.Duration, bool) {
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= time.Second && d <= maxDuration && d%time.Second == 0
}

func isDuration(s string) bool {
	_, ok := duration(s)
	return ok
}

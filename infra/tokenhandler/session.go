package tokenhandler

import (
	"time"

	"github.com/tokenhandler/aws/internal/settings"
)

// sessionSettings are the settings that say how sessions last and end.
func (p Props) sessionSettings() settings.Session {
	return settings.Session{
		SessionIdleLifetime: lifetime(p.SessionIdleLifetime),
		SessionLifetime:     lifetime(p.SessionLifetime),
		Logout:              p.Logout,
		IDTokenHint:         p.IDTokenHint,
		TokenMediation:      p.TokenMediation,
	}
}

// lifetime leaves none out of the environment.
func lifetime(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

package oauthagent

import (
	"crypto/rand"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
)

// Lifetimes bound a session. The provider may refuse its refresh token earlier.
// Zero means no bound.
//
// Turning a bound on, or lowering it, applies to existing sessions. Access
// tokens from before keep the expiry that is sealed with them.
type Lifetimes struct {
	// Idle ends a session that is not refreshed for this long. Only a refresh
	// extends it. The access token's cookie expires after half of it, and the page
	// is told this expiry: a page that uses the API refreshes in time. A session
	// without a refresh token always ends after Idle.
	Idle time.Duration
	// Absolute ends a session this long after its login.
	Absolute time.Duration
}

// clockLeeway is the largest expected difference between the clocks of two
// Lambdas.
const clockLeeway = time.Minute

// newSession returns the id of a session that starts now: 6 bytes of Unix
// milliseconds, then random, as in a UUID of version 7 (RFC 9562 section 5.7).
//
// The start is in the id because every cookie of the session has the id,
// sealed, and a refresh keeps it. So old, mixed or missing cookies never make a
// session younger.
func newSession(now time.Time) (id cookie.SessionID) {
	rand.Read(id[6:]) // never fails: crypto/rand ends the program instead
	for i, ms := 5, now.UnixMilli(); i >= 0; i, ms = i-1, ms>>8 {
		id[i] = byte(ms)
	}
	return id
}

func startOf(id cookie.SessionID) time.Time {
	var ms int64
	for _, b := range id[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms)
}

// over reports whether the session of a request has reached a bound. A session
// without a time has reached every bound.
func (l Lifetimes) over(id cookie.SessionID, refresh cookie.Content, now time.Time) bool {
	start := startOf(id)
	switch {
	case l.Absolute > 0 && (start.After(now.Add(clockLeeway)) || !now.Before(start.Add(l.Absolute))):
		return true
	case l.Idle > 0 && refresh.Token != "" && refresh.Expires.IsZero():
		return true
	}
	return false
}

// bound lowers the expiry of the access token to the end of the session. The
// authorizer compares the expiry in the cookie.
func (l Lifetimes) bound(id cookie.SessionID, tokens oauth.Tokens, now time.Time) oauth.Tokens {
	idle := l.Idle
	if tokens.RefreshToken != "" {
		idle /= 2
	}
	tokens.Expires = earliest(tokens.Expires, after(now, idle), l.end(id))
	return tokens
}

// refreshExpiry returns when a refresh token received now stops counting: the
// session has then been idle for too long, or has reached its end.
func (l Lifetimes) refreshExpiry(id cookie.SessionID, now time.Time) time.Time {
	return earliest(after(now, l.Idle), l.end(id))
}

func (l Lifetimes) end(id cookie.SessionID) time.Time { return after(startOf(id), l.Absolute) }

// after and earliest treat zero as "never".
func after(t time.Time, d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return t.Add(d)
}

func earliest(times ...time.Time) (first time.Time) {
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

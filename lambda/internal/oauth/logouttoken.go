package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/jwt"
	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

// LogoutToken tells which sessions a provider has ended (OpenID Connect
// Back-Channel Logout 1.0 section 2.4). Subject or SID is set.
type LogoutToken struct {
	ID      string // unique
	Subject string
	SID     string
	// Until is when the token is of no more use.
	Until time.Time
}

const (
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	// maxLogoutAge bounds a token without exp, and one whose exp is far.
	maxLogoutAge = 5 * time.Minute
)

// LogoutToken validates a logout token (section 2.6). Whether its ID has been
// used before is the caller's to check.
func (c *Client) LogoutToken(ctx context.Context, text string) (LogoutToken, error) {
	fail := func(reason string) (LogoutToken, error) {
		return LogoutToken{}, &Error{Unacceptable, "logout token: " + reason}
	}
	p, err := c.provider(ctx, func(e *endpoints) bool { return e.JWKS != "" })
	if err != nil {
		return LogoutToken{}, err
	}
	signed, err := p.keys.Verify(ctx, text)
	switch {
	case errors.Is(err, jwt.ErrInvalid):
		return fail("not a JWT that the provider signed with an accepted algorithm")
	case err != nil:
		return LogoutToken{}, &Error{Unavailable, err.Error()}
	// Section 2.4 recommends the type; an access token or another kind of JWT has
	// its own.
	case signed.Type != "logout+jwt" && signed.Type != "jwt" && signed.Type != "":
		return fail("it has the type of another kind of token")
	}
	return c.readLogoutToken(signed.Payload)
}

// readLogoutToken checks the claims of a logout token.
func (c *Client) readLogoutToken(payload []byte) (LogoutToken, error) {
	fail := func(reason string) (LogoutToken, error) {
		return LogoutToken{}, &Error{Unacceptable, "logout token: " + reason}
	}
	members, err := strictjson.Object(payload)
	if err != nil {
		return fail("expected a JSON object without duplicate names")
	}
	claims := idClaims(members)
	issuer, err1 := claims.text("iss")
	subject, err2 := claims.text("sub")
	sid, err3 := claims.text("sid")
	id, err4 := claims.text("jti")
	audience, err5 := claims.audience()
	issued, err6 := claims.time("iat")
	expires, err7 := claims.time("exp")
	if errors.Join(err1, err2, err3, err4, err5, err6, err7) != nil {
		return fail("a claim has the wrong type")
	}
	now := c.config.Now()
	until := issued.Add(maxLogoutAge)
	if !expires.IsZero() && expires.Before(until) {
		until = expires
	}
	_, hasNonce := members["nonce"]
	switch {
	case issuer != c.config.Issuer:
		return fail("iss is not the configured issuer")
	case !slices.Contains(audience, c.config.ClientID):
		return fail("aud is not this client")
	case issued.IsZero():
		return fail("iat is missing")
	case issued.After(now.Add(leeway)):
		return fail("iat is in the future")
	case !now.Before(until.Add(leeway)):
		return fail("it is too old")
	case id == "":
		return fail("jti is missing")
	case !isLogoutEvent(members["events"]):
		return fail("events does not have the event of a logout")
	// "A nonce Claim MUST NOT be present", so that no ID token passes for a logout
	// token.
	case hasNonce:
		return fail("it has a nonce")
	case subject == "" && sid == "":
		return fail("sub and sid are missing")
	}
	return LogoutToken{ID: id, Subject: subject, SID: sid, Until: until.Add(leeway)}, nil
}

// isLogoutEvent looks for the one event, whose value is a JSON object.
func isLogoutEvent(events json.RawMessage) bool {
	members, err := strictjson.Object(events)
	if err != nil {
		return false
	}
	_, err = strictjson.Object(members[logoutEvent])
	return err == nil
}

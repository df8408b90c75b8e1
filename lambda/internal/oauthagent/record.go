package oauthagent

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/sessions"
)

// maxRecord is how long a session without another end is recorded after its
// last refresh.
const maxRecord = 30 * 24 * time.Hour

// recordEnd returns the end of the record of a session.
func (a *agent) recordEnd(session cookie.SessionID, tokens oauth.Tokens, now time.Time) time.Time {
	end := a.Lifetimes.refreshExpiry(session, now)
	if tokens.RefreshToken == "" {
		end = earliest(end, tokens.Expires)
	}
	return earliest(end, now.Add(maxRecord))
}

// tableFailure returns the failure of a request whose call to the table failed.
func tableFailure(err error) *failure { return serverError.with(err.Error()) }

// checkRecord drops a session that has ended. If there is a session, it makes
// one call to the table.
func (a *agent) checkRecord(c *call) error {
	if a.Sessions == nil || len(c.parts) == 0 {
		return nil
	}
	live, err := a.Sessions.Live(c.request.Context(), c.opened.Session)
	if err != nil {
		return tableFailure(err)
	}
	if !live {
		clear(c.parts)
	}
	return nil
}

// begin records the session of a login, and ends the session that it replaces.
func (a *agent) begin(c *call, session cookie.SessionID, tokens oauth.Tokens) error {
	if a.Sessions == nil {
		return nil
	}
	who := identityOf(tokens.IDToken)
	err := a.Sessions.Begin(c.request.Context(), sessions.Session{
		ID: session, Subject: who.Subject, SID: who.SessionID, Expires: a.recordEnd(session, tokens, c.now),
	})
	if err == nil {
		err = a.endRecords(c)
	}
	if err != nil {
		return tableFailure(err)
	}
	return nil
}

// endRecords ends every session that has a cookie in the request.
func (a *agent) endRecords(c *call) error {
	if a.Sessions == nil {
		return nil
	}
	ended := map[cookie.SessionID]bool{}
	var errs []error
	for _, name := range a.Names.Session() {
		for _, content := range a.Names.All(a.Ring, c.received, name) {
			if !content.Unbound && !ended[content.Session] {
				ended[content.Session] = true
				errs = append(errs, a.Sessions.End(c.request.Context(), content.Session))
			}
		}
	}
	return errors.Join(errs...)
}

// redeem refreshes the session's tokens at the provider. If another request has
// just redeemed this refresh token, redeem returns the tokens of that request.
func (a *agent) redeem(c *call, refreshToken, idToken, scope string) (oauth.Tokens, error) {
	if a.Sessions == nil {
		return a.redeemAtProvider(c, refreshToken, idToken, scope)
	}
	ctx := c.request.Context()
	refresh, err := a.Sessions.Claim(ctx, c.opened.Session, refreshToken)
	switch {
	case errors.Is(err, sessions.ErrEnded):
		c.markOver(a, refreshToken)
		return oauth.Tokens{}, sessionExpired.with("the session has ended")
	case errors.Is(err, sessions.ErrBusy):
		return oauth.Tokens{}, providerError.with("another refresh of this session is under way")
	case err != nil:
		return oauth.Tokens{}, tableFailure(err)
	case refresh.Answer != "":
		return a.repeat(c, refresh.Answer)
	}
	tokens, err := a.redeemAtProvider(c, refreshToken, idToken, scope)
	if f := (*failure)(nil); errors.As(err, &f) {
		var tableErr error
		if f.code == sessionExpired.code {
			tableErr = a.Sessions.End(ctx, c.opened.Session)
		} else {
			tableErr = refresh.Release(ctx)
		}
		if tableErr != nil {
			c.notes = append(c.notes, tableErr.Error())
		}
		return oauth.Tokens{}, err
	}
	err = refresh.Finish(ctx, a.answer(c, tokens), tokens.RefreshToken != refreshToken, a.recordEnd(c.opened.Session, tokens, c.now))
	switch {
	case errors.Is(err, sessions.ErrEnded):
		a.discard(c, tokens)
		c.markOver(a, refreshToken)
		return oauth.Tokens{}, sessionExpired.with("the session ended during the refresh")
	case err != nil:
		// The provider no longer accepts the browser's tokens: these are the
		// session's only ones. The next request checks whether the session goes on.
		c.notes = append(c.notes, err.Error())
	}
	return tokens, nil
}

// answerPlace returns the place of the sealed tokens that a refresh repeats.
func (a *agent) answerPlace(session cookie.SessionID) cookie.Place {
	return cookie.NewPlace("answer", a.Deployment, "", string(session[:]), "", "")
}

// answer seals tokens for the repetitions of this refresh.
func (a *agent) answer(c *call, tokens oauth.Tokens) string {
	text, err := json.Marshal(tokens)
	if err != nil {
		panic("internal error: " + err.Error()) // strings and a time
	}
	return a.Ring.Seal(a.answerPlace(c.opened.Session), cookie.Content{Session: c.opened.Session, Token: string(text)})
}

func (a *agent) repeat(c *call, answer string) (tokens oauth.Tokens, err error) {
	content, err := a.Ring.Open(a.answerPlace(c.opened.Session), answer)
	if err != nil || json.Unmarshal([]byte(content.Token), &tokens) != nil {
		return oauth.Tokens{}, serverError.with("the answer to repeat does not open")
	}
	return tokens, nil
}

func (a *agent) redeemAtProvider(c *call, refreshToken, idToken, scope string) (oauth.Tokens, error) {
	tokens, err := a.Provider.RefreshScope(c.request.Context(), refreshToken, idToken, scope)
	var refusal *oauth.Error
	if errors.As(err, &refusal) && refusal.Kind == oauth.InvalidGrant {
		// OAuth 2.0 for Browser-Based Applications section 6.1.2.2: a session
		// whose refresh token is known to be invalid is over.
		c.markOver(a, refreshToken)
		return oauth.Tokens{}, sessionExpired.because(err)
	}
	if err != nil {
		// The provider may recover in a minute: the cookies stay.
		return oauth.Tokens{}, providerFailure(err)
	}
	if tokens.IDToken == "" {
		tokens.IDToken = idToken
	}
	return a.Lifetimes.bound(c.opened.Session, tokens, c.now), nil
}

package oauthagent

import (
	"context"
	"encoding/json"

	"github.com/tokenhandler/aws/lambda/internal/oauth"
)

// revoke revokes every refresh token in the request, also those of a session
// that is over. Without a refresh token it revokes the access tokens. Copies of
// the cookies, and the response of a refresh that is still on its way, are then
// useless. It makes one attempt: RFC 7009 section 2.2.1 lets the client try
// again later, but the agent does not remember requests.
func (a *agent) revoke(c *call) {
	ctx, cancel := context.WithTimeout(c.request.Context(), logoutTimeout)
	defer cancel()
	refresh := a.Names.All(a.Ring, c.received, a.Names.RefreshToken)
	for _, content := range refresh {
		c.noteRevocation(a.Provider.Revoke(ctx, content.Token))
	}
	if len(refresh) > 0 {
		return
	}
	for _, content := range a.Names.All(a.Ring, c.received, a.Names.AccessToken) {
		if !content.Unbound && !content.Expired(c.now) {
			c.noteRevocation(a.Provider.RevokeAccess(ctx, content.Token))
		}
	}
}

// revokeReplaced revokes the session that a login replaces, unless both may
// belong to one session at the provider. Providers may revoke the whole grant
// together with a refresh token or access token (RFC 7009 section 2.1), and the
// new session would end with it. oidc-provider does so with both.
func (a *agent) revokeReplaced(c *call, idToken string) {
	old, ok := c.opened.Contents.Get(a.Names.IDToken)
	if ok && idToken != "" && !sameLogin(old.Token, idToken) {
		a.revoke(c)
	}
}

// sameLogin reports whether two ID tokens may belong to one session at the
// provider.
func sameLogin(a, b string) bool {
	one, two := identityOf(a), identityOf(b)
	return one.Subject == two.Subject && (one.SessionID == two.SessionID || one.SessionID == "" || two.SessionID == "")
}

// identity has the claims that name the user and the provider's session.
type identity struct {
	Subject   string `json:"sub"`
	SessionID string `json:"sid"`
}

func identityOf(idToken string) (id identity) {
	claims, err := oauth.Claims(idToken)
	if err == nil {
		json.Unmarshal(claims, &id)
	}
	return id
}

// discard revokes tokens that the browser does not get.
func (a *agent) discard(c *call, tokens oauth.Tokens) {
	c.noteRevocation(a.Provider.Discard(c.request.Context(), tokens))
}

func (c *call) noteRevocation(err error) {
	if err != nil {
		c.notes = append(c.notes, "revocation: "+noteOf(err))
	}
}

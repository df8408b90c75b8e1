package oauth

import (
	"context"
	"encoding/json"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/dpop"
	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

// Tokens are the tokens of a grant. All but Expires are secret.
type Tokens struct {
	AccessToken string
	// RefreshToken is empty if the provider issued no refresh token.
	RefreshToken string
	// IDToken has been verified. It is empty if the provider issues no ID
	// tokens, and after a refresh without a new one.
	IDToken string
	// Expires is when the access token does; zero where that is not known.
	Expires time.Time
}

const tokenEndpoint = "token endpoint"

// grant makes a token request (RFC 6749 section 4.1.3 and 6).
func (c *Client) grant(ctx context.Context, p *provider, form url.Values, key *dpop.Key) (Tokens, error) {
	if len(c.config.Resources) > 0 {
		form["resource"] = c.config.Resources
	}
	a, err := c.postBound(ctx, p, tokenEndpoint, p.Token, form, key)
	if err != nil {
		return Tokens{}, err
	}
	if err := a.ok(c); err != nil {
		if form.Get("grant_type") == "refresh_token" && a.endsSession(form.Has("scope")) {
			err.Kind = InvalidGrant
		}
		return Tokens{}, err
	}
	return c.readTokens(a.members, tokenType(key))
}

// Exchange redeems the code of an authorization response for tokens and, with
// OpenID Connect, verifies the ID token, which must be there, carry the login's
// nonce and tell of an authentication as the login demanded it.
func (c *Client) Exchange(ctx context.Context, code string, login Login) (Tokens, error) {
	if err := c.CheckLogin(login); err != nil {
		return Tokens{}, err
	}
	p, err := c.provider(ctx, c.redeems)
	if err != nil {
		return Tokens{}, err
	}
	key, err := c.newKey()
	if err != nil {
		return Tokens{}, err
	}
	defer c.prefetch(ctx, p, c.profile.openID)()
	tokens, err := c.grant(ctx, p, url.Values{
		"grant_type": {"authorization_code"}, "code": {code},
		"redirect_uri": {c.redirectURI(login)}, "code_verifier": {login.Verifier},
	}, key)
	if err != nil {
		return Tokens{}, err
	}
	if !c.profile.openID {
		tokens.IDToken = "" // not asked for, not verified
		return tokens.bind(key), nil
	}
	claims, err := c.verifyIDToken(ctx, p, tokens)
	if err == nil {
		// RFC 9700 section 4.5.3.2: tokens are disregarded until the nonce is
		// validated.
		err = claims.checkNonce(login.Nonce)
	}
	if err == nil {
		err = claims.checkStepUp(login, c.config.Now())
	}
	if err != nil {
		c.Discard(ctx, tokens)
		return Tokens{}, err
	}
	return tokens.bind(key), nil
}

// Refresh redeems a refresh token. The tokens returned carry the refresh token
// to use from now on, the new one or the old. A new ID token must continue the
// previous one: same issuer, subject, audience.
func (c *Client) Refresh(ctx context.Context, refreshToken, previousIDToken string) (Tokens, error) {
	return c.RefreshScope(ctx, refreshToken, previousIDToken, "")
}

// RefreshScope is [Client.Refresh] for an access token of less scope: RFC 6749
// section 6: the scope "MUST NOT include any scope not originally granted". An
// empty one asks for all of it.
func (c *Client) RefreshScope(ctx context.Context, refreshToken, previousIDToken, scope string) (Tokens, error) {
	key, refreshToken, err := c.keyOf(refreshToken)
	if err != nil {
		return Tokens{}, err
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}}
	if scope != "" {
		if err := c.checkScope(scope); err != nil {
			return Tokens{}, err
		}
		form.Set("scope", scope)
	}
	p, err := c.provider(ctx, c.redeems)
	if err != nil {
		return Tokens{}, err
	}
	defer c.prefetch(ctx, p, previousIDToken != "")()
	tokens, err := c.grant(ctx, p, form, key)
	if err != nil {
		return Tokens{}, err
	}
	if tokens.RefreshToken == "" {
		tokens.RefreshToken = refreshToken
	}
	if !c.profile.openID {
		tokens.IDToken = ""
	}
	if tokens.IDToken == "" {
		return tokens.bind(key), nil
	}
	claims, err := c.verifyIDToken(ctx, p, tokens)
	if err == nil {
		err = claims.checkContinues(previousIDToken)
	}
	if err != nil {
		c.Discard(ctx, tokens)
		return Tokens{}, err
	}
	return tokens.bind(key), nil
}

// prefetch fetches the key set beside the token request that follows: neither
// needs the other. The function it returns ends it.
func (c *Client) prefetch(ctx context.Context, p *provider, expected bool) (end func()) {
	ctx, end = context.WithCancel(ctx)
	if expected {
		go p.keys.Prefetch(ctx)
	}
	return end
}

// readTokens checks a token response (RFC 6749 section 5.1).
func (c *Client) readTokens(members map[string]json.RawMessage, wanted string) (Tokens, error) {
	fail := func(reason string) (Tokens, error) {
		return Tokens{}, &Error{Unavailable, tokenEndpoint + " answered " + reason}
	}
	access, ok1 := strictjson.String(members, "access_token")
	refresh, ok2 := strictjson.String(members, "refresh_token")
	kind, ok3 := strictjson.String(members, "token_type")
	if !ok1 || !ok2 || !ok3 {
		return fail("a token or token type that is not a string")
	}
	if access == "" {
		return fail("without an access token")
	}
	// Section 7.1: "The client MUST NOT use an access token if it does not
	// understand the token type." The type is case-insensitive.
	if !strings.EqualFold(kind, wanted) && !(kind == "" && wanted == "Bearer" && c.profile.untyped) {
		return fail("without the token type " + wanted)
	}
	// The token becomes a header field: no space, control or non-ASCII
	// character may be in it (RFC 6749 appendix A.12, RFC 6750 section 2.1).
	if !visible(access) || refresh != "" && !visible(refresh) {
		return fail("a token with characters that are not allowed")
	}
	idToken, ok := strictjson.String(members, "id_token")
	if !ok {
		return Tokens{}, &Error{InvalidIDToken, "id token: expected a string"}
	}
	tokens := Tokens{AccessToken: access, RefreshToken: refresh, IDToken: idToken}
	seconds, known, ok := lifetime(members["expires_in"])
	if !ok {
		return fail("an expires_in that is no number of seconds")
	}
	if known {
		tokens.Expires = c.config.Now().Add(time.Duration(seconds) * time.Second)
	}
	return tokens, nil
}

// lifetime reads expires_in: a number, or, as some providers write it, a
// number in quotes. 0 is a lifetime that is over.
func lifetime(raw json.RawMessage) (seconds int64, known, ok bool) {
	if raw == nil || string(raw) == "null" || string(raw) == `""` {
		return 0, false, true
	}
	var number json.Number
	if json.Unmarshal(raw, &number) != nil || number == "" {
		return 0, false, false
	}
	f, err := number.Float64()
	if err != nil || f < 0 {
		return 0, false, false
	}
	return int64(math.Min(f, math.MaxInt32)), true, true
}

func visible(token string) bool {
	for _, b := range []byte(token) {
		if b <= 0x20 || b >= 0x7f {
			return false
		}
	}
	return token != ""
}

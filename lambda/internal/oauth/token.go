package oauth

import (
	"context"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Tokens are what a grant gave. All but Expires are secret.
type Tokens struct {
	AccessToken string
	// RefreshToken is empty if the provider issued none.
	RefreshToken string
	// IDToken has been verified. After a refresh it is empty where the
	// provider sent no new one.
	IDToken string
	// Expires is when the access token does; zero where that is not known.
	Expires time.Time
}

func (c *Client) grants(p *provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: c.config.ClientID, ClientSecret: c.config.ClientSecret.Reveal(),
		Endpoint: p.endpoint, RedirectURL: c.config.RedirectURI, Scopes: strings.Split(c.config.Scopes, " "),
	}
}

// Exchange redeems the code of an authorization response for tokens and
// verifies the ID token, which must be there and carry the login's nonce.
func (c *Client) Exchange(ctx context.Context, code string, login Login) (Tokens, error) {
	p, err := c.metadata(ctx)
	if err != nil {
		return Tokens{}, err
	}
	answer, err := c.grants(p).Exchange(oidc.ClientContext(ctx, c.http), code, oauth2.VerifierOption(login.Verifier))
	if err != nil {
		return Tokens{}, tokenError(err)
	}
	tokens, err := c.read(answer)
	if err != nil {
		return Tokens{}, err
	}
	claims, err := c.verifyIDToken(ctx, p, tokens)
	if err != nil {
		return Tokens{}, err
	}
	// RFC 9700 section 4.5.3.2: tokens are disregarded until the nonce is validated.
	if err := claims.checkNonce(login.Nonce); err != nil {
		return Tokens{}, err
	}
	return tokens, nil
}

// Refresh redeems a refresh token. The tokens returned carry the refresh token
// to use from now on, the new one or the old. A new ID token must continue the
// previous one: same issuer, subject, audience.
func (c *Client) Refresh(ctx context.Context, refreshToken, previousIDToken string) (Tokens, error) {
	p, err := c.metadata(ctx)
	if err != nil {
		return Tokens{}, err
	}
	source := c.grants(p).TokenSource(oidc.ClientContext(ctx, c.http), &oauth2.Token{RefreshToken: refreshToken})
	answer, err := source.Token()
	if err != nil {
		return Tokens{}, tokenError(err)
	}
	tokens, err := c.read(answer)
	if err != nil {
		return Tokens{}, err
	}
	if tokens.IDToken == "" {
		return tokens, nil
	}
	claims, err := c.verifyIDToken(ctx, p, tokens)
	if err != nil {
		return Tokens{}, err
	}
	if err := claims.checkContinues(previousIDToken); err != nil {
		return Tokens{}, err
	}
	return tokens, nil
}

// read checks a token response (RFC 6749 section 5.1).
func (c *Client) read(answer *oauth2.Token) (Tokens, error) {
	tokens := Tokens{AccessToken: answer.AccessToken, RefreshToken: answer.RefreshToken}
	// Section 7.1: "The client MUST NOT use an access token if it does not
	// understand the token type." The type is case-insensitive.
	if !strings.EqualFold(answer.TokenType, "Bearer") {
		return Tokens{}, &Error{Unavailable, "token endpoint answered without the token type Bearer"}
	}
	// The token becomes a header field: no space, control or non-ASCII
	// character may be in it (RFC 6749 appendix A.12, RFC 6750 section 2.1).
	if !visible(tokens.AccessToken) || tokens.RefreshToken != "" && !visible(tokens.RefreshToken) {
		return Tokens{}, &Error{Unavailable, "token endpoint answered a token with characters that are not allowed"}
	}
	switch idToken := answer.Extra("id_token").(type) {
	case nil:
	case string:
		tokens.IDToken = idToken
	default:
		return Tokens{}, &Error{InvalidIDToken, "id token: expected a string"}
	}
	switch seconds := answer.ExpiresIn; {
	case seconds < 0:
		return Tokens{}, &Error{Unavailable, "token endpoint answered a negative expires_in"}
	case seconds > 0:
		tokens.Expires = c.config.Now().Add(time.Duration(seconds) * time.Second)
	}
	return tokens, nil
}

func visible(token string) bool {
	for _, b := range []byte(token) {
		if b <= 0x20 || b >= 0x7f {
			return false
		}
	}
	return token != ""
}

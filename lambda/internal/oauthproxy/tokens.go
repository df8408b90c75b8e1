package oauthproxy

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/backchannel"
	"github.com/tokenhandler/aws/lambda/internal/dpop"
	"github.com/tokenhandler/aws/lambda/internal/exchange"
	"github.com/tokenhandler/aws/lambda/internal/introspection"
	"github.com/tokenhandler/aws/lambda/internal/jwt"
)

// tokens checks access tokens: by introspection, by their signature, or not at all
// if neither is configured.
type tokens struct {
	introspection *introspection.Client
	verifier      *jwt.Verifier
	exchange      *exchange.Client // nil where no route exchanges tokens
}

func newTokens(s settings.Authorizer, now func() time.Time) (tokens, error) {
	var t tokens
	channel := backchannel.New(backchannel.Config{CABundle: s.Network.CABundle})
	if s.Provider.JWKSEndpoint != "" {
		t.verifier = jwt.NewVerifier(jwt.Config{
			Issuer: s.Provider.Issuer, TokenIssuer: s.AccessTokens.Issuer, Audience: s.AccessTokens.Audience,
			ClientID: s.Provider.ClientID, RequireType: s.AccessTokens.RequireType, Now: now,
			Keys: jwt.NewKeySet(jwt.KeySetConfig{
				URL: s.Provider.JWKSEndpoint, Client: channel, Algorithms: s.Provider.SignatureAlgorithms, Now: now,
			}),
		})
	}
	if x := s.TokenExchange; x.URL != "" {
		t.exchange = exchange.New(exchange.Config{URL: x.URL, ClientID: x.ClientID, ClientSecret: x.ClientSecret.Reveal(), HTTP: channel, Now: now})
	}
	phantom := s.PhantomToken
	if !phantom.Enabled {
		return t, nil
	}
	var err error
	t.introspection, err = introspection.New(introspection.Config{
		URL: phantom.IntrospectionURL, ClientID: phantom.ClientID, ClientSecret: phantom.ClientSecret.Reveal(),
		MediaType: phantom.MediaType, MaxAge: max(phantom.MaxAge, 0),
		Verifier: t.verifier, Issuer: cmp.Or(s.AccessTokens.Issuer, s.Provider.Issuer), Audience: s.AccessTokens.Audience, HTTP: channel, Now: now,
	})
	return t, err
}

// origin is where a token came from.
type origin int

const (
	// sealedToken came in our cookie. The agent got it from the provider and sealed
	// it.
	sealedToken origin = iota
	// foreignToken came from the caller.
	foreignToken
)

// decideToken checks the token and the requirements of the route, after the checks
// of the request. The request proves possession of the key, or key is nil for a
// bearer token.
func (p *Proxy) decideToken(ctx context.Context, r *Request, d Decision, token string, from origin, key *dpop.Key) (Decision, error) {
	var claims jwt.Claims
	subject := token // an introspection may replace the token by a JWT for upstream
	switch {
	case p.tokens.introspection != nil:
		result, err := p.tokens.introspection.Introspect(ctx, token)
		switch {
		case errors.Is(err, introspection.ErrForeign):
			return d.refuse(contract.CodeUnauthorizedRequest, messageForeign)
		case err != nil:
			return Decision{}, err
		case result.Active && result.Untyped && from == foreignToken:
			// It may be a refresh token, which the agent would not have sealed as an
			// access token.
			return d.refuse(contract.CodeUnauthorizedRequest, messageForeign)
		case !result.Active:
			// Revoked, expired or never issued: a refresh finds out.
			return d.refuse(contract.CodeTokenExpired, messageInactive)
		}
		token, claims = result.Token, result.Claims
	case p.tokens.verifier != nil:
		var err error
		claims, err = p.tokens.verifier.AccessToken(ctx, token, key.Thumbprint())
		switch {
		case errors.Is(err, jwt.ErrExpired):
			return d.refuse(contract.CodeTokenExpired, messageExpired)
		case errors.Is(err, jwt.ErrInvalid):
			return d.refuse(contract.CodeUnauthorizedRequest, messageInvalid)
		case err != nil:
			return Decision{}, err
		}
	case from == sealedToken:
		// The agent got the token from the provider and sealed it, so its signature
		// needs no check.
		if unverified, ok := jwt.Unverified(token); ok {
			claims.Subject = unverified.Subject
		}
	}

	if p.caching.outlives(claims.Expires, p.now()) {
		return d.refuse(contract.CodeTokenExpired, messageExpired)
	}
	required, err := p.requirements.of(r)
	if err != nil {
		return Decision{}, err
	}
	for _, demanded := range required {
		switch code, scope := demanded.lacks(claims); code {
		case "":
		case contract.CodeInsufficientScope:
			refused, _ := d.refuse(code, messageScope)
			refused.Scope = scope
			return refused, nil
		default:
			return d.refuse(code, messageClaims)
		}
	}
	if target := targetOf(required); target != nil {
		switch token, err = p.tokens.exchange.Exchange(ctx, subject, claims.Expires, *target); {
		case errors.Is(err, exchange.ErrInactive):
			return d.refuse(contract.CodeTokenExpired, messageInactive)
		case errors.Is(err, exchange.ErrDenied):
			return d.refuse(contract.CodeAccessDenied, messageNotExchanged)
		case err != nil:
			return Decision{}, err
		}
	}
	d.Allow, d.Token, d.Subject = true, token, claims.Subject
	for _, name := range p.claims {
		d.Claims = append(d.Claims, claims.Header(name))
	}
	return d, nil
}

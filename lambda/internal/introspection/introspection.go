// Package introspection asks the provider about an access token. In the phantom
// token pattern the response is a JWT that replaces the token.
//
// The answer is a clear yes, a clear no, or an error: only a yes lets a request
// pass. There are three forms of the answer, and a client asks for one of them:
//
//   - [JWT], application/jwt: the body is a JWT access token, which replaces the
//     opaque one towards the upstream API; status 204 means no.
//   - [Signed], application/token-introspection+jwt (RFC 9701): a signed answer.
//     It "MUST NOT be used as an access token" (section 8.1), so the token
//     itself goes on.
//   - [JSON], application/json (RFC 7662): the token itself goes on.
//
// Yes is remembered for a while, never longer than the token lives, and no for five
// seconds; see package calls.
package introspection

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/backchannel"
	"github.com/tokenhandler/aws/lambda/internal/calls"
	"github.com/tokenhandler/aws/lambda/internal/jwt"
)

// Media types of the answer.
const (
	JWT    = "application/jwt"
	Signed = "application/token-introspection+jwt"
	JSON   = "application/json"
)

// MaxToken bounds the JWT that replaces a token: towards the upstream API it
// has to fit into API Gateway's 10,240 bytes of headers.
const MaxToken = 8192

// ErrForeign is the error of a token that is active, but not for here: of
// another issuer, for another audience, or no bearer token.
var ErrForeign = errors.New("introspection: the token is active, but not for here")

// Config of a [Client].
type Config struct {
	URL          string
	ClientID     string
	ClientSecret string
	MediaType    string        // [JWT], [Signed] or [JSON]
	MaxAge       time.Duration // how long yes is remembered at most; 0: not at all

	// Verifier verifies signed answers. It is required for [Signed]. Without it
	// the JWT of [JWT] is trusted because it came over an authenticated TLS
	// connection.
	Verifier *jwt.Verifier
	// Issuer and Audience, if set, must be those of the token: the issuer if
	// the response names one, the audience in any case.
	Issuer   string
	Audience []string

	HTTP *backchannel.Client // nil: one with the default timeout
	Now  func() time.Time
}

// Result is the provider's answer.
type Result struct {
	Active bool
	// Token goes to the upstream API. Claims are the known claims of it.
	Token  string
	Claims jwt.Claims
	// Untyped: the provider does not say that it is an access token. It calls a
	// refresh token active as well, and token_type is optional.
	Untyped bool
}

// Client asks one introspection endpoint. It is safe for use by several
// goroutines.
type Client struct {
	cfg   Config
	calls *calls.Calls[Result]
}

// New makes a client.
func New(cfg Config) (*Client, error) {
	switch {
	case cfg.MediaType != JWT && cfg.MediaType != Signed && cfg.MediaType != JSON:
		return nil, fmt.Errorf("introspection: expected the media type %s, %s or %s", JWT, Signed, JSON)
	case cfg.MediaType == Signed && cfg.Verifier == nil:
		return nil, fmt.Errorf("introspection: expected the issuer's key set to verify answers of type %s with", Signed)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = backchannel.New(backchannel.Config{})
	}
	return &Client{cfg, calls.New[Result](cfg.Now)}, nil
}

// Introspect asks about a token. Any error but [ErrForeign] means that the
// token is unknown. No error shows the token or the answer.
func (c *Client) Introspect(ctx context.Context, token string) (Result, error) {
	return c.calls.Do(ctx, calls.IDOf(token, ""), func(ctx context.Context) (calls.Answer[Result], error) {
		result, err := c.ask(ctx, token)
		now := c.cfg.Now()
		switch {
		case errors.Is(err, ErrForeign):
			return calls.Answer[Result]{Err: err, Refused: true, Until: now.Add(calls.RefusedFor)}, nil
		case err == nil && !result.Active:
			return calls.Answer[Result]{Refused: true, Until: now.Add(calls.RefusedFor)}, nil
		case err == nil:
			return calls.Answer[Result]{Value: result, Until: until(result, now, c.cfg.MaxAge)}, nil
		}
		return calls.Answer[Result]{}, err
	})
}

// until is when a yes ends. RFC 7662 section 4: if the response contains exp,
// it "MUST NOT be cached beyond the time indicated therein".
func until(r Result, now time.Time, maxAge time.Duration) time.Time {
	end := now.Add(maxAge)
	if expires := r.Claims.Expires; !expires.IsZero() && expires.Before(end) {
		return expires
	}
	return end
}

// ask makes the call (RFC 7662 section 2.1).
func (c *Client) ask(ctx context.Context, token string) (Result, error) {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}.Encode()
	// The URL goes as it is configured: its port and its query belong to it.
	r, err := http.NewRequest(http.MethodPost, c.cfg.URL, strings.NewReader(form))
	if err != nil {
		return Result{}, errors.New("introspection: the URL is malformed")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", c.cfg.MediaType)
	// RFC 6749 section 2.3.1: identifier and secret are encoded "using the
	// application/x-www-form-urlencoded encoding algorithm" first.
	r.SetBasicAuth(url.QueryEscape(c.cfg.ClientID), url.QueryEscape(c.cfg.ClientSecret))
	backchannel.Repeatable(r)
	answer, err := c.cfg.HTTP.Do(ctx, r)
	if err != nil {
		return Result{}, fmt.Errorf("introspection: the endpoint %w", err)
	}
	return c.read(ctx, token, answer)
}

// read interprets a response.
func (c *Client) read(ctx context.Context, token string, a backchannel.Answer) (Result, error) {
	switch {
	case a.Status == http.StatusNoContent && c.cfg.MediaType == JWT && len(a.Body) == 0:
		return Result{}, nil // how providers of phantom tokens say no
	case a.Status != http.StatusOK:
		return Result{}, fmt.Errorf("introspection: expected status 200, got %d", a.Status)
	case a.MediaType == JSON:
		return c.readJSON(token, a.Body, c.cfg.MediaType == JSON)
	case a.MediaType != c.cfg.MediaType:
		return Result{}, fmt.Errorf("introspection: expected an answer of type %s", c.cfg.MediaType)
	case a.MediaType == JWT:
		return c.readJWT(ctx, string(bytes.TrimSpace(a.Body)))
	}
	// a.MediaType is Signed.
	object, err := c.cfg.Verifier.Introspection(ctx, string(bytes.TrimSpace(a.Body)), c.cfg.ClientID)
	if err != nil {
		// Not %w: an invalid response is not a result about the token.
		return Result{}, fmt.Errorf("introspection: the answer: %v", err)
	}
	return c.readJSON(token, object, true)
}

// readJSON reads the members of RFC 7662 section 2.2. Where something else
// than JSON was asked for, JSON can only say no.
func (c *Client) readJSON(token string, object []byte, mayBeActive bool) (Result, error) {
	claims, err := jwt.ParseClaims(object)
	if err != nil {
		return Result{}, fmt.Errorf("introspection: the answer: %v", err)
	}
	var active *bool // REQUIRED
	if json.Unmarshal(claims.Member("active"), &active) != nil || active == nil {
		return Result{}, errors.New("introspection: expected a boolean member active")
	}
	if !*active {
		return Result{}, nil
	}
	if !mayBeActive {
		return Result{}, fmt.Errorf("introspection: expected an answer of type %s, got an active token in %s", c.cfg.MediaType, JSON)
	}
	// A token bound to a key, for one, is no bearer token.
	kind := claims.Member("token_type")
	if kind != nil && !strings.EqualFold(string(kind), `"Bearer"`) {
		return Result{}, ErrForeign
	}
	result, err := c.result(token, claims)
	result.Untyped = kind == nil
	return result, err
}

// readJWT reads the JWT that replaces the token.
func (c *Client) readJWT(ctx context.Context, token string) (Result, error) {
	if len(token) > MaxToken {
		return Result{}, fmt.Errorf("introspection: expected a JWT of at most %d bytes, got %d", MaxToken, len(token))
	}
	if c.cfg.Verifier != nil {
		claims, err := c.cfg.Verifier.AccessToken(ctx, token, "")
		switch {
		case errors.Is(err, jwt.ErrExpired):
			return Result{}, nil
		case err != nil:
			return Result{}, fmt.Errorf("introspection: the answer: %v", err)
		}
		return c.result(token, claims)
	}
	claims, ok := jwt.Unverified(token)
	if !ok || !isCompact(token) {
		return Result{}, errors.New("introspection: expected a signed JWT")
	}
	return c.result(token, claims)
}

// result checks the claims of an active token against the configuration.
func (c *Client) result(token string, claims jwt.Claims) (Result, error) {
	now := c.cfg.Now()
	switch {
	case c.cfg.Issuer != "" && claims.Issuer != "" && claims.Issuer != c.cfg.Issuer:
		return Result{}, ErrForeign
	case claims.Bound():
		// RFC 9449 section 7.2, RFC 8705 section 3: it is sent on as a bearer
		// token, which its binding forbids.
		return Result{}, ErrForeign
	case len(c.cfg.Audience) > 0 && !claims.HasAudience(c.cfg.Audience):
		return Result{}, ErrForeign
	case !claims.Expires.IsZero() && !now.Before(claims.Expires), claims.NotBefore.After(now.Add(30 * time.Second)):
		return Result{}, nil
	}
	return Result{Active: true, Token: token, Claims: claims}, nil
}

// isCompact reports whether a JWT has the alphabet of one: it goes into a
// header.
func isCompact(token string) bool {
	for _, b := range []byte(token) {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '-', b == '_', b == '.':
		default:
			return false
		}
	}
	return true
}

// Package exchange exchanges access tokens for tokens with a narrower audience or
// scope (OAuth 2.0 Token Exchange, RFC 8693), so that the session's own token does
// not reach an upstream API.
//
// An exchanged token is remembered while it lives, so that a client asks once for
// each access token and target; see package calls. Every instance of the Lambda has
// a client of its own.
//
// # Not done
//
// The client authenticates with client_secret_basic only. There is no actor_token:
// the token handler impersonates the user (RFC 8693 section 1.1).
package exchange

import (
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
	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

// Errors of tokens and users. Any other error is a failure of the provider or of
// the settings.
var (
	// ErrInactive: the provider does not accept the access token.
	ErrInactive = errors.New("exchange: the provider does not accept the access token")
	// ErrDenied: the provider refuses this user a token for the target.
	ErrDenied = errors.New("exchange: the provider refuses a token for this target")
)

// Identifiers of RFC 8693 sections 2.1 and 3.
const (
	GrantType       = "urn:ietf:params:oauth:grant-type:token-exchange"
	TypeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
	TypeJWT         = "urn:ietf:params:oauth:token-type:jwt"
)

const (
	// maxToken bounds the exchanged token: it has to fit into API Gateway's 10,240
	// bytes of headers.
	maxToken = 8192
	// ahead is how long before its end a token is exchanged anew: upstream must
	// still accept it.
	ahead = 10 * time.Second
	// unknown is how long a token without an expires_in is used, and maxLife how
	// long any is.
	unknown, maxLife = time.Minute, time.Hour
)

// Config of a [Client].
type Config struct {
	URL          string // the token endpoint
	ClientID     string
	ClientSecret string
	HTTP         *backchannel.Client
	Now          func() time.Time
}

// Target is the API that a token is for. One of the members is needed.
type Target struct {
	Audience string // the logical name of the target (section 2.1)
	Resource string // its absolute URI
	Scope    string // scopes, separated by single spaces
}

// Client asks one token endpoint. It is safe for use by several goroutines.
type Client struct {
	cfg   Config
	calls *calls.Calls[string]
}

// New makes a client.
func New(cfg Config) *Client { return &Client{cfg, calls.New[string](cfg.Now)} }

// Exchange returns a token for a target. The token given is good until expires, or
// for an unknown time if that is zero. No error shows a token or the answer.
func (c *Client) Exchange(ctx context.Context, token string, expires time.Time, to Target) (string, error) {
	return c.calls.Do(ctx, calls.IDOf(token, to.Audience+"\x00"+to.Resource+"\x00"+to.Scope), func(ctx context.Context) (calls.Answer[string], error) {
		exchanged, life, err := c.ask(ctx, token, to)
		now := c.cfg.Now()
		switch {
		case errors.Is(err, ErrInactive) || errors.Is(err, ErrDenied):
			return calls.Answer[string]{Err: err, Refused: true, Until: now.Add(calls.RefusedFor)}, nil
		case err != nil:
			return calls.Answer[string]{}, err
		}
		until := now.Add(min(life, maxLife) - ahead)
		// The session's token may be revoked at its end.
		if !expires.IsZero() && expires.Before(until) {
			until = expires
		}
		return calls.Answer[string]{Value: exchanged, Until: until}, nil
	})
}

// ask makes the call (section 2.1).
func (c *Client) ask(ctx context.Context, token string, to Target) (string, time.Duration, error) {
	form := url.Values{"grant_type": {GrantType}, "subject_token": {token}, "subject_token_type": {TypeAccessToken},
		"requested_token_type": {TypeAccessToken}}
	for name, value := range map[string]string{"audience": to.Audience, "resource": to.Resource, "scope": to.Scope} {
		if value != "" {
			form.Set(name, value)
		}
	}
	r, err := http.NewRequest(http.MethodPost, c.cfg.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, errors.New("exchange: the URL is malformed")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	// RFC 6749 section 2.3.1: identifier and secret are encoded first.
	r.SetBasicAuth(url.QueryEscape(c.cfg.ClientID), url.QueryEscape(c.cfg.ClientSecret))
	// The same exchange may be made twice.
	backchannel.Repeatable(r)
	answer, err := c.cfg.HTTP.Do(ctx, r)
	if err != nil {
		return "", 0, fmt.Errorf("exchange: the token endpoint %w", err)
	}
	members, err := strictjson.Object(answer.Body)
	if answer.Status != http.StatusOK {
		return "", 0, refusal(answer.Status, members)
	}
	if err != nil {
		return "", 0, errors.New("exchange: expected a JSON object")
	}
	return read(members)
}

// refusal classifies an error (section 2.2.2). An invalid subject token is
// invalid_request there; providers also use codes of RFC 6749 and RFC 6750.
func refusal(status int, members map[string]json.RawMessage) error {
	code, _ := strictjson.String(members, "error")
	if status >= 500 || status == http.StatusTooManyRequests {
		code = ""
	}
	switch code {
	case "invalid_request", "invalid_grant", "invalid_token":
		return ErrInactive
	case "access_denied":
		return ErrDenied
	}
	return fmt.Errorf("exchange: expected status 200, got %d%s", status, known(code))
}

// known tells the error codes that are constants of the standards. Others are the
// provider's bytes.
func known(code string) string {
	switch code {
	case "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_target":
		return " with " + code
	}
	return ""
}

// read reads a token (section 2.2.1).
func read(members map[string]json.RawMessage) (token string, life time.Duration, err error) {
	token, ok1 := strictjson.String(members, "access_token")
	kind, ok2 := strictjson.String(members, "token_type")
	issued, ok3 := strictjson.String(members, "issued_token_type")
	switch {
	case !ok1 || !ok2 || !ok3 || !isToken(token):
		return "", 0, fmt.Errorf("exchange: expected an access token of at most %d printable characters", maxToken)
	case !strings.EqualFold(kind, "Bearer"):
		// Section 2.2.1: with another type, such as N_A or DPoP, it is of no use as
		// a bearer token.
		return "", 0, errors.New("exchange: expected the token type Bearer")
	case issued != TypeAccessToken && issued != TypeJWT && issued != "":
		return "", 0, errors.New("exchange: expected an access token, got a token of another type")
	}
	life, ok := lifetime(members["expires_in"])
	if !ok {
		return "", 0, errors.New("exchange: expected a positive number in expires_in")
	}
	return token, life, nil
}

// lifetime reads expires_in: a number, or, as some providers write it, a number in
// quotes. It is RECOMMENDED only.
func lifetime(raw json.RawMessage) (time.Duration, bool) {
	if raw == nil || string(raw) == "null" || string(raw) == `""` {
		return unknown, true
	}
	var number json.Number
	if json.Unmarshal(raw, &number) != nil {
		return 0, false
	}
	seconds, err := number.Float64()
	if err != nil || seconds < 1 {
		return 0, false
	}
	return time.Duration(min(seconds, maxLife.Seconds())) * time.Second, true
}

func isToken(s string) bool {
	for _, b := range []byte(s) {
		if b <= 0x20 || b >= 0x7f {
			return false
		}
	}
	return s != "" && len(s) <= maxToken
}

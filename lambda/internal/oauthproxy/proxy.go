// Package oauthproxy decides, in front of every protected route, whether a
// request may go on, and with which access token.
//
// It is what the Lambda authorizer of the REST API runs. A request that may go
// on is answered with an Allow policy and a context from which the gateway
// takes the Authorization header for the upstream. One that may not is
// answered with a Deny policy and a context of constants, from which the
// gateway makes the response the page can read. An error means that nothing
// could be decided; the gateway answers it with 500, so it fails closed.
//
// # Order of the decision
//
// The first failure wins: method override, Authorization header, origin, CSRF,
// access token cookie, expiry.
//
// # What is not done
//
// The access token is not looked at: the upstream API is its audience and
// checks it. Phantom tokens (introspection in exchange for a JWT) would be
// exchanged where [Proxy.Decide] has opened the cookie.
package oauthproxy

import (
	"encoding/hex"
	"errors"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
)

// Request is the event of a REQUEST authorizer of a REST API.
type Request = events.APIGatewayCustomAuthorizerRequestTypeRequest

// Proxy decides over the requests of one deployment. It is safe for use by
// several goroutines.
type Proxy struct {
	ring  *cookie.Ring
	names cookie.Names
	rules csrf.Rules
	now   func() time.Time
}

// New makes a proxy from its settings. The clock is a parameter for tests.
func New(s settings.Authorizer, now func() time.Time) (*Proxy, error) {
	previous := make([]string, len(s.PreviousEncryptionKeys))
	for i, key := range s.PreviousEncryptionKeys {
		previous[i] = key.Reveal()
	}
	ring, err := cookie.NewRing(s.EncryptionKey.Reveal(), previous...)
	if err != nil {
		return nil, err
	}
	return &Proxy{
		ring:  ring,
		names: cookie.NewNames(s.CookieNamePrefix),
		rules: csrf.Rules{TrustedOrigins: s.TrustedWebOrigins, HeaderName: s.CSRFHeaderName()},
		now:   now,
	}, nil
}

// Codes of a refusal, as the page reads them.
const (
	CodeUnauthorized = "unauthorized_request" // sign in again
	CodeExpired      = "token_expired"        // refresh and try again
)

// Messages of a refusal beside those of package csrf. They are constants:
// nothing from the request is repeated in a response.
const (
	messageOverride      = "The request overrides its method"
	messageAuthorization = "The request has an Authorization header beside the session cookie"
	messageNoSession     = "The request has no session cookie"
	messageNotOpened     = "The session cookie does not open"
	messageOtherSession  = "The CSRF cookie belongs to another session"
	messageExpired       = "The access token has expired"
)

// Decision is the outcome for one request.
type Decision struct {
	Allow bool

	// Code and Message tell why a request is refused.
	Code, Message string

	// AllowedOrigin is the Origin of the request where it is trusted.
	AllowedOrigin string

	// Token, Session and Subject are of an allowed request. Subject is empty
	// unless the access token is a JWT that names one.
	Token   string
	Session cookie.SessionID
	Subject string
}

// Decide decides over one request.
func (p *Proxy) Decide(r *Request) Decision {
	header := headerOf(r)
	var d Decision

	// The header "overrides" the method (API Gateway developer guide, "Important
	// notes"): what was decided over would not be what is called.
	if len(header("X-HTTP-Method-Override")) > 0 {
		return d.refuse(CodeUnauthorized, messageOverride)
	}
	// A mapped header replaces the client's where the letter case is the same.
	// Where it is not, both might go up.
	if len(header("Authorization")) > 0 {
		return d.refuse(CodeUnauthorized, messageAuthorization)
	}

	origin, err := p.rules.Origin(r.HTTPMethod, header)
	if err != nil {
		return d.refuse(CodeUnauthorized, messageOf(err))
	}
	d.AllowedOrigin = origin

	cookies := cookie.Parse(header("Cookie")...)
	csrfSession, err := p.checkCSRF(r.HTTPMethod, header, cookies)
	if err != nil {
		return d.refuse(CodeUnauthorized, messageOf(err))
	}

	value, present := cookies[p.names.AccessToken]
	if !present {
		return d.refuse(CodeUnauthorized, messageNoSession)
	}
	content, err := p.ring.Open(p.names.AccessToken, value)
	if err != nil || !isBearerToken(content.Token) {
		return d.refuse(CodeUnauthorized, messageNotOpened)
	}
	if csrfSession != nil && *csrfSession != content.Session {
		return d.refuse(CodeUnauthorized, messageOtherSession)
	}
	if content.Expired(p.now()) {
		return d.refuse(CodeExpired, messageExpired)
	}

	d.Allow = true
	d.Token, d.Session, d.Subject = content.Token, content.Session, subjectOf(content.Token)
	return d
}

// checkCSRF returns the session that the CSRF cookie belongs to where the
// decision rests on that cookie.
func (p *Proxy) checkCSRF(method string, header csrf.Header, cookies map[string]string) (*cookie.SessionID, error) {
	assistant, err := csrf.Assistant(header)
	if err != nil || assistant || csrf.Safe(method) {
		return nil, err
	}
	// A cookie that is absent or does not open has no value, which never matches.
	content, _ := p.ring.Open(p.names.CSRF, cookies[p.names.CSRF])
	if err := p.rules.DoubleSubmit(header, content.Token); err != nil {
		return nil, err
	}
	return &content.Session, nil
}

func (d Decision) refuse(code, message string) Decision {
	return Decision{Code: code, Message: message, AllowedOrigin: d.AllowedOrigin}
}

func messageOf(err error) string {
	var refusal csrf.Refusal
	if errors.As(err, &refusal) {
		return string(refusal)
	}
	return "The request was refused"
}

// principal is what access logs know the caller by: never a token.
func (d Decision) principal() string {
	if d.Subject != "" {
		return d.Subject
	}
	return hex.EncodeToString(d.Session[:])
}

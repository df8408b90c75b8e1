// Package oauthproxy decides, in front of every protected route, whether a
// request may go on, and with which access token.
//
// The Lambda authorizer of the REST API runs it. For an allowed request it returns an
// Allow policy and a context from which the gateway takes the Authorization header
// for the upstream API. For a refused request it returns a Deny policy and a context
// of constants, from which the gateway makes the response for the page. An error
// means that it could not decide. The gateway then returns 500, so it fails closed.
//
// # Order of the decision
//
// The first failure decides: method override, Authorization header, origin, path
// parameters, CSRF, access token cookie, expiry, device binding, record of the
// session, introspection or signature of the token, requirements of the route, token
// exchange, and with DPoP the proof of possession (proof.go).
//
// Where callers may bring a token of their own, an Authorization header comes
// before the cookie: see bearer.go.
//
// # Not done
//
// Without phantom tokens or a key set, the authorizer does not read the access
// token: the upstream API is its audience and checks it.
//
// With COOKIE_FORMAT curity it cannot check the expiry, or whether CSRF value and
// access token belong to one session: that format contains neither.
package oauthproxy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/metrics"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
	"github.com/tokenhandler/aws/lambda/internal/keys"
	"github.com/tokenhandler/aws/lambda/internal/sessions"
)

// Request is the event of a REQUEST authorizer of a REST API. It has only the fields
// that decisions depend on: decoding all of them would make every start and every
// invocation about 6% longer.
type Request struct {
	MethodArn         string              `json:"methodArn"`
	Resource          string              `json:"resource"`
	HTTPMethod        string              `json:"httpMethod"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	PathParameters    map[string]string   `json:"pathParameters"`
	RequestContext    struct {
		RequestID    string `json:"requestId"`
		ResourcePath string `json:"resourcePath"`
		// RouteKey and EventType are of WebSocket APIs; see connect.go.
		RouteKey  string `json:"routeKey"`
		EventType string `json:"eventType"`
	} `json:"requestContext"`
}

// Proxy decides over the requests of one deployment. It is safe for use by
// several goroutines.
type Proxy struct {
	ring  *cookie.Ring
	names cookie.Names
	rules csrf.Rules
	now   func() time.Time
	// The cookies that decide over requests with safe and with other methods.
	reads, writes cookieNames

	allowToken   bool
	tokens       tokens
	requirements requirements
	claims       []string // that go upstream, in the order of their headers
	caching      caching
	proofs       *proofs // nil where tokens are not bound
	device       device
	sessions     *sessions.Table   // nil where sessions are not recorded
	metrics      *metrics.Recorder // nil without metrics
}

// New makes a proxy from its settings, as [settings.Load] returns them: with their
// defaults. The clock is a parameter for tests.
func New(s settings.Authorizer, now func() time.Time) (*Proxy, error) {
	if err := s.Complete(); err != nil {
		return nil, err
	}
	ring, err := keys.Ring(s.Shared, now)
	if err != nil {
		return nil, err
	}
	tokens, err := newTokens(s, now)
	if err != nil {
		return nil, err
	}
	proofs, err := newProofs(s)
	if err != nil {
		return nil, err
	}
	var claims []string
	for _, header := range s.AccessTokens.ClaimHeaders.Names() {
		claims = append(claims, s.AccessTokens.ClaimHeaders[header])
	}
	var table *sessions.Table
	if s.Sessions.Table != "" {
		table, err = sessions.New(sessions.Config{Name: s.Sessions.Table, Key: s.Sessions.Key, Deployment: s.Deployment, Env: os.Getenv, Now: now})
		if err != nil {
			return nil, err
		}
	}
	names := cookie.NewNamesOf(keys.CookieOptions(s.Shared, s.Deployment))
	return &Proxy{
		ring:         ring,
		names:        names,
		reads:        newCookieNames(s, names, names.AccessToken),
		writes:       newCookieNames(s, names, names.AccessToken, names.CSRF),
		rules:        csrf.Rules{TrustedOrigins: s.Application.TrustedWebOrigins, PreviewOrigin: s.Application.PreviewOrigin, SameOriginReads: s.Application.SameOriginReads, HeaderName: s.CSRFHeaderName()},
		now:          now,
		allowToken:   s.AccessTokens.AllowToken,
		tokens:       tokens,
		claims:       claims,
		requirements: newRequirements(s.RouteRequirements),
		caching:      newCaching(s),
		proofs:       proofs,
		sessions:     table,
		device:       newDevice(s.DeviceBinding, ring, names),
	}, nil
}

// cookieNames are the names of the cookies that a decision opens, and of those that
// it reads: these, the anchor and the device cookie.
type cookieNames struct{ opened, parsed []string }

func newCookieNames(s settings.Authorizer, names cookie.Names, opened ...string) cookieNames {
	parsed := slices.Clone(opened)
	if names.Anchor != "" {
		parsed = append(parsed, names.Anchor)
	}
	if s.DeviceBinding.On() {
		parsed = append(parsed, names.Device)
	}
	return cookieNames{opened, parsed}
}

// Record has Handle write a line for each decision. It must be called before the
// first decision.
func (p *Proxy) Record(r *metrics.Recorder) { p.metrics = r }

// Messages of refusals, besides those of package csrf. They are constants, so that a
// response never repeats data of the request.
const (
	messageOverride      = "The request overrides its method"
	messageAuthorization = "The request has an Authorization header beside the session cookie"
	messageNoSession     = "The request has no session cookie"
	messageNotOpened     = "The session cookie does not open"
	messageOtherSession  = "The CSRF cookie belongs to another session"
	messageAmbiguous     = "There are two different cookies named " // and the name
	messageEnded         = "The session has ended"
	messageExpired       = "The access token has expired"
	messagePath          = "A path parameter could change the path"
	messageInactive      = "The access token is not active"
	messageForeign       = "The access token is not for this API"
	messageInvalid       = "The access token is not valid"
	messageScope         = "The access token lacks a scope"
	messageClaims        = "The access token lacks a claim"
	messageNotExchanged  = "The provider refuses a token for this route"
	messageUnbound       = "The access token is from before DPoP was switched on or off"
)

// Decision is the outcome for one request.
type Decision struct {
	Allow bool

	// Code and Message say why a request is refused.
	Code, Message string

	// AllowedOrigin is the Origin of the request where it is trusted.
	AllowedOrigin string

	// Scope lists the scopes that the route requires, separated by spaces, if the
	// token lacks one of them.
	Scope string

	// Token, Session and Subject are set for an allowed request. Session is zero
	// for a caller with a token of its own. Subject is empty unless the access
	// token is known to name one.
	Token   string
	Proof   string // of possession of the token's key; empty for a bearer token
	Session cookie.SessionID
	Subject string
	// Expires is when the access token of a session expires; zero if it is unknown.
	Expires time.Time
	// Claims are the claims for upstream headers, in the order of the headers'
	// names. A claim that the token lacks is empty.
	Claims []string
	// Bound tells whether the session is bound to a device. It is nil where device
	// binding is off, and for a caller with a token of its own.
	Bound *bool
}

// Decide decides over one request. An error means that it could not decide. The
// error never contains a token.
func (p *Proxy) Decide(ctx context.Context, r *Request) (Decision, error) {
	header := headerOf(r)
	if overridesMethod(header) {
		return Decision{}.refuse(contract.CodeUnauthorizedRequest, messageOverride)
	}
	if authorization := header("Authorization"); len(authorization) > 0 {
		if p.allowToken {
			return p.decideBearer(ctx, r, header, authorization)
		}
		// A mapped header replaces the client's only in the same letter case.
		// Otherwise both could go upstream.
		return Decision{}.refuse(contract.CodeUnauthorizedRequest, messageAuthorization)
	}
	return p.decideSession(ctx, r, header)
}

// decideSession decides over a request that has only its cookies.
func (p *Proxy) decideSession(ctx context.Context, r *Request, header csrf.Header) (Decision, error) {
	var d Decision
	origin, err := p.rules.Origin(r.HTTPMethod, header)
	if err == nil && origin == "" && r.connects() {
		err = csrf.OriginMissing
	}
	if err != nil {
		return d.refuse(contract.CodeUnauthorizedRequest, messageOf(err))
	}
	d.AllowedOrigin = origin
	if !safePath(r) {
		return d.refuse(contract.CodeInvalidRequest, messagePath)
	}
	if message := p.caching.refuses(r.HTTPMethod, header); message != "" {
		return d.refuse(contract.CodeUnauthorizedRequest, message)
	}

	assistant, err := csrf.Assistant(header)
	if err != nil {
		return d.refuse(contract.CodeUnauthorizedRequest, messageOf(err))
	}
	needed := p.reads
	doubleSubmit := !assistant && !csrf.Safe(r.HTTPMethod)
	if doubleSubmit {
		needed = p.writes
	}
	cookies := cookie.ParseOnly(needed.parsed, header("Cookie")...)
	opened := p.names.Open(p.ring, cookies, true, needed.opened...)
	if doubleSubmit && !opened.Mixed {
		// A cookie that is missing or does not open has the empty value, which never
		// matches.
		if err := p.rules.DoubleSubmit(header, opened.Contents.Token(p.names.CSRF)); err != nil {
			return d.refuse(contract.CodeUnauthorizedRequest, p.because(opened, messageOf(err)))
		}
	}
	content, ok := opened.Contents.Get(p.names.AccessToken)
	switch {
	case opened.Mixed:
		return d.refuse(contract.CodeUnauthorizedRequest, messageOtherSession)
	case len(cookies[p.names.AccessToken]) == 0:
		return d.refuse(contract.CodeUnauthorizedRequest, messageNoSession)
	case !ok || !isBearerToken(content.Token):
		return d.refuse(contract.CodeUnauthorizedRequest, p.because(opened, messageNotOpened))
	}
	if now := p.now(); content.Expired(now) || p.caching.outlives(content.Expires, now) {
		return d.refuse(contract.CodeTokenExpired, messageExpired)
	}

	if code, message := p.device.refuses(content, cookies, header, p.now()); code != "" {
		return d.refuse(code, message)
	}
	d.Bound = p.device.bound(content)

	if p.sessions != nil {
		// On an error the gateway returns 500, so it fails closed.
		live, err := p.sessions.Live(ctx, content.Session)
		switch {
		case err != nil:
			return Decision{}, err
		case !live:
			return d.refuse(contract.CodeUnauthorizedRequest, messageEnded)
		}
	}

	d.Session, d.Expires = content.Session, content.Expires
	key, token, ok := p.proofs.open(content.Token)
	if !ok {
		return d.refuse(contract.CodeTokenExpired, messageUnbound) // a refresh fixes it
	}
	if d, err = p.decideToken(ctx, r, d, token, sealedToken, key); err != nil || !d.Allow || key == nil {
		return d, err
	}
	if d.Proof, err = p.proofs.prove(r, key, d.Token, p.now()); err != nil {
		return Decision{}, err
	}
	return d, nil
}

// because returns the message of a refusal. If a cookie came twice, that is the
// reason.
func (p *Proxy) because(opened cookie.Opened, message string) string {
	if opened.Ambiguous != "" {
		return messageAmbiguous + opened.Ambiguous
	}
	return message
}

// refuse returns a refusal that keeps only the origin of the decision so far.
func (d Decision) refuse(code, message string) (Decision, error) {
	return Decision{Code: code, Message: message, AllowedOrigin: d.AllowedOrigin}, nil
}

func messageOf(err error) string {
	var refusal csrf.Refusal
	if errors.As(err, &refusal) {
		return string(refusal)
	}
	return "The request was refused"
}

// principal identifies the caller in access logs. It is never a token.
//
// API Gateway writes it into the log line without escaping (azul issue #4348), so
// a subject with other characters than usual identifiers have could add fields
// to a line. A hash stands for such a subject.
func (d Decision) principal() string {
	switch {
	case d.Subject != "" && strings.Trim(d.Subject, plainChars) == "":
		return d.Subject
	case d.Subject != "":
		sum := sha256.Sum256([]byte(d.Subject))
		return "sha256-" + hex.EncodeToString(sum[:])
	case d.Session == cookie.SessionID{}:
		return "caller"
	}
	return hex.EncodeToString(d.Session[:])
}

// plainChars need no escaping in any format of the log.
const plainChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@|:+/-"

// Package oauthagent is the OAuth agent: it signs a browser in and out and
// keeps the tokens in sealed cookies, which only it and the authorizer open.
//
// # Endpoints
//
// Below the base path:
//
//	POST login/start  begins a login: returns the authorization URL
//	POST login/end    ends a login, or returns whether there is a session
//	GET  session      returns whether there is a session
//	GET  userInfo     the provider's UserInfo response
//	GET  claims       the payload of the ID token
//	POST refresh      renews the access token
//	POST logout       removes the cookies: returns the next URL
//	POST token        the access token; only with [Config.TokenMediation]
//	POST device/…     called by the browser itself; only with [Config.Device]
//
// They speak two dialects at once. Requests with token-handler-version: 1 are
// in the assistant dialect (snake_case, always a body). Other requests are in
// the classic dialect (camelCase, a double submit CSRF value, 204 on refresh).
// Responses have the names of both dialects; only the CSRF value and 204 are
// classic. The content type of the body, JSON or form, decides how it is read.
//
// # Secrets
//
// No response contains a token: the tokens are in cookies that only the agent
// and the authorizer can open. Two settings, both off by default, change that:
// TokenMediation for the access token, IDTokenHint for the ID token. No
// response ever contains a refresh token. No log line contains a token, cookie,
// code, state, CSRF value, user identifier, or text from a provider or a
// browser.
//
// # Limits
//
// The gateway answers preflight requests. Between requests the agent remembers
// only the provider's metadata and keys.
package oauthagent

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/metrics"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/sessions"
)

// Config configures the agent. Fields are required unless their comment says
// otherwise.
type Config struct {
	// BasePath is the path above the endpoints, such as /oauth-agent.
	BasePath string
	// RedirectURI is the page that authorization responses come to.
	RedirectURI string
	// RedirectURIs returns all redirect URIs of logins that a page of a trusted
	// origin may start. Nil: RedirectURI only.
	RedirectURIs func(origin string) []string
	// PostLogoutRedirectURI is the URL that logout returns if the provider has no
	// logout endpoint. Optional.
	PostLogoutRedirectURI string

	Ring     *cookie.Ring
	Names    cookie.Names
	Rules    csrf.Rules
	Provider *oauth.Client

	// ExtraParameters are the parameters that a page may add to the authorization
	// request (OpenID Connect Core section 3.1.2.1).
	ExtraParameters []string

	// Sessions records the sessions. Nil: sessions are not recorded.
	Sessions *sessions.Table
	// Deployment is sealed into the responses that the table keeps.
	Deployment string
	// Lifetimes bound the sessions.
	Lifetimes Lifetimes
	// LocalLogout makes logout leave the session at the provider alone: it returns
	// no URL of the provider.
	LocalLogout bool
	// IDTokenHint puts the ID token into the logout URL, which the page sees.
	IDTokenHint bool
	// OmitIDToken keeps the ID token out of the cookies, except for the claims
	// that a refresh compares. claims and session then return only those.
	OmitIDToken bool
	// TokenMediation adds the endpoint token, which gives the access token to the
	// page.
	TokenMediation bool

	// Device binds sessions to the device. The zero value does not.
	Device Device

	// Logger gets one line for each request.
	Logger *slog.Logger
	// Metrics gets one line for each request. Optional.
	Metrics *metrics.Recorder
	// RequestID returns the id of a request for the log. Optional.
	RequestID func(*http.Request) string
	// Host returns the host of a request. Optional: without it, the agent does not
	// remove cookies of the domains above it.
	Host func(*http.Request) string
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

type agent struct {
	Config
	routes map[string]route
}

// route is one endpoint. serve returns a body to be written as JSON, or nil for
// no content.
type route struct {
	name   string // in the log
	method string
	serve  func(*agent, *call) (any, error)

	checked bool // a session without a record does not count
	direct  bool // the provider calls it: no Origin, no cookies
	device  bool // the browser itself calls it, not a page
}

// New returns the agent.
func New(config Config) http.Handler {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.RedirectURIs == nil {
		config.RedirectURIs = func(string) []string { return []string{config.RedirectURI} }
	}
	if config.RequestID == nil {
		config.RequestID = func(*http.Request) string { return "" }
	}
	if config.Host == nil {
		config.Host = func(*http.Request) string { return "" }
	}
	a := &agent{Config: config, routes: map[string]route{}}
	routes := []route{
		{name: contract.EndpointLoginStart, method: http.MethodPost, serve: (*agent).loginStart},
		{name: contract.EndpointLoginEnd, method: http.MethodPost, serve: (*agent).loginEnd, checked: true},
		{name: contract.EndpointSession, method: http.MethodGet, serve: (*agent).session, checked: true},
		{name: contract.EndpointUserInfo, method: http.MethodGet, serve: (*agent).userInfo, checked: true},
		{name: contract.EndpointClaims, method: http.MethodGet, serve: (*agent).claims, checked: true},
		{name: contract.EndpointRefresh, method: http.MethodPost, serve: (*agent).refresh},
		{name: contract.EndpointLogout, method: http.MethodPost, serve: (*agent).logout},
	}
	if config.TokenMediation {
		routes = append(routes, route{name: contract.EndpointToken, method: http.MethodPost, serve: (*agent).token, checked: true})
	}
	if config.Sessions != nil {
		routes = append(routes, route{name: contract.EndpointBackChannelLogout, method: http.MethodPost, serve: (*agent).backChannelLogout, direct: true})
	}
	if config.Device.on() {
		routes = append(routes,
			route{name: contract.EndpointDeviceRegister, method: http.MethodPost, serve: (*agent).deviceRegister, checked: true, device: true},
			route{name: contract.EndpointDeviceRefresh, method: http.MethodPost, serve: (*agent).deviceRefresh, checked: true, device: true})
	}
	for _, r := range routes {
		a.routes[config.BasePath+"/"+r.name] = r
	}
	return a
}

// ServeHTTP routes on the exact path. http.ServeMux would redirect paths that
// it can clean.
func (a *agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := a.Now()
	c := &call{request: r, header: csrf.HTTPHeader(r.Header), now: started}
	body, err := a.dispatch(c)
	status, code := a.respond(w, c, body, err)
	took := a.Now().Sub(started)
	a.log(c, status, code, err, took)
	a.Metrics.Served(metrics.Request{At: started, Took: took, Endpoint: c.endpoint, Code: code,
		Failed: status >= 500, ProviderFailed: code == providerError.code,
		// The 403 of device/refresh is the ordinary challenge.
		Unproved: status == 401 && (code == deviceUnproved.code || code == deviceSkipped.code)})
}

func (a *agent) dispatch(c *call) (body any, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.cookies = nil
			body, err = nil, panicked(p)
		}
	}()
	endpoint, known := a.routes[c.request.URL.Path]
	c.endpoint = endpoint.name
	if endpoint.direct || endpoint.device {
		if c.request.Method != endpoint.method {
			c.allow = endpoint.method
			return nil, methodNotAllowed
		}
		if endpoint.direct {
			return endpoint.serve(a, c)
		}
		if !fromBrowserItself(c.header) {
			return nil, forbidden
		}
		return a.serve(c, endpoint)
	}
	// The origin comes first: the page can read a refusal only after it.
	if c.origin, err = a.Rules.Origin(c.request.Method, c.header); err != nil {
		return nil, unauthorized.because(err)
	}
	if !known {
		return nil, notFound
	}
	if c.request.Method != endpoint.method {
		c.allow = endpoint.method
		return nil, methodNotAllowed
	}
	if c.assistant, err = csrf.Assistant(c.header); err != nil {
		return nil, unauthorized.because(err)
	}
	return a.serve(c, endpoint)
}

// serve opens the cookies and calls the endpoint.
func (a *agent) serve(c *call, endpoint route) (any, error) {
	c.open(a)
	if endpoint.checked {
		if err := a.checkRecord(c); err != nil {
			return nil, err
		}
	}
	return endpoint.serve(a, c)
}

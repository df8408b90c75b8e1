package contract

import "slices"

// Codes of refusals.
const (
	CodeUnauthorizedRequest = "unauthorized_request"
	CodeTokenExpired        = "token_expired"
	CodeSessionExpired      = "session_expired"
	CodeLoginRequired       = "login_required"
	CodeDeviceProofRequired = "device_proof_required"
	CodeDeviceUnavailable   = "device_proof_unavailable"
	CodeDeviceRequired      = "device_binding_required"
	CodeInsufficientScope   = "insufficient_scope"
	CodeAccessDenied        = "access_denied"
	CodeUnmetRequirements   = "unmet_authentication_requirements"
	CodeInvalidRequest      = "invalid_request"
	CodeAuthorizationError  = "authorization_error"
	CodeNotFound            = "not_found"
	CodeServerError         = "server_error"
	CodeProviderError       = "authorization_server_error"
	CodeSessionTooLarge     = "session_too_large"

	CodeForbidden            = "forbidden"
	CodeRequestTooLarge      = "request_too_large"
	CodeUnsupportedMediaType = "unsupported_media_type"
	CodeTooManyRequests      = "too_many_requests"
	CodeUpstreamUnavailable  = "upstream_unavailable"
	CodeUpstreamTimeout      = "upstream_timeout"
)

// MessageUnauthorized is the message of unauthorized_request where the agent or
// the gateway refuses. The authorizer's messages name the failed check.
const MessageUnauthorized = "Access denied due to invalid request details"

// Party is a part of the system that refuses requests, or a set of them.
type Party uint8

// The parties.
const (
	Authorizer Party = 1 << iota
	Agent
	Gateway
)

// Step is the page's next step after a refusal.
type Step string

// The steps.
const (
	// Refresh: call the agent's refresh endpoint once, then repeat the call. If
	// the agent answers the refresh with 401, or the repeated call is refused
	// again, the user must sign in.
	Refresh Step = "refresh once and repeat the call; sign in if that is refused"
	// SignIn: begin a login. A refresh does not help.
	SignIn Step = "sign in"
	// Tell: the user is signed in, and may not do this. Neither a refresh nor the
	// same login helps.
	Tell Step = "tell the user"
	// Correct: the page or the link that led to it is wrong.
	Correct Step = "correct the request"
	// Wait: the same call may succeed later. The session is unchanged.
	Wait Step = "try again later"
	// Report: an operator must act.
	Report Step = "report it"
)

// Refusal is a code with the HTTP statuses that it comes with.
type Refusal struct {
	Code     string
	By       Party
	Statuses []int
	Next     Step
	Meaning  string
}

// Refusals are all codes of our own. Beside them the agent passes on the
// [AuthorizationErrors] of providers.
//
// The authorizer's refusals always have status 401: the gateway response of a Deny
// has one status.
//
// For unauthorized_request the page refreshes first, because a refresh removes
// some of its causes: a lost access token cookie beside a good refresh token
// cookie, or a cookie sealed with a key that the authorizer no longer has. If a
// refresh does not help, the agent responds with 401, and the user signs in.
var Refusals = []Refusal{
	{CodeUnauthorizedRequest, Authorizer | Agent | Gateway, []int{401}, Refresh, "The origin, the CSRF header or the session cookies are missing or not valid."},
	{CodeTokenExpired, Authorizer | Agent, []int{401}, Refresh, "The access token has expired."},
	{CodeSessionExpired, Agent, []int{401}, SignIn, "The session has ended. Its cookies are removed."},
	{CodeLoginRequired, Agent, []int{401}, SignIn, "The provider must ask the user to log in (prompt=none)."},
	{CodeDeviceProofRequired, Authorizer | Agent, []int{401, 403}, Refresh, "The session is bound to a device, and this browser has not proved that it is on it. 403 carries a new challenge."},
	{CodeDeviceUnavailable, Authorizer | Agent, []int{401}, Wait, "The session is bound to a device, and the browser says that it could not renew its proof just now."},
	{CodeDeviceRequired, Authorizer | Agent, []int{401}, Tell, "The session is not bound to a device yet, or this browser cannot bind it."},
	{CodeInsufficientScope, Authorizer, []int{401}, Tell, "The route demands scopes that the access token lacks; scope lists them."},
	{CodeAccessDenied, Authorizer | Agent, []int{400, 401}, Tell, "The route demands claims that the access token lacks (401), or the provider or the user refused the login (400)."},
	{CodeUnmetRequirements, Agent, []int{400}, Tell, "The provider did not authenticate the user in the way that was asked for."},
	{CodeInvalidRequest, Authorizer | Agent | Gateway, []int{400, 401, 405, 413, 415}, Correct, "The request is malformed, or a path parameter could change the path (401)."},
	{CodeAuthorizationError, Agent, []int{400}, SignIn, "The provider rejected the login or the request."},
	{CodeNotFound, Agent | Gateway, []int{404}, Correct, "The path or the method does not exist."},
	{CodeForbidden, Gateway | Agent, []int{403}, Tell, "The firewall or the gateway refused the request, or the agent one that a browser makes for device binding."},
	{CodeRequestTooLarge, Gateway, []int{413}, Correct, "The request is too large."},
	{CodeUnsupportedMediaType, Gateway, []int{415}, Correct, "The content type is not supported."},
	{CodeTooManyRequests, Gateway, []int{429}, Wait, "The gateway throttles requests."},
	{CodeServerError, Agent | Gateway, []int{500}, Report, "The token handler failed."},
	{CodeProviderError, Agent, []int{502}, Wait, "The provider, or the way to it, failed."},
	{CodeSessionTooLarge, Agent, []int{502}, Report, "The tokens of the provider do not fit in cookies."},
	{CodeUpstreamUnavailable, Gateway, []int{502}, Wait, "The upstream API or the agent could not be reached."},
	{CodeUpstreamTimeout, Gateway, []int{504}, Wait, "The upstream API or the agent did not answer in time."},
}

// Codes returns the codes of a party.
func Codes(by Party) []string {
	var codes []string
	for _, r := range Refusals {
		if r.By&by != 0 {
			codes = append(codes, r.Code)
		}
	}
	return codes
}

// Find returns the refusal with a code.
func Find(code string) (Refusal, bool) {
	i := slices.IndexFunc(Refusals, func(r Refusal) bool { return r.Code == code })
	if i < 0 {
		return Refusal{}, false
	}
	return Refusals[i], true
}

// AuthorizationErrors are the error codes of authorization endpoints: RFC 6749
// section 4.1.2.1, OpenID Connect Core section 3.1.2.6, RFC 8707 section 2 and
// the OpenID Connect extension for unmet authentication requirements. The agent
// passes them on with status 400, except login_required, which has 401.
var AuthorizationErrors = []string{
	CodeInvalidRequest, "unauthorized_client", CodeAccessDenied, "unsupported_response_type", "invalid_scope",
	CodeServerError, "temporarily_unavailable",
	"interaction_required", CodeLoginRequired, "account_selection_required", "consent_required",
	"invalid_request_uri", "invalid_request_object", "request_not_supported", "request_uri_not_supported",
	"registration_not_supported", "invalid_target", CodeUnmetRequirements,
}

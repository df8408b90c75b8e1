// Package contract holds the names that the parts of the token handler and its
// clients must agree on: the codes of refusals, the context keys between the
// authorizer and the gateway, the names of headers, and the agent's endpoints.
//
// The authorizer, the agent, the construct, the metrics and the smoke test take
// them from here. Tests compare docs/openapi.yaml, the tables in the
// documentation and the page's module with this package.
//
// It contains constants and small tables only, so that the authorizer's binary
// stays small.
package contract

import "strconv"

// Headers of requests and responses.
const (
	// HeaderVersion marks a request of the assistant dialect and is its CSRF
	// defence. Its only value is [Version].
	HeaderVersion = "token-handler-version"
	Version       = "1"

	HeaderAuthorization = "Authorization"
	// HeaderRequestID is the header in which API Gateway names each response by
	// the id that the logs have as request_id. Pages may read it.
	HeaderRequestID = "x-amzn-RequestId"
	// HeaderProof carries a proof of possession (RFC 9449 section 4.1).
	HeaderProof = "DPoP"
)

// CSRFHeader returns the default name of the classic dialect's CSRF header for
// a prefix of cookie names.
func CSRFHeader(prefix string) string { return "x-" + prefix + "-csrf" }

// MethodOverrides are request headers that change the method: the authorizer
// refuses requests with one of them, and no route may pass them on. API Gateway
// itself applies the first (Developer Guide, "Important notes"), web frameworks
// the others.
var MethodOverrides = []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"}

// Keys of the authorizer's context. All values are strings: API Gateway fails
// on nested ones.
const (
	ContextToken         = "token"         // Allow: scheme and access token, for Authorization
	ContextProof         = "dpop"          // Allow: proof of possession, if tokens are bound to a key
	ContextSubject       = "sub"           // Allow: the user, if the access token names one
	ContextExpires       = "expires"       // Allow of a WebSocket: when the access token expires, in seconds since 1970
	ContextAllowedOrigin = "allowedOrigin" // both: the request's Origin, if it is trusted
	ContextCode          = "code"          // Deny: one of the codes
	ContextMessage       = "message"       // Deny: a constant for developers
	ContextScope         = "scope"         // Deny: the scopes that the route demands, or ""
)

// ContextClaim is the key of the n-th claim that goes upstream in a header, in
// the order of the headers' names, on Allow. It is missing if the token lacks
// the claim.
func ContextClaim(n int) string { return "claim" + strconv.Itoa(n) }

// FromContext returns the source of a parameter mapping that takes a value of
// the authorizer's context, such as "context.authorizer.token".
func FromContext(key string) string { return "context.authorizer." + key }

// InTemplate returns the variable of a mapping template or gateway response
// that a value of the authorizer's context replaces, such as
// "$context.authorizer.code".
func InTemplate(key string) string { return "$" + FromContext(key) }

// Fields of a refusal's body. Code is repeated for the clients of both
// dialects.
const (
	FieldCode      = "code"       // classic
	FieldErrorCode = "error_code" // assistant
	FieldMessage   = "message"
	FieldScope     = "scope" // insufficient_scope only
)

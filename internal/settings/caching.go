package settings

import "time"

// AuthorizerCaching lets API Gateway cache results of the authorizer and reuse
// them for requests with the same key, so that a page that requests the same
// path again and again invokes no Lambda. It is off by default: most APIs do not
// need it, and without it the authorizer decides about every request.
//
// # Why this form is safe
//
// A cached result skips every check, so the key ("identity sources") contains
// everything that a decision depends on: the headers Cookie, Origin and
// Sec-Fetch-Site, the CSRF header of the dialect, the method and the path.
// Methods that change state have an authorizer of their own, and with it a cache
// of their own, so that the result of a GET never serves a POST. The policy of
// each result names its one method.
//
//   - Cookie: a session after a refresh, another session, or no session has
//     another key.
//   - A header with two values: it is not documented which one API Gateway puts
//     into the key. The authorizer allows only requests that have each header of
//     the key exactly once.
//   - The end of the token: API Gateway caches all results equally long, and the
//     result contains the token. The authorizer returns token_expired for a token
//     that has less than the TTL left, so that pages refresh that much earlier.
//     Access tokens must live clearly longer than TTL.
//   - Headers that turn an Allow into a refusal (Authorization,
//     X-HTTP-Method-Override, the CSRF header of the other dialect): a key cannot
//     require their absence, so a cached Allow also serves a request that adds
//     one. Authorization: mapped routes send the gateway's own and no header of
//     the client, but transparent routes and functions receive the client's
//     headers; synthesis refuses them. X-HTTP-Method-Override: API Gateway routes
//     by the resulting method, whose authorizer has its own cache, and evaluates
//     the cached policy against it.
//   - Requirements of single routes, and callers with tokens of their own, are
//     refused at synthesis.
//
// # Costs
//
// "If a specified identity source is missing, null, or empty, API Gateway
// returns a 401 Unauthorized HTTP response without calling the Lambda
// authorizer function" (Amazon API Gateway Developer Guide, "Use API Gateway
// Lambda authorizers"). So:
//
//   - all clients must use one dialect, and the assistant's header must be on
//     every request, including GET;
//   - GET and HEAD of pages on the API's own origin are refused, since browsers
//     send no Origin with them. Caching is for pages on another origin;
//   - browsers without Sec-Fetch-Site (Safari before 16.4) are refused, and so
//     are clients that are not browsers;
//   - such a 401 has CORS headers only if there is one trusted origin. Several
//     are refused.
//
// A refusal is cached like an Allow: after a request that is refused because of
// a header outside the key, the session is refused on this path for up to TTL.
// The revocation of a token takes effect up to TTL later.
type AuthorizerCaching struct {
	// TTL is how long API Gateway keeps a result: whole seconds, at most 60.
	// Default: API Gateway keeps no result.
	TTL time.Duration `env:"CACHE_TTL" json:"authorizerCacheTtl" rule:"cachettl" unit:"seconds"`

	// Dialect is the dialect of all clients, assistant or classic. Results are
	// cached by its CSRF header. Default: assistant.
	Dialect Dialect `env:"CACHE_DIALECT" json:"authorizerCacheDialect" rule:"dialect"`
}

// Dialect is how clients prove that a request is not cross-site: by the header
// token-handler-version: 1, or by the double submit.
type Dialect string

// The dialects.
const (
	DialectAssistant Dialect = "assistant"
	DialectClassic   Dialect = "classic"
)

// maxCacheTTL bounds AuthorizerCaching.TTL: for this long the authorizer does
// not see whether the session has ended.
const maxCacheTTL = time.Minute

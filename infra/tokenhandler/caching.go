package tokenhandler

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
)

// AuthorizerCaching lets API Gateway keep results of the authorizer and use
// them again for requests with the same key, so that a page that asks for the
// same path again and again invokes no Lambda. It is off by default: most APIs
// do not need it, and without it every request is decided anew.
//
// # Why this form is safe
//
// A kept result skips every check, so all that a decision rests on is in the
// key ("identity sources"): the headers Cookie, Origin and Sec-Fetch-Site, the
// CSRF header of the dialect, the method and the path. Methods that change
// something have an authorizer of their own, and with it a cache of their own,
// so that no result of a GET is ever looked at for a POST; and each result's
// policy names its one method.
//
//   - Cookie: a session after a refresh, another session, or none, is another key.
//   - A header with two values: nobody knows which the gateway takes into the
//     key. The authorizer allows only requests that have each header of the key
//     exactly once.
//   - The end of the token: the gateway keeps all results equally long, and the
//     result holds the token. The authorizer answers token_expired for a token
//     that has less than the TTL left (CACHE_TTL), so that pages refresh that
//     much earlier. Access tokens must live clearly longer than TTL.
//   - Headers that make a decision a refusal (Authorization,
//     X-HTTP-Method-Override, a second dialect's): a key cannot ask for their
//     absence, so a kept Allow is also used for a request that adds one.
//     Authorization: mapped routes send the gateway's own and nothing of the
//     client's, but Transparent routes and Functions get the client's headers;
//     synthesis refuses them. The override: what routes is the method that
//     results, whose authorizer has its own cache, and the kept policy is
//     evaluated against it.
//   - Demands of single routes and callers with tokens of their own are refused
//     at synthesis, too.
//
// # What it costs
//
// "If a specified identity source is missing, null, or empty, API Gateway
// returns a 401 Unauthorized HTTP response without calling the Lambda
// authorizer function" (Amazon API Gateway Developer Guide, "Use API Gateway
// Lambda authorizers"). So:
//
//   - all clients must speak one dialect, and the assistant's header must be on
//     every request, GET too;
//   - GET and HEAD of pages on the API's own origin are refused: browsers send
//     no Origin with them. It is for pages on another origin than the API;
//   - browsers that do not send Sec-Fetch-Site (Safari before 16.4) are refused,
//     and so is what is no browser;
//   - such a 401 has CORS headers only where there is one trusted origin.
//
// A refusal is kept like an Allow: a request that would be refused for a header
// that is not in the key has its session refused on this path for up to TTL.
// Revocation of a token is seen up to TTL later.
type AuthorizerCaching struct {
	// TTL is how long a result is kept: whole seconds, at most 60.
	TTL time.Duration

	// Dialect of all clients. Default: [AssistantDialect].
	Dialect Dialect
}

// Dialect is how clients prove that a request is not cross-site.
type Dialect string

// The dialects: the header token-handler-version: 1, or the double submit.
const (
	AssistantDialect Dialect = settings.DialectAssistant
	ClassicDialect   Dialect = settings.DialectClassic
)

func (c *AuthorizerCaching) dialect() Dialect {
	if c.Dialect == "" {
		return AssistantDialect
	}
	return c.Dialect
}

// settings are those of the authorizer; c may be nil.
func (c *AuthorizerCaching) settings() settings.Caching {
	if c == nil {
		return settings.Caching{}
	}
	return settings.Caching{CacheTTL: fmt.Sprint(int(c.TTL.Seconds())), CacheDialect: string(c.dialect())}
}

func checkCaching(c *AuthorizerCaching) {
	switch {
	case c == nil:
	case c.TTL < time.Second || c.TTL > settings.MaxCacheTTL || c.TTL%time.Second != 0:
		misuse("Props.AuthorizerCaching.TTL is %s: expected whole seconds from 1 to 60", c.TTL)
	case c.dialect() != AssistantDialect && c.dialect() != ClassicDialect:
		misuse("Props.AuthorizerCaching.Dialect is %q: expected %s or %s", c.Dialect, AssistantDialect, ClassicDialect)
	}
}

// AuthorizerFor returns the authorizer for a method of the API made without
// [TokenHandler.Protect]. With [Props.AuthorizerCaching] there are two, made
// when first asked for: one for GET and HEAD, and the other, which is
// h.Authorizer, for all else. Without, it is h.Authorizer for all.
func (h *TokenHandler) AuthorizerFor(method string) awsapigateway.RequestAuthorizer {
	if h.props.AuthorizerCaching == nil {
		return h.Authorizer
	}
	made, id := &h.Authorizer, "Authorizer"
	if isSafe(method) {
		made, id = &h.safeAuthorizer, "SafeAuthorizer"
	}
	if *made == nil {
		sources := h.identitySources(isSafe(method))
		ttl := h.props.AuthorizerCaching.TTL
		*made = awsapigateway.NewRequestAuthorizer(h, jsii.String(id), &awsapigateway.RequestAuthorizerProps{
			Handler:         h.invoked,
			IdentitySources: jsii.Strings(sources...),
			ResultsCacheTtl: awscdk.Duration_Seconds(jsii.Number(ttl.Seconds())),
		})
		h.redeployWith(id, fmt.Sprintf("REQUEST, TTL %s, %q", ttl, sources))
	}
	return *made
}

func isSafe(method string) bool { return method == "GET" || method == "HEAD" }

// identitySources are the key: see [AuthorizerCaching]. "You can use header,
// query string, stage variable, and context" (Developer Guide, as above, whose
// examples are context.path and context.httpMethod).
func (h *TokenHandler) identitySources(safe bool) []string {
	sources := []string{"method.request.header.Cookie", "method.request.header.Origin", "method.request.header.Sec-Fetch-Site"}
	switch {
	case h.props.AuthorizerCaching.dialect() == AssistantDialect:
		sources = append(sources, "method.request.header."+contract.HeaderVersion)
	case !safe:
		sources = append(sources, "method.request.header."+h.shared.CSRFHeaderName())
	}
	return append(sources, "context.httpMethod", "context.path")
}

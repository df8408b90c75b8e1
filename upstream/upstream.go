// Package upstream is for Lambda functions behind the token handler: routes with
// a Function.
//
// API Gateway gives such a function the whole request, with the session
// cookies, the CSRF header and all identity and routing headers of the client.
// The access token is in the authorizer's context. [Handler] takes the token
// out of the context and these headers out of the request:
//
//	func main() { lambda.Start(upstream.Handler(orders)) }
//
//	func orders(ctx context.Context, s upstream.Session, r events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
//		// s.Token is the access token. Verify it as an API does.
//	}
package upstream

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/proxyheader"
)

// Session is the authorizer's result for a request.
type Session struct {
	// Token is the access token, without its scheme.
	Token string
	// Subject is the user. It is empty if the access token names no user.
	Subject string
	// AllowedOrigin is the origin of the page, if it is trusted. It is empty for
	// requests without Origin.
	AllowedOrigin string
}

// ErrNoSession means that no authorizer ran for a request, or that it gave no
// access token.
var ErrNoSession = errors.New("upstream: the request has no access token in its authorizer context: expected a route made by Protect")

// Of returns the session of a request.
func Of(r *events.APIGatewayProxyRequest) (Session, error) {
	text := func(key string) string { s, _ := r.RequestContext.Authorizer[key].(string); return s }
	scheme, token, _ := strings.Cut(text(contract.ContextToken), " ")
	if token == "" || !strings.EqualFold(scheme, "Bearer") {
		return Session{}, ErrNoSession
	}
	return Session{Token: token, Subject: text(contract.ContextSubject), AllowedOrigin: text(contract.ContextAllowedOrigin)}, nil
}

// Strip removes everything from a request that is only for the token handler or
// that the client could forge: all cookies, CSRF headers, Authorization, and
// the headers in which proxies name users, certificates and routes. csrfHeaders
// are the names of CSRF headers other than x-<prefix>-csrf.
//
// The address of the client is in RequestContext.Identity.SourceIP.
func Strip(r *events.APIGatewayProxyRequest, csrfHeaders ...string) {
	drop := func(name string) bool {
		lower := strings.ToLower(name)
		return lower == "cookie" || lower == "authorization" || lower == contract.HeaderVersion ||
			strings.HasPrefix(lower, "x-") && strings.HasSuffix(lower, "-csrf") ||
			proxyheader.Reserved(name) ||
			slices.ContainsFunc(slices.Concat(csrfHeaders, contract.MethodOverrides), func(other string) bool { return strings.EqualFold(other, name) })
	}
	for name := range r.Headers {
		if drop(name) {
			delete(r.Headers, name)
		}
	}
	for name := range r.MultiValueHeaders {
		if drop(name) {
			delete(r.MultiValueHeaders, name)
		}
	}
	// The context of the authorizer has the token too. It is in Session.
	delete(r.RequestContext.Authorizer, contract.ContextToken)
}

// Func handles a request that belongs to a session.
type Func func(context.Context, Session, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error)

// Handler returns a Lambda handler that calls next with the session and the
// stripped request. It adds CORS headers for the trusted origin, nosniff, and
// Cache-Control: no-store unless next sets it. A request without an access
// token gets 401 and does not reach next. For csrfHeaders see [Strip].
func Handler(next Func, csrfHeaders ...string) func(context.Context, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	return func(ctx context.Context, r events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		session, err := Of(&r)
		if err != nil {
			response := events.APIGatewayProxyResponse{StatusCode: http.StatusUnauthorized,
				Headers: map[string]string{"Content-Type": "application/json"},
				Body:    `{"code":"` + contract.CodeUnauthorizedRequest + `"}`}
			session.write(&response)
			return response, nil
		}
		Strip(&r, csrfHeaders...)
		response, err := next(ctx, session, r)
		if err != nil {
			return response, err
		}
		session.write(&response)
		return response, nil
	}
}

// write adds the headers of an answer. A function cannot set CORS headers for
// another origin by mistake.
func (s Session) write(r *events.APIGatewayProxyResponse) {
	set := func(name, value string) {
		remove(r, name)
		r.MultiValueHeaders[http.CanonicalHeaderKey(name)] = []string{value}
	}
	if r.MultiValueHeaders == nil {
		r.MultiValueHeaders = map[string][]string{}
	}
	for _, name := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"} {
		remove(r, name)
	}
	if s.AllowedOrigin != "" {
		set("Access-Control-Allow-Origin", s.AllowedOrigin)
		set("Access-Control-Allow-Credentials", "true")
	}
	vary := values(r, "Vary")
	if !slices.ContainsFunc(vary, func(v string) bool { return strings.Contains(strings.ToLower(v), "origin") }) {
		remove(r, "Vary")
		r.MultiValueHeaders["Vary"] = append(vary, "Origin")
	}
	set("X-Content-Type-Options", "nosniff")
	if len(values(r, "Cache-Control")) == 0 {
		set("Cache-Control", "no-store")
	}
}

func values(r *events.APIGatewayProxyResponse, name string) []string {
	var all []string
	for key, v := range r.MultiValueHeaders {
		if strings.EqualFold(key, name) {
			all = append(all, v...)
		}
	}
	for key, v := range r.Headers {
		if strings.EqualFold(key, name) {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return all
}

func remove(r *events.APIGatewayProxyResponse, name string) {
	for key := range r.MultiValueHeaders {
		if strings.EqualFold(key, name) {
			delete(r.MultiValueHeaders, key)
		}
	}
	for key := range r.Headers {
		if strings.EqualFold(key, name) {
			delete(r.Headers, key)
		}
	}
}

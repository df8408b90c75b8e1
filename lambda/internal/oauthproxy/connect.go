package oauthproxy

import (
	"errors"
	"strconv"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
)

// A WebSocket begins with a GET request. API Gateway then asks the authorizer
// of the route $connect. Its event has no method and no resource, and its method
// ARN ends in /$connect (Amazon API Gateway Developer Guide, "Control access to
// WebSocket APIs with AWS Lambda REQUEST authorizers").
//
// Browsers send cookies with it from any page of the site, no preflight before it,
// and no header of the page's choice (WebSocket API of the WHATWG). They always send
// the page's origin (RFC 6455 section 4.1, item 8). So the exact Origin, which is
// required, stands in for the CSRF header, beside SameSite cookies: RFC 6455 section
// 10.2 names it as the defence of servers.
//
// API Gateway asks once. Messages on the connection are not decided.
const connectRoute = "$connect"

// connects reports whether a request opens a WebSocket.
func (r *Request) connects() bool {
	return r.RequestContext.EventType == "CONNECT" && r.RequestContext.RouteKey == connectRoute && strings.HasSuffix(r.MethodArn, "/"+connectRoute)
}

// asGet completes the event of a WebSocket with the method and a resource that no
// REST route has.
func (r *Request) asGet() error {
	if r.HTTPMethod != "" || r.Resource != "" || r.RequestContext.ResourcePath != "" {
		return errors.New("oauthproxy: expected the event of a WebSocket to have no method and no resource")
	}
	r.HTTPMethod, r.Resource = "GET", "/"+connectRoute
	return nil
}

// connectScope reads arn:{partition}:execute-api:{region}:{account}:{api}/{stage}/$connect.
func connectScope(arn string) (methodScope, error) {
	api, ok := strings.CutSuffix(arn, "/"+connectRoute)
	scope, err := parseMethodARN(api+"/GET/", "GET")
	if !ok || err != nil || strings.Count(api, "/") != 1 || strings.ContainsAny(api, "*?") {
		return methodScope{}, errors.New("oauthproxy: expected the method ARN of a WebSocket to be that of $connect")
	}
	scope.method = connectRoute
	return scope, nil
}

// resource is the resource of a policy.
func (s methodScope) resource() string {
	if s.method == connectRoute {
		return s.api + "/" + connectRoute
	}
	return s.api + "/" + s.method + "/*"
}

// addExpiry tells the integrations of a WebSocket when the access token expires:
// the context stays the same as long as the connection lasts.
func (d Decision) addExpiry(values map[string]any) {
	if !d.Expires.IsZero() {
		values[contract.ContextExpires] = strconv.FormatInt(d.Expires.Unix(), 10)
	}
}

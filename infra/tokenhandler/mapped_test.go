package tokenhandler

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/google/go-cmp/cmp"
)

// P21, C1-15: only listed headers and parameters reach upstream. The type HTTP
// sends no others: no cookie, no CSRF header, no Authorization of the client.
func TestMappedRouteUp(t *testing.T) {
	got := synth(t, oneOrigin(), withItem).methods()["GET /orders/{id}"]
	if got["AuthorizationType"] != "CUSTOM" || dig(t, got, "Integration", "Type") != "HTTP" {
		t.Errorf("got authorization %v, integration %v", got["AuthorizationType"], dig(t, got, "Integration", "Type"))
	}
	want := map[string]any{
		"integration.request.header.Authorization":   "context.authorizer.token",
		"integration.request.header.Content-Type":    "method.request.header.Content-Type",
		"integration.request.header.Accept":          "method.request.multivalueheader.Accept",
		"integration.request.header.If-None-Match":   "method.request.multivalueheader.If-None-Match",
		"integration.request.header.X-Forwarded-For": "context.identity.sourceIp",
		"integration.request.header.X-Request-Id":    "context.requestId",
		"integration.request.path.id":                "method.request.path.id",
		"integration.request.querystring.expand":     "method.request.multivaluequerystring.expand",
	}
	if diff := cmp.Diff(want, dig(t, got, "Integration", "RequestParameters")); diff != "" {
		t.Error(diff)
	}
	declared := map[string]any{
		"method.request.header.Content-Type":  false,
		"method.request.header.Accept":        false,
		"method.request.header.If-None-Match": false,
		"method.request.path.id":              true,
		"method.request.querystring.expand":   false,
	}
	if diff := cmp.Diff(declared, got["RequestParameters"]); diff != "" {
		t.Error(diff)
	}
	if uri := dig(t, got, "Integration", "Uri"); uri != "https://orders.internal.example/v1/orders/{id}" {
		t.Errorf("got URI %v", uri)
	}
}

// P21: every usual status reaches the page unchanged, the rest as 502. Only
// listed headers reach the page, so that the upstream API cannot set cookies.
func TestMappedRouteDown(t *testing.T) {
	got := synth(t, severalOrigins(), withItem).methods()["GET /orders/{id}"]
	responses := dig(t, got, "Integration", "IntegrationResponses").([]any)
	declared := dig(t, got, "MethodResponses").([]any)
	expose := map[string]string{"200": "'etag,link'", "202": "'location,retry-after,link'", "404": "'link'", "503": "'retry-after,link'"}
	var seen []string
	for i, r := range responses {
		status := fmt.Sprint(dig(t, r, "StatusCode"))
		seen = append(seen, status)
		pattern, _ := r.(map[string]any)["SelectionPattern"].(string)
		// Which pattern takes which status is tested in statuses_test.go.
		if (status == "502") != (pattern == "") {
			t.Errorf("%s: got selection pattern %q", status, pattern)
		}
		parameters := dig(t, r, "ResponseParameters").(map[string]any)
		for name, source := range map[string]string{
			"Access-Control-Allow-Origin":      "context.authorizer.allowedOrigin",
			"Access-Control-Allow-Credentials": "'true'",
			"Vary":                             "'Origin'",
			"Content-Type":                     "integration.response.header.Content-Type",
			"Link":                             "integration.response.multivalueheader.Link",
			"Cache-Control":                    "'no-store'",
			"Content-Security-Policy":          "'default-src 'none'; frame-ancestors 'none''",
			"X-Content-Type-Options":           "'nosniff'",
			"Strict-Transport-Security":        "'max-age=31536000'",
		} {
			if parameters["method.response.header."+name] != source {
				t.Errorf("%s: got %s from %v, want %q", status, name, parameters["method.response.header."+name], source)
			}
		}
		if exposed, want := parameters["method.response.header.Access-Control-Expose-Headers"], expose[status]; want != "" && exposed != want {
			t.Errorf("%s: exposes %v, want %s", status, exposed, want)
		}
		// API Gateway refuses a mapping to a header that is not declared.
		var names []string
		for name := range parameters {
			names = append(names, name)
			if strings.EqualFold(name, "method.response.header.Set-Cookie") {
				t.Errorf("%s: Set-Cookie comes down", status)
			}
		}
		for _, name := range names {
			if dig(t, declared[i], "ResponseParameters", name) != true {
				t.Errorf("%s: %s is not declared", status, name)
			}
		}
		if dig(t, declared[i], "StatusCode") != status {
			t.Errorf("%s is not declared", status)
		}
	}
	for _, status := range strings.Fields("200 202 204 304 400 401 403 404 410 412 422 429 500 502 503") {
		if !slices.Contains(seen, status) {
			t.Errorf("status %s would come down as 502", status)
		}
	}
	// One integration response per status: the status is its key at AWS.
	if slices.Sort(seen); len(slices.Compact(slices.Clone(seen))) != len(seen) {
		t.Errorf("a status stands twice in %v", seen)
	}
}

// A route passes on the upstream's Cache-Control or Content-Security-Policy if
// it lists them.
func TestMappedRoutePassesOnListedConstants(t *testing.T) {
	got := synth(t, oneOrigin(), func(_ awscdk.Stack, h *TokenHandler) {
		route := orders()
		route.ResponseHeaders = []string{"Cache-Control", "content-security-policy"}
		h.Protect(route)
	}).methods()["GET /orders"]
	parameters := dig(t, got, "Integration", "IntegrationResponses", 0, "ResponseParameters").(map[string]any)
	for name, want := range map[string]any{
		"Cache-Control":           "integration.response.multivalueheader.Cache-Control",
		"content-security-policy": "integration.response.multivalueheader.content-security-policy",
		"Content-Security-Policy": nil,
		"X-Content-Type-Options":  "'nosniff'",
	} {
		if got := parameters["method.response.header."+name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// Claims go upstream in the headers that Props names, from the authorizer's
// context, on protected mapped routes; no route may pass a client's header of
// that name.
func TestMappedRouteClaims(t *testing.T) {
	props := oneOrigin()
	props.Provider.JWKSEndpoint = "https://login.example.com/jwks"
	props.AccessTokens = AccessTokens{VerifyTokens: true, Audience: []string{"api"}, ClaimHeaders: map[string]string{"X-User-Email": "email", "X-Roles": "https://example.com/roles"}}
	got := synth(t, props, withItem)
	parameters := dig(t, got.methods()["GET /orders/{id}"], "Integration", "RequestParameters").(map[string]any)
	if parameters["integration.request.header.X-Roles"] != "context.authorizer.claim0" || parameters["integration.request.header.X-User-Email"] != "context.authorizer.claim1" {
		t.Errorf("got %v", parameters)
	}
	message := panicOf(func() {
		New(newStack(t), "TokenHandler", props).Protect(Route{
			Path: "/orders", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/", RequestHeaders: []string{"x-user-email"},
		})
	})
	if !strings.HasPrefix(message, "tokenhandler: Route.RequestHeaders of /orders has") {
		t.Errorf("a route that passes a client's header of that name: got %q", message)
	}
}

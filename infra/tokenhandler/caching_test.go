package tokenhandler

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"
)

func cached(dialect Dialect) *Props {
	p := oneOrigin()
	p.AuthorizerCaching = AuthorizerCaching{TTL: 30 * time.Second, Dialect: dialect}
	return p
}

// P4: all that a decision reads is in the key, and methods that change
// something have a cache of their own.
func TestAuthorizerCaching(t *testing.T) {
	const start, end = "method.request.header.Cookie,method.request.header.Origin,method.request.header.Sec-Fetch-Site,", "context.httpMethod,context.path"
	for _, tt := range []struct {
		dialect      Dialect
		safe, unsafe string
	}{
		{"", "method.request.header.token-handler-version,", "method.request.header.token-handler-version,"},
		{AssistantDialect, "method.request.header.token-handler-version,", "method.request.header.token-handler-version,"},
		{ClassicDialect, "", "method.request.header.x-th-csrf,"},
	} {
		t.Run(string(tt.dialect), func(t *testing.T) {
			template := synth(t, cached(tt.dialect), func(_ awscdk.Stack, h *TokenHandler) {
				route := orders()
				route.Methods = []string{"GET", "HEAD", "POST", "DELETE"}
				h.Protect(route)
			})
			sources := map[string]string{}
			for id, a := range template.only("AWS::ApiGateway::Authorizer") {
				if ttl := a.Properties["AuthorizerResultTtlInSeconds"]; ttl != 30.0 {
					t.Errorf("%s keeps results for %v s, want 30", id, ttl)
				}
				sources[id] = a.Properties["IdentitySource"].(string)
			}
			used := map[string]string{}
			for _, m := range template.only("AWS::ApiGateway::Method") {
				if m.Properties["AuthorizationType"] == "CUSTOM" {
					used[m.Properties["HttpMethod"].(string)] = m.Properties["AuthorizerId"].(map[string]any)["Ref"].(string)
				}
			}
			if len(sources) != 2 || used["GET"] != used["HEAD"] || used["POST"] != used["DELETE"] || used["GET"] == used["POST"] {
				t.Errorf("got %d authorizers, used as %v; want one for GET and HEAD, another for the rest", len(sources), used)
			}
			if got, want := sources[used["GET"]], start+tt.safe+end; got != want {
				t.Errorf("GET: got key %s, want %s", got, want)
			}
			if got, want := sources[used["POST"]], start+tt.unsafe+end; got != want {
				t.Errorf("POST: got key %s, want %s", got, want)
			}
			dialect := tt.dialect
			if dialect == "" {
				dialect = AssistantDialect
			}
			found := false
			for _, f := range template.only("AWS::Lambda::Function") {
				env := fmt.Sprint(f.Properties["Environment"])
				found = found || strings.Contains(env, "CACHE_TTL:30") && strings.Contains(env, "CACHE_DIALECT:"+string(dialect))
			}
			if !found {
				t.Error("the authorizer does not know that its results are kept")
			}
		})
	}
}

// An API of GET alone has one authorizer, and synthesizes.
func TestAuthorizerCachingOfReadOnlyAPI(t *testing.T) {
	template := synth(t, cached(""), func(_ awscdk.Stack, h *TokenHandler) {
		route := orders()
		route.Methods = []string{"GET"}
		h.Protect(route)
	})
	if n := len(template.only("AWS::ApiGateway::Authorizer")); n != 1 {
		t.Errorf("got %d authorizers, want 1", n)
	}
}

func TestAuthorizerCachingRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*Props)
		add  func(awscdk.Stack, *TokenHandler)
		want string
	}{
		{"no TTL", func(p *Props) { p.AuthorizerCaching.TTL = 0 }, nil, "Props.AuthorizerCaching.Dialect requires Props.AuthorizerCaching.TTL"},
		{"too long", func(p *Props) { p.AuthorizerCaching.TTL = 61 * time.Second }, nil, "Props.AuthorizerCaching.TTL must be whole seconds from 1 to 60, got 1m1s"},
		{"half a second", func(p *Props) { p.AuthorizerCaching.TTL = 1500 * time.Millisecond }, nil, "Props.AuthorizerCaching.TTL must be whole seconds from 1 to 60, got 1.5s"},
		{"dialect", func(p *Props) { p.AuthorizerCaching.Dialect = "both" }, nil, `Props.AuthorizerCaching.Dialect must be assistant or classic, got "both"`},
		{"several origins", func(p *Props) {
			p.Application.TrustedWebOrigins = append(p.Application.TrustedWebOrigins, "https://admin.example.com")
		}, nil, "Props.AuthorizerCaching.TTL cannot be combined with several Props.Application.TrustedWebOrigins"},
		{"pages on the API's own host", func(p *Props) { p.Application.SameOriginReads = true }, nil, "Props.AuthorizerCaching.TTL cannot be combined with pages on the API's own host"},
		{"callers with tokens of their own", func(p *Props) { p.AccessTokens.AllowToken = true }, nil, "Props.AuthorizerCaching.TTL cannot be combined with Props.AccessTokens.AllowToken"},
		{"demands of a route", func(p *Props) {
			p.AccessTokens.VerifyTokens, p.AccessTokens.Audience, p.Provider.JWKSEndpoint = true, []string{"orders"}, "https://login.example.com/jwks"
		}, func(_ awscdk.Stack, h *TokenHandler) {
			route := orders()
			route.Scopes = []string{"orders.read"}
			h.Protect(route)
		}, "Props.AuthorizerCaching.TTL cannot be combined with Route.Scopes"},

		{"a transparent route", nil, func(_ awscdk.Stack, h *TokenHandler) {
			h.Protect(Route{Path: "/a", Methods: []string{"GET"}, Upstream: "https://a.internal.example/", Transparent: true})
		}, "passes on the client's headers (HTTP_PROXY) behind an authorizer that caches for 30 s"},
		{"P4 POST behind the authorizer for GET", nil, func(s awscdk.Stack, h *TokenHandler) {
			l1(s, h, &awsapigateway.CfnMethodProps{HttpMethod: jsii.String("POST"), AuthorizationType: jsii.String("CUSTOM"),
				AuthorizerId: h.AuthorizerFor("GET").AuthorizerId(), Integration: l1Integration("HTTP", tokenMapping())})
			h.Protect(orders())
		}, "POST /l1 at Test/Stack/Method has the authorizer for GET and HEAD"},
		{"ANY behind the authorizer for GET", nil, func(s awscdk.Stack, h *TokenHandler) {
			l1(s, h, &awsapigateway.CfnMethodProps{HttpMethod: jsii.String("ANY"), AuthorizationType: jsii.String("CUSTOM"),
				AuthorizerId: h.AuthorizerFor("GET").AuthorizerId(), Integration: l1Integration("HTTP", tokenMapping())})
			h.Protect(orders())
		}, "ANY /l1 at Test/Stack/Method has the authorizer for GET and HEAD"},
		{"a foreign authorizer", nil, func(s awscdk.Stack, h *TokenHandler) {
			l1(s, h, &awsapigateway.CfnMethodProps{HttpMethod: jsii.String("GET"), AuthorizationType: jsii.String("CUSTOM"),
				AuthorizerId: jsii.String("abc123"), Integration: l1Integration("HTTP", tokenMapping())})
			h.Protect(orders())
		}, "GET /l1 at Test/Stack/Method has another authorizer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			props := cached(ClassicDialect)
			if tt.edit != nil {
				tt.edit(props)
			}
			got := panicOf(func() {
				stack := newStack(t)
				handler := New(stack, "TokenHandler", props)
				if tt.add != nil {
					tt.add(stack, handler)
				}
				assertions.Template_FromStack(stack, nil)
			})
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q in it", got, tt.want)
			}
		})
	}
	// The stricter authorizer is good for GET.
	got := panicOf(func() {
		synth(t, cached(ClassicDialect), func(s awscdk.Stack, h *TokenHandler) {
			l1(s, h, &awsapigateway.CfnMethodProps{HttpMethod: jsii.String("GET"), AuthorizationType: jsii.String("CUSTOM"),
				AuthorizerId: h.AuthorizerFor("POST").AuthorizerId(), Integration: l1Integration("HTTP", tokenMapping())})
			h.Protect(orders())
		})
	})
	if got != "" {
		t.Errorf("GET behind the authorizer for POST: %s", got)
	}
}

// No route maps a header that a decision refuses and that a cached Allow would
// not see.
func TestMethodOverridesAreNotMapped(t *testing.T) {
	h := New(newStack(t), "TokenHandler", cached(""))
	for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "Authorization", "Cookie"} {
		route := orders()
		route.RequestHeaders = []string{name}
		got := panicOf(func() { h.Protect(route) })
		if !strings.Contains(got, "Route.RequestHeaders of /orders has") {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

package tokenhandler

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/settings"
)

func bound() *Props {
	p := oneOrigin()
	p.AccessTokens.DPoP = true
	return p
}

func environmentOf(t *testing.T, tpl template, id string) map[string]any {
	t.Helper()
	for name, r := range tpl.only("AWS::Lambda::Function") {
		if strings.Contains(name, id) {
			return dig(t, r.Properties, "Environment", "Variables").(map[string]any)
		}
	}
	t.Fatalf("there is no function %s", id)
	return nil
}

// Every mapped route sends the proof upstream, and the authorizer knows the
// URLs.
func TestDPoP(t *testing.T) {
	tpl := synth(t, bound(), func(_ awscdk.Stack, h *TokenHandler) {
		h.Protect(orders())
		h.Protect(Route{Path: "/orders/{id}", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/v1/orders/{id}"})
		h.Public(Route{Path: "/health", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/health"}, "no data")
	})
	for route, want := range map[string]any{
		"GET /orders": proofSource, "POST /orders": proofSource, "GET /orders/{id}": proofSource, "GET /health": nil,
	} {
		if got := dig(t, tpl.methods()[route], "Integration", "RequestParameters").(map[string]any)[proofTarget]; got != want {
			t.Errorf("%s: got the mapping %v, want %v", route, got, want)
		}
	}
	authorizer, agent := environmentOf(t, tpl, "AuthorizerFunction"), environmentOf(t, tpl, "AgentFunction")
	if authorizer["DPOP"] != "true" || agent["DPOP"] != "true" || agent["UPSTREAMS"] != nil {
		t.Errorf("got DPOP %v and %v", authorizer["DPOP"], agent["DPOP"])
	}
	var got settings.Upstreams
	err := got.UnmarshalText(fmt.Append(nil, authorizer["UPSTREAMS"]))
	want := settings.Upstreams{
		"GET /orders": "https://orders.internal.example/v1/orders", "POST /orders": "https://orders.internal.example/v1/orders",
		"GET /orders/{id}": "https://orders.internal.example/v1/orders/{id}",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("got %v\n%s", err, diff)
	}
}

// By default the template has no part of it.
func TestDPoPIsOff(t *testing.T) {
	for _, text := range []string{"DPoP", "DPOP", "UPSTREAMS", "authorizer.dpop"} {
		if strings.Contains(string(synth(t, oneOrigin(), nil).raw), text) {
			t.Errorf("the template has %s", text)
		}
	}
}

// A host that only the deployment knows stands in the variable, too.
func TestDPoPWithTokens(t *testing.T) {
	tpl := synth(t, bound(), func(s awscdk.Stack, h *TokenHandler) {
		host := awscdk.NewCfnParameter(s, jsii.String("Host"), nil).ValueAsString()
		h.Protect(Route{Path: "/a", Methods: []string{"GET"}, Upstream: "https://" + *host + "/a"})
	})
	if got := text(environmentOf(t, tpl, "AuthorizerFunction")["UPSTREAMS"]); got != `{"Fn::Join":["",["{\"GET /a\":\"https://",{"Ref":"Host"},"/a\"}"]]}` {
		t.Errorf("got %s", got)
	}
}

func TestDPoPRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		props func(*Props)
		add   func(awscdk.Stack, *TokenHandler)
		want  string
	}{
		{"phantom tokens", func(p *Props) {
			p.PhantomToken = PhantomToken{Enabled: true, IntrospectionURL: "https://login.example.com/i"}
		}, nil, "Props.PhantomToken.Enabled cannot be combined with Props.AccessTokens.DPoP: a phantom token is bound to no key"},
		{"bearer pass-through", func(p *Props) { p.AccessTokens.AllowToken = true }, nil, "Props.AccessTokens.AllowToken cannot be combined with Props.AccessTokens.DPoP: there is no key for a caller's token"},
		{"caching", func(p *Props) {
			p.AuthorizerCaching = AuthorizerCaching{TTL: 30 * time.Second}
		}, nil, "Props.AuthorizerCaching.TTL cannot be combined with Props.AccessTokens.DPoP: a proof is for one request"},
		{"token mediation", func(p *Props) { p.Session.TokenMediation = true }, nil, "Props.Session.TokenMediation cannot be combined with Props.AccessTokens.DPoP: a page has no key to use such a token with"},
		{"curity", func(p *Props) { p.Cookies.Format = CookieFormatCurity }, nil, "Props.AccessTokens.DPoP cannot be combined with Props.Cookies.Format curity: other implementations know no tokens that are bound to a key"},
		{"github", func(p *Props) { p.Provider.Profile, p.Provider.Scope = ProfileGitHub, "repo" }, nil, "Props.AccessTokens.DPoP cannot be combined with Props.Provider.Profile github, which issues bearer tokens only"},
		{"function", nil, func(s awscdk.Stack, h *TokenHandler) {
			f := awslambda.Function_FromFunctionArn(s, jsii.String("F"), jsii.String("arn:aws:lambda:eu-north-1:123456789012:function:f"))
			h.Protect(Route{Path: "/a", Methods: []string{"GET"}, Function: f})
		}, "Route.Function of /a cannot be combined with Props.AccessTokens.DPoP"},
		{"transparent", nil, func(_ awscdk.Stack, h *TokenHandler) {
			h.Protect(Route{Path: "/a", Methods: []string{"GET"}, Upstream: "https://a.example/", Transparent: true})
		}, "Route.Transparent of /a cannot be combined with Props.AccessTokens.DPoP"},
		{"greedy", nil, func(_ awscdk.Stack, h *TokenHandler) {
			h.Protect(Route{Path: "/{proxy+}", Methods: []string{"ANY"}, Upstream: "https://a.example/{proxy}", Transparent: true})
		}, "Route.Transparent of /{proxy+} cannot be combined with Props.AccessTokens.DPoP"},
		{"the client's own proof", nil, func(_ awscdk.Stack, h *TokenHandler) {
			h.Protect(Route{Path: "/a", Methods: []string{"GET"}, Upstream: "https://a.example/", RequestHeaders: []string{"dpop"}})
		}, `Route.RequestHeaders of /a has "Dpop"`},
		{"too many URLs", nil, func(_ awscdk.Stack, h *TokenHandler) {
			for i := range 20 {
				h.Protect(Route{Path: fmt.Sprintf("/a%d", i), Methods: []string{"GET"}, Upstream: "https://a.example/" + strings.Repeat("x", 200)})
			}
		}, "Route.Upstream takes "},
		{"another API, another upstream", nil, func(s awscdk.Stack, h *TokenHandler) {
			h.Protect(orders())
			api := awsapigateway.NewRestApi(s, jsii.String("Second"), nil)
			r := orders()
			r.Upstream = "https://other.example/"
			h.Extend(s, "Extended", api).Protect(r)
		}, "Route.Upstream of GET /orders differs from that of the route of another API"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := bound()
			if tt.props != nil {
				tt.props(p)
			}
			mustContain(t, panicOf(func() { synth(t, p, tt.add) }), tt.want)
		})
	}
}

// A method that Protect did not make has no URL that the authorizer knows.
func TestDPoPMethodsOfOthers(t *testing.T) {
	stack := newStack(t)
	h := New(stack, "TokenHandler", bound())
	h.Protect(orders())
	h.resource("/own").AddMethod(jsii.String("GET"), integration(false, tokenMappingText()), &awsapigateway.MethodOptions{
		Authorizer: h.AuthorizerFor("GET"), AuthorizationType: awsapigateway.AuthorizationType_CUSTOM,
	})
	mustContain(t, panicOf(func() { assertions.Template_FromStack(stack, nil) }), "GET /own at ", "is not made by Protect: with Props.AccessTokens.DPoP it must be")
}

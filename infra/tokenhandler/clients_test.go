package tokenhandler

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/rules"
	"github.com/tokenhandler/aws/internal/cloudformation"
	"github.com/tokenhandler/aws/internal/contract"
)

// second is another client on the API of a token handler.
func second(h *TokenHandler) *Props {
	return &Props{
		API: h.API,
		Application: Application{
			TrustedWebOrigins: []string{"https://admin.example.com"},
			RedirectURI:       "https://admin.example.com/",
			AgentPath:         "/admin-agent",
		},
		Cookies:  Cookies{NamePrefix: "admin"},
		Provider: Provider{Issuer: "https://staff.example.com", ClientID: "admin-client", Scope: "openid"},
	}
}

func reports() Route {
	return Route{Path: "/reports", Methods: []string{"GET"}, Upstream: "https://reports.internal.example/"}
}

// Two clients on one API: each has its agent, authorizer, key, secrets and
// routes. They share the resources that an API has once.
func TestTwoClients(t *testing.T) {
	template := synth(t, oneOrigin(), func(s awscdk.Stack, h *TokenHandler) {
		h.Protect(orders())
		props := second(h)
		props.Session.TokenMediation = true
		New(s, "Admin", props).Protect(reports())
	})
	for kind, want := range map[string]int{
		"AWS::ApiGateway::RestApi": 1, "AWS::ApiGateway::Authorizer": 2, "AWS::Lambda::Function": 4,
		"AWS::SecretsManager::Secret": 4, "AWS::KMS::Key": 2, "AWS::ApiGateway::Deployment": 1,
		"AWS::ApiGateway::GatewayResponse": len(gatewayResponses),
	} {
		if got := len(template.only(kind)); got != want {
			t.Errorf("%s: got %d, want %d", kind, got, want)
		}
	}

	// The check of templates has no finding either, also with the token route.
	checked := &cloudformation.Template{}
	if err := json.Unmarshal(template.raw, checked); err != nil {
		t.Fatal(err)
	}
	report := rules.Check(checked, rules.Options{})
	if len(report.Findings) != 0 || report.Methods["agent"] != 2*len(contract.Endpoints)+1 {
		t.Errorf("got %v, %v", report.Methods, report.Findings)
	}

	methods := template.methods()
	authorizer := func(route string) string { return text(methods[route]["AuthorizerId"]) }
	if a, b := authorizer("GET /orders"), authorizer("GET /reports"); a == b || !strings.Contains(b, "Admin") || strings.Contains(a, "Admin") {
		t.Errorf("the routes have the authorizers %s and %s", a, b)
	}
	for _, route := range []string{"POST /oauth-agent/login/start", "POST /admin-agent/login/start", "POST /admin-agent/logout"} {
		if uri := text(methods[route]["Integration"]); strings.Contains(uri, "Admin") != strings.Contains(route, "admin") {
			t.Errorf("%s goes to %s", route, uri)
		}
	}
	// Each preflight allows its own client's origins only.
	for route, m := range methods {
		if !strings.HasPrefix(route, "OPTIONS ") {
			continue
		}
		admins := strings.HasPrefix(route, "OPTIONS /admin-agent") || route == "OPTIONS /reports"
		if answers := text(m); strings.Contains(answers, "https://admin.example.com") != admins || strings.Contains(answers, "https://www.example.com") == admins {
			t.Errorf("%s allows the other client's origin: %s", route, answers)
		}
	}
	// Errors of the gateway name the origin that the authorizer trusted, as
	// with several origins of one client. Errors before the authorizer name no
	// origin.
	for id, r := range template.only("AWS::ApiGateway::GatewayResponse") {
		early := slices.ContainsFunc(gatewayResponses, func(g gatewayResponse) bool { return g.early && g.kind == r.Properties["ResponseType"] })
		want := `"gatewayresponse.header.Access-Control-Allow-Origin":"context.authorizer.allowedOrigin"`
		if got := text(r.Properties["ResponseParameters"]); strings.Contains(got, want) == early || strings.Contains(got, "example.com") || !strings.Contains(got, "'no-store'") {
			t.Errorf("%s: got %s", id, got)
		}
	}
}

// The two agents share no secret.
func TestTwoClientsHaveTheirOwnKeys(t *testing.T) {
	template := synth(t, oneOrigin(), func(s awscdk.Stack, h *TokenHandler) {
		h.Protect(orders())
		New(s, "Admin", second(h)).Protect(reports())
	})
	keys := map[string][]string{}
	for id, f := range template.only("AWS::Lambda::Function") {
		variables := dig(t, f.Properties, "Environment", "Variables").(map[string]any)
		key := text(variables["ENCRYPTION_KEY"])
		keys[key] = append(keys[key], id)
		if text(variables["COOKIE_NAME_PREFIX"]) == `"admin"` != strings.Contains(id, "Admin") {
			t.Errorf("%s has the cookie prefix %s", id, text(variables["COOKIE_NAME_PREFIX"]))
		}
	}
	if len(keys) != 2 {
		t.Errorf("got %d keys, want one for each client: %v", len(keys), keys)
	}
	for _, functions := range keys {
		if len(functions) != 2 || strings.Contains(functions[0], "Admin") != strings.Contains(functions[1], "Admin") {
			t.Errorf("a key is shared by %q", functions)
		}
	}
}

func TestSecondClientRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Props, *TokenHandler)
		want   string
	}{
		{"cookie prefix", func(p *Props, _ *TokenHandler) { p.Cookies.NamePrefix = "" }, `Props.Cookies.NamePrefix is "th", as of the token handler Test/Stack/TokenHandler of the same API: expected one of its own`},
		{"key", func(p *Props, h *TokenHandler) { p.CookieKeySecret = h.CookieKeySecret }, "Props.CookieKeySecret is that of the token handler Test/Stack/TokenHandler"},
		{"agent path", func(p *Props, _ *TokenHandler) { p.Application.AgentPath = "" }, "Props.Application.AgentPath /oauth-agent: the API has a method POST /oauth-agent/login/start already"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stack := newStack(t)
			h := New(stack, "TokenHandler", oneOrigin())
			props := second(h)
			tt.change(props, h)
			if got := panicOf(func() { New(stack, "Admin", props) }); !strings.HasPrefix(got, "tokenhandler: "+tt.want) {
				t.Errorf("got %q, want it to begin with %q", got, "tokenhandler: "+tt.want)
			}
		})
	}
	stack := newStack(t)
	h := New(stack, "TokenHandler", oneOrigin())
	h.Protect(orders())
	admin := New(stack, "Admin", second(h))
	if got := panicOf(func() { admin.Protect(orders()) }); !strings.Contains(got, "is protected already") {
		t.Errorf("a route of the other client: got %q", got)
	}
	if got := panicOf(func() {
		admin.Protect(Route{Path: "/oauth-agent/x", Methods: []string{"GET"}, Upstream: "https://x.example/"})
	}); !strings.Contains(got, "outside of the agent's path /oauth-agent") {
		t.Errorf("below the other agent: got %q", got)
	}
}

// The check at synthesis knows the authorizers of both, says everything once,
// and holds a route to the token handler that made it.
func TestSynthesisChecksTwoClients(t *testing.T) {
	faults := func(add func(h, admin *TokenHandler)) string {
		stack := newStack(t)
		h := New(stack, "TokenHandler", oneOrigin())
		h.Protect(orders())
		admin := New(stack, "Admin", second(h))
		admin.Protect(reports())
		add(h, admin)
		return panicOf(func() { assertions.Template_FromStack(stack, nil) })
	}
	if got := faults(func(_, admin *TokenHandler) {
		// By hand, with either authorizer.
		protected(admin, "/more", integration(false, tokenMappingText()))
	}); got != "" {
		t.Errorf("got %q", got)
	}
	got := faults(func(h, _ *TokenHandler) {
		h.resource("/open").AddMethod(jsii.String("GET"), awsapigateway.NewMockIntegration(nil), nil)
	})
	if strings.Count(got, "GET /open at ") != 1 || !strings.Contains(got, "has no authorizer") {
		t.Errorf("an open method: got %q, want it named once", got)
	}
	got = faults(func(h, admin *TokenHandler) {
		for _, node := range *h.Node().Root().Node().FindAll("") {
			if m, ok := node.(awsapigateway.CfnMethod); ok && strings.Contains(*m.Node().Path(), "reports/GET") {
				m.SetAuthorizerId(h.Authorizer.AuthorizerId())
			}
		}
	})
	if !strings.Contains(got, "GET /reports at ") || !strings.Contains(got, "has the authorizer of Test/Stack/TokenHandler: it must have that of Test/Stack/Admin") {
		t.Errorf("a route with the other client's authorizer: got %q", got)
	}
}

func tokenMappingText() map[string]string {
	return map[string]string{"integration.request.header.Authorization": "context.authorizer.token"}
}

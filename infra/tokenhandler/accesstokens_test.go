package tokenhandler

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
)

// authorizerEnvironment is the environment of the authorizer's function, with
// its references as text.
func (t template) authorizerEnvironment(tb testing.TB) map[string]string {
	tb.Helper()
	for _, f := range t.only("AWS::Lambda::Function") {
		if f.Properties["Description"] == "Token handler: OAuth proxy (authorizer)" {
			env := map[string]string{}
			for name, value := range f.Properties["Environment"].(map[string]any)["Variables"].(map[string]any) {
				if s, ok := value.(string); ok {
					env[name] = s
				} else {
					env[name] = text(value)
				}
			}
			return env
		}
	}
	tb.Fatal("there is no authorizer")
	return nil
}

func withPhantomToken() *Props {
	p := oneOrigin()
	p.PhantomToken = PhantomToken{Enabled: true, IntrospectionURL: "https://login.example.com:8443/introspect?tenant=1"}
	return p
}

func withVerification() *Props {
	p := oneOrigin()
	p.AccessTokens.VerifyTokens, p.AccessTokens.Audience = true, []string{"https://api.example.com", "orders"}
	p.Provider.JWKSEndpoint = "https://login.example.com/jwks"
	return p
}

// P20: the authorizer gets only the settings of features that are switched on.
// The client secret matters most.
func TestAuthorizerEnvironment(t *testing.T) {
	given := func(p *Props, stack awscdk.Stack) {
		p.PhantomToken.ClientSecret = awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String("Given"), jsii.String("introspection"))
	}
	for _, tt := range []struct {
		name   string
		props  *Props
		change func(*Props, awscdk.Stack)
		want   map[string]string // besides those of every authorizer; "*": any
	}{
		{"default", oneOrigin(), nil, nil},
		{"bearer", oneOrigin(), func(p *Props, _ awscdk.Stack) { p.AccessTokens.AllowToken = true }, map[string]string{"ALLOW_TOKEN": "true"}},
		{"verification", withVerification(), nil, map[string]string{
			"ISSUER": "https://login.example.com", "JWKS_ENDPOINT": "https://login.example.com/jwks", "AGENT_CLIENT_ID": "spa-client", "AUDIENCE": "https://api.example.com,orders"}},
		{"phantom tokens", withPhantomToken(), nil, map[string]string{
			"USE_PHANTOM_TOKEN": "true", "INTROSPECTION_URL": "https://login.example.com:8443/introspect?tenant=1",
			"CLIENT_ID": "spa-client", "CLIENT_SECRET": "TokenHandlerClientSecret"}},
		{"token exchange", oneOrigin(), func(p *Props, _ awscdk.Stack) {
			p.TokenExchange.URL = "https://login.example.com/token"
		}, map[string]string{
			"EXCHANGE_URL": "https://login.example.com/token", "EXCHANGE_CLIENT_ID": "spa-client", "EXCHANGE_CLIENT_SECRET": "TokenHandlerClientSecret"}},
		{"token exchange by another client", oneOrigin(), func(p *Props, s awscdk.Stack) {
			p.TokenExchange.URL, p.TokenExchange.ClientID = "https://login.example.com/token", "exchanger"
			p.TokenExchange.ClientSecret = awssecretsmanager.Secret_FromSecretNameV2(s, jsii.String("Exchanger"), jsii.String("exchanger"))
		}, map[string]string{
			"EXCHANGE_URL": "https://login.example.com/token", "EXCHANGE_CLIENT_ID": "exchanger", "EXCHANGE_CLIENT_SECRET": "exchanger:SecretString"}},
		{"a client of its own", withPhantomToken(), func(p *Props, _ awscdk.Stack) {
			p.PhantomToken.ClientID, p.PhantomToken.MediaType, p.PhantomToken.MaxAge = "gateway", IntrospectionJSON, 30*time.Second
			p.AccessTokens.Audience = []string{"orders"}
		}, map[string]string{
			"USE_PHANTOM_TOKEN": "true", "INTROSPECTION_URL": "https://login.example.com:8443/introspect?tenant=1", "AUDIENCE": "orders",
			"INTROSPECTION_MEDIA_TYPE": "application/json", "INTROSPECTION_MAX_AGE": "30", "CLIENT_ID": "gateway", "CLIENT_SECRET": "TokenHandlerIntrospectionSecret"}},
		{"a secret that is given, no cache", withPhantomToken(), func(p *Props, s awscdk.Stack) {
			p.PhantomToken.ClientID, p.PhantomToken.MaxAge = "gateway", -1
			given(p, s)
		}, map[string]string{
			"USE_PHANTOM_TOKEN": "true", "INTROSPECTION_URL": "https://login.example.com:8443/introspect?tenant=1",
			"INTROSPECTION_MAX_AGE": "0", "CLIENT_ID": "gateway", "CLIENT_SECRET": "introspection:SecretString"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stack := newStack(t)
			if tt.change != nil {
				tt.change(tt.props, stack)
			}
			New(stack, "TokenHandler", tt.props).Protect(orders())
			got := read(t, stack).authorizerEnvironment(t)
			for _, shared := range []string{"TRUSTED_WEB_ORIGINS", "COOKIE_NAME_PREFIX", "ENCRYPTION_KEY", "DEPLOYMENT"} {
				if got[shared] == "" {
					t.Errorf("%s is missing", shared)
				}
				delete(got, shared)
			}
			for _, name := range []string{"CLIENT_SECRET", "EXCHANGE_CLIENT_SECRET"} {
				secret := got[name]
				if secret == "" {
					continue
				}
				// A reference, never a value: CloudFormation resolves it.
				if !strings.Contains(secret, "{{resolve:secretsmanager:") || !strings.Contains(secret, tt.want[name]) {
					t.Errorf("%s is %s", name, secret)
				}
				got[name] = tt.want[name]
			}
			if tt.want == nil {
				tt.want = map[string]string{}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNewRefusesAccessTokenProps(t *testing.T) {
	for _, tt := range []struct {
		name   string
		props  *Props
		change func(*Props)
		want   string // after "tokenhandler: Props."
	}{
		{"no URL", withPhantomToken(), func(p *Props) { p.PhantomToken.IntrospectionURL = "" }, "PhantomToken.IntrospectionURL is required with Props.PhantomToken.Enabled"},
		{"http URL", withPhantomToken(), func(p *Props) { p.PhantomToken.IntrospectionURL = "http://login.example.com/i" }, "PhantomToken.IntrospectionURL must be an absolute https URL"},
		{"media type", withPhantomToken(), func(p *Props) { p.PhantomToken.MediaType = "text/html" }, "PhantomToken.MediaType must be application/jwt, "},
		{"signed without keys", withPhantomToken(), func(p *Props) { p.PhantomToken.MediaType = IntrospectionSigned }, "AccessTokens.VerifyTokens is required with Props.PhantomToken.MediaType"},
		{"parts of a second", withPhantomToken(), func(p *Props) { p.PhantomToken.MaxAge = 1500 * time.Millisecond }, "PhantomToken.MaxAge must be whole seconds from 0 to 300, got 1.5s"},
		{"too long", withPhantomToken(), func(p *Props) { p.PhantomToken.MaxAge = 6 * time.Minute }, "PhantomToken.MaxAge must be whole seconds from 0 to 300, got 6m0s"},
		{"client", withPhantomToken(), func(p *Props) { p.PhantomToken.ClientID = "a\nb" }, "PhantomToken.ClientID must be 1 to 1024"},
		{"no keys", withVerification(), func(p *Props) { p.Provider.JWKSEndpoint = "" }, "Provider.JWKSEndpoint is required with Props.AccessTokens.VerifyTokens"},
		{"no audience", withVerification(), func(p *Props) { p.AccessTokens.Audience = nil }, "AccessTokens.Audience is required with Props.AccessTokens.VerifyTokens"},
		{"audience without a use", oneOrigin(), func(p *Props) { p.AccessTokens.Audience = []string{"a"} }, "AccessTokens.Audience requires Props.PhantomToken.Enabled or Props.AccessTokens.VerifyTokens"},
		{"two audiences in one", withVerification(), func(p *Props) { p.AccessTokens.Audience = []string{"a,b"} }, "AccessTokens.Audience[0] must be 1 to 256 printable ASCII characters without comma and space, got \"a,b\""},
		{"audience with a space", withVerification(), func(p *Props) { p.AccessTokens.Audience = []string{"a b"} }, "AccessTokens.Audience[0] must be"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.change(tt.props)
			got := panicOf(func() { New(newStack(t), "TokenHandler", tt.props) })
			if !strings.HasPrefix(got, "tokenhandler: Props."+tt.want) {
				t.Errorf("got %q, want it to begin with %q", got, "tokenhandler: Props."+tt.want)
			}
		})
	}
}

func TestRouteRequirements(t *testing.T) {
	got := synth(t, withVerification(), func(_ awscdk.Stack, h *TokenHandler) {
		h.Protect(Route{Path: "/orders", Methods: []string{"GET", "POST"}, Upstream: "https://orders.internal.example/v1",
			Scopes: []string{"orders.read"}, MethodScopes: map[string][]string{"POST": {"orders.write", "<&>"}}})
		h.Protect(Route{Path: "/open", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/v1/open"})
		h.Protect(Route{Path: "/admin/{proxy+}", Methods: []string{"ANY"}, Upstream: "https://orders.internal.example/{proxy}", Transparent: true,
			Scopes: []string{"admin"}, Claims: map[string]string{"acr": "2"}})
	})
	want := `{"ANY /admin/{proxy+}":{"scope":"admin","claims":{"acr":"2"}},"GET /orders":{"scope":"orders.read"},"POST /orders":{"scope":"orders.read orders.write <&>"}}`
	if env := got.authorizerEnvironment(t); env["ROUTE_REQUIREMENTS"] != want {
		t.Errorf("got %s, want %s", env["ROUTE_REQUIREMENTS"], want)
	}
	// The page is told which scopes it lacks, where there can be any.
	denied := func(t template) string {
		for _, r := range t.only("AWS::ApiGateway::GatewayResponse") {
			if r.Properties["ResponseType"] == "ACCESS_DENIED" {
				return text(r.Properties["ResponseTemplates"])
			}
		}
		return ""
	}
	mustContain(t, denied(got), `\"scope\":\"$context.authorizer.scope\"}`)
	if plain := denied(synth(t, oneOrigin(), nil)); plain == "" || strings.Contains(plain, "scope") {
		t.Errorf("without requirements: %s", plain)
	}
	// No route, no variable.
	if env := synth(t, withVerification(), nil).authorizerEnvironment(t); env["ROUTE_REQUIREMENTS"] != "" {
		t.Errorf("got %s for routes without requirements", env["ROUTE_REQUIREMENTS"])
	}
}

func TestProtectRefusesRequirements(t *testing.T) {
	route := func(change func(*Route)) Route {
		r := orders()
		change(&r)
		return r
	}
	long := map[string]string{}
	for i := range 50 {
		long[fmt.Sprintf("https://example.com/claims/%02d", i)] = strings.Repeat("x", 60)
	}
	for _, tt := range []struct {
		name  string
		props *Props
		route Route
		want  string
	}{
		{"scopes without verification", oneOrigin(), route(func(r *Route) { r.Scopes = []string{"a"} }), "Route.Scopes and Route.Claims of /orders require Props.PhantomToken.Enabled or Props.AccessTokens.VerifyTokens"},
		{"scopes of a method without verification", oneOrigin(), route(func(r *Route) { r.MethodScopes = map[string][]string{"GET": {"a"}} }), "Route.Scopes and Route.Claims of /orders require"},
		{"claims without verification", oneOrigin(), route(func(r *Route) { r.Claims = map[string]string{"a": "b"} }), "Route.Scopes and Route.Claims of /orders require"},
		{"two scopes in one", withVerification(), route(func(r *Route) { r.Scopes = []string{"a b"} }), `Route.Scopes of /orders has "a b": expected one scope per element`},
		{"a quote, which the body would show", withVerification(), route(func(r *Route) { r.Scopes = []string{`a"`} }), `Route.Scopes of /orders has "a\""`},
		{"an empty scope", withPhantomToken(), route(func(r *Route) { r.MethodScopes = map[string][]string{"GET": {""}} }), `Route.Scopes of /orders has ""`},
		{"a method of another route", withVerification(), route(func(r *Route) { r.MethodScopes = map[string][]string{"PUT": {"a"}} }), `Route.MethodScopes of /orders has "PUT": expected methods of the route only`},
		{"a claim without name", withVerification(), route(func(r *Route) { r.Claims = map[string]string{"": "b"} }), "Route.Claims of /orders has a claim without a name"},
		{"more than Lambda's 4 KB", withVerification(), route(func(r *Route) { r.Claims = long }), "Route.Scopes takes "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := New(newStack(t), "TokenHandler", tt.props)
			mustContain(t, panicOf(func() { h.Protect(tt.route) }), "tokenhandler: "+tt.want)
		})
	}
	t.Run("a public route", func(t *testing.T) {
		h := New(newStack(t), "TokenHandler", withVerification())
		mustContain(t, panicOf(func() { h.Public(route(func(r *Route) { r.Scopes = []string{"a"} }), "a test") }), "tokenhandler: Public got Scopes, Claims or an Exchange for /orders")
	})
}

// Two APIs with one authorizer: it does not tell their routes apart.
func TestExtendSharesRequirements(t *testing.T) {
	stack := newStack(t)
	h := New(stack, "TokenHandler", withVerification())
	demanding := orders()
	demanding.Scopes = []string{"orders.read"}
	h.Protect(demanding)
	e := h.Extend(stack, "More", awsapigateway.NewRestApi(stack, jsii.String("Other"), &awsapigateway.RestApiProps{CloudWatchRole: jsii.Bool(false)}))
	mustContain(t, panicOf(func() { e.Protect(orders()) }), "tokenhandler: Route.Scopes and Route.Claims and Route.Exchange of GET /orders must be those of the route of another API")
	other := orders()
	other.Path, other.Scopes = "/invoices", []string{"invoices"}
	e.Protect(other)
	mustContain(t, read(t, stack).authorizerEnvironment(t)["ROUTE_REQUIREMENTS"], `"GET /orders":{"scope":"orders.read"}`, `"GET /invoices":{"scope":"invoices"}`)
}

func TestExchange(t *testing.T) {
	stack := newStack(t)
	props := oneOrigin()
	props.TokenExchange.URL = "https://login.example.com/token"
	h := New(stack, "TokenHandler", props)
	r := orders()
	r.Exchange = Exchange{Audience: "orders-api", Scope: "orders.read orders.write"}
	h.Protect(r)
	got := read(t, stack).authorizerEnvironment(t)["ROUTE_REQUIREMENTS"]
	const exchange = `{"exchange":{"audience":"orders-api","scope":"orders.read orders.write"}}`
	if want := `{"GET /orders":` + exchange + `,"POST /orders":` + exchange + `}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestExchangeRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Props, *Route)
		want   string
	}{
		{"no endpoint", func(p *Props, _ *Route) { p.TokenExchange.URL = "" }, "Route.Exchange of /orders requires Props.TokenExchange.URL"},
		{"endpoint over http", func(p *Props, _ *Route) { p.TokenExchange.URL = "http://login.example.com/token" }, "TokenExchange.URL must be an absolute https URL"},
		{"audience with a space", func(_ *Props, r *Route) { r.Exchange.Audience = "a b" }, "Route.Exchange of /orders: audience must be"},
		{"relative resource", func(_ *Props, r *Route) { r.Exchange.Resource = "/orders" }, "Route.Exchange of /orders: resource must be"},
		{"two spaces between scopes", func(_ *Props, r *Route) { r.Exchange.Scope = "a  b" }, "Route.Exchange of /orders: scope"},
		{"DPoP", func(p *Props, _ *Route) { p.AccessTokens.DPoP = true }, "TokenExchange.URL cannot be combined with Props.AccessTokens.DPoP"},
		{"client without secret", func(p *Props, _ *Route) { p.TokenExchange.ClientID = "exchanger" }, "TokenExchange.ClientSecret is required with Props.TokenExchange.URL"},
		{"client without endpoint", func(p *Props, r *Route) {
			p.TokenExchange.URL, p.TokenExchange.ClientID, r.Exchange = "", "exchanger", Exchange{}
		}, "TokenExchange.ClientID requires Props.TokenExchange.URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stack, props, r := newStack(t), oneOrigin(), orders()
			props.TokenExchange.URL = "https://login.example.com/token"
			r.Exchange.Audience = "orders-api"
			tt.change(props, &r)
			mustContain(t, panicOf(func() { New(stack, "TokenHandler", props).Protect(r) }), tt.want)
		})
	}
}

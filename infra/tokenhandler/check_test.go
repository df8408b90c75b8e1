package tokenhandler

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

func TestNewRefusesProps(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Props)
		want   string // after "tokenhandler: Props."
	}{
		{"no origins", func(p *Props) { p.TrustedWebOrigins = nil }, "TrustedWebOrigins is empty: expected"},
		{"wildcard", func(p *Props) { p.TrustedWebOrigins = []string{"*"} }, "TrustedWebOrigins is malformed: expected origins"},
		{"wildcard subdomain", func(p *Props) { p.TrustedWebOrigins = []string{"https://*.example.com"} }, "TrustedWebOrigins is malformed"},
		{"origin with path", func(p *Props) { p.TrustedWebOrigins = []string{"https://www.example.com/app"} }, "TrustedWebOrigins is malformed"},
		{"http origin outside of localhost", func(p *Props) { p.TrustedWebOrigins = []string{"http://www.example.com"} }, "TrustedWebOrigins is malformed"},
		{"P13 list in one element", func(p *Props) { p.TrustedWebOrigins = []string{"https://www.example.com,https://b.example"} }, "TrustedWebOrigins is malformed"},
		{"same origin twice", func(p *Props) {
			p.TrustedWebOrigins = []string{"https://www.example.com", "https://www.example.com"}
		}, "TrustedWebOrigins[1] is"},
		{"origin that Velocity would read", func(p *Props) { p.TrustedWebOrigins = []string{`https://a.example" || true || "`} }, "TrustedWebOrigins is malformed"},
		{"prefix", func(p *Props) { p.CookieNamePrefix = "a;b" }, "CookieNamePrefix is malformed"},
		{"prefix __Host-", func(p *Props) { p.CookieNamePrefix = "__Host-th" }, "CookieNamePrefix begins with __Host-: expected it without"},
		{"CSRF header", func(p *Props) { p.CSRFHeader = "Content-Type" }, "CSRFHeader is malformed"},
		{"no issuer", func(p *Props) { p.Provider.Issuer = "" }, "Provider.Issuer is malformed"},
		{"http issuer", func(p *Props) { p.Provider.Issuer = "http://login.example.com" }, "Provider.Issuer is malformed"},
		{"no client", func(p *Props) { p.Provider.ClientID = "" }, "Provider.ClientID is malformed"},
		{"scope without openid", func(p *Props) { p.Provider.Scope = "profile" }, "Provider.Scope lacks openid: expected it"},
		{"endpoint", func(p *Props) { p.Provider.TokenEndpoint = "/token" }, "Provider.TokenEndpoint is malformed"},
		{"JWKS endpoint", func(p *Props) { p.Provider.JWKSEndpoint = "http://login.example.com/jwks" }, "Provider.JWKSEndpoint is malformed"},
		{"no redirect URI", func(p *Props) { p.RedirectURI = "" }, "RedirectURI is malformed"},
		{"redirect URI elsewhere", func(p *Props) { p.RedirectURI = "https://evil.example/" }, `RedirectURI is on "https://evil.example"`},
		{"redirect URI by prefix", func(p *Props) { p.RedirectURI = "https://www.example.com.evil.example/" }, "RedirectURI is on"},
		{"post logout", func(p *Props) { p.PostLogoutRedirectURI = "javascript:alert(1)" }, "PostLogoutRedirectURI is malformed"},
		{"agent path", func(p *Props) { p.AgentPath = "oauth-agent/" }, "AgentPath is malformed"},
		{"greedy agent path", func(p *Props) { p.AgentPath = "/{proxy+}" }, "AgentPath is malformed"},
		{"stage name", func(p *Props) { p.StageName = "a b" }, "StageName is"},
		{"architecture", func(p *Props) {
			p.Architecture = awslambda.Architecture_Custom(jsii.String("riscv"), nil)
		}, "Architecture is \"riscv\": expected"},
		{"CORS method", func(p *Props) { p.CORS.AllowMethods = []string{"*"} }, "CORS.AllowMethods[0] is \"*\""},
		{"CORS header", func(p *Props) { p.CORS.AllowHeaders = []string{"*"} }, "CORS.AllowHeaders[0] is \"*\""},
		{"CORS exposed header", func(p *Props) { p.CORS.ExposeHeaders = []string{`x"`} }, "CORS.ExposeHeaders[0] is"},
		{"CORS max age", func(p *Props) { p.CORS.MaxAge = -time.Second }, "CORS.MaxAge is -1s"},
		{"CORS max age in parts of a second", func(p *Props) { p.CORS.MaxAge = 1500 * time.Millisecond }, "CORS.MaxAge is 1.5s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			props := oneOrigin()
			tt.change(props)
			got := panicOf(func() { New(newStack(t), "TokenHandler", props) })
			if !strings.HasPrefix(got, "tokenhandler: Props."+tt.want) {
				t.Errorf("got %q, want it to begin with %q", got, "tokenhandler: Props."+tt.want)
			}
		})
	}
	if got := panicOf(func() { New(newStack(t), "TokenHandler", nil) }); !strings.HasPrefix(got, "tokenhandler: Props is nil") {
		t.Errorf("nil props: got %q", got)
	}
}

func TestNewTellsEverythingAtOnce(t *testing.T) {
	props := oneOrigin()
	props.Provider.Issuer, props.CookieNamePrefix = "", "a b"
	mustContain(t, panicOf(func() { New(newStack(t), "TokenHandler", props) }), "Props.Provider.Issuer", "Props.CookieNamePrefix")
}

func TestNewLeavesPropsAlone(t *testing.T) {
	props := oneOrigin()
	New(newStack(t), "TokenHandler", props)
	if props.CookieNamePrefix != "" || props.Architecture != nil || props.AgentPath != "" || props.CORS.MaxAge != 0 {
		t.Errorf("New changed its props: %+v", props)
	}
}

// The construct's defaults and the Lambdas' are the same.
func TestDefaultsAreThoseOfTheSettings(t *testing.T) {
	names := inPropsWords
	want := map[string]string{
		"Props.CookieNamePrefix": DefaultCookieNamePrefix,
		"Props.AgentPath":        DefaultAgentPath,
		"Props.Provider.Scope":   DefaultScope,
	}
	seen := 0
	for _, v := range settings.Describe(settings.Agent{}) {
		if d, ok := want[names(v.Name)]; ok {
			seen++
			if v.Default != d {
				t.Errorf("%s: the settings' default is %q, the construct's %q", names(v.Name), v.Default, d)
			}
		}
	}
	if seen != len(want) {
		t.Errorf("found %d of %d settings", seen, len(want))
	}
}

func TestGivenAPI(t *testing.T) {
	t.Run("is used", func(t *testing.T) {
		stack := newStack(t)
		api := awsapigateway.NewRestApi(stack, jsii.String("Mine"), &awsapigateway.RestApiProps{CloudWatchRole: jsii.Bool(false)})
		props := oneOrigin()
		props.API = api
		New(stack, "TokenHandler", props).Protect(orders())
		got := read(t, stack)
		if n := len(got.only("AWS::ApiGateway::RestApi")); n != 1 {
			t.Errorf("got %d REST APIs, want 1", n)
		}
		if got.methods()["GET /orders"]["AuthorizationType"] != "CUSTOM" {
			t.Errorf("GET /orders is not protected")
		}
	})
	t.Run("with CORS of its own", func(t *testing.T) {
		stack := newStack(t)
		props := oneOrigin()
		props.API = awsapigateway.NewRestApi(stack, jsii.String("Mine"), &awsapigateway.RestApiProps{
			DefaultCorsPreflightOptions: &awsapigateway.CorsOptions{AllowOrigins: jsii.Strings("*")},
		})
		mustContain(t, panicOf(func() { New(stack, "TokenHandler", props) }), "tokenhandler: Props.API sets DefaultCorsPreflightOptions")
	})
	t.Run("of another stack", func(t *testing.T) {
		stack := newStack(t)
		props := oneOrigin()
		props.API = awsapigateway.NewRestApi(awscdk.NewStack(awscdk.Stage_Of(stack), jsii.String("Other"), nil), jsii.String("Mine"), nil)
		mustContain(t, panicOf(func() { New(stack, "TokenHandler", props) }), "tokenhandler: Props.API is in stack Test/Other")
	})
	t.Run("with a method in the way", func(t *testing.T) {
		stack := newStack(t)
		props := oneOrigin()
		props.API = awsapigateway.NewRestApi(stack, jsii.String("Mine"), nil)
		props.API.Root().ResourceForPath(jsii.String("/oauth-agent/logout")).AddMethod(jsii.String("POST"), nil, nil)
		mustContain(t, panicOf(func() { New(stack, "TokenHandler", props) }), "tokenhandler: Props.AgentPath /oauth-agent: the API has a method POST /oauth-agent/logout already")
	})
}

// A token is checked by the Lambdas, not here.
func TestPropsMayBeTokens(t *testing.T) {
	stack := newStack(t)
	props := oneOrigin()
	props.Provider.Issuer = *awscdk.Fn_ImportValue(jsii.String("Issuer"))
	props.RedirectURI = *awscdk.Fn_ImportValue(jsii.String("Page"))
	New(stack, "TokenHandler", props).Protect(orders())
	mustContain(t, string(read(t, stack).raw), `"ISSUER":{"Fn::ImportValue":"Issuer"}`)
}

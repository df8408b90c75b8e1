package tokenhandler

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

func TestNewRefusesProps(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Props)
		want   string // after "tokenhandler: Props."
	}{
		{"no origins", func(p *Props) { p.Application.TrustedWebOrigins = nil }, "Application.TrustedWebOrigins is empty: it must contain"},
		{"wildcard", func(p *Props) { p.Application.TrustedWebOrigins = []string{"*"} }, "Application.TrustedWebOrigins[0] must be an origin such as"},
		{"wildcard subdomain", func(p *Props) { p.Application.TrustedWebOrigins = []string{"https://*.example.com"} }, "Application.TrustedWebOrigins[0] must be an origin"},
		{"origin with path", func(p *Props) { p.Application.TrustedWebOrigins = []string{"https://www.example.com/app"} }, "Application.TrustedWebOrigins[0] must be an origin"},
		{"http origin outside of localhost", func(p *Props) { p.Application.TrustedWebOrigins = []string{"http://www.example.com"} }, "Application.TrustedWebOrigins[0] must be an origin"},
		{"P13 list in one element", func(p *Props) {
			p.Application.TrustedWebOrigins = []string{"https://www.example.com,https://b.example"}
		}, "Application.TrustedWebOrigins[0] must be an origin"},
		{"same origin twice", func(p *Props) {
			p.Application.TrustedWebOrigins = []string{"https://www.example.com", "https://www.example.com"}
		}, `Application.TrustedWebOrigins[1] must be listed once, got "https://www.example.com"`},
		{"origin that Velocity would read", func(p *Props) { p.Application.TrustedWebOrigins = []string{`https://a.example" || true || "`} }, "Application.TrustedWebOrigins[0] must be an origin"},
		{"prefix", func(p *Props) { p.Cookies.NamePrefix = "a;b" }, `Cookies.NamePrefix must be 1 to 32 letters`},
		{"prefix __Host-", func(p *Props) { p.Cookies.NamePrefix = "__Host-th" }, "Cookies.NamePrefix must not begin with __Host-: the other settings decide"},
		{"CSRF header", func(p *Props) { p.Cookies.CSRFHeader = "Content-Type" }, "Cookies.CSRFHeader must be the name of a custom request header"},
		{"no issuer", func(p *Props) { p.Provider.Issuer = "" }, "Provider.Issuer is missing: it must be an absolute https URL"},
		{"http issuer", func(p *Props) { p.Provider.Issuer = "http://login.example.com" }, "Provider.Issuer must be an absolute https URL"},
		{"no client", func(p *Props) { p.Provider.ClientID = "" }, "Provider.ClientID is missing: it must be"},
		{"scope without openid", func(p *Props) { p.Provider.Scope = "profile" }, `Provider.Scope must contain openid with Props.Provider.Profile oidc, got "profile"`},
		{"endpoint", func(p *Props) { p.Provider.TokenEndpoint = "/token" }, `Provider.TokenEndpoint must be an absolute https URL`},
		{"JWKS endpoint", func(p *Props) { p.Provider.JWKSEndpoint = "http://login.example.com/jwks" }, "Provider.JWKSEndpoint must be an absolute https URL"},
		{"no redirect URI", func(p *Props) { p.Application.RedirectURI = "" }, "Application.RedirectURI is missing: it must be"},
		{"redirect URI elsewhere", func(p *Props) { p.Application.RedirectURI = "https://evil.example/" }, `Application.RedirectURI must be a page on one of Props.Application.TrustedWebOrigins, got "https://evil.example/"`},
		{"redirect URI by prefix", func(p *Props) { p.Application.RedirectURI = "https://www.example.com.evil.example/" }, "Application.RedirectURI must be a page on one of"},
		{"post logout", func(p *Props) { p.Application.PostLogoutRedirectURI = "javascript:alert(1)" }, "Application.PostLogoutRedirectURI must be an absolute https URL"},
		{"agent path", func(p *Props) { p.Application.AgentPath = "oauth-agent/" }, "Application.AgentPath must be a path such as"},
		{"greedy agent path", func(p *Props) { p.Application.AgentPath = "/{proxy+}" }, "Application.AgentPath must be a path such as"},
		{"stage name", func(p *Props) { p.StageName = "a b" }, `StageName must be 1 to 128 letters, digits, '-' or '_', got "a b"`},
		{"architecture", func(p *Props) {
			p.Architecture = awslambda.Architecture_Custom(jsii.String("riscv"), nil)
		}, "Architecture must be arm64 or x86_64, got riscv"},
		{"CORS method", func(p *Props) { p.CORS.AllowMethods = []string{"*"} }, "CORS.AllowMethods[0] must be one of GET, HEAD, POST, PUT, PATCH, DELETE, got \"*\""},
		{"CORS header", func(p *Props) { p.CORS.AllowHeaders = []string{"*"} }, "CORS.AllowHeaders[0] must be the name of a header, without wildcard, got \"*\""},
		{"CORS exposed header", func(p *Props) { p.CORS.ExposeHeaders = []string{`x"`} }, "CORS.ExposeHeaders[0] must be the name of a header"},
		{"CORS max age", func(p *Props) { p.CORS.MaxAge = -time.Second }, "CORS.MaxAge must be whole seconds up to 24 hours, got -1s"},
		{"CORS max age in parts of a second", func(p *Props) { p.CORS.MaxAge = 1500 * time.Millisecond }, "CORS.MaxAge must be whole seconds up to 24 hours, got 1.5s"},
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
	if got := panicOf(func() { New(newStack(t), "TokenHandler", nil) }); !strings.HasPrefix(got, "tokenhandler: Props is missing") {
		t.Errorf("nil props: got %q", got)
	}
}

func TestNewTellsEverythingAtOnce(t *testing.T) {
	props := oneOrigin()
	props.Provider.Issuer, props.Cookies.NamePrefix = "", "a b"
	mustContain(t, panicOf(func() { New(newStack(t), "TokenHandler", props) }), "Props.Provider.Issuer", "Props.Cookies.NamePrefix")
}

func TestNewLeavesPropsAlone(t *testing.T) {
	props := oneOrigin()
	New(newStack(t), "TokenHandler", props)
	if props.Cookies.NamePrefix != "" || props.Architecture != nil || props.Application.AgentPath != "" || props.CORS.MaxAge != 0 {
		t.Errorf("New changed its props: %+v", props)
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
		mustContain(t, panicOf(func() { New(stack, "TokenHandler", props) }), "tokenhandler: Props.API must not set DefaultCorsPreflightOptions")
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
		mustContain(t, panicOf(func() { New(stack, "TokenHandler", props) }), "tokenhandler: Props.Application.AgentPath /oauth-agent: the API has a method POST /oauth-agent/logout already")
	})
}

// A token is checked by the Lambdas, not here.
func TestPropsMayBeTokens(t *testing.T) {
	stack := newStack(t)
	props := oneOrigin()
	props.Provider.Issuer = *awscdk.Fn_ImportValue(jsii.String("Issuer"))
	props.Application.RedirectURI = *awscdk.Fn_ImportValue(jsii.String("Page"))
	New(stack, "TokenHandler", props).Protect(orders())
	mustContain(t, string(read(t, stack).raw), `"ISSUER":{"Fn::ImportValue":"Issuer"}`)
}

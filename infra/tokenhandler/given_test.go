package tokenhandler

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"
)

// TestMovedAPI moves an API of 12 routes over in the three steps of
// docs/construct.md, "Moving an API": first marked as open, then by hand, then by
// Protect.
func TestMovedAPI(t *testing.T) {
	for moved := range 13 {
		if moved%6 != 0 {
			continue
		}
		stack, props := newStack(t), oneOrigin()
		api := awsapigateway.NewRestApi(stack, jsii.String("Api"), &awsapigateway.RestApiProps{CloudWatchRole: jsii.Bool(false)})
		props.API = api
		handler := New(stack, "TokenHandler", props)
		for n := range 12 {
			path := fmt.Sprintf("/shop/r%d/{id}", n)
			resource := api.Root().ResourceForPath(jsii.String(path))
			url := fmt.Sprintf("https://shop.internal.example/r%d/{id}", n)
			options := &awsapigateway.IntegrationOptions{RequestParameters: &map[string]*string{"integration.request.path.id": jsii.String("method.request.path.id")}}
			method := &awsapigateway.MethodOptions{RequestParameters: &map[string]*bool{"method.request.path.id": jsii.Bool(true)}}
			switch {
			case n >= moved: // as it was
				options.RequestParameters = &map[string]*string{
					"integration.request.path.id": jsii.String("method.request.path.id"), "integration.request.header.Cookie": jsii.String("'none'"),
					"integration.request.header.Authorization": jsii.String("'none'"), "integration.request.header.x-th-csrf": jsii.String("'none'"),
				}
			case n%2 == 0: // by hand
				parameters := handler.IntegrationParameters(true)
				parameters["integration.request.path.id"] = jsii.String("method.request.path.id")
				options.RequestParameters = &parameters
				method.Authorizer = handler.AuthorizerFor("GET")
				handler.AddPreflight(resource, "GET")
			default:
				handler.Protect(Route{Path: path, Methods: []string{"GET"}, Upstream: url})
				continue
			}
			made := resource.AddMethod(jsii.String("GET"), awsapigateway.NewHttpIntegration(jsii.String(url), &awsapigateway.HttpIntegrationProps{Proxy: jsii.Bool(true), Options: options}), method)
			if n >= moved {
				MarkPublic(made, "not moved yet: the API checks its own tokens")
			}
		}
		if moved == 0 {
			handler.Protect(Route{Path: "/shop/me", Methods: []string{"GET"}, Upstream: "https://shop.internal.example/me"})
		}
		got := read(t, stack)
		protected := 0
		for name, method := range got.methods() {
			if method["AuthorizationType"] != "CUSTOM" {
				continue
			}
			protected++
			parameters := dig(t, method, "Integration", "RequestParameters").(map[string]any)
			if parameters["integration.request.header.Authorization"] != "context.authorizer.token" {
				t.Errorf("%s: %v", name, parameters)
			}
		}
		if want := max(moved, 1); protected != want {
			t.Errorf("%d protected methods, want %d", protected, want)
		}
	}
}

// The parameters for methods made by hand meet the rules for both types.
func TestIntegrationParameters(t *testing.T) {
	got := synth(t, oneOrigin(), func(_ awscdk.Stack, h *TokenHandler) {
		for _, proxy := range []bool{true, false} {
			parameters := h.IntegrationParameters(proxy)
			resource := h.API.Root().AddResource(jsii.String(fmt.Sprint("proxy-", proxy)), nil)
			resource.AddMethod(jsii.String("GET"), awsapigateway.NewHttpIntegration(jsii.String("https://a.internal.example/"), &awsapigateway.HttpIntegrationProps{
				Proxy: jsii.Bool(proxy), Options: &awsapigateway.IntegrationOptions{RequestParameters: &parameters}}), &awsapigateway.MethodOptions{Authorizer: h.AuthorizerFor("GET")})
			h.AddPreflight(resource, "GET")
		}
	}).methods()
	whole := text(dig(t, got["GET /proxy-true"], "Integration", "RequestParameters"))
	mustContain(t, whole, `"integration.request.header.cookie":"'none'"`, `"integration.request.header.X-Forwarded-User":"'none'"`)
	mustContain(t, text(dig(t, got["GET /proxy-false"], "Integration", "RequestParameters")), `"integration.request.header.X-Request-Id":"context.requestId"`)

	dpop := oneOrigin()
	dpop.AccessTokens.DPoP = true
	mustContain(t, panicOf(func() { New(newStack(t), "TokenHandler", dpop).IntegrationParameters(true) }), "cannot be combined with Props.AccessTokens.DPoP")
}

func TestGivenAPIWithGatewayResponses(t *testing.T) {
	stack, props := newStack(t), oneOrigin()
	props.API = awsapigateway.NewRestApi(stack, jsii.String("Api"), &awsapigateway.RestApiProps{CloudWatchRole: jsii.Bool(false)})
	props.API.AddGatewayResponse(jsii.String("Denied"), &awsapigateway.GatewayResponseOptions{Type: awsapigateway.ResponseType_ACCESS_DENIED()})
	if got := panicOf(func() { New(stack, "TokenHandler", props) }); !strings.Contains(got, "Props.API has the gateway response Test/Stack/Api/Denied: remove it") {
		t.Errorf("got %q", got)
	}
}

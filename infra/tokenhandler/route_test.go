package tokenhandler

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/infra/internal/rules"
	"github.com/tokenhandler/aws/internal/cloudformation"
	"github.com/tokenhandler/aws/internal/proxyheader"
)

// P21, C1-15: a transparent route overwrites the headers of the session.
func TestTransparentRoute(t *testing.T) {
	methods := synth(t, oneOrigin(), func(_ awscdk.Stack, h *TokenHandler) {
		h.Protect(Route{Path: "/api/{proxy+}", Methods: []string{"ANY"}, Transparent: true, Upstream: "https://api.internal.example/v1/{proxy}"})
	}).methods()
	got := methods["ANY /api/{proxy+}"]
	if got["AuthorizationType"] != "CUSTOM" || dig(t, got, "Integration", "Type") != "HTTP_PROXY" || dig(t, got, "Integration", "IntegrationHttpMethod") != "ANY" {
		t.Errorf("got %s", text(got))
	}
	want := map[string]any{
		"integration.request.header.Authorization":   "context.authorizer.token",
		"integration.request.header.Cookie":          "'none'",
		"integration.request.header.cookie":          "'none'",
		"integration.request.header.x-th-csrf":       "'none'",
		"integration.request.header.Accept-Encoding": "'identity'",
		"integration.request.header.accept-encoding": "'identity'",
		"integration.request.path.proxy":             "method.request.path.proxy",
	}
	for _, name := range proxyheader.Identity {
		want["integration.request.header."+name] = "'none'"
		want["integration.request.header."+strings.ToLower(name)] = "'none'"
	}
	for _, header := range proxyheader.Routing {
		want["integration.request.header."+header.Name] = header.Source
		want["integration.request.header."+strings.ToLower(header.Name)] = header.Source
	}
	if diff := cmp.Diff(want, dig(t, got, "Integration", "RequestParameters")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"method.request.path.proxy": true}, got["RequestParameters"]); diff != "" {
		t.Error(diff)
	}
	preflight := text(methods["OPTIONS /api/{proxy+}"])
	mustContain(t, preflight, `"MOCK"`, "GET,HEAD,POST,PUT,PATCH,DELETE")
}

func TestFunctionRoute(t *testing.T) {
	got := synth(t, oneOrigin(), func(s awscdk.Stack, h *TokenHandler) {
		other := awscdk.NewStack(awscdk.Stage_Of(s), jsii.String("Upstream"), nil)
		for name, scope := range map[string]awscdk.Stack{"here": s, "there": other} {
			function := awslambda.NewFunction(scope, jsii.String("Orders"), &awslambda.FunctionProps{
				Runtime: awslambda.Runtime_PYTHON_3_13(), Handler: jsii.String("index.handler"), Code: awslambda.Code_FromInline(jsii.String("x")),
			})
			if name == "there" {
				h.Protect(Route{Path: "/there", Methods: []string{"GET"}, Function: function})
			} else {
				h.Protect(Route{Path: "/here/{proxy+}", Methods: []string{"ANY"}, Function: function})
			}
		}
	})
	for _, name := range []string{"ANY /here/{proxy+}", "GET /there"} {
		m := got.methods()[name]
		if m["AuthorizationType"] != "CUSTOM" || dig(t, m, "Integration", "Type") != "AWS_PROXY" {
			t.Errorf("%s: got %s", name, text(m))
		}
	}
}

func TestVPCLinkRoute(t *testing.T) {
	got := synth(t, oneOrigin(), func(s awscdk.Stack, h *TokenHandler) {
		balancer := awselasticloadbalancingv2.NetworkLoadBalancer_FromNetworkLoadBalancerAttributes(s, jsii.String("Balancer"),
			&awselasticloadbalancingv2.NetworkLoadBalancerAttributes{
				LoadBalancerArn:     jsii.String("arn:aws:elasticloadbalancing:eu-north-1:123456789012:loadbalancer/net/a/b"),
				LoadBalancerDnsName: jsii.String("internal.example.com"),
			})
		link := awsapigateway.NewVpcLink(s, jsii.String("Link"), &awsapigateway.VpcLinkProps{Targets: &[]awselasticloadbalancingv2.INetworkLoadBalancer{balancer}})
		h.Protect(Route{Path: "/orders", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/", VPCLink: link})
		h.Protect(Route{Path: "/{proxy+}", Methods: []string{"ANY"}, Upstream: "https://api.internal.example/{proxy}", Transparent: true, VPCLink: link})
	}).methods()
	for _, name := range []string{"GET /orders", "ANY /{proxy+}"} {
		integration := dig(t, got[name], "Integration").(map[string]any)
		if integration["ConnectionType"] != "VPC_LINK" || !strings.Contains(text(integration["ConnectionId"]), "Link") {
			t.Errorf("%s: got %s", name, text(integration))
		}
	}
}

// A public route has its reason in the template and no session upstream.
func TestPublicRoute(t *testing.T) {
	for name, props := range map[string]*Props{"one origin": oneOrigin(), "several origins": severalOrigins()} {
		got := synth(t, props, func(s awscdk.Stack, h *TokenHandler) {
			h.Protect(orders())
			h.Public(Route{Path: "/catalogue", Methods: []string{"GET"}, Upstream: "https://catalogue.internal.example/"}, "everyone may read it")
			h.Public(Route{Path: "/health", Methods: []string{"GET"}, Upstream: "https://api.internal.example/health", Transparent: true}, "asked by the load balancer")
			MarkPublic(h.resource("/made").AddMethod(jsii.String("GET"), nil, nil), "a MOCK")
		})
		mapped, transparent := got.methods()["GET /catalogue"], got.methods()["GET /health"]
		up := text(dig(t, mapped, "Integration", "RequestParameters"))
		if mapped["AuthorizationType"] != "NONE" || strings.Contains(up, "Authorization") || strings.Contains(up, "Cookie") {
			t.Errorf("%s: got %s", name, up)
		}
		down := dig(t, mapped, "Integration", "IntegrationResponses", 0, "ResponseParameters").(map[string]any)
		origin, wanted := down["method.response.header.Access-Control-Allow-Origin"], any("'https://www.example.com'")
		if name == "several origins" {
			wanted = nil
		}
		if origin != wanted {
			t.Errorf("%s: Access-Control-Allow-Origin is %v, want %v", name, origin, wanted)
		}
		for _, header := range []string{rules.AuthorizationTarget, rules.CookieTarget} {
			if got := dig(t, transparent, "Integration", "RequestParameters", header); got != "'none'" {
				t.Errorf("%s: %s is %v", name, header, got)
			}
		}
		checkTemplate(t, got, map[string]string{"GET /catalogue": "everyone may read it", "GET /health": "asked by the load balancer", "GET /made": "a MOCK"})
	}
}

// checkTemplate applies the stand-alone check to the templates of the
// construct.
func checkTemplate(t *testing.T, got template, public map[string]string, others ...template) {
	t.Helper()
	var files []cloudformation.File
	for _, one := range append([]template{got}, others...) {
		f := cloudformation.File{Template: &cloudformation.Template{}}
		if err := json.Unmarshal(one.raw, f.Template); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	report := rules.Check(files[0].Template, rules.Options{Functions: rules.FunctionsOf(files)})
	for _, finding := range report.Findings {
		t.Error(finding)
	}
	if diff := cmp.Diff(public, report.Public); diff != "" {
		t.Error(diff)
	}
}

func TestPublicRefuses(t *testing.T) {
	h := New(newStack(t), "TokenHandler", oneOrigin())
	for _, tt := range []struct {
		path, reason, want string
	}{
		{"/a", " ", "Public got no reason for /a"},
		{"/{proxy+}", "why", `Public got the greedy path "/{proxy+}"`},
		{"/pub/{proxy}", "why", "Route.Upstream of the public route /pub/{proxy} uses {proxy}: a client could climb"},
	} {
		for _, transparent := range []bool{true, false} {
			if !transparent && strings.Contains(tt.path, "+") {
				continue
			}
			got := panicOf(func() {
				h.Public(Route{Path: tt.path, Methods: []string{"GET"}, Transparent: transparent, Upstream: "https://a.example/{proxy}"}, tt.reason)
			})
			mustContain(t, got, "tokenhandler: "+tt.want)
		}
	}
	mustContain(t, panicOf(func() { MarkPublic(h.resource("/b").AddMethod(jsii.String("GET"), nil, nil), "") }), "tokenhandler: MarkPublic got no reason")
}

// A greedy method without the authorizer is refused, even with a reason.
func TestGreedyIsNeverPublic(t *testing.T) {
	stack := newStack(t)
	h := New(stack, "TokenHandler", oneOrigin())
	h.Protect(orders())
	MarkPublic(h.resource("/{proxy+}").AddMethod(jsii.String("ANY"), nil, nil), "why not")
	mustContain(t, panicOf(func() { assertions.Template_FromStack(stack, nil) }), "ANY /{proxy+} at ", "is public and has a greedy path", "greedy")
}

// Another API in another stack, protected by the same function: each stack can
// be deployed, the second after the first and not the other way round.
func TestExtendAcrossStacks(t *testing.T) {
	stack := newStack(t)
	h := New(stack, "TokenHandler", oneOrigin())
	h.Protect(orders())
	other := awscdk.NewStack(awscdk.Stage_Of(stack), jsii.String("Other"), nil)
	api := awsapigateway.NewRestApi(other, jsii.String("Api"), &awsapigateway.RestApiProps{CloudWatchRole: jsii.Bool(false)})
	e := h.Extend(other, "TokenHandler", api)
	e.Protect(Route{Path: "/invoices", Methods: []string{"GET"}, Upstream: "https://invoices.internal.example/"})

	first, second := read(t, stack), read(t, other)
	if n := len(second.only("AWS::Lambda::Function")) + len(second.only("AWS::KMS::Key")) + len(second.only("AWS::SecretsManager::Secret")); n != 0 {
		t.Errorf("the second stack has %d functions, keys and secrets of its own", n)
	}
	if n := len(second.only("AWS::Lambda::Permission")); n != 1 {
		t.Errorf("the second stack has %d permissions, want the authorizer's", n)
	}
	if strings.Contains(string(first.raw), "Other") {
		t.Error("the first stack refers to the second")
	}
	checkTemplate(t, second, map[string]string{}, first)
}

func TestExtendChecksItsAPI(t *testing.T) {
	stack := newStack(t)
	h := New(stack, "TokenHandler", oneOrigin())
	h.Protect(orders())
	api := awsapigateway.NewRestApi(stack, jsii.String("Second"), nil)
	h.Extend(stack, "Extended", api).Protect(Route{Path: "/invoices", Methods: []string{"GET"}, Upstream: "https://invoices.internal.example/"})
	api.Root().AddMethod(jsii.String("GET"), nil, nil)
	mustContain(t, panicOf(func() { assertions.Template_FromStack(stack, nil) }), "[Test/Stack/Extended] GET / at Test/Stack/Second")
	mustContain(t, panicOf(func() { h.Extend(stack, "None", nil) }), "tokenhandler: Extend got no API")
}

// Methods in an OpenAPI body are not in the construct tree.
func TestOpenAPIBodyIsRefused(t *testing.T) {
	stack := newStack(t)
	h := New(stack, "TokenHandler", oneOrigin())
	h.Protect(orders())
	h.API.Node().DefaultChild().(awsapigateway.CfnRestApi).SetBody(map[string]any{"openapi": "3.0.1"})
	mustContain(t, panicOf(func() { assertions.Template_FromStack(stack, nil) }), "has an OpenAPI definition", "ExtendSpec")
}

// CDK names the streaming URI and API Gateway the transfer mode.
func TestStreamedRoutes(t *testing.T) {
	got := synth(t, oneOrigin(), func(s awscdk.Stack, h *TokenHandler) {
		function := awslambda.Function_FromFunctionAttributes(s, jsii.String("Chat"), &awslambda.FunctionAttributes{
			FunctionArn: jsii.String("arn:aws:lambda:eu-north-1:123456789012:function:chat"), SameEnvironment: jsii.Bool(true)})
		h.Protect(Route{Path: "/chat", Methods: []string{"POST"}, Function: function, Stream: true})
		h.Protect(Route{Path: "/events", Methods: []string{"GET"}, Upstream: "https://events.internal.example/", Transparent: true, Stream: true, Timeout: time.Minute})
		h.Protect(Route{Path: "/slow", Methods: []string{"GET"}, Upstream: "https://slow.internal.example/", Timeout: 1500 * time.Millisecond})
		h.Protect(Route{Path: "/private/{proxy+}", Methods: []string{"ANY"}, Upstream: "http://orders.internal.example:8080/{proxy}", Transparent: true,
			PrivateLink: &PrivateLink{ID: "a1b2c3", LoadBalancer: "arn:aws:elasticloadbalancing:eu-north-1:123456789012:loadbalancer/app/orders/0123456789abcdef"}})
	}).methods()
	for name, want := range map[string]map[string]any{
		"POST /chat":  {"ResponseTransferMode": "STREAM", "TimeoutInMillis": 900000.0},
		"GET /events": {"ResponseTransferMode": "STREAM", "TimeoutInMillis": 60000.0},
		"GET /slow":   {"ResponseTransferMode": nil, "TimeoutInMillis": 1500.0},
		"ANY /private/{proxy+}": {"ConnectionType": "VPC_LINK", "ConnectionId": "a1b2c3", "Type": "HTTP_PROXY", "Uri": "http://orders.internal.example:8080/{proxy}",
			"IntegrationTarget": "arn:aws:elasticloadbalancing:eu-north-1:123456789012:loadbalancer/app/orders/0123456789abcdef"},
	} {
		integration := dig(t, got[name], "Integration").(map[string]any)
		for property, value := range want {
			if integration[property] != value {
				t.Errorf("%s: %s is %v, want %v", name, property, integration[property], value)
			}
		}
	}
	mustContain(t, text(dig(t, got["POST /chat"], "Integration", "Uri")), "2021-11-15/functions/", "/response-streaming-invocations")
}

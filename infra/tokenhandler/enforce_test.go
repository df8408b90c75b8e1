package tokenhandler

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/rules"
)

// Each case adds one method to an API that is otherwise sound. Synthesis must
// fail and name the construct, the method, its path and the mend.
func TestSynthesisFailsOnUnprotectedMethods(t *testing.T) {
	for _, tt := range []struct {
		name string
		add  func(awscdk.Stack, *TokenHandler)
		want []string
	}{
		{"L2 without authorizer", func(_ awscdk.Stack, h *TokenHandler) {
			h.resource("/open").AddMethod(jsii.String("GET"), proxy(nil), nil)
		}, []string{"GET /open at Test/Stack/TokenHandler/Api/Default/open/GET/Resource has no authorizer", "Protect", "Authorizer"}},

		{"L1 NONE", func(s awscdk.Stack, h *TokenHandler) {
			l1(s, h, &awsapigateway.CfnMethodProps{HttpMethod: jsii.String("DELETE"), AuthorizationType: jsii.String("NONE"), Integration: l1Integration("HTTP", tokenMapping())})
		}, []string{"DELETE /l1 at Test/Stack/Method has no authorizer"}},

		{"L1 that names no authorization type", func(s awscdk.Stack, h *TokenHandler) {
			l1(s, h, &awsapigateway.CfnMethodProps{HttpMethod: jsii.String("GET")})
		}, []string{"GET /l1 at Test/Stack/Method has no authorizer"}},

		{"L1 with a foreign authorizer", func(s awscdk.Stack, h *TokenHandler) {
			l1(s, h, &awsapigateway.CfnMethodProps{HttpMethod: jsii.String("GET"), AuthorizationType: jsii.String("CUSTOM"), AuthorizerId: jsii.String("abc123"), Integration: l1Integration("HTTP", tokenMapping())})
		}, []string{"GET /l1 at Test/Stack/Method has another authorizer", "token handler's Authorizer"}},

		{"L2 with IAM authorization", func(_ awscdk.Stack, h *TokenHandler) {
			h.resource("/iam").AddMethod(jsii.String("GET"), proxy(nil), &awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_IAM})
		}, []string{"GET /iam at ", "authorization type AWS_IAM: it must be CUSTOM"}},

		{"L1 that finds the API by Fn::Ref", func(s awscdk.Stack, h *TokenHandler) {
			id := s.GetLogicalId(h.API.Node().DefaultChild().(awscdk.CfnElement))
			awsapigateway.NewCfnMethod(s, jsii.String("Method"), &awsapigateway.CfnMethodProps{
				HttpMethod: jsii.String("GET"), ResourceId: h.API.RestApiRootResourceId(), RestApiId: awscdk.Fn_Ref(id), AuthorizationType: jsii.String("NONE"),
			})
		}, []string{"GET / at Test/Stack/Method has no authorizer"}},

		{"L1 in another stack", func(s awscdk.Stack, h *TokenHandler) {
			other := awscdk.NewStack(awscdk.Stage_Of(s), jsii.String("Other"), nil)
			l1(other, h, &awsapigateway.CfnMethodProps{HttpMethod: jsii.String("GET"), AuthorizationType: jsii.String("NONE")})
		}, []string{"GET /l1 at Test/Other/Method has no authorizer"}},

		{"plain CfnResource", func(s awscdk.Stack, h *TokenHandler) {
			awscdk.NewCfnResource(s, jsii.String("Raw"), &awscdk.CfnResourceProps{Type: jsii.String("AWS::ApiGateway::Method"), Properties: &map[string]any{
				"HttpMethod": "GET", "AuthorizationType": "NONE", "RestApiId": h.API.RestApiId(), "ResourceId": h.API.RestApiRootResourceId(),
			}})
		}, []string{"Test/Stack/Raw is a plain CfnResource", "CfnMethod"}},

		{"OPTIONS that is not MOCK", func(_ awscdk.Stack, h *TokenHandler) {
			h.resource("/open").AddMethod(jsii.String("OPTIONS"), proxy(nil), nil)
		}, []string{"OPTIONS /open at ", "has no authorizer and integration HTTP_PROXY: a preflight must be MOCK", "AddPreflight"}},

		{"greedy ANY", func(_ awscdk.Stack, h *TokenHandler) {
			h.resource("/{proxy+}").AddMethod(jsii.String("ANY"), proxy(nil), nil)
		}, []string{"ANY /{proxy+} at ", "has no authorizer", "greedy"}},

		{"greedy ANY, even MOCK", func(_ awscdk.Stack, h *TokenHandler) {
			h.API.Root().AddProxy(&awsapigateway.ProxyResourceOptions{DefaultIntegration: awsapigateway.NewMockIntegration(nil)})
		}, []string{"ANY /{proxy+} at ", "has no authorizer"}},

		{"HTTP without Authorization", func(_ awscdk.Stack, h *TokenHandler) {
			protected(h, "/orders", integration(false, nil))
		}, []string{"GET /orders at ", "does not give its integration the token: map integration.request.header.Authorization from context.authorizer.token"}},

		{"HTTP_PROXY without Authorization", func(_ awscdk.Stack, h *TokenHandler) {
			protected(h, "/orders", proxy(map[string]string{rules.CookieTarget: "'none'"}))
		}, []string{"GET /orders at ", "does not give its integration the token"}},

		{"Authorization from elsewhere", func(_ awscdk.Stack, h *TokenHandler) {
			protected(h, "/orders", integration(false, map[string]string{rules.AuthorizationTarget: "method.request.header.Authorization"}))
		}, []string{"GET /orders at ", "maps integration.request.header.Authorization from method.request.header.Authorization"}},

		{"Authorization twice", func(_ awscdk.Stack, h *TokenHandler) {
			protected(h, "/orders", integration(false, map[string]string{
				rules.AuthorizationTarget: rules.TokenSource, "integration.request.header.authorization": "context.authorizer.sub"}))
		}, []string{"maps integration.request.header.authorization from context.authorizer.sub"}},

		{"P21 HTTP_PROXY that passes the cookies on", func(_ awscdk.Stack, h *TokenHandler) {
			protected(h, "/orders", proxy(map[string]string{rules.AuthorizationTarget: rules.TokenSource}))
		}, []string{"GET /orders at ", "passes the session cookies upstream: map integration.request.header.Cookie"}},

		{"a cookie mapped into another header", func(_ awscdk.Stack, h *TokenHandler) {
			protected(h, "/orders", integration(false, map[string]string{
				rules.AuthorizationTarget: rules.TokenSource, "integration.request.header.X-Session": "method.request.header.cookie"}))
		}, []string{"GET /orders at ", "cookies and the client's Authorization must not go upstream"}},

		{"L1 integration without Authorization", func(s awscdk.Stack, h *TokenHandler) {
			l1(s, h, &awsapigateway.CfnMethodProps{HttpMethod: jsii.String("GET"), AuthorizationType: jsii.String("CUSTOM"), AuthorizerId: h.Authorizer.AuthorizerId(), Integration: l1Integration("HTTP", nil)})
		}, []string{"GET /l1 at Test/Stack/Method does not give its integration the token"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stack := newStack(t)
			h := New(stack, "TokenHandler", oneOrigin())
			h.Protect(Route{Path: "/sound", Methods: []string{"GET"}, Upstream: "https://api.internal.example"})
			tt.add(stack, h)
			got := panicOf(func() { assertions.Template_FromStack(stack, nil) })
			if got == "" {
				t.Fatal("synthesis succeeded")
			}
			mustContain(t, got, append(tt.want, "[Test/Stack/TokenHandler]")...)
		})
	}
}

// Methods that are protected in another way than by Protect must synthesize.
func TestSynthesisAcceptsProtectedMethods(t *testing.T) {
	synth(t, oneOrigin(), func(s awscdk.Stack, h *TokenHandler) {
		protected(h, "/mapped", integration(false, map[string]string{rules.AuthorizationTarget: rules.TokenSource}))
		protected(h, "/transparent", proxy(map[string]string{rules.AuthorizationTarget: rules.TokenSource, rules.CookieTarget: "'none'"}))
		h.AddPreflight(h.resource("/mapped"), "GET")
		l1(s, h, &awsapigateway.CfnMethodProps{HttpMethod: jsii.String("GET"), AuthorizationType: jsii.String("CUSTOM"), AuthorizerId: h.Authorizer.AuthorizerId(), Integration: l1Integration("HTTP", tokenMapping())})
		// Another API of the stack is not ours to judge.
		awsapigateway.NewRestApi(s, jsii.String("Other"), nil).Root().AddMethod(jsii.String("GET"), nil, nil)
	})
}

// Everything wrong is told at once.
func TestSynthesisNamesEveryUnprotectedMethod(t *testing.T) {
	stack := newStack(t)
	h := New(stack, "TokenHandler", oneOrigin())
	h.Protect(orders())
	h.resource("/a").AddMethod(jsii.String("GET"), nil, nil)
	h.resource("/b").AddMethod(jsii.String("PUT"), nil, nil)
	mustContain(t, panicOf(func() { assertions.Template_FromStack(stack, nil) }), "GET /a at ", "PUT /b at ")
}

func protected(h *TokenHandler, path string, i awsapigateway.Integration) {
	h.resource(path).AddMethod(jsii.String("GET"), i, &awsapigateway.MethodOptions{Authorizer: h.Authorizer})
}

func proxy(parameters map[string]string) awsapigateway.Integration {
	return integration(true, parameters)
}

func integration(proxy bool, parameters map[string]string) awsapigateway.Integration {
	mapped := map[string]*string{}
	for target, source := range parameters {
		mapped[target] = jsii.String(source)
	}
	return awsapigateway.NewHttpIntegration(jsii.String("https://api.internal.example/x"), &awsapigateway.HttpIntegrationProps{
		Proxy: jsii.Bool(proxy), Options: &awsapigateway.IntegrationOptions{RequestParameters: &mapped},
	})
}

func l1(s awscdk.Stack, h *TokenHandler, props *awsapigateway.CfnMethodProps) {
	resource := awsapigateway.NewCfnResource(s, jsii.String("Resource"), &awsapigateway.CfnResourceProps{
		ParentId: h.API.RestApiRootResourceId(), PathPart: jsii.String("l1"), RestApiId: h.API.RestApiId(),
	})
	props.ResourceId = resource.Ref()
	props.RestApiId = h.API.RestApiId()
	awsapigateway.NewCfnMethod(s, jsii.String("Method"), props)
}

func l1Integration(kind string, parameters map[string]*string) *awsapigateway.CfnMethod_IntegrationProperty {
	return &awsapigateway.CfnMethod_IntegrationProperty{
		Type: jsii.String(kind), Uri: jsii.String("https://api.internal.example/x"), IntegrationHttpMethod: jsii.String("GET"),
		RequestParameters: &parameters,
	}
}

func tokenMapping() map[string]*string {
	return map[string]*string{rules.AuthorizationTarget: jsii.String(rules.TokenSource)}
}

// A token handler without a route is refused in plain words, not in CDK's
// "Authorizer must be attached to a RestApi".
func TestSynthesisNeedsAProtectedMethod(t *testing.T) {
	for name, add := range map[string]func(awscdk.Stack, *TokenHandler){
		"no route":            func(awscdk.Stack, *TokenHandler) {},
		"a public route only": func(_ awscdk.Stack, h *TokenHandler) { h.Public(orders(), "prices") },
		"another API unused": func(s awscdk.Stack, h *TokenHandler) {
			h.Protect(orders())
			h.Extend(s, "Second", awsapigateway.NewRestApi(s, jsii.String("Api"), nil)).API.Root().AddMethod(jsii.String("OPTIONS"), awsapigateway.NewMockIntegration(nil), nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := newStack(t)
			h := New(stack, "TokenHandler", oneOrigin())
			add(stack, h)
			mustContain(t, panicOf(func() { assertions.Template_FromStack(stack, nil) }), " protects no method: add a route with Protect")
		})
	}
}

package gateway

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/local/internal/template"
)

// AWS: "Gateway response types for API Gateway": 21 types with their default status codes.
func TestGatewayResponseTypes(t *testing.T) {
	want := map[string]int{"ACCESS_DENIED": 403, "API_CONFIGURATION_ERROR": 500, "AUTHORIZER_CONFIGURATION_ERROR": 500,
		"AUTHORIZER_FAILURE": 500, "BAD_REQUEST_PARAMETERS": 400, "BAD_REQUEST_BODY": 400, "DEFAULT_4XX": 0, "DEFAULT_5XX": 0,
		"EXPIRED_TOKEN": 403, "INTEGRATION_FAILURE": 504, "INTEGRATION_TIMEOUT": 504, "INVALID_API_KEY": 403, "INVALID_SIGNATURE": 403,
		"MISSING_AUTHENTICATION_TOKEN": 403, "QUOTA_EXCEEDED": 429, "REQUEST_TOO_LARGE": 413, "RESOURCE_NOT_FOUND": 404, "THROTTLED": 429,
		"UNAUTHORIZED": 401, "UNSUPPORTED_MEDIA_TYPE": 415, "WAF_FILTERED": 403}
	if len(responseTypes) != 21 {
		t.Errorf("%d types, want 21", len(responseTypes))
	}
	gw := &Gateway{api: &template.API{}, opts: Options{Now: (&clock{}).Now}}
	for kind, status := range want {
		if responseTypes[kind].status != status {
			t.Errorf("%s: default status %d, want %d", kind, responseTypes[kind].status, status)
		}
		if strings.HasPrefix(kind, "DEFAULT_") {
			continue
		}
		resp := gw.newCall(httptest.NewRequest("GET", "/", nil)).faultResponse(newFault(kind, `it's "so"`, ""))
		body := `{"message":"it's \"so\""}`
		if kind == "ACCESS_DENIED" { // prints a capital M although the stored template does not
			body = `{"Message":"it's \"so\""}`
		}
		if resp.status != status || string(resp.body) != body {
			t.Errorf("%s: got %d %s", kind, resp.status, resp.body)
		}
		for _, name := range []string{"x-amzn-ErrorType", "x-amzn-RequestId", "x-amz-apigw-id", "Content-Type"} {
			if v, ok := resp.headers.get(name); !ok || v == "" {
				t.Errorf("%s: no header %s", kind, name)
			}
		}
	}
}

// Recorded from AWS: a customised type does not merge with DEFAULT_4XX or DEFAULT_5XX; an uncustomised one takes all of
// theirs, its status included.
func TestGatewayResponsesDoNotMerge(t *testing.T) {
	f := (&fixture{edit: func(r map[string]any) {
		delete(r, "ApiDefault5xx350DA352")
		gatewayResponseResource(r, "DEFAULT_5XX", "599", map[string]any{"gatewayresponse.header.X-Default": "'d'"}, map[string]any{"application/json": `{"default":true}`})
		gatewayResponseResource(r, "AUTHORIZER_CONFIGURATION_ERROR", "", map[string]any{"gatewayresponse.header.foo": "'bar'"}, nil)
		gatewayResponseResource(r, "DEFAULT_4XX", "", map[string]any{"gatewayresponse.header.X-Four": "'4'"}, nil)
	}}).start(t)
	f.agent = func(map[string]any) (Result, error) { return functionError("x") }
	res := f.do(t, "GET", "/profile", "")
	res.want(t, 599, `{"default":true}`)
	res.wantHeader(t, "X-Default", "d")

	f.authorizer = func(map[string]any) (Result, error) { return functionError("x") }
	res = f.do(t, "GET", "/profile", "")
	res.want(t, 500, `{"message":null}`)
	res.wantHeader(t, "foo", "bar")
	res.wantHeader(t, "X-Default", "")

	// DEFAULT_4XX without status and template changes just the headers.
	res = f.do(t, "GET", "/nothing", "")
	res.want(t, 403, `{"message":"Missing Authentication Token"}`)
	res.wantHeader(t, "X-Four", "4")
}

// Sources of gateway response headers and bodies. An expression that does not resolve omits the header.
func TestGatewayResponseExpressions(t *testing.T) {
	f := (&fixture{edit: func(r map[string]any) {
		gatewayResponseResource(r, "MISSING_AUTHENTICATION_TOKEN", "404", map[string]any{
			"gatewayresponse.header.X-Static": "'s'", "gatewayresponse.header.X-Request": "context.requestId",
			"gatewayresponse.header.X-Origin": "method.request.header.origin", "gatewayresponse.header.X-Query": "method.request.querystring.q",
			"gatewayresponse.header.X-Stage": "stageVariables.colour", "gatewayresponse.header.X-None": "context.authorizer.allowedOrigin",
			"gatewayresponse.header.Content-Type": "'application/problem+json'",
		}, map[string]any{"application/json": `{"m":"$context.httpMethod","p":"$context.error.message","t":"$context.error.responseType","v":"$stageVariables.colour","none":"$context.authorizer.code","vtl":"#if(true)"}`,
			"text/plain": "plain $context.stage."})
	}}).start(t)
	res := f.do(t, "GET", "/nothing?q=1", "", "Origin", "https://o.example")
	res.want(t, 404, `{"m":"GET","p":"Missing Authentication Token","t":"MISSING_AUTHENTICATION_TOKEN","v":"blue","none":"","vtl":"#if(true)"}`)
	for name, want := range map[string]string{"X-Static": "s", "X-Origin": "https://o.example", "X-Query": "1", "X-Stage": "blue",
		"Content-Type": "application/problem+json", "X-Request": res.header.Get("x-amzn-RequestId")} {
		res.wantHeader(t, name, want)
	}
	if _, has := res.header["X-None"]; has {
		t.Error("an unresolved header was sent")
	}
	res = f.do(t, "GET", "/nothing", "", "Accept", "text/plain")
	res.want(t, 404, "plain api.")
}

// New's refusals name the method or construct and the property.
func TestNewRefuses(t *testing.T) {
	parameters := func(path string, kv ...string) func(map[string]any) {
		return func(r map[string]any) {
			in := integration(r, path)
			if in["RequestParameters"] == nil {
				in["RequestParameters"] = map[string]any{}
			}
			for i := 0; i < len(kv); i += 2 {
				in["RequestParameters"].(map[string]any)[kv[i]] = kv[i+1]
			}
		}
	}
	set := func(path, name string, value any) func(map[string]any) {
		return func(r map[string]any) { integration(r, path)[name] = value }
	}
	firstResponse := func(path, name string, value any) func(map[string]any) {
		return func(r map[string]any) {
			integration(r, path)["IntegrationResponses"].([]any)[0].(map[string]any)[name] = value
		}
	}
	const orders, files = "orders/GET/Resource", "files/{proxy+}/ANY/Resource"
	tests := []struct {
		name string
		edit func(map[string]any)
		want []string
	}{
		{"undeclared header", parameters(orders, "integration.request.header.X", "method.request.header.Nope"), []string{"GET /orders at Fixture/Api/Default/orders/GET/Resource", "method.request.header.Nope", "not declared"}},
		{"body mapping", parameters(orders, "integration.request.header.X", "method.request.body.a"), []string{"mapping from the body"}},
		{"dollar", parameters(orders, "integration.request.header.X", "$context.stage"), []string{"no dollar sign"}},
		{"unquoted literal", parameters(orders, "integration.request.header.X", "none"), []string{"a literal needs single quotes"}},
		{"unknown context", parameters(orders, "integration.request.header.X", "context.identity.apiKey"), []string{"context variable is not implemented"}},
		{"response source in a request", parameters(orders, "integration.request.header.X", "integration.response.header.X"), []string{"not a mapping expression that is legal here"}},
		{"illegal header", parameters(orders, "integration.request.header.Transfer-Encoding", "'chunked'"), []string{"cannot be mapped"}},
		{"unknown target", parameters(orders, "integration.request.body.x", "'a'"), []string{"is not a target"}},
		{"mapping on AWS_PROXY", parameters("profile/GET/Resource", "integration.request.header.X", "'a'"), []string{"GET /profile", "AWS_PROXY"}},
		{"template on a proxy", set(files, "RequestTemplates", map[string]any{"application/json": "x"}), []string{"has no effect on HTTP_PROXY"}},
		{"response mapping on a proxy", set(files, "IntegrationResponses", []any{map[string]any{"StatusCode": "200", "ResponseParameters": map[string]any{"method.response.header.X": "'a'"}}}), []string{"no effect on HTTP_PROXY"}},
		{"unmapped path parameter", set(files, "Uri", "http://127.0.0.1/{other}"), []string{"{other} has no mapping"}},
		{"parameter in the host", set(files, "Uri", "http://{proxy}.example.com/"), []string{"path parameter in the host"}},
		{"not a URL", set(orders, "Uri", "ftp://x/"), []string{"property Integration.Uri", "not an http or https URL"}},
		{"undeclared response header", firstResponse(orders, "ResponseParameters", map[string]any{"method.response.header.X-Nope": "'a'"}), []string{"not declared in the method response 200"}},
		{"undeclared status", firstResponse(orders, "StatusCode", "299"), []string{"StatusCode 299 is not declared"}},
		{"request source in a response", firstResponse(orders, "ResponseParameters", map[string]any{"method.response.header.Vary": "method.request.header.Origin"}), []string{"not a mapping expression that is legal here"}},
		{"bad pattern", firstResponse(orders, "SelectionPattern", "(?=x)"), []string{"SelectionPattern"}},
		{"bad template", firstResponse(orders, "ResponseTemplates", map[string]any{"application/json": "\n#macro(x)#end"}), []string{"ResponseTemplates", "line 2, column 1", "#macro"}},
		{"no integration response", set("orders/OPTIONS/Resource", "IntegrationResponses", []any{}), []string{"needs at least one"}},
		{"path as identity source", cached(60, "method.request.path.proxy"), []string{"authorizer Fixture/OAuthProxy/Resource", "not an identity source"}},
		{"unknown gateway response", func(r map[string]any) { gatewayResponseResource(r, "NOPE", "", nil, nil) }, []string{"ResponseType", `"NOPE"`}},
		{"bad status", func(r map[string]any) { gatewayResponseResource(r, "THROTTLED", "abc", nil, nil) }, []string{"StatusCode"}},
		{"gateway response path", func(r map[string]any) {
			gatewayResponseResource(r, "THROTTLED", "", map[string]any{"gatewayresponse.path.x": "'a'"}, nil)
		}, []string{"gatewayresponse.path.x"}},
		{"gateway response dollar", func(r map[string]any) {
			gatewayResponseResource(r, "THROTTLED", "", map[string]any{"gatewayresponse.header.x": "$context.requestId"}, nil)
		}, []string{"no dollar sign"}},
		{"gateway response template", func(r map[string]any) {
			gatewayResponseResource(r, "THROTTLED", "", nil, map[string]any{"application/json": "$context.error.validationErrorString"})
		}, []string{"$context.error.validationErrorString is not implemented"}},
		{"two path parameters", func(r map[string]any) {
			r["Second"] = map[string]any{"Type": "AWS::ApiGateway::Resource", "Properties": map[string]any{"ParentId": map[string]any{"Ref": "Apiopen2DE3F8C4"},
				"PathPart": "{other}", "RestApiId": map[string]any{"Ref": "ApiF70053CD"}}}
			p := properties(r, "orders/OPTIONS/Resource")
			r["SecondMethod"] = map[string]any{"Type": "AWS::ApiGateway::Method", "Properties": map[string]any{"HttpMethod": "GET", "ResourceId": map[string]any{"Ref": "Second"},
				"RestApiId": map[string]any{"Ref": "ApiF70053CD"}, "AuthorizationType": "NONE", "Integration": p["Integration"], "MethodResponses": p["MethodResponses"]}}
		}, []string{"only one variable path part"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fixture{edit: tt.edit}
			_, err := New(f.api(t), Options{Invoke: f.invoke})
			if err == nil {
				t.Fatal("was accepted")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not contain %q:\n%v", want, err)
				}
			}
		})
	}
	if _, err := New((&fixture{}).api(t), Options{}); err == nil {
		t.Error("accepted without Invoke")
	}
}

package tokenhandler

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// dig follows keys and indexes into part of a template.
func dig(t *testing.T, v any, keys ...any) any {
	t.Helper()
	for _, key := range keys {
		switch key := key.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok || m[key] == nil {
				t.Fatalf("no %q in %s", key, text(v))
			}
			v = m[key]
		case int:
			l, ok := v.([]any)
			if !ok || len(l) <= key {
				t.Fatalf("no element %d in %s", key, text(v))
			}
			v = l[key]
		}
	}
	return v
}

// P13, P14, C1-10: every resource with a method has a preflight, and no
// preflight has a header for an origin that is not listed.
func TestEveryResourceHasAPreflight(t *testing.T) {
	methods := synth(t, severalOrigins(), withItem).methods()
	for name := range methods {
		verb, path, _ := strings.Cut(name, " ")
		preflight, ok := methods["OPTIONS "+path]
		if !ok {
			t.Errorf("%s has no preflight", path)
			continue
		}
		if verb != "OPTIONS" {
			continue
		}
		if kind := dig(t, preflight, "Integration", "Type"); kind != "MOCK" || preflight["AuthorizationType"] != "NONE" {
			t.Errorf("%s is %v with authorization %v", name, kind, preflight["AuthorizationType"])
		}
		static := dig(t, preflight, "Integration", "IntegrationResponses", 0, "ResponseParameters")
		if diff := cmp.Diff(map[string]any{"method.response.header.Vary": "'Origin'"}, static); diff != "" {
			t.Errorf("%s answers every origin with more than Vary: %s", name, diff)
		}
	}
}

func TestPreflightTemplate(t *testing.T) {
	props := severalOrigins()
	props.Cookies.NamePrefix = "shop"
	props.CORS = CORS{AllowHeaders: []string{"X-Request-Id", "Accept"}, MaxAge: time.Hour}
	got := synth(t, props, withItem).methods()["OPTIONS /orders/{id}"]
	want := `#set($origin = $input.params().header.get("origin"))
#if(!$origin || $origin == "")#set($origin = $input.params().header.get("Origin"))#end
#if($origin == "https://www.example.com" || $origin == "https://admin.example.com" || $origin == "http://www.example.localhost:3000")
#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)
#set($context.responseOverride.header.Access-Control-Allow-Credentials = "true")
#set($context.responseOverride.header.Access-Control-Allow-Methods = "GET")
#set($context.responseOverride.header.Access-Control-Allow-Headers = "content-type,accept,token-handler-version,x-shop-csrf,if-none-match,x-request-id")
#set($context.responseOverride.header.Access-Control-Max-Age = "3600")
#end`
	if diff := cmp.Diff(want, dig(t, got, "Integration", "IntegrationResponses", 0, "ResponseTemplates", "application/json")); diff != "" {
		t.Error(diff)
	}
}

func TestPreflightMethods(t *testing.T) {
	allowed := func(methods map[string]map[string]any, path string) string {
		template := fmt.Sprint(dig(t, methods["OPTIONS "+path], "Integration", "IntegrationResponses", 0, "ResponseTemplates", "application/json"))
		_, after, _ := strings.Cut(template, `Access-Control-Allow-Methods = "`)
		list, _, _ := strings.Cut(after, `"`)
		return list
	}
	own := synth(t, oneOrigin(), nil).methods()
	if a, b := allowed(own, "/orders"), allowed(own, "/oauth-agent/login/start"); a != "GET,POST" || b != "POST" {
		t.Errorf("got %q and %q, want the resources' own methods", a, b)
	}
	props := oneOrigin()
	props.CORS.AllowMethods = []string{"GET", "PATCH"}
	if got := allowed(synth(t, props, nil).methods(), "/orders"); got != "GET,PATCH" {
		t.Errorf("got %q, want AllowMethods", got)
	}
}

// allTypes are copied from the Amazon API Gateway Developer Guide, "Gateway
// response types".
var allTypes = strings.Fields(`ACCESS_DENIED API_CONFIGURATION_ERROR AUTHORIZER_CONFIGURATION_ERROR AUTHORIZER_FAILURE
	BAD_REQUEST_BODY BAD_REQUEST_PARAMETERS DEFAULT_4XX DEFAULT_5XX EXPIRED_TOKEN INTEGRATION_FAILURE INTEGRATION_TIMEOUT
	INVALID_API_KEY INVALID_SIGNATURE MISSING_AUTHENTICATION_TOKEN QUOTA_EXCEEDED REQUEST_TOO_LARGE RESOURCE_NOT_FOUND
	THROTTLED UNAUTHORIZED UNSUPPORTED_MEDIA_TYPE WAF_FILTERED`)

// P14: every error of the gateway can be read by the page, as JSON with a code
// that both dialects find.
func TestGatewayResponses(t *testing.T) {
	const header = "gatewayresponse.header."
	for _, tt := range []struct {
		name     string
		props    *Props
		expected func(kind string) string // Access-Control-Allow-Origin
	}{
		{"one origin", oneOrigin(), func(string) string { return "'https://www.example.com'" }},
		{"several origins", severalOrigins(), func(kind string) string {
			switch kind {
			case "UNAUTHORIZED", "AUTHORIZER_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR", "MISSING_AUTHENTICATION_TOKEN",
				"WAF_FILTERED", "INVALID_SIGNATURE", "EXPIRED_TOKEN":
				return ""
			}
			return "context.authorizer.allowedOrigin"
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var kinds []string
			for _, r := range synth(t, tt.props, nil).only("AWS::ApiGateway::GatewayResponse") {
				kind := fmt.Sprint(r.Properties["ResponseType"])
				kinds = append(kinds, kind)
				parameters, _ := r.Properties["ResponseParameters"].(map[string]any)
				origin, _ := parameters[header+"Access-Control-Allow-Origin"].(string)
				credentials, _ := parameters[header+"Access-Control-Allow-Credentials"].(string)
				if want := tt.expected(kind); origin != want || (origin != "") != (credentials == "'true'") {
					t.Errorf("%s: got origin %q, credentials %q, want origin %q", kind, origin, credentials, want)
				}
				if exposed, _ := parameters[header+"Access-Control-Expose-Headers"].(string); (exposed == "'x-amzn-RequestId'") != (origin != "") {
					t.Errorf("%s: got exposed headers %q", kind, exposed)
				}
				if parameters[header+"Vary"] != "'Origin'" {
					t.Errorf("%s: no Vary", kind)
				}
				body := fmt.Sprint(dig(t, r.Properties, "ResponseTemplates", "application/json"))
				mustContain(t, body, `{"code":"`, `","error_code":"`, `","message":"`)
				if kind == "ACCESS_DENIED" {
					mustContain(t, body, `"code":"$context.authorizer.code","error_code":"$context.authorizer.code","message":"$context.authorizer.message"`)
				} else if strings.Contains(body, "$") {
					t.Errorf("%s: body %s substitutes something, which would not be escaped", kind, body)
				}
			}
			slices.Sort(kinds)
			if diff := cmp.Diff(allTypes, kinds); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGatewayResponseStatuses(t *testing.T) {
	got := map[string]string{}
	for _, r := range synth(t, oneOrigin(), nil).only("AWS::ApiGateway::GatewayResponse") {
		status, _ := r.Properties["StatusCode"].(string)
		got[fmt.Sprint(r.Properties["ResponseType"])] = status
	}
	for kind, status := range map[string]string{
		"ACCESS_DENIED": "401", "UNAUTHORIZED": "401", "AUTHORIZER_FAILURE": "500", "AUTHORIZER_CONFIGURATION_ERROR": "500",
		"MISSING_AUTHENTICATION_TOKEN": "404", "INTEGRATION_FAILURE": "502", "INTEGRATION_TIMEOUT": "504", "THROTTLED": "429",
		// Set, they would replace the status of every type not written out.
		"DEFAULT_4XX": "", "DEFAULT_5XX": "",
	} {
		if got[kind] != status {
			t.Errorf("%s: got status %q, want %q", kind, got[kind], status)
		}
	}
}

func TestNoWildcardOrigin(t *testing.T) {
	for _, props := range []*Props{oneOrigin(), severalOrigins()} {
		if raw := string(synth(t, props, withItem).raw); strings.Contains(raw, "'*'") || strings.Contains(raw, `= \"*\"`) {
			t.Error("the template has a wildcard in a header")
		}
	}
}

func TestAddPreflightRefuses(t *testing.T) {
	h := New(newStack(t), "TokenHandler", oneOrigin())
	h.Protect(orders())
	mustContain(t, panicOf(func() { h.AddPreflight(h.resource("/x"), "FETCH") }), `tokenhandler: AddPreflight got method "FETCH"`)
	mustContain(t, panicOf(func() { h.AddPreflight(h.resource("/orders"), "GET") }), "tokenhandler: AddPreflight: the API has a method OPTIONS /orders already")
}

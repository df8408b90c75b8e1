package tokenhandler

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
)

const (
	modelType     = "AWS::ApiGateway::Model"
	validatorType = "AWS::ApiGateway::RequestValidator"
)

// validation renders the validation of a method: its models by content type,
// and the parts that its validator checks.
func (t template) validation(method map[string]any) string {
	var parts []string
	models, _ := method["RequestModels"].(map[string]any)
	for _, contentType := range slices.Sorted(maps.Keys(models)) {
		m := t.Resources[fmt.Sprint(models[contentType].(map[string]any)["Ref"])]
		parts = append(parts, contentType+" "+text(m.Properties["Schema"]))
	}
	if ref, ok := method["RequestValidatorId"].(map[string]any); ok {
		v := t.Resources[fmt.Sprint(ref["Ref"])].Properties
		parts = append(parts, fmt.Sprintf("body %v parameters %v", v["ValidateRequestBody"], v["ValidateRequestParameters"]))
	}
	return strings.Join(parts, "; ")
}

// The agent's JSON bodies have models under application/json only, so that
// forms pass. The models accept every body that the agent accepts: additional
// members, and {} for an empty body.
func TestAgentModels(t *testing.T) {
	got := synth(t, oneOrigin(), nil)
	methods := got.methods()
	for method, want := range map[string]string{
		"POST /oauth-agent/login/start": `application/json {"$schema":"http://json-schema.org/draft-04/schema#","properties":{"extraParams":{"items":{"properties":{"key":{"enum":["ui_locales","login_hint","prompt","acr_values"]},"value":{"maxLength":2048,"type":"string"}},"required":["key","value"],"type":"object"},"maxItems":4,"type":["array","null"]}},"type":"object"}; body true parameters false`,
		"POST /oauth-agent/login/end":   `application/json {"$schema":"http://json-schema.org/draft-04/schema#","properties":{"pageUrl":{"maxLength":16384,"type":["string","null"]}},"type":"object"}; body true parameters false`,
		"POST /oauth-agent/refresh":     "", "POST /oauth-agent/logout": "", "GET /oauth-agent/session": "", "POST /orders": "",
	} {
		if diff := cmp.Diff(want, got.validation(methods[method])); diff != "" {
			t.Errorf("%s: %s", method, diff)
		}
	}
	for _, s := range agentSchemas([]string{"prompt"}) {
		if err := checkSchema(s); err != nil {
			t.Error(err)
		}
	}
}

// Where a page could not read the gateway's refusal, the agent alone judges.
func TestAgentModelsNeedOneOrigin(t *testing.T) {
	second := func(origin string) func(awscdk.Stack, *TokenHandler) {
		return func(stack awscdk.Stack, h *TokenHandler) {
			h.Protect(orders())
			p := oneOrigin()
			p.Application.TrustedWebOrigins, p.Application.RedirectURI = []string{origin}, origin+"/"
			p.API, p.Application.AgentPath, p.Cookies.NamePrefix = h.API, "/second", "second"
			other := New(stack, "Second", p)
			other.Protect(Route{Path: "/others", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/others"})
		}
	}
	for _, tt := range []struct {
		name  string
		props *Props
		add   func(awscdk.Stack, *TokenHandler)
		want  bool
	}{
		{"several origins", severalOrigins(), nil, false},
		{"a second client of the same origin", oneOrigin(), second("https://www.example.com"), true},
		{"a second client of another origin", oneOrigin(), second("https://other.example.com"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := synth(t, tt.props, tt.add)
			seen := 0
			for name, m := range got.methods() {
				if !strings.HasSuffix(name, "/login/start") || strings.HasPrefix(name, "OPTIONS") {
					continue
				}
				seen++
				if validated := got.validation(m) != ""; validated != tt.want {
					t.Errorf("%s: validated %v, want %v", name, validated, tt.want)
				}
			}
			if seen == 0 {
				t.Error("no login/start")
			}
		})
	}
	t.Run("binary media types", func(t *testing.T) {
		stack := newStack(t)
		p := oneOrigin()
		p.API = awsapigateway.NewRestApi(stack, jsii.String("Mine"), &awsapigateway.RestApiProps{BinaryMediaTypes: jsii.Strings("*/*")})
		h := New(stack, "TokenHandler", p)
		r := orders()
		r.RequestSchema = map[string]any{"type": "object"}
		mustContain(t, panicOf(func() { h.Protect(r) }), "Route.RequestSchema of /orders", "BinaryMediaTypes")
		h.Protect(orders())
		if n := len(read(t, stack).only(modelType)); n != 0 {
			t.Errorf("got %d models, want 0", n)
		}
	})
}

func TestRouteValidation(t *testing.T) {
	schema := map[string]any{"type": "object", "required": []string{"item"}, "additionalProperties": false,
		"properties": map[string]any{"item": map[string]any{"type": "string", "minLength": 1}}}
	const want = `{"$schema":"http://json-schema.org/draft-04/schema#","additionalProperties":false,"properties":{"item":{"minLength":1,"type":"string"}},"required":["item"],"type":"object"}`
	got := synth(t, severalOrigins(), func(_ awscdk.Stack, h *TokenHandler) {
		h.Protect(Route{Path: "/a/b", Methods: []string{"GET", "POST", "PUT"}, Upstream: "https://orders.internal.example/a",
			RequestSchema: schema, QueryParameters: []string{"page", "size"}, RequiredQueryParameters: []string{"page"}})
		// Not the schema of /a/b.
		h.Protect(Route{Path: "/a_b", Methods: []string{"PATCH"}, Upstream: "https://orders.internal.example/a",
			Transparent: true, RequestSchema: map[string]any{"type": "array"}})
		h.Protect(Route{Path: "/c", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/c", QueryParameters: []string{"page"}})
	})
	methods := got.methods()
	array := `{"$schema":"http://json-schema.org/draft-04/schema#","type":"array"}`
	for method, want := range map[string]string{
		"GET /a/b":   "body false parameters true",
		"POST /a/b":  "$default " + want + "; application/json " + want + "; body true parameters true",
		"PUT /a/b":   "$default " + want + "; application/json " + want + "; body true parameters true",
		"PATCH /a_b": "$default " + array + "; application/json " + array + "; body true parameters false",
		"GET /c":     "",
	} {
		if diff := cmp.Diff(want, got.validation(methods[method])); diff != "" {
			t.Errorf("%s: %s", method, diff)
		}
		// API Gateway authorizes first: a validator takes the place of no authorizer.
		if methods[method]["AuthorizationType"] != "CUSTOM" {
			t.Errorf("%s has authorization %v", method, methods[method]["AuthorizationType"])
		}
	}
	for name, required := range map[string]bool{"page": true, "size": false} {
		if is := dig(t, methods["GET /a/b"], "RequestParameters").(map[string]any)["method.request.querystring."+name]; is != required {
			t.Errorf("query parameter %s: required %v, want %v", name, is, required)
		}
	}
	if n := len(got.only(validatorType)); n != 3 {
		t.Errorf("got %d validators, want 3", n)
	}
}

// A schema that changes is deployed: the deployment gets another id.
func TestSchemaRedeploys(t *testing.T) {
	deployment := func(kind string) string {
		got := synth(t, oneOrigin(), func(_ awscdk.Stack, h *TokenHandler) {
			r := orders()
			r.RequestSchema = map[string]any{"type": kind}
			h.Protect(r)
		})
		return strings.Join(slices.Sorted(maps.Keys(got.only("AWS::ApiGateway::Deployment"))), " ")
	}
	if a, b := deployment("object"), deployment("array"); a == b {
		t.Errorf("got the deployment %s for both", a)
	}
}

func TestWrongValidation(t *testing.T) {
	h := New(newStack(t), "TokenHandler", oneOrigin())
	schema := func(text string) func(*Route) {
		return func(r *Route) {
			if err := json.Unmarshal([]byte(text), &r.RequestSchema); err != nil {
				t.Fatal(err)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(file, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*Route)
		want   string
	}{
		{"no method with a body", func(r *Route) { r.Methods = []string{"GET"}; schema(`{}`)(r) }, "one of POST, PUT, PATCH among Route.Methods"},
		{"ANY", func(r *Route) { r.Methods, r.Transparent = []string{"ANY"}, true; schema(`{}`)(r) }, "one of POST, PUT, PATCH among Route.Methods"},
		{"no schema", schema(`{"type":"thing"}`), "expected JSON schema draft 4"},
		{"another draft", schema(`{"$schema":"https://json-schema.org/draft/2020-12/schema"}`), "$schema is https://json-schema.org/draft/2020-12/schema"},
		{"a reference to elsewhere", schema(`{"$ref":"https://evil.example/schema"}`), "without references to elsewhere"},
		{"a reference to a file", schema(`{"$ref":"file://` + file + `"}`), "without references to elsewhere"},
		{"too large", schema(`{"description":"` + strings.Repeat("x", maxSchema) + `"}`), "more than 409600"},
		{"a parameter that does not go up", func(r *Route) { r.RequiredQueryParameters = []string{"page"} }, "expected some of Route.QueryParameters"},
		{"a parameter twice", func(r *Route) {
			r.QueryParameters, r.RequiredQueryParameters = []string{"page"}, []string{"page", "page"}
		}, "each once"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := orders()
			tt.change(&r)
			mustContain(t, panicOf(func() { h.Protect(r) }), "tokenhandler: Route.Re", "of /orders", tt.want)
		})
	}
}

package rules

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/cloudformation"
	"github.com/tokenhandler/aws/internal/settings"
)

// sound is a template of the construct's, which the tests then spoil.
func sound(t *testing.T) *cloudformation.Template {
	t.Helper()
	got, err := cloudformation.Read("../../tokenhandler/testdata/one-origin.json")
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// find returns the logical id of the only resource of a type whose id has
// part in it.
func find(t *testing.T, template *cloudformation.Template, kind, part string) string {
	t.Helper()
	var found []string
	for _, id := range slices.Sorted(maps.Keys(template.Resources)) {
		if template.Resources[id].Type == kind && strings.Contains(id, part) {
			found = append(found, id)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s with %s in its id: found %v", kind, part, found)
	}
	return found[0]
}

func lines(r Report) string {
	var out []string
	for _, f := range r.Errors() {
		out = append(out, f.String())
	}
	return strings.Join(out, "\n")
}

func TestCheckFindsNothingInTheConstructs(t *testing.T) {
	for _, file := range []string{"one-origin", "several-origins"} {
		template, err := cloudformation.Read("../../tokenhandler/testdata/" + file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		got := Check(template, Options{})
		if lines(got) != "" || got.Methods["protected"] != 1 || got.Methods["agent"] != 7 || got.Methods["preflight"] != 8 {
			t.Errorf("%s: got %v\n%s", file, got.Methods, lines(got))
		}
	}
}

const method, authorizer = "AWS::ApiGateway::Method", "AWS::ApiGateway::Authorizer"

// Each case spoils one thing of a sound template, as AddPropertyOverride, an
// escape hatch or another tool could.
func TestCheckFinds(t *testing.T) {
	set := func(kind, part, property string, value any) func(*testing.T, *cloudformation.Template) {
		return func(t *testing.T, template *cloudformation.Template) {
			p := template.Resources[find(t, template, kind, part)].Properties
			names := strings.Split(property, "/")
			for _, name := range names[:len(names)-1] {
				p = cloudformation.Object(p[name])
			}
			if value == nil {
				delete(p, names[len(names)-1])
				return
			}
			p[names[len(names)-1]] = value
		}
	}
	const mapping = "Integration/RequestParameters/integration.request.header.Authorization"
	for _, tt := range []struct {
		name  string
		spoil func(*testing.T, *cloudformation.Template)
		want  string
	}{
		{"authorizer removed", set(method, "ordersidGET", "AuthorizationType", "NONE"), "GET /orders/{id} has no authorizer"},
		{"no authorization type", set(method, "ordersidGET", "AuthorizationType", nil), "GET /orders/{id} has no authorizer"},
		{"type that is not literal", set(method, "ordersidGET", "AuthorizationType", map[string]any{"Fn::If": []any{"C", "NONE", "CUSTOM"}}), "has authorization type {"},
		{"IAM", set(method, "ordersidGET", "AuthorizationType", "AWS_IAM"), "authorization type AWS_IAM"},
		{"another authorizer", set(method, "ordersidGET", "AuthorizerId", "abc123"), "has authorizer abc123, which is not in this template"},
		{"imported authorizer", set(method, "ordersidGET", "AuthorizerId", map[string]any{"Fn::ImportValue": "Shared:Authorizer"}), "has authorizer Shared:Authorizer, which"},
		{"no token", set(method, "ordersidGET", mapping, nil), "does not give its integration the token"},
		{"another token", set(method, "ordersidGET", mapping, "method.request.header.Authorization"), "maps integration.request.header.Authorization from method"},
		{"token that is not literal", set(method, "ordersidGET", mapping, map[string]any{"Fn::Sub": "x"}), "maps integration.request.header.Authorization from {"},
		{"made transparent", set(method, "ordersidGET", "Integration/Type", "HTTP_PROXY"), "passes the session cookies"},
		{"type of the integration not literal", set(method, "ordersidGET", "Integration/Type", map[string]any{"Ref": "P"}), "cannot be read"},
		{"preflight that asks a Lambda", set(method, "ordersidOPTIONS", "Integration/Type", "AWS_PROXY"), "a preflight must be MOCK"},
		{"TOKEN authorizer", set(authorizer, "", "Type", "TOKEN"), "authorizer of type TOKEN"},
		{"P4 cache by default", set(authorizer, "", "AuthorizerResultTtlInSeconds", nil), "caches for 300 s"},
		{"P4 cache by cookie", func(t *testing.T, template *cloudformation.Template) {
			set(authorizer, "", "AuthorizerResultTtlInSeconds", json.Number("60"))(t, template)
			set(authorizer, "", "IdentitySource", "method.request.header.Cookie")(t, template)
		}, "caches for 60 s without method.request.header.origin"},
		{"greedy agent", func(t *testing.T, template *cloudformation.Template) {
			id := find(t, template, "AWS::ApiGateway::Resource", "loginstart")
			template.Resources[id].Properties["PathPart"] = "{proxy+}"
		}, "POST /oauth-agent/login/{proxy+} has no authorizer"},
		{"agent with ANY", set(method, "loginstartPOST", "HttpMethod", "ANY"), "gives every method to the OAuth agent"},
		// It is an authorizer as ours, of a function that is not.
		{"authorizer of another function", func(t *testing.T, template *cloudformation.Template) {
			id := find(t, template, "AWS::Lambda::Function", "Authorizer")
			template.Resources["Foreign"] = &cloudformation.Resource{Type: "AWS::Lambda::Function", Properties: map[string]any{}}
			p := template.Resources[find(t, template, authorizer, "")].Properties
			raw, _ := json.Marshal(p["AuthorizerUri"])
			var uri any
			json.Unmarshal([]byte(strings.ReplaceAll(string(raw), id, "Foreign")), &uri)
			p["AuthorizerUri"] = uri
		}, "which does not invoke the OAuth proxy"},
		{"authorizer of no function", set(authorizer, "", "AuthorizerUri", "arn:aws:apigateway:eu-north-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-north-1:123456789012:function:x/invocations"), "which does not invoke the OAuth proxy"},
		{"authorizer of the agent", func(t *testing.T, template *cloudformation.Template) {
			set(authorizer, "", "AuthorizerUri", map[string]any{"Fn::GetAtt": []any{find(t, template, "AWS::Lambda::Function", "Agent"), "Arn"}})(t, template)
		}, "which does not invoke the OAuth proxy"},
		{"function without a key", func(t *testing.T, template *cloudformation.Template) {
			delete(variables(template.Resources[find(t, template, "AWS::Lambda::Function", "Authorizer")]), "ENCRYPTION_KEY")
		}, "which does not invoke the OAuth proxy"},
		{"P4 cache that the function does not know", func(t *testing.T, template *cloudformation.Template) {
			set(authorizer, "", "AuthorizerResultTtlInSeconds", json.Number("60"))(t, template)
			set(authorizer, "", "IdentitySource", "method.request.header.Cookie,method.request.header.Origin,method.request.header.Sec-Fetch-Site,context.httpMethod,context.path")(t, template)
		}, `caches for 60 s, and its function has CACHE_TTL ""`},
		{"agent of another function", func(t *testing.T, template *cloudformation.Template) {
			id := find(t, template, "AWS::Lambda::Function", "Agent")
			delete(cloudformation.Object(cloudformation.Object(template.Resources[id].Properties["Environment"])["Variables"]), "ISSUER")
		}, "POST /oauth-agent/login/start has no authorizer"},
		{"a method more", func(t *testing.T, template *cloudformation.Template) {
			api := find(t, template, "AWS::ApiGateway::RestApi", "")
			template.Resources["More"] = &cloudformation.Resource{Type: method, Properties: map[string]any{"HttpMethod": "any",
				"RestApiId": map[string]any{"Ref": api}, "ResourceId": map[string]any{"Fn::GetAtt": []any{api, "RootResourceId"}}}}
		}, "More: ANY / has no authorizer"},
		{"resource of another stack", set(method, "ordersidGET", "ResourceId", map[string]any{"Ref": "Parameter"}), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			template := sound(t)
			tt.spoil(t, template)
			if got := lines(Check(template, Options{})); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCheckOptions(t *testing.T) {
	template := sound(t)
	id := find(t, template, authorizer, "")
	get := template.Resources[find(t, template, method, "ordersidGET")]
	if got := lines(Check(template, Options{Authorizers: []string{id}})); got != "" {
		t.Error(got)
	}
	// A name is no leave to cache.
	template.Resources[id].Properties["AuthorizerResultTtlInSeconds"] = json.Number("300")
	if got := lines(Check(template, Options{Authorizers: []string{id}})); !strings.Contains(got, "caches for 300 s") {
		t.Errorf("named and cached: got %q", got)
	}
	template.Resources[id].Properties["AuthorizerResultTtlInSeconds"] = json.Number("0")
	if got := lines(Check(template, Options{Authorizers: []string{"Other"}})); !strings.Contains(got, "has authorizer "+id+": it must be Other") {
		t.Errorf("got %q", got)
	}
	if got := Check(template, Options{APIs: []string{"Other"}}); len(got.Findings) != 0 || len(got.Methods) != 0 {
		t.Errorf("another API: got %+v", got)
	}
	get.Properties["AuthorizerId"] = map[string]any{"Fn::ImportValue": "Shared:Authorizer"}
	if got := lines(Check(template, Options{Authorizers: []string{"Shared:Authorizer"}})); got != "" {
		t.Error(got)
	}
	get.Properties["AuthorizationType"] = "NONE"
	delete(cloudformation.Object(cloudformation.Object(get.Properties["Integration"])["RequestParameters"]), AuthorizationTarget)
	public := Check(template, Options{Public: map[string]string{"GET /orders/{id}": "a catalogue"}})
	if lines(public) != "" || public.Public["GET /orders/{id}"] != "a catalogue" {
		t.Errorf("public: got %+v", public)
	}
	template.Transform = "AWS::Serverless-2016-10-31"
	if got := lines(Check(template, Options{})); !strings.Contains(got, "the template has a transform") {
		t.Errorf("got %q", got)
	}
}

// The functions of the construct are told apart by their settings.
func TestFunctions(t *testing.T) {
	template := sound(t)
	proxy, agent := find(t, template, "AWS::Lambda::Function", "Authorizer"), find(t, template, "AWS::Lambda::Function", "Agent")
	want := map[string]Function{proxy: {CSRFHeader: "x-th-csrf"}}
	if diff := cmp.Diff(want, Functions(template)); diff != "" {
		t.Error(diff)
	}
	template.Resources["Live"] = &cloudformation.Resource{Type: "AWS::Lambda::Alias", Properties: map[string]any{"FunctionName": map[string]any{"Ref": proxy}}}
	template.Resources["AgentLive"] = &cloudformation.Resource{Type: "AWS::Lambda::Alias", Properties: map[string]any{"FunctionName": map[string]any{"Ref": agent}}}
	variables := variables(template.Resources[proxy])
	variables["CSRF_HEADER"], variables["CACHE_TTL"], variables["CACHE_DIALECT"] = "x-csrf", "30", "classic"
	is := Function{CSRFHeader: "x-csrf", CacheTTL: "30", CacheDialect: "classic"}
	if diff := cmp.Diff(map[string]Function{proxy: is, "Live": is}, Functions(template)); diff != "" {
		t.Error(diff)
	}
	for _, required := range requiredVariables(settings.Agent{}) {
		variables[required] = "x" // an agent is no proxy
	}
	if found := Functions(template); len(found) != 0 {
		t.Errorf("the agent's settings: got %v", found)
	}
}

// The function may be in another stack of the app: exports and outputs are
// named after it.
func TestFunctionOfAnotherStack(t *testing.T) {
	for _, imported := range []any{
		map[string]any{"Fn::ImportValue": "First:ExportsOutputFnGetAttProxyD77A988AArnABCDEF01"},
		map[string]any{"Fn::Join": []any{"", []any{"arn:", map[string]any{"Fn::GetStackOutput": map[string]any{"StackName": "First", "OutputName": "ExportsOutputFnGetAttProxyD77A988AArnABCDEF01"}}}}},
	} {
		template := sound(t)
		template.Resources[find(t, template, authorizer, "")].Properties["AuthorizerUri"] = imported
		delete(template.Resources, find(t, template, "AWS::Lambda::Function", "Authorizer"))
		if got := lines(Check(template, Options{Functions: map[string]Function{"ProxyD77A988A": {CSRFHeader: "x-th-csrf"}}})); got != "" {
			t.Error(got)
		}
		if got := lines(Check(template, Options{Functions: map[string]Function{"AnotherD77A988A": {}}})); !strings.Contains(got, "does not invoke the OAuth proxy") {
			t.Errorf("another function: got %q", got)
		}
		if got := lines(Check(template, Options{Authorizers: []string{find(t, template, authorizer, "")}})); got != "" {
			t.Errorf("named: got %q", got)
		}
	}
}

// An app may have APIs that do not use the token handler: with OnlyUsers
// they are left alone, but one that uses it somewhere must use it everywhere.
func TestOnlyUsers(t *testing.T) {
	foreign := func(template *cloudformation.Template) {
		template.Resources["ForeignApi"] = &cloudformation.Resource{Type: "AWS::ApiGateway::RestApi", Properties: map[string]any{}}
		template.Resources["ForeignMethod"] = &cloudformation.Resource{Type: method, Properties: map[string]any{"HttpMethod": "GET",
			"RestApiId": map[string]any{"Ref": "ForeignApi"}, "ResourceId": map[string]any{"Fn::GetAtt": []any{"ForeignApi", "RootResourceId"}}}}
		template.Resources["ForeignSecret"] = &cloudformation.Resource{Type: "AWS::SecretsManager::Secret", Properties: map[string]any{"SecretString": "theirs"}}
		template.Resources["ForeignFunction"] = &cloudformation.Resource{Type: "AWS::Lambda::Function", Properties: map[string]any{
			"Environment": map[string]any{"Variables": map[string]any{"CLIENT_SECRET": "theirs"}}}}
	}
	template := sound(t)
	foreign(template)
	got := Check(template, Options{OnlyUsers: true})
	if lines(got) != "" || got.Methods["protected"] != 1 {
		t.Errorf("got %v\n%s", got.Methods, lines(got))
	}
	if got := lines(Check(template, Options{OnlyUsers: true, APIs: []string{"ForeignApi"}})); !strings.Contains(got, "ForeignMethod: GET / has no authorizer") {
		t.Errorf("named: got %q", got)
	}
	if got := lines(Check(template, Options{})); !strings.Contains(got, "ForeignMethod: GET / has no authorizer") {
		t.Errorf("all: got %q", got)
	}

	alone := &cloudformation.Template{Resources: map[string]*cloudformation.Resource{}, Transform: "AWS::Serverless-2016-10-31"}
	foreign(alone)
	if got := lines(Check(alone, Options{OnlyUsers: true})); got != "" {
		t.Errorf("a template without the token handler: got %q", got)
	}

	template.Resources["ForeignUse"] = &cloudformation.Resource{Type: authorizer, Properties: map[string]any{"Type": "REQUEST", "RestApiId": map[string]any{"Ref": "ForeignApi"},
		"AuthorizerUri": map[string]any{"Fn::GetAtt": []any{find(t, template, "AWS::Lambda::Function", "Authorizer"), "Arn"}}}}
	if got := lines(Check(template, Options{OnlyUsers: true})); !strings.Contains(got, "ForeignMethod: GET / has no authorizer") {
		t.Errorf("an API that begins to use it: got %q", got)
	}
}

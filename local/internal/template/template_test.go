package template

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// assembly copies the fixture into a folder, lets edit change the template, and makes the asset folders.
func assembly(t *testing.T, edit func(resources map[string]any)) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"Fixture.template.json", "Fixture.assets.json"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if edit != nil && name == "Fixture.template.json" {
			var doc map[string]any
			if err := json.Unmarshal(b, &doc); err != nil {
				t.Fatal(err)
			}
			edit(doc["Resources"].(map[string]any))
			if b, err = json.Marshal(doc); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	assets, err := readAssets(filepath.Join(dir, "Fixture.assets.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range assets {
		if a.packaging != "zip" {
			continue
		}
		if err := os.Mkdir(filepath.Join(dir, a.path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, a.path, "bootstrap"), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// properties returns the properties of the resource whose construct path ends so.
func properties(resources map[string]any, pathSuffix string) map[string]any {
	for _, r := range resources {
		m := r.(map[string]any)
		if meta, ok := m["Metadata"].(map[string]any); ok {
			if p, _ := meta["aws:cdk:path"].(string); strings.HasSuffix(p, pathSuffix) {
				return m["Properties"].(map[string]any)
			}
		}
	}
	panic("no resource " + pathSuffix)
}

func load(t *testing.T, edit func(map[string]any), opts Options) *Template {
	t.Helper()
	tmpl, err := Load(assembly(t, edit), "Fixture", opts)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func TestLoadAPI(t *testing.T) {
	api := load(t, nil, Options{}).API()
	var got []string
	for _, m := range api.Methods {
		auth := "open"
		if m.Authorizer != nil {
			auth = m.Authorizer.Name
		}
		got = append(got, strings.Join([]string{m.HTTPMethod, m.Path, m.Integration.Type, auth}, " "))
	}
	const a = "FixtureOAuthProxy161E5E08"
	want := []string{
		"ANY /files/{proxy+} HTTP_PROXY " + a, "OPTIONS /files/{proxy+} MOCK open", "GET /oauth-agent/session AWS_PROXY open",
		"POST /oauth-agent/login/start AWS_PROXY open", "POST /open/admin AWS_PROXY " + a, "PUT /open/{id} AWS_PROXY " + a,
		"ANY /open/{proxy+} AWS_PROXY open", "GET /orders HTTP " + a, "OPTIONS /orders MOCK open", "POST /orders HTTP " + a,
		"GET /profile AWS_PROXY " + a, "OPTIONS /profile MOCK open",
	}
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("methods (-want +got):\n%s", d)
	}
	if api.Stage != "api" || api.StageVariables["colour"] != "blue" || api.EndpointType != "REGIONAL" {
		t.Errorf("stage %q %v, endpoint %s", api.Stage, api.StageVariables, api.EndpointType)
	}
	if len(api.ID) != 10 || api.Region != "eu-west-1" || api.AccountID != "123456789012" {
		t.Errorf("id %q, region %q, account %q", api.ID, api.Region, api.AccountID)
	}
	if n := len(api.GatewayResponses); n != 2 {
		t.Errorf("%d gateway responses, want 2", n)
	}
}

func TestLoadFunctions(t *testing.T) {
	tmpl := load(t, nil, Options{Region: "us-east-1", AccountID: "111122223333"})
	fns := tmpl.Functions()
	if len(fns) != 2 {
		t.Fatalf("%d functions, want 2", len(fns))
	}
	agent := fns[0]
	if agent.LogicalID != "Agent255F68E9" || agent.ARN != "arn:aws:lambda:us-east-1:111122223333:function:Agent255F68E9" ||
		agent.Handler != "bootstrap" || agent.Runtime != "provided.al2023" || agent.Architecture != "arm64" ||
		agent.MemoryMB != 256 || agent.Timeout != 5*time.Second || !filepath.IsAbs(agent.AssetDir) {
		t.Errorf("agent = %+v", agent)
	}
	if fns[1].AssetDir == agent.AssetDir {
		t.Error("both functions have the same asset")
	}
	if got := agent.Environment["CALLBACK"]; got != "https://us-east-1.amazonaws.com" {
		t.Errorf("CALLBACK = %q", got)
	}
	// Secret.secretValue.unsafeUnwrap() is a dynamic reference inside Fn::Join; both functions share one value.
	key := agent.Environment["ENCRYPTION_KEY"]
	if len(key) != 64 || strings.Trim(key, "0123456789abcdef") != "" {
		t.Errorf("ENCRYPTION_KEY does not honour GenerateSecretString: %d characters", len(key))
	}
	if fns[1].Environment["ENCRYPTION_KEY"] != key {
		t.Error("the functions have different keys")
	}
	if got := agent.Environment["CLIENT_SECRET"]; len(got) != 32 {
		t.Errorf("CLIENT_SECRET has %d characters, want the JSON key's 32", len(got))
	}
	if s, ok := tmpl.Secret("Client4A7F64DF"); !ok || !strings.Contains(s.Reveal(), `"client_id":"spa"`) {
		t.Error("the client secret does not hold its template")
	}
	again := load(t, nil, Options{}).Functions()[0].Environment
	if again["ENCRYPTION_KEY"] == key {
		t.Error("two loads generated the same key")
	}
	given := load(t, nil, Options{Secrets: map[string]string{"CookieKey2B1B4FB9": "given"}}).Functions()[0].Environment
	if given["ENCRYPTION_KEY"] != "given" {
		t.Error("a value given by the caller was not used")
	}
}

func TestIgnored(t *testing.T) {
	types := map[string]bool{}
	for _, i := range load(t, nil, Options{}).Ignored() {
		types[i.Type] = true
	}
	for _, want := range []string{"AWS::IAM::Role", "AWS::KMS::Key"} {
		if !types[want] {
			t.Errorf("%s is not listed as ignored", want)
		}
	}
	if types["AWS::Lambda::Permission"] {
		t.Error("permissions are checked, not ignored")
	}
}

// Everything that changes behaviour and is not implemented stops the load, naming the construct and the property.
func TestLoadRefuses(t *testing.T) {
	set := func(path, name string, value any) func(map[string]any) {
		return func(r map[string]any) { properties(r, path)[name] = value }
	}
	integration := func(path, name string, value any) func(map[string]any) {
		return func(r map[string]any) { properties(r, path)["Integration"].(map[string]any)[name] = value }
	}
	add := func(typ string) func(map[string]any) {
		return func(r map[string]any) { r["Extra"] = map[string]any{"Type": typ, "Properties": map[string]any{}} }
	}
	variable := func(value any) func(map[string]any) {
		return func(r map[string]any) {
			properties(r, "Fixture/Agent/Resource")["Environment"] = map[string]any{"Variables": map[string]any{"V": value}}
		}
	}
	tests := []struct {
		name string
		edit func(map[string]any)
		want []string
	}{
		{"unknown type", add("AWS::WAFv2::WebACLAssociation"), []string{"Extra (AWS::WAFv2::WebACLAssociation)", "not implemented"}},
		{"usage plan", add("AWS::ApiGateway::UsagePlan"), []string{"AWS::ApiGateway::UsagePlan"}},
		{"API key resource", add("AWS::ApiGateway::ApiKey"), []string{"AWS::ApiGateway::ApiKey"}},
		{"resource policy", set("Fixture/Api/Resource", "Policy", map[string]any{"Statement": "x"}), []string{"Fixture/Api/Resource", "property Policy"}},
		{"API body", set("Fixture/Api/Resource", "Body", map[string]any{"openapi": "3"}), []string{"property Body"}},
		{"compression", set("Fixture/Api/Resource", "MinimumCompressionSize", 1), []string{"property MinimumCompressionSize"}},
		{"private API", set("Fixture/Api/Resource", "EndpointConfiguration", map[string]any{"Types": []string{"PRIVATE"}}), []string{"EndpointConfiguration", "PRIVATE"}},
		{"API key", set("orders/GET/Resource", "ApiKeyRequired", true), []string{"orders/GET/Resource", "property ApiKeyRequired"}},
		{"scopes", set("orders/GET/Resource", "AuthorizationScopes", []string{"read"}), []string{"property AuthorizationScopes"}},
		{"IAM", set("orders/GET/Resource", "AuthorizationType", "AWS_IAM"), []string{"AuthorizationType", "AWS_IAM"}},
		{"Cognito", set("orders/GET/Resource", "AuthorizationType", "COGNITO_USER_POOLS"), []string{"COGNITO_USER_POOLS"}},
		{"TOKEN authorizer", set("OAuthProxy/Resource", "Type", "TOKEN"), []string{"Fixture/OAuthProxy/Resource", "property Type: TOKEN"}},
		{"authorizer credentials", set("OAuthProxy/Resource", "AuthorizerCredentials", "arn"), []string{"property AuthorizerCredentials"}},
		{"caching without sources", set("OAuthProxy/Resource", "AuthorizerResultTtlInSeconds", 60), []string{"property IdentitySource"}},
		{"TTL over an hour", set("OAuthProxy/Resource", "AuthorizerResultTtlInSeconds", 3601), []string{"AuthorizerResultTtlInSeconds"}},
		{"function alias", set("OAuthProxy/Resource", "AuthorizerUri", "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:AuthorizerBD825682:live/invocations"),
			[]string{"AuthorizerUri", "aliases"}},
		{"AWS integration", integration("orders/GET/Resource", "Type", "AWS"), []string{"Integration", `"AWS" is not implemented`}},
		{"VPC link", integration("orders/GET/Resource", "ConnectionType", "VPC_LINK"), []string{"ConnectionType"}},
		{"streaming of a mapped response", integration("orders/GET/Resource", "ResponseTransferMode", "STREAM"), []string{"ResponseTransferMode", "HTTP integration"}},
		{"streaming with the URI of a buffered invocation", integration("profile/GET/Resource", "ResponseTransferMode", "STREAM"), []string{"response-streaming-invocations"}},
		{"content handling", integration("orders/GET/Resource", "ContentHandling", "CONVERT_TO_TEXT"), []string{"property ContentHandling"}},
		{"integration credentials", integration("profile/GET/Resource", "Credentials", "arn"), []string{"profile/GET/Resource", "property Credentials"}},
		{"caching", set("DeploymentStage.api/Resource", "CacheClusterEnabled", true), []string{"property CacheClusterEnabled"}},
		{"method caching", set("DeploymentStage.api/Resource", "MethodSettings", []any{map[string]any{"CachingEnabled": true}}), []string{"MethodSettings", "property CachingEnabled"}},
		{"canary", set("DeploymentStage.api/Resource", "CanarySetting", map[string]any{"PercentTraffic": 1}), []string{"property CanarySetting"}},
		{"foreign deployment", set("DeploymentStage.api/Resource", "DeploymentId", "abc"), []string{"property DeploymentId"}},
		{"layers", set("Fixture/Agent/Resource", "Layers", []string{"arn"}), []string{"Fixture/Agent/Resource", "property Layers"}},
		{"Node.js authorizer", set("Fixture/Authorizer/Resource", "Runtime", "nodejs22.x"), []string{"Fixture/Authorizer/Resource", "Runtime", "nodejs22.x"}},
		{"inline code", set("Fixture/Agent/Resource", "Code", map[string]any{"ZipFile": "x"}), []string{"property Code", "ZipFile (inline code) is not implemented"}},
		{"secret elsewhere", integration("orders/GET/Resource", "Uri", "http://{{resolve:secretsmanager:x}}/"), []string{"property Integration", "dynamic reference"}},
		{"SSM", variable("{{resolve:ssm:/name}}"), []string{"environment variable V", "dynamic references to ssm"}},
		{"secret not in the template", variable("{{resolve:secretsmanager:other:SecretString:key::}}"), []string{"secret other is not in the template"}},
		{"previous version", variable("{{resolve:secretsmanager:CookieKey2B1B4FB9:SecretString::AWSPREVIOUS:}}"), []string{"AWSPREVIOUS"}},
		{"no such JSON key", variable("{{resolve:secretsmanager:Client4A7F64DF:SecretString:nope::}}"), []string{`no string under key "nope"`}},
		{"import", variable(map[string]any{"Fn::ImportValue": "x"}), []string{"Fn::ImportValue is not implemented"}},
		{"missing resource", variable(map[string]any{"Ref": "Nope"}), []string{"Ref Nope"}},
		{"SSM parameter", variable(map[string]any{"Ref": "BootstrapVersion"}), []string{"BootstrapVersion is an SSM parameter"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(assembly(t, tt.edit), "Fixture", Options{})
			if err == nil {
				t.Fatal("loaded")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not contain %q:\n%v", want, err)
				}
			}
		})
	}
	if _, err := Load(assembly(t, add("AWS::DynamoDB::Table")), "Fixture", Options{Ignore: []string{"AWS::DynamoDB::Table"}}); err != nil {
		t.Errorf("a type the caller ignores was refused: %v", err)
	}
}

// "Without a resource-based permission API Gateway cannot invoke the function": 500 on AWS, an error at load here.
func TestPermissions(t *testing.T) {
	drop := func(suffix string) func(map[string]any) {
		return func(r map[string]any) {
			for id, v := range r {
				path, _ := v.(map[string]any)["Metadata"].(map[string]any)["aws:cdk:path"].(string)
				if v.(map[string]any)["Type"] == "AWS::Lambda::Permission" && strings.Contains(path, suffix) {
					delete(r, id)
				}
			}
		}
	}
	permission := func(name string, value any) func(map[string]any) {
		return func(r map[string]any) { properties(r, "OAuthProxy161E5E08:Permissions")[name] = value }
	}
	const prefix = "arn:aws:execute-api:eu-west-1:123456789012:"
	tests := []struct {
		name string
		edit func(map[string]any)
		want string // "" loads
	}{
		{"authorizer permission missing", drop("OAuthProxy161E5E08:Permissions"), "Fixture/Authorizer/Resource"},
		{"integration permission missing", drop("/profile/GET/"), "integration of GET /profile"},
		{"greedy permission missing", drop("/open/{proxy+}/ANY/"), "integration of ANY /open/{proxy+}"},
		{"wrong API", permission("SourceArn", prefix+"otherapi/authorizers/x"), "Fixture/Authorizer/Resource"},
		{"wrong principal", permission("Principal", "events.amazonaws.com"), "Fixture/Authorizer/Resource"},
		{"wrong action", permission("Action", "lambda:GetFunction"), "Fixture/Authorizer/Resource"},
		{"wrong account", permission("SourceAccount", "999999999999"), "Fixture/Authorizer/Resource"},
		{"wildcard", permission("SourceArn", prefix+"*/authorizers/*"), ""},
		{"no source at all", func(r map[string]any) { delete(properties(r, "OAuthProxy161E5E08:Permissions"), "SourceArn") }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(assembly(t, tt.edit), "Fixture", Options{})
			if tt.want == "" && err != nil {
				t.Fatal(err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "no AWS::Lambda::Permission")) {
				t.Errorf("got %v, want a missing permission naming %q", err, tt.want)
			}
		})
	}
}

func TestBootstrapMustBeExecutable(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"missing":        os.Remove,
		"not executable": func(p string) error { return os.Chmod(p, 0o644) },
		"a folder": func(p string) error {
			if err := os.Remove(p); err != nil {
				return err
			}
			return os.Mkdir(p, 0o755)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := assembly(t, nil)
			found, _ := filepath.Glob(filepath.Join(dir, "asset.*", "bootstrap"))
			if err := spoil(found[0]); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(dir, "Fixture", Options{}); err == nil || !strings.Contains(err.Error(), "bootstrap") {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := Load(t.TempDir(), "Fixture", Options{}); err == nil || !strings.Contains(err.Error(), "cdk.out") {
		t.Errorf("no assembly: got %v", err)
	}
}

// Other people's stacks have more in them than an API. Resources of
// the API itself are still refused if they are not implemented.
func TestIgnoreOthers(t *testing.T) {
	edit := func(r map[string]any) {
		r["Queue"] = map[string]any{"Type": "AWS::SQS::Queue", "Properties": map[string]any{}}
		r["Table"] = map[string]any{"Type": "AWS::DynamoDB::Table", "Properties": map[string]any{}}
	}
	if _, err := Load(assembly(t, edit), "Fixture", Options{}); err == nil {
		t.Error("an unknown type was accepted without IgnoreOthers")
	}
	tmpl := load(t, edit, Options{IgnoreOthers: true})
	if !slices.ContainsFunc(tmpl.Ignored(), func(i Ignored) bool { return i.LogicalID == "Queue" && i.Reason == NotImplemented }) ||
		!slices.ContainsFunc(tmpl.Ignored(), func(i Ignored) bool { return i.LogicalID == "Table" }) {
		t.Errorf("ignored: %v", tmpl.Ignored())
	}
	plan := func(r map[string]any) {
		r["Plan"] = map[string]any{"Type": "AWS::ApiGateway::UsagePlan", "Properties": map[string]any{}}
	}
	if _, err := Load(assembly(t, plan), "Fixture", Options{IgnoreOthers: true}); err == nil || !strings.Contains(err.Error(), "AWS::ApiGateway::UsagePlan") {
		t.Errorf("a usage plan: got %v, want it refused", err)
	}
}

// Parts that people's stacks often have, and that the local run cannot serve, are one line which names them.
func TestOneLineForOneCause(t *testing.T) {
	for name, tt := range map[string]struct {
		at   string
		edit func(p map[string]any)
		want string
	}{
		"container image": {"Fixture/Agent/Resource", func(p map[string]any) {
			delete(p, "Runtime")
			delete(p, "Handler")
			p["PackageType"], p["Code"] = "Image", map[string]any{"ImageUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:b"}
		}, "property PackageType: container images are not implemented"},
		"VPC link V2": {"orders/GET/Resource", func(p map[string]any) {
			in := p["Integration"].(map[string]any)
			in["ConnectionType"], in["ConnectionId"], in["IntegrationTarget"] = "VPC_LINK", "a1b2c3", "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/a/b"
		}, "property ConnectionType: VPC_LINK is not implemented"},
		"Python": {"Fixture/Agent/Resource", func(p map[string]any) { p["Runtime"] = "python3.13" },
			`property Runtime: "python3.13" is not implemented, only provided.al2023, provided.al2 and Node.js`},
	} {
		t.Run(name, func(t *testing.T) {
			edit := func(r map[string]any) { tt.edit(properties(r, tt.at)) }
			_, err := Load(assembly(t, edit), "Fixture", Options{IgnoreOthers: true, HostRuntimes: true})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q", err, tt.want)
			}
		})
	}
}

func TestHostRuntimes(t *testing.T) {
	edit := func(r map[string]any) {
		for _, v := range r {
			if m := v.(map[string]any); m["Type"] == "AWS::Lambda::Function" {
				m["Properties"].(map[string]any)["Runtime"] = "nodejs22.x"
			}
		}
	}
	if _, err := Load(assembly(t, edit), "Fixture", Options{}); err == nil {
		t.Error("a Node.js function was accepted without HostRuntimes")
	}
	if f := load(t, edit, Options{HostRuntimes: true}).Functions(); len(f) == 0 || f[0].Runtime != "nodejs22.x" {
		t.Errorf("got %v", f)
	}
	python := func(r map[string]any) {
		edit(r)
		for _, v := range r {
			if m := v.(map[string]any); m["Type"] == "AWS::Lambda::Function" {
				m["Properties"].(map[string]any)["Runtime"] = "python3.13"
			}
		}
	}
	if _, err := Load(assembly(t, python), "Fixture", Options{HostRuntimes: true}); err == nil || !strings.Contains(err.Error(), `"python3.13" is not implemented`) {
		t.Errorf("a Python function: got %v, want it refused", err)
	}
}

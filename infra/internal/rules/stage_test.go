package rules

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/cloudformation"
	"github.com/tokenhandler/aws/internal/settings"
)

// decode reads JSON as templates are read.
func decode(t testing.TB, text string) map[string]any {
	t.Helper()
	var v map[string]any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// Responses for one user must not reach another. The agent's responses must not
// be cached at all.
func TestResponseCacheKey(t *testing.T) {
	const all = `{"HttpMethod":"*","ResourcePath":"/*","CachingEnabled":true}`
	for _, tt := range []struct {
		name, stage string
		key         []string
		want        string // part of the findings
		none        bool
	}{
		{"no cache cluster", `{"MethodSettings":[` + all + `]}`, nil, "", true},
		{"all methods", `{"CacheClusterEnabled":true,"MethodSettings":[` + all + `]}`, nil, "caches responses of GET /orders/{id}, and one user's", false},
		{"all methods, by cookie", `{"CacheClusterEnabled":true,"MethodSettings":[` + all + `]}`, []string{"method.request.path.id", "method.request.header.cookie"}, "caches responses of GET /oauth-agent/session", false},
		{"by path only", `{"CacheClusterEnabled":true,"MethodSettings":[` + all + `]}`, []string{"method.request.path.id"}, "GET /orders/{id}", false},
		{"cluster without settings", `{"CacheClusterEnabled":"true"}`, nil, "GET /orders/{id}", false},
		{"switched off for all", `{"CacheClusterEnabled":true,"MethodSettings":[{"HttpMethod":"*","ResourcePath":"/*","CachingEnabled":false}]}`, nil, "", true},
		{"switched on for one", `{"CacheClusterEnabled":true,"MethodSettings":[{"HttpMethod":"*","ResourcePath":"/*","CachingEnabled":false},{"HttpMethod":"GET","ResourcePath":"/~1orders~1{id}","CachingEnabled":true}]}`, nil, "GET /orders/{id}", false},
		{"switched off for both", `{"CacheClusterEnabled":true,"MethodSettings":[` + all + `,{"HttpMethod":"GET","ResourcePath":"/orders/{id}","CachingEnabled":false},{"HttpMethod":"GET","ResourcePath":"/~1oauth-agent~1session","CachingEnabled":"false"},{"HttpMethod":"POST","ResourcePath":"/*","CachingEnabled":false}]}`, nil, "", true},
		{"unreadable", `{"CacheClusterEnabled":true,"MethodSettings":[{"HttpMethod":"*","ResourcePath":"/*","CachingEnabled":{"Ref":"P"}}]}`, nil, "GET /orders/{id}", false},
		{"unreadable cluster", `{"CacheClusterEnabled":{"Ref":"P"}}`, nil, "GET /orders/{id}", false},
		{"another method", `{"CacheClusterEnabled":true,"MethodSettings":[{"HttpMethod":"*","ResourcePath":"/*","CachingEnabled":false},{"HttpMethod":"GET","ResourcePath":"/public","CachingEnabled":true}]}`, nil, "", true},
		{"stage of a deployment", `{"CacheClusterEnabled":true,"CachingEnabled":true}`, nil, "GET /orders/{id}", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := API{Stages: []Stage{ReadStage(Place{LogicalID: "Stage"}, decode(t, tt.stage))}, Methods: []*Method{
				{HTTPMethod: "GET", Path: "/orders/{id}", Authorization: "CUSTOM", Authorizer: ours(), Integration: "AWS_PROXY", CacheKey: tt.key},
				{HTTPMethod: "GET", Path: "/oauth-agent/session", Authorization: "NONE", IsAgent: true, Integration: "AWS_PROXY"},
				{HTTPMethod: "GET", Path: "/public", Authorization: "NONE", Public: "prices", Integration: "MOCK"},
				{HTTPMethod: "OPTIONS", Path: "/orders/{id}", Authorization: "NONE", Integration: "MOCK"},
			}}
			got := strings.Join(texts(api.Findings()), "\n")
			if (got == "") != tt.none || !strings.Contains(got, tt.want) || strings.Contains(got, "/public") || strings.Contains(got, "OPTIONS") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestStageLogs(t *testing.T) {
	for _, tt := range []struct{ name, stage, want string }{
		{"no logs", `{}`, ""},
		{"errors only", `{"MethodSettings":[{"HttpMethod":"*","ResourcePath":"/*","LoggingLevel":"ERROR","DataTraceEnabled":false}]}`, ""},
		{"data trace of all", `{"MethodSettings":[{"HttpMethod":"*","ResourcePath":"/*","DataTraceEnabled":true}]}`, "DataTraceEnabled for * /*"},
		{"data trace of a protected method", `{"MethodSettings":[{"HttpMethod":"POST","ResourcePath":"/~1orders","DataTraceEnabled":true}]}`, "DataTraceEnabled for POST"},
		{"data trace of a public method", `{"MethodSettings":[{"HttpMethod":"GET","ResourcePath":"/~1prices","DataTraceEnabled":true}]}`, ""},
		{"data trace of a deployment's stage", `{"DataTraceEnabled":true}`, "DataTraceEnabled for * /*"},
		{"data trace that cannot be read", `{"MethodSettings":[{"HttpMethod":"*","ResourcePath":"/*","DataTraceEnabled":{"Ref":"P"}}]}`, "DataTraceEnabled for * /*"},
		{"access log", `{"AccessLogSetting":{"Format":"$context.requestId $context.authorizer.sub $context.authorizer.tokenType"}}`, ""},
		{"access log with the token", `{"AccessLogSetting":{"Format":"{\"t\":\"$context.authorizer.token\"}"}}`, "writes $context.authorizer.token into its access log"},
		{"access log with the proof", `{"AccessLogSetting":{"Format":"$context.authorizer.dpop"}}`, "writes $context.authorizer.dpop"},
		{"access log, joined", `{"AccessLogSetting":{"Format":{"Fn::Join":["",["$context.requestId ","$context.authorizer.token"]]}}}`, "writes $context.authorizer.token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := API{Stages: []Stage{ReadStage(Place{LogicalID: "Stage"}, decode(t, tt.stage))}, Methods: []*Method{
				{HTTPMethod: "POST", Path: "/orders", Authorization: "CUSTOM", Authorizer: ours(), Integration: "AWS_PROXY"},
				{HTTPMethod: "GET", Path: "/prices", Authorization: "NONE", Public: "prices", Integration: "MOCK"},
			}}
			if got := strings.Join(texts(api.Findings()), "\n"); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// addTo adds resources to the sound template, in which API stands for its API.
func addTo(t *testing.T, resources string) *cloudformation.Template {
	t.Helper()
	template := sound(t)
	api := find(t, template, "AWS::ApiGateway::RestApi", "")
	for id, v := range decode(t, strings.ReplaceAll(resources, "API", api)) {
		r := &cloudformation.Resource{Type: cloudformation.String(cloudformation.Object(v)["Type"]), Properties: cloudformation.Object(cloudformation.Object(v)["Properties"])}
		r.DependsOn = cloudformation.Object(v)["DependsOn"]
		template.Resources[id] = r
	}
	return template
}

// Each case adds resources that deploy badly or leave a way round.
func TestTemplateRules(t *testing.T) {
	distribution := func(acl string) string {
		return `{"Site":{"Type":"AWS::CloudFront::Distribution","Properties":{"DistributionConfig":{` + acl + `"Origins":[{"DomainName":{"Fn::Join":["",[{"Ref":"API"},".execute-api.eu-north-1.amazonaws.com"]]}}]}}}`
	}
	const acl, association = `"WebACLId":"arn:aws:wafv2:us-east-1:123456789012:global/webacl/x/y",`, `,"Waf":{"Type":"AWS::WAFv2::WebACLAssociation","Properties":{"ResourceArn":{"Fn::Sub":"arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${API}/stages/api"}}}`
	resource := func(id, parent, part string) string {
		return `"` + id + `":{"Type":"AWS::ApiGateway::Resource","Properties":{"RestApiId":{"Ref":"API"},"ParentId":` + parent + `,"PathPart":"` + part + `"}}`
	}
	const root = `{"Fn::GetAtt":["API","RootResourceId"]}`
	var agent []string
	for _, name := range append(requiredVariables(settings.Agent{}), "COOKIE_NAME_PREFIX", "AGENT_BASE_PATH") {
		agent = append(agent, `"`+name+`":"x"`)
	}
	environment := func(scope string) string {
		return `{"Big":{"Type":"AWS::Lambda::Function","Properties":{"Environment":{"Variables":{` + strings.Join(agent, ",") + `,"ENCRYPTION_KEY":"{{resolve:secretsmanager:` + strings.Repeat("x", 300) + `}}","SCOPE":` + scope + `}}}}}`
	}
	var permissions []string
	for _, n := range strings.Fields(strings.Repeat("x ", 60)) {
		permissions = append(permissions, `"P`+strings.Repeat(n, len(permissions)+1)+`":{"Type":"AWS::Lambda::Permission","Properties":{"FunctionName":{"Fn::GetAtt":["Fn","Arn"]},"SourceArn":{"Fn::Join":["",["arn:aws:execute-api:eu-north-1:123456789012:",{"Ref":"API"},"/api/GET/orders"]]}}}`)
	}
	for _, tt := range []struct {
		name, add, want string // "": sound
	}{
		{"distribution without a firewall", distribution("") + "}", ""},
		{"distribution with a firewall", distribution(acl) + "}", "is also reached at its execute-api host, where the web ACL of Site does not apply"},
		{"distribution and API with a firewall", distribution(acl) + association + "}", ""},
		{"environment within 4 KB", environment(`"` + strings.Repeat("a", 3500) + `"`), ""},
		{"environment over 4 KB", environment(`"` + strings.Repeat("a", 3900) + `"`), "and Lambda allows 4096: SCOPE takes 3905"},
		{"environment with references", environment(`{"Fn::Join":["",["` + strings.Repeat("a", 3500) + `",{"Ref":"P"},{"Fn::GetAtt":["Q","Arn"]}]]}`), ""},
		{"environment with too many references", environment(`{"Fn::Join":["",["` + strings.Repeat("a", 3650) + `",{"Ref":"P"},{"Fn::GetAtt":["Q","Arn"]}]]}`), "SCOPE takes 3911"},
		{"environment of another function", strings.Replace(environment(`"`+strings.Repeat("a", 5000)+`"`), "TRUSTED_WEB_ORIGINS", "OTHER", 1), ""},
		{"one path variable", "{" + resource("A", root, "users") + "," + resource("B", `{"Ref":"A"}`, "{id}") + "," + resource("C", `{"Ref":"B"}`, "{id2}") + "}", ""},
		{"two path variables", "{" + resource("A", root, "users") + "," + resource("B", `{"Ref":"A"}`, "{id}") + "," + resource("C", `{"Ref":"A"}`, "{userId}") + "}", "C: is the path variable {userId} beside its sibling {id}"},
		{"variable and greedy", "{" + resource("A", root, "users") + "," + resource("B", `{"Ref":"A"}`, "{id}") + "," + resource("C", `{"Ref":"A"}`, "{proxy+}") + "}", "{proxy+} beside its sibling {id}"},
		{"40 permissions", "{" + strings.Join(permissions[:40], ",") + "}", ""},
		{"60 permissions", "{" + strings.Join(permissions, ",") + "}", "Fn: has 60 permissions, about "},
		{"nested stack from elsewhere", `{"N":{"Type":"AWS::CloudFormation::Stack","Properties":{"TemplateURL":"https://s3.amazonaws.com/b/t.json","Parameters":{"root":{"Fn::GetAtt":["API","RootResourceId"]}}}}}`, "N: is a nested stack that gets the API"},
		{"nested stack without the API", `{"N":{"Type":"AWS::CloudFormation::Stack","Properties":{"TemplateURL":"https://s3.amazonaws.com/b/t.json","Parameters":{"x":"y"}}}}`, ""},
		{"deployment of its own", `{"D":{"Type":"AWS::ApiGateway::Deployment","Properties":{"RestApiId":{"Ref":"API"}}}}`, "D: does not wait for "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := lines(Check(addTo(t, tt.add), Options{})); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("firewall, but no execute-api host", func(t *testing.T) {
		template := addTo(t, distribution(acl)+"}")
		template.Resources[find(t, template, "AWS::ApiGateway::RestApi", "")].Properties["DisableExecuteApiEndpoint"] = true
		if got := lines(Check(template, Options{})); got != "" {
			t.Error(got)
		}
	})
	t.Run("deployment that waits for all but one gateway response", func(t *testing.T) {
		template := sound(t)
		response := find(t, template, "AWS::ApiGateway::GatewayResponse", "ACCESSDENIED")
		r := template.Resources[find(t, template, "AWS::ApiGateway::Deployment", "")]
		var others []any
		for _, id := range r.After() {
			if id != response {
				others = append(others, id)
			}
		}
		r.DependsOn = others
		if got := lines(Check(template, Options{})); !strings.Contains(got, "does not wait for "+response) || !strings.Contains(got, "and 0 more") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("stage of another API", func(t *testing.T) {
		template := addTo(t, `{"S":{"Type":"AWS::ApiGateway::Stage","Properties":{"RestApiId":{"Ref":"Theirs"},"MethodSettings":[{"HttpMethod":"*","ResourcePath":"/*","DataTraceEnabled":true}]}}}`)
		if got := lines(Check(template, Options{OnlyUsers: true})); got != "" {
			t.Error(got)
		}
	})
}

func warnings(r Report) string {
	var out []string
	for _, f := range r.Warnings() {
		out = append(out, f.String())
	}
	return strings.Join(out, "\n")
}

// Warnings name the way out and do not stop synthesis.
func TestAdvice(t *testing.T) {
	template := sound(t)
	delete(template.Resources, find(t, template, method, "ordersidOPTIONS"))
	report := Check(template, Options{})
	if got := warnings(report); !strings.Contains(got, "GET /orders/{id} has no CORS preflight on its resource: add AddPreflight") {
		t.Errorf("got %q", got)
	}
	for _, path := range []struct{ cookie, mapping, want string }{
		{"/oauth-agent", "", ""},     // behind a distribution
		{"/api/oauth-agent", "", ""}, // with the stage
		{"/auth/oauth-agent", "", "has COOKIE_BASE_PATH /auth/oauth-agent, and browsers reach the OAuth agent at /api/oauth-agent or /oauth-agent"},
		{"/auth/oauth-agent", "auth", ""},
		{"/api/oauth-agent", "auth", "at /auth/oauth-agent:"},
	} {
		template := sound(t)
		api := find(t, template, "AWS::ApiGateway::RestApi", "")
		variables(template.Resources[find(t, template, "AWS::Lambda::Function", "Agent")])["COOKIE_BASE_PATH"] = path.cookie
		if path.mapping != "" {
			template.Resources[api].Properties["DisableExecuteApiEndpoint"] = true
			template.Resources["Mapping"] = &cloudformation.Resource{Type: "AWS::ApiGateway::BasePathMapping",
				Properties: map[string]any{"RestApiId": map[string]any{"Ref": api}, "BasePath": path.mapping}}
		}
		if got := warnings(Check(template, Options{})); (got == "") != (path.want == "") || !strings.Contains(got, path.want) {
			t.Errorf("%+v: got %q", path, got)
		}
	}
}

package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// decode reads a stage "t" from JSON, with overrides as of -c.
func decode(t *testing.T, fields string, overrides map[string]any) (stage, error) {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(fields), &object); err != nil {
		t.Fatal(err)
	}
	context := map[string]any{"stage": "t", "stages": map[string]any{"t": object}}
	for key, value := range overrides {
		context[key] = value
	}
	return decodeStage(func(key string) any { return context[key] })
}

const route1 = `"routes":[{"path":"/a","methods":["GET"],"upstream":"https://a.example/"}]`

func TestDecodeStage(t *testing.T) {
	got, err := decode(t, `{"account":"123456789012","region":"eu-north-1","origins":["https://a.example"],"clientId":"x",`+route1+`}`,
		map[string]any{"origins": " https://b.example ,https://c.example,", "clientId": "y", "region": "us-gov-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	want := stage{
		name: "t", Account: "123456789012", Region: "us-gov-west-1", ClientID: "y",
		Origins: []string{"https://b.example", "https://c.example"},
		Routes:  []route{{Path: "/a", Methods: []string{"GET"}, Upstream: "https://a.example/"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(stage{}), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestRouteValidationOfStage(t *testing.T) {
	got, err := decode(t, `{"routes":[{"path":"/a","methods":["POST"],"upstream":"https://a.example/","queryParameters":["page"],
		"requiredQueryParameters":["page"],"requestSchema":{"type":"object","required":["item"]}}]}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := got.Routes[0].construct(nil, 0)
	if diff := cmp.Diff(map[string]any{"type": "object", "required": []any{"item"}}, r.RequestSchema); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"page"}, r.RequiredQueryParameters); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeStageRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, fields string
		overrides    map[string]any
		want         string
	}{
		{"unknown field", `{"issuerUrl":"x",` + route1 + `}`, nil, `stage t: unknown field "issuerUrl": expected one of account, region, regions, origins, `},
		{"unknown field of a route", `{"routes":[{"paths":"/a"}]}`, nil, `stage t: unknown field "paths" of a route: expected one of path, methods, `},
		{"string for a list", `{"origins":"https://a.example",` + route1 + `}`, nil, "stage t: origins is a string: expected a list"},
		{"number for a string", `{"account":123456789012,` + route1 + `}`, nil, "stage t: account is a number: expected a string"},
		{"unknown field of operation", `{"operation":{"alarm":true},` + route1 + `}`, nil, `stage t: unknown field "alarm" of operation: expected one of accessLogs, `},
		{"unknown field of domain", `{"domain":{"host":"a"},` + route1 + `}`, nil, `stage t: unknown field "host" of domain: expected one of name, `},
		{"domain and site", `{"domain":{"name":"a.example"},"site":{"name":"b.example"},` + route1 + `}`, nil, "stage t: domain and site are both set"},
		{"half a zone", `{"domain":{"name":"a.example","hostedZoneId":"Z"},` + route1 + `}`, nil, "stage t: domain: hostedZoneId and hostedZoneName"},
		{"certificate", `{"site":{"name":"a.example","certificateArn":"c"},` + route1 + `}`, nil, "stage t: site: certificateArn is"},
		{"paths of a domain", `{"domain":{"name":"a.example","apiPaths":["/api/*"]},` + route1 + `}`, nil, "stage t: domain has apiPaths"},
		{"removal policy", `{"operation":{"removalPolicy":"keep"},` + route1 + `}`, nil, `stage t: operation.removalPolicy is "keep": expected retain or destroy`},
		{"metrics", `{"operation":{"metrics":"on"},` + route1 + `}`, nil, `stage t: operation.metrics is "on": expected emf or none`},
		{"alarms without metrics", `{"operation":{"metrics":"none","alarms":true},` + route1 + `}`, nil, "stage t: operation.metrics is none: expected emf with operation.alarms"},
		{"retention", `{"operation":{"logRetentionDays":5},` + route1 + `}`, nil, "stage t: operation.logRetentionDays is 5"},
		{"topic without alarms", `{"operation":{"alarmTopicArn":"arn:x"},` + route1 + `}`, nil, "stage t: operation.alarmTopicArn is"},
		{"logging role without logs", `{"operation":{"accountLoggingRole":true},` + route1 + `}`, nil, "stage t: operation.accountLoggingRole is set without"},
		{"string for a number", `{"operation":{"rateLimit":"5"},` + route1 + `}`, nil, "stage t: operation.rateLimit is a string: expected a number"},
		{"operation that is not JSON", `{` + route1 + `}`, map[string]any{"operation": "yes"}, "-c operation: expected a JSON object"},
		{"string for a route", `{"routes":["/a"]}`, nil, "stage t: routes"},
		{"key rotation without a unit", `{"keyRotation":"30",` + route1 + `}`, nil, `stage t: keyRotation is "30": expected 1 to 1000 days, such as 30d`},
		{"key rotation of none", `{"keyRotation":"0d",` + route1 + `}`, nil, `stage t: keyRotation is "0d"`},
		{"rotated elsewhere, key made here", `{"keyRotation":"elsewhere","sessionKeyName":"prod/session-key","sessionKeyReplicas":["eu-west-1"],` + route1 + `}`, nil, "stage t: keyRotation is elsewhere, with sessionKeyReplicas: expected days"},
		{"rotated elsewhere, no name", `{"keyRotation":"elsewhere",` + route1 + `}`, nil, "stage t: keyRotation is elsewhere, without sessionKeyName: expected the name"},
		{"no routes", `{}`, nil, "stage t: routes is empty"},
		{"account without region", `{"account":"123456789012",` + route1 + `}`, nil, "stage t: account and region: expected both or neither"},
		{"short account", `{"account":"1","region":"eu-north-1",` + route1 + `}`, nil, `stage t: account is "1": expected 12 digits`},
		{"region", `{"account":"123456789012","region":"Stockholm",` + route1 + `}`, nil, `stage t: region is "Stockholm"`},
		{"architecture", `{"architecture":"arm",` + route1 + `}`, nil, `stage t: architecture is "arm": expected arm64 or x86_64`},
		{"no such stage", `{}`, map[string]any{"stage": "prod"}, `stage "prod" is not in cdk.json: expected one of t`},
		{"no stages", `{}`, map[string]any{"stages": nil}, `the context has no "stages"`},
		{"name", `{}`, map[string]any{"stage": "a b", "stages": map[string]any{"a b": map[string]any{}}}, `stage "a b": expected a name of`},
		{"secret name that looks like an ARN's end", `{"clientSecretName":"prod/client-secret",` + route1 + `}`, nil, `stage t: clientSecretName "prod/client-secret" must not end in a hyphen and six characters`},
		{"session key of such a name", `{"sessionKeyName":"prod/key-abc123",` + route1 + `}`, nil, `stage t: sessionKeyName "prod/key-abc123" must not end in`},
		{"routes that are not JSON", `{` + route1 + `}`, map[string]any{"routes": "/a"}, "-c routes: expected JSON such as"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := decode(t, tt.fields, tt.overrides)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want an error that begins with %q", err, tt.want)
			}
		})
	}
}

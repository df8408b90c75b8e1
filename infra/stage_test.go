package main

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

// decode reads a stage "t" from JSON, with overrides like those of -c.
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
	s, err := decode(t, `{"account":"123456789012","region":"eu-north-1","origins":["https://a.example"],"clientId":"x","cookiePrefix":"shop",
		"sessionIdleLifetime":"30m","sessionLifetime":"30d","introspectionMaxAge":"0s","essentialAcr":true,"authorizerCacheTtl":"30s","authorizerCacheDialect":"classic",
		"sessionKeyName":"prod/session-key","keyRotation":"30d","cors":{"allowMethods":["GET"],"allowHeaders":["x-a"],"exposeHeaders":["x-b"],"maxAge":"1h"},
		"kmsKey":"arn:aws:kms:eu-north-1:123456789012:key/1","statuses":[404],"clientSecretName":"a/b",
		"domain":{"name":"api.example.com","hostedZoneId":"Z","hostedZoneName":"example.com"},
		"operation":{"logRetentionDays":2192,"authorizerMemory":512,"agentReservedConcurrency":3,"removalPolicy":"destroy","alarms":true,"alarmTopicArn":"arn:aws:sns:eu-north-1:123456789012:t","tags":{"//":"a tag"}},
		"routes":[{"path":"/a","methods":["POST"],"upstream":"https://a.example/","requestSchema":{"//":{"type":"string"}},"public":"why","methodScopes":{"POST":["w"]}}]}`,
		map[string]any{"origins": " https://b.example ,https://c.example,", "clientId": "y", "region": "us-gov-west-1", "tokenMediation": "true"})
	if err != nil {
		t.Fatal(err)
	}
	var want tokenhandler.Props
	want.Application.TrustedWebOrigins = []string{"https://b.example", "https://c.example"}
	want.Provider.ClientID, want.Provider.Requests.EssentialACR, want.Cookies.NamePrefix = "y", true, "shop"
	want.Session.IdleLifetime, want.Session.Lifetime, want.Session.TokenMediation = 30*time.Minute, 720*time.Hour, true
	want.PhantomToken.MaxAge = tokenhandler.None
	want.AuthorizerCaching = tokenhandler.AuthorizerCaching{TTL: 30 * time.Second, Dialect: tokenhandler.ClassicDialect}
	want.CookieKeyRotation = 720 * time.Hour
	want.CORS = tokenhandler.CORS{AllowMethods: []string{"GET"}, AllowHeaders: []string{"x-a"}, ExposeHeaders: []string{"x-b"}, MaxAge: time.Hour}
	want.Statuses = []int{404}
	want.Domain = &tokenhandler.Domain{Name: "api.example.com"}
	want.Operation.LogRetention, want.Operation.RemovalPolicy = awslogs.RetentionDays_SIX_YEARS, awscdk.RemovalPolicy_DESTROY
	want.Operation.Authorizer.MemorySize, want.Operation.Agent.ReservedConcurrency = 512, 3
	if diff := cmp.Diff(want, s.Props); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(around{Alarms: true, Tags: map[string]string{"//": "a tag"}}, s.Around); diff != "" {
		t.Error(diff)
	}
	given := givens{"cookieKeySecretName": "prod/session-key", "kmsKey": "arn:aws:kms:eu-north-1:123456789012:key/1", "clientSecretName": "a/b",
		"domain.hostedZoneId": "Z", "domain.hostedZoneName": "example.com", "operation.alarmTopicArn": "arn:aws:sns:eu-north-1:123456789012:t"}
	if diff := cmp.Diff(given, s.given); diff != "" {
		t.Error(diff)
	}
	r := tokenhandler.Route{Path: "/a", Methods: []string{"POST"}, Upstream: "https://a.example/", MethodScopes: map[string][]string{"POST": {"w"}},
		RequestSchema: map[string]any{"//": map[string]any{"type": "string"}}}
	if diff := cmp.Diff([]route{{Route: r, given: givens{}, Public: "why"}}, s.Routes, cmp.AllowUnexported(route{})); diff != "" {
		t.Error(diff)
	}
}

// Every number of days that CloudWatch Logs accepts, and no other.
func TestRetentions(t *testing.T) {
	for _, days := range []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653} {
		if _, err := decode(t, fmt.Sprintf(`{"operation":{"logRetentionDays":%d},%s}`, days, route1), nil); err != nil {
			t.Error(err)
		}
	}
}

// One field switches introspection. The others may stay.
func TestStagePhantomToken(t *testing.T) {
	const fields = `"introspectionUrl":"https://a.example/i","introspectionClientSecretName":"a/b",` + route1
	for _, tt := range []struct {
		fields    string
		overrides map[string]any
		want      tokenhandler.PhantomToken
		secret    string
	}{
		{`{"usePhantomToken":true,` + fields + `}`, nil, tokenhandler.PhantomToken{Enabled: true, IntrospectionURL: "https://a.example/i"}, "a/b"},
		{`{"usePhantomToken":false,` + fields + `}`, nil, tokenhandler.PhantomToken{}, ""},
		{`{"usePhantomToken":true,` + fields + `}`, map[string]any{"usePhantomToken": "false"}, tokenhandler.PhantomToken{}, ""},
		// The construct refuses this one: a URL alone does not switch it on.
		{`{` + fields + `}`, nil, tokenhandler.PhantomToken{IntrospectionURL: "https://a.example/i"}, "a/b"},
	} {
		s, err := decode(t, tt.fields, tt.overrides)
		if diff := cmp.Diff(tt.want, s.PhantomToken); diff != "" || err != nil || s.given["introspectionClientSecretName"] != tt.secret {
			t.Errorf("%s, %v: got %v, secret %q, %v\n%s", tt.fields, tt.overrides, s.PhantomToken, s.given["introspectionClientSecretName"], err, diff)
		}
	}
}

// Comments have no effect, wherever a stage has fields.
func TestCommentsAreIgnored(t *testing.T) {
	const host, routes = `"name":"api.example.com"`, `"path":"/a","methods":["POST"],"upstream":"https://a.example/"`
	stageOf := func(comment, other string) string {
		return `{` + comment + `"clientId":"x","domain":{` + other + host + `},"operation":{` + comment + `"tracing":true},"cors":{` + other + `"maxAge":"1h"},"routes":[{` + other + routes + `}],
			"clients":{"admin":{` + other + `"clientId":"y","routes":[{` + comment + routes + `}]}}}`
	}
	want, err := decode(t, stageOf("", ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(t, stageOf(`"//":"text",`, `"//":["two","lines"],`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(stage{}, route{}), cmpopts.IgnoreFields(stage{}, "Clients")); diff != "" {
		t.Error(diff)
	}
	d := decoder{}
	if client := got.client(&d, "admin"); d.err() != nil || client.Provider.ClientID != "y" || client.Routes[0].Path != "/a" {
		t.Errorf("got %+v, %v", client, d.err())
	}
}

package oauthproxy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/contract"
)

const connectARN = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/default/$connect"

// connectEvent is the event of the Amazon API Gateway Developer Guide, "Control
// access to WebSocket APIs with AWS Lambda REQUEST authorizers", with headers of a
// browser.
func connectEvent(t testing.TB, headers map[string]string, change func(event, requestContext map[string]any)) Request {
	t.Helper()
	all := map[string]any{"Connection": "upgrade", "Host": "ws.example.com", "Sec-WebSocket-Key": "x", "Sec-WebSocket-Version": "13", "Upgrade": "websocket"}
	several := map[string]any{}
	for name, value := range headers {
		if value == "" {
			continue
		}
		all[name] = value
		several[name] = []string{value}
	}
	requestContext := map[string]any{"routeKey": "$connect", "eventType": "CONNECT", "messageDirection": "IN", "stage": "default", "requestId": "id", "apiId": "abcdef123"}
	event := map[string]any{"type": "REQUEST", "methodArn": connectARN, "headers": all, "multiValueHeaders": several,
		"queryStringParameters": map[string]string{}, "stageVariables": map[string]string{}, "requestContext": requestContext}
	if change != nil {
		change(event, requestContext)
	}
	raw, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	var r Request
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestConnect(t *testing.T) {
	good := sealed(t, testKey, accessToken(testToken), csrfContent())
	expired := accessToken(testToken)
	expired.Expires = testTime.Add(-1)
	for _, tt := range []struct {
		name    string
		headers map[string]string
		want    string // of the refusal; empty: allowed
	}{
		{"signed in", map[string]string{"Origin": trusted, "Cookie": good}, ""},
		{"signed in, of the same site", map[string]string{"Origin": trusted, "Cookie": good, "Sec-Fetch-Site": "same-site"}, ""},
		{"lower case", map[string]string{"origin": trusted, "cookie": good}, ""},

		{"no cookie", map[string]string{"Origin": trusted}, messageNoSession},
		{"a foreign page", map[string]string{"Origin": "https://evil.example", "Cookie": good}, "The Origin of the request is not trusted"},
		{"a sibling of the site", map[string]string{"Origin": "https://blog.example.com", "Cookie": good}, "The Origin of the request is not trusted"},
		{"a sandboxed page", map[string]string{"Origin": "null", "Cookie": good}, "The Origin of the request is not trusted"},
		{"the origin as of a WebSocket", map[string]string{"Origin": "wss://www.example.com", "Cookie": good}, "The Origin of the request is not trusted"},
		{"no origin", map[string]string{"Cookie": good}, "The request has no Origin header"},
		{"no origin, which a read may lack", map[string]string{"Cookie": good, "Sec-Fetch-Site": "same-origin"}, "The request has no Origin header"},
		{"a cross-site fetch", map[string]string{"Origin": trusted, "Cookie": good, "Sec-Fetch-Site": "cross-site"}, "The Sec-Fetch-Site header of the request contradicts its Origin"},
		{"an Authorization header", map[string]string{"Origin": trusted, "Cookie": good, "Authorization": "Bearer x"}, messageAuthorization},
		{"expired", map[string]string{"Origin": trusted, "Cookie": sealed(t, testKey, expired, csrfContent())}, messageExpired},
		{"another key", map[string]string{"Origin": trusted, "Cookie": sealed(t, otherKey, accessToken(testToken), csrfContent())}, messageNotOpened},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProxy(t)
			p.rules.SameOriginReads = true
			got, err := p.Handle(context.Background(), connectEvent(t, tt.headers, nil))
			if err != nil {
				t.Fatal(err)
			}
			statement := got.PolicyDocument.Statement[0]
			if !slices.Equal(statement.Resource, []string{connectARN}) {
				t.Errorf("got resource %v, want %s", statement.Resource, connectARN)
			}
			if tt.want != "" {
				if statement.Effect != "Deny" || got.Context[contract.ContextMessage] != tt.want || got.Context[contract.ContextToken] != nil || got.Context[contract.ContextExpires] != nil {
					t.Errorf("got %s %v, want %q", statement.Effect, got.Context, tt.want)
				}
				return
			}
			want := map[string]any{contract.ContextToken: "Bearer " + testToken, contract.ContextAllowedOrigin: trusted,
				contract.ContextExpires: fmt.Sprint(testTime.Unix() + 60)}
			if statement.Effect != "Allow" || fmt.Sprint(got.Context) != fmt.Sprint(want) {
				t.Errorf("got %s %v, want Allow %v", statement.Effect, got.Context, want)
			}
		})
	}
}

// Only the event of $connect is taken for one. Every other event without a method
// is an error, which API Gateway answers with 500.
func TestConnectIsExact(t *testing.T) {
	good := map[string]string{"Origin": trusted, "Cookie": sealed(t, testKey, accessToken(testToken), csrfContent())}
	for name, change := range map[string]func(event, requestContext map[string]any){
		"a message":     func(_, c map[string]any) { c["eventType"] = "MESSAGE" },
		"another route": func(_, c map[string]any) { c["routeKey"] = "$default" },
		"another ARN":   func(e, _ map[string]any) { e["methodArn"] = strings.Replace(connectARN, "$connect", "$default", 1) },
		"an ARN of a REST API": func(e, _ map[string]any) {
			e["methodArn"] = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/default/GET/$connect"
		},
		"an ARN with wildcards": func(e, _ map[string]any) { e["methodArn"] = "arn:aws:execute-api:us-east-1:123456789012:*/*/$connect" },
		"a method":              func(e, _ map[string]any) { e["httpMethod"] = "GET" },
		"a resource":            func(e, _ map[string]any) { e["resource"] = "/orders" },
		"a resource in context": func(_, c map[string]any) { c["resourcePath"] = "/orders" },
		"no ARN":                func(e, _ map[string]any) { delete(e, "methodArn") },
	} {
		t.Run(name, func(t *testing.T) {
			got, err := newProxy(t).Handle(context.Background(), connectEvent(t, good, change))
			if err == nil {
				t.Errorf("got %v", got)
			}
		})
	}
}

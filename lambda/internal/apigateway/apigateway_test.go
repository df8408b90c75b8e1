package apigateway_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/lambda/internal/apigateway"
)

func event() map[string]any {
	return map[string]any{
		"resource":   "/oauth-agent/session",
		"path":       "/oauth-agent/session",
		"httpMethod": "GET",
		"headers":    map[string]any{"Host": "api.example.com", "origin": "https://www.example.com"},
		"multiValueHeaders": map[string]any{
			"Host": []string{"api.example.com"}, "origin": []string{"https://www.example.com"},
		},
		"queryStringParameters": nil,
		"pathParameters":        nil,
		"body":                  nil,
		"isBase64Encoded":       false,
		"requestContext":        map[string]any{"accountId": "123456789012", "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "domainName": "api.example.com"},
	}
}

// seen is the request that the handler behind the adapter got.
type seen struct {
	method, path, body, id, host string
	header                       http.Header
	bodyErr                      error
}

func invoke(t *testing.T, event map[string]any) (seen, events.APIGatewayProxyResponse) {
	t.Helper()
	var got seen
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		got = seen{r.Method, r.URL.Path, string(body), apigateway.RequestID(r), apigateway.Host(r), r.Header, err}
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, `{}`)
	})
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	out, err := apigateway.Handler(h).Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	var response events.APIGatewayProxyResponse
	if err := json.Unmarshal(out, &response); err != nil {
		t.Fatal(err)
	}
	return got, response
}

func TestInvoke(t *testing.T) {
	got, response := invoke(t, event())
	if got.method != "GET" || got.path != "/oauth-agent/session" || got.id != "c6af9ac6-7b61-11e6-9a41-93e8deadbeef" || got.host != "api.example.com" {
		t.Errorf("got %+v", got)
	}
	if response.StatusCode != http.StatusTeapot || response.Body != "{}" {
		t.Errorf("got %d %q", response.StatusCode, response.Body)
	}
	if diff := cmp.Diff([]string{"a=1", "b=2"}, response.MultiValueHeaders["Set-Cookie"]); diff != "" {
		t.Error(diff)
	}
}

// On a custom domain the event's path includes the base path mapping, and may
// be any text of a client. The resource is the declared path.
func TestRoutesOnResource(t *testing.T) {
	for _, path := range []string{"/v1/oauth-agent/session", "/oauth-agent/session/", "//evil.example/session", "/%zz", "", "/a?b"} {
		e := event()
		e["path"] = path
		if got, _ := invoke(t, e); got.path != "/oauth-agent/session" {
			t.Errorf("path %q: got %q", path, got.path)
		}
	}
}

// P9: letter case of a header's name does not matter, and where two names
// differ only in it both values are seen, so that the ambiguity can be refused.
func TestMergesHeaders(t *testing.T) {
	for _, tt := range []struct {
		name   string
		single map[string]string
		multi  map[string][]string
		want   []string
	}{
		{"same in both maps", map[string]string{"Origin": "a"}, map[string][]string{"Origin": {"a"}}, []string{"a"}},
		{"differently cased", map[string]string{"Origin": "a", "origin": "b"}, map[string][]string{"Origin": {"a"}, "origin": {"b"}}, []string{"a", "b"}},
		{"several values", map[string]string{"ORIGIN": "b"}, map[string][]string{"ORIGIN": {"a", "b"}}, []string{"a", "b"}},
		{"only single", map[string]string{"oRIGIN": "a"}, nil, []string{"a"}},
		{"only multi", nil, map[string][]string{"oRIGIN": {"a"}}, []string{"a"}},
		{"the maps disagree", map[string]string{"Origin": "b"}, map[string][]string{"Origin": {"a"}}, []string{"a", "b"}},
		{"none", nil, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := event()
			e["headers"], e["multiValueHeaders"] = tt.single, tt.multi
			got, _ := invoke(t, e)
			if diff := cmp.Diff(tt.want, got.header.Values("Origin")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// G5: isBase64Encoded is heeded.
func TestDecodesBody(t *testing.T) {
	e := event()
	e["httpMethod"], e["isBase64Encoded"], e["body"] = "POST", true, base64.StdEncoding.EncodeToString([]byte(`{"a":"ü"}`))
	if got, _ := invoke(t, e); got.body != `{"a":"ü"}` || got.bodyErr != nil {
		t.Errorf("got %q, %v", got.body, got.bodyErr)
	}
	e["body"] = "no base64!"
	if got, _ := invoke(t, e); got.bodyErr == nil {
		t.Errorf("got %q and no error, want one from reading the body", got.body)
	}
}

// A malformed host must not become an error of the Lambda.
func TestStrangeHost(t *testing.T) {
	e := event()
	e["headers"] = map[string]string{"Host": "a b%zz"}
	e["multiValueHeaders"] = map[string][]string{"Host": {"a b%zz"}, "host": {"]["}}
	invoke(t, e)
}

func TestRefusesOtherEvents(t *testing.T) {
	h := apigateway.Handler(http.NotFoundHandler())
	for _, payload := range []string{``, `null`, `[]`, `{}`, `{"version":"2.0","rawPath":"/x"}`, `{"resource":"/x"}`, `{"resource":1}`} {
		if out, err := h.Invoke(t.Context(), []byte(payload)); err == nil {
			t.Errorf("%s: got %s, want an error", payload, out)
		}
	}
}

// FuzzHeaders: no header that JSON can carry makes the Lambda fail.
func FuzzHeaders(f *testing.F) {
	f.Add("Origin", "https://www.example.com", "oRigin")
	f.Add("", "", "")
	f.Add("Host", "[", "host")
	h := apigateway.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	f.Fuzz(func(t *testing.T, name, value, other string) {
		e := event()
		e["headers"] = map[string]string{name: value}
		e["multiValueHeaders"] = map[string][]string{name: {value}, other: {value, strings.ToUpper(value)}}
		payload, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Invoke(t.Context(), payload); err != nil {
			t.Error(err)
		}
	})
}

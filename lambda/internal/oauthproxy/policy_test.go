package oauthproxy

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func readEvent(t testing.TB, cookies string) Request {
	t.Helper()
	file, err := os.ReadFile("testdata/event.json")
	if err != nil {
		t.Fatal(err)
	}
	var r Request
	if err := json.Unmarshal(bytes.ReplaceAll(file, []byte("@COOKIES@"), []byte(cookies)), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHandle(t *testing.T) {
	good := sealed(t, testKey, accessToken(testToken), csrfContent())
	for _, tt := range []struct{ name, cookies, want string }{
		{"allow", good, `{"principalId":"01020300000000000000000000000000","policyDocument":{"Version":"2012-10-17","Statement":[` +
			`{"Action":["execute-api:Invoke"],"Effect":"Allow","Resource":["arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/api/GET/*"]}]},` +
			`"context":{"allowedOrigin":"https://www.example.com","token":"Bearer opaque-access-token"}}`},
		{"deny", "", `{"principalId":"refused","policyDocument":{"Version":"2012-10-17","Statement":[` +
			`{"Action":["execute-api:Invoke"],"Effect":"Deny","Resource":["arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/api/GET/*"]}]},` +
			`"context":{"allowedOrigin":"https://www.example.com","code":"unauthorized_request","message":"The request has no session cookie","scope":""}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			response, err := newProxy(t).Handle(context.Background(), readEvent(t, tt.cookies))
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(response)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(got), string(response.encode())); diff != "" {
				t.Errorf("encode differs from encoding/json: %s", diff)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// P5: neither the principal nor any line of the log holds a token or a cookie.
// P10: nor the CSRF values.
func TestNothingSecretIsToldOrLogged(t *testing.T) {
	var logged bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logged, nil)))
	defer slog.SetDefault(old)

	p := newProxy(t)
	good := sealed(t, testKey, accessToken(testToken), csrfContent())
	for _, cookies := range []string{good, good[:40], good + "x"} {
		r := readEvent(t, cookies)
		r.HTTPMethod, r.MethodArn = "POST", strings.Replace(r.MethodArn, "/GET/", "/POST/", 1)
		r.Headers["x-th-csrf"] = "a-wrong-csrf-value"
		response, err := p.Handle(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(response.PrincipalID, testToken) {
			t.Error("the principal is the token")
		}
	}
	if logged.Len() == 0 {
		t.Fatal("no refusal was logged")
	}
	_, value, _ := strings.Cut(good, "=")
	for _, secret := range []string{testToken, csrfValue, "a-wrong-csrf-value", value[:30], testKey} {
		if strings.Contains(logged.String(), secret) {
			t.Errorf("logged %q", secret)
		}
	}
}

// P15: a path may hold anything; a short ARN is an error, not a panic.
func TestParseMethodARN(t *testing.T) {
	const base = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/api"
	for _, tt := range []struct {
		arn, method, want string // want "" means an error
	}{
		{base + "/GET/orders", "GET", base},
		{base + "/GET/", "GET", base},
		{base + "/GET", "GET", base},
		{base + "/GET/orders/a:b/c:d", "GET", base},
		{strings.Replace(base, "arn:aws:", "arn:aws-cn:", 1) + "/GET/x", "GET", strings.Replace(base, "arn:aws:", "arn:aws-cn:", 1)},
		{base + "/GET/*/POST/x", "GET", base},
		{base + "/POST/orders", "GET", ""},
		{base + "/*/orders", "*", ""},
		{base, "GET", ""},
		{"arn:aws:execute-api:eu-west-1:123456789012://GET/x", "GET", ""},
		{"arn:aws:lambda:eu-west-1:123456789012:a/b/GET/x", "GET", ""},
		{"", "GET", ""},
		{"::::::", "GET", ""},
	} {
		got, err := parseMethodARN(tt.arn, tt.method)
		if (err == nil) != (tt.want != "") || got.api != tt.want {
			t.Errorf("%q, %s: got %q, %v; want %q", tt.arn, tt.method, got.api, err, tt.want)
		}
	}
}

// Invoke writes the decision of Handle as JSON, for any characters in its strings.
func TestInvoke(t *testing.T) {
	p := newProxy(t)
	event, err := json.Marshal(readEvent(t, sealed(t, testKey, accessToken(`a<&>"\|'`), csrfContent())))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := p.Invoke(context.Background(), event)
	if err != nil || !bytes.Contains(raw, []byte(`"Effect":"Allow"`)) {
		t.Fatalf("got %s, %v; want an Allow", raw, err)
	}
	var r Request
	if err := json.Unmarshal(event, &r); err != nil {
		t.Fatal(err)
	}
	response, err := p.Handle(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(response)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(raw)); diff != "" {
		t.Error(diff)
	}

	for _, event := range []string{"", "{", "[]", `{"headers":7}`, `null`, `{}`} {
		if raw, err := p.Invoke(context.Background(), []byte(event)); err == nil {
			t.Errorf("%q was answered with %s", event, raw)
		}
	}
}

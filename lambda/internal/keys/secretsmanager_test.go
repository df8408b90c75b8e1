package keys

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const testARN = "arn:aws:secretsmanager:eu-north-1:123456789012:secret:th/key-AbCdEf"

func environment(values ...string) func(string) string {
	env := map[string]string{"AWS_ACCESS_KEY_ID": "ASIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_SESSION_TOKEN": "hush-too"}
	for i := 0; i+1 < len(values); i += 2 {
		env[values[i]] = values[i+1]
	}
	return func(name string) string { return env[name] }
}

func TestEndpoint(t *testing.T) {
	for _, tt := range []struct{ arn, override, want string }{
		{testARN, "", "https://secretsmanager.eu-north-1.amazonaws.com/"},
		{strings.Replace(testARN, "aws", "aws-cn", 1), "", "https://secretsmanager.eu-north-1.amazonaws.com.cn/"},
		{strings.Replace(testARN, "aws", "aws-us-gov", 1), "", "https://secretsmanager.eu-north-1.amazonaws.com/"},
		{strings.Replace(testARN, "aws", "aws-iso", 1), "", "https://secretsmanager.eu-north-1.c2s.ic.gov/"},
		{strings.Replace(testARN, "aws", "aws-eusc", 1), "", "https://secretsmanager.eu-north-1.amazonaws.eu/"},
		{strings.Replace(testARN, "aws", "aws-moon", 1), "", ""},
		{testARN, "http://127.0.0.1:3004", "http://127.0.0.1:3004/"},
		{testARN, "https://vpce-1.example.com/", "https://vpce-1.example.com/"},
		{testARN, "http://secrets.example.com", ""},
		{testARN, "https://secrets.example.com/path", ""},
		{testARN, "secrets", ""},
		{"arn:aws", "", ""},
	} {
		c, err := newClient(tt.arn, environment("AWS_ENDPOINT_URL_SECRETS_MANAGER", tt.override), time.Now)
		if (err == nil) != (tt.want != "") || err == nil && c.endpoint != tt.want {
			t.Errorf("%s, %s: got %+v, %v; want %q", tt.arn, tt.override, c, err, tt.want)
		}
	}
}

// The request, and the result of each response. No error shows the response.
func TestGet(t *testing.T) {
	ok := `{"ARN":"x","Name":"x","VersionId":"v1","SecretString":"` + key(1) + `","VersionStages":["AWSCURRENT"],"CreatedDate":1523477145.713}`
	for _, tt := range []struct {
		name    string
		status  int
		body    string
		missing bool
		want    string // of the error, "" for no error
		calls   int
	}{
		{"a version", 200, ok, false, "", 1},
		{"no such version", 400, `{"__type":"ResourceNotFoundException","Message":"hush"}`, true, "", 1},
		{"no such version, with a namespace", 400, `{"__type":"com.amazonaws.secretsmanager#ResourceNotFoundException"}`, true, "", 1},
		{"denied", 400, `{"__type":"AccessDeniedException","Message":"hush"}`, false, "AccessDeniedException", 1},
		{"403", 403, `{"__type":"ResourceNotFoundException"}`, false, "403", 1},
		{"500", 500, `{"__type":"InternalServiceError"}`, false, "InternalServiceError", 2},
		{"503 HTML", 503, "<hush>", false, "no known type", 2},
		{"a type that is none", 400, `{"__type":"hush hush\n"}`, false, "no known type", 1},
		{"a redirect", 307, "", false, "307", 1},
		{"binary", 200, `{"VersionId":"v1","SecretBinary":"aHVzaA=="}`, false, "no version with a string", 1},
		{"no version id", 200, `{"SecretString":"hush"}`, false, "no version with a string", 1},
		{"not JSON", 200, "hush", false, "no version with a string", 1},
		{"too large", 200, `{"x":"` + strings.Repeat("x", maxAnswer) + `","VersionId":"v1","SecretString":"hush"}`, false, "no version with a string", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls++
				body, _ := io.ReadAll(r.Body)
				if want := `{"SecretId":"` + testARN + `","VersionStage":"AWSCURRENT"}`; string(body) != want || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" ||
					r.Header.Get("Content-Type") != "application/x-amz-json-1.1" || r.Header.Get("X-Amz-Security-Token") != "hush-too" || r.Method != "POST" || r.RequestURI != "/" {
					t.Errorf("got %s %s %v %s", r.Method, r.RequestURI, r.Header, body)
				}
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			}))
			defer server.Close()
			c, err := newClient(testARN, environment("AWS_ENDPOINT_URL_SECRETS_MANAGER", server.URL), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.get(context.Background(), "AWSCURRENT")
			switch {
			case tt.missing:
				if !errors.Is(err, errNoVersion) {
					t.Errorf("got %v, want errNoVersion", err)
				}
			case tt.want == "":
				if err != nil || got.id != "v1" || got.key.Reveal() != key(1) || got.created.Round(time.Millisecond).UnixMilli() != 1523477145713 {
					t.Errorf("got %+v, %v", got, err)
				}
			case err == nil || errors.Is(err, errNoVersion) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hush") || got != version{}:
				t.Errorf("got %+v, %v; want an error with %q", got, err, tt.want)
			}
			if calls != tt.calls {
				t.Errorf("%d calls, want %d", calls, tt.calls)
			}
		})
	}
}

// A malformed date is no date, and the version is still read.
func TestCreatedDate(t *testing.T) {
	for date, want := range map[string]time.Time{
		"1523477145.713":  time.UnixMilli(1523477145713),
		"1.51197446236E9": time.UnixMilli(1511974462360),
		"1772366400":      time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		"1e300":           time.Unix(1<<40, 0),
		"null":            {}, "0": {}, "-1": {}, "1e999": {}, `"2026-03-01T12:00:00Z"`: {}, "{}": {},
	} {
		got, err := parseAnswer(200, []byte(`{"VersionId":"v1","SecretString":"s","CreatedDate":`+date+`}`))
		if err != nil || !got.created.Round(time.Millisecond).Equal(want) {
			t.Errorf("%s: got %s, %v; want %s", date, got.created, err, want)
		}
	}
	if got, err := parseAnswer(200, []byte(`{"VersionId":"v1","SecretString":"s"}`)); err != nil || !got.created.IsZero() {
		t.Errorf("no date: got %s, %v", got.created, err)
	}
}

// Without a server there is an error, soon, that shows no secret.
func TestGetUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c, err := newClient(testARN, environment("AWS_ENDPOINT_URL_SECRETS_MANAGER", server.URL), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.get(context.Background(), "AWSCURRENT"); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v", err)
	}
}

// FuzzParseAnswer: only a response with a version is a version.
func FuzzParseAnswer(f *testing.F) {
	f.Add(200, []byte(`{"VersionId":"v1","SecretString":"s"}`))
	f.Add(200, []byte(`{"VersionId":"v1","SecretString":"s","CreatedDate":1523477145.713}`))
	f.Add(400, []byte(`{"__type":"a#ResourceNotFoundException"}`))
	f.Add(500, []byte("\xff"))
	f.Fuzz(func(t *testing.T, status int, text []byte) {
		v, err := parseAnswer(status, text)
		if (err == nil) != (v.id != "" && v.key != "") || err == nil && status != 200 {
			t.Fatalf("%d %q: got %+v, %v", status, text, v, err)
		}
	})
}

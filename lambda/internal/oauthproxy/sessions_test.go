package oauthproxy

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
)

// A session without a record is refused, and a record that cannot be read lets
// no request through. Each decision makes one call, and only for a session that
// would be allowed.
func TestRecordOfTheSession(t *testing.T) {
	live := fmt.Sprintf(`{"Item":{"e":{"N":"%d"}}}`, testTime.Add(time.Hour).Unix())
	over := fmt.Sprintf(`{"Item":{"e":{"N":"%d"}}}`, testTime.Unix())
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   string // message, "error", or empty: allowed
	}{
		{"live", 200, live, ""},
		{"none", 200, `{}`, messageEnded},
		{"over, and not deleted yet", 200, over, messageEnded},
		{"throttled", 400, `{"__type":"x#ThrottlingException"}`, "error"},
		{"not permitted", 400, `{"__type":"x#AccessDeniedException"}`, "error"},
		{"no table", 400, `{"__type":"x#ResourceNotFoundException"}`, "error"},
		{"down", 503, ``, "error"},
		{"no JSON", 200, `<html>`, "error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int32
			table := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				if target := r.Header.Get("X-Amz-Target"); target != "DynamoDB_20120810.GetItem" || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=id/") {
					t.Errorf("got %s, signed %q", target, r.Header.Get("Authorization"))
				}
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			}))
			defer table.Close()
			for name, value := range map[string]string{
				"AWS_REGION": "eu-north-1", "AWS_ENDPOINT_URL_DYNAMODB": table.URL, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
			} {
				t.Setenv(name, value)
			}
			s := settings.Authorizer{Shared: shared()}
			s.Sessions = settings.Sessions{Table: "sessions", Key: settings.Secret(strings.Repeat("0123456789abcdef", 4))}
			p, err := newWithDefaults(s, func() time.Time { return testTime })
			if err != nil {
				t.Fatal(err)
			}
			request := func(at time.Duration) *Request {
				content := accessToken("token")
				content.Expires = testTime.Add(at)
				return &Request{
					MethodArn: "arn:aws:execute-api:eu-north-1:123456789012:abcdef1234/prod/GET/orders", HTTPMethod: "GET",
					Headers: map[string]string{"Origin": "https://www.example.com", "Cookie": sealed(t, testKey, content, csrfContent())},
				}
			}
			d, err := p.Decide(context.Background(), request(time.Minute))
			switch {
			case tt.want == "error":
				if err == nil || d.Allow {
					t.Errorf("got %+v, %v; want an error", d, err)
				}
			case err != nil || d.Allow != (tt.want == "") || d.Message != tt.want || !d.Allow && d.Code != contract.CodeUnauthorizedRequest:
				t.Errorf("got %+v, %v", d, err)
			}
			if tt.want != "error" && calls.Load() != 1 {
				t.Errorf("%d calls of the table, want 1", calls.Load())
			}
			before := calls.Load()
			if d, err := p.Decide(context.Background(), request(-time.Minute)); err != nil || d.Code != contract.CodeTokenExpired || calls.Load() != before {
				t.Errorf("an expired token: got %+v, %v, and %d more calls", d, err, calls.Load()-before)
			}
		})
	}
}

func TestTableNeedsARegion(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	s := settings.Authorizer{Shared: shared()}
	s.Sessions = settings.Sessions{Table: "sessions", Key: settings.Secret(strings.Repeat("0123456789abcdef", 4))}
	if _, err := newWithDefaults(s, time.Now); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("got %v", err)
	}
}

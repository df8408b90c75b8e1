package oauthproxy

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/metrics"
)

// measure has p decide over r and returns the members of the line it writes.
func measure(t *testing.T, p *Proxy, r Request) map[string]any {
	t.Helper()
	var out bytes.Buffer
	p.Record(metrics.New(&out, "authorizer"))
	p.Handle(context.Background(), r)
	for _, secret := range []string{testToken, csrfValue, testKey, "__Host", "orders", "Bearer",
		"01020300000000000000000000000000", r.RequestContext.RequestID, "alice"} {
		if secret != "" && strings.Contains(out.String(), secret) {
			t.Errorf("%q is told: %s", secret, &out)
		}
	}
	members := map[string]any{}
	if err := json.Unmarshal(out.Bytes(), &members); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	delete(members, "_aws")
	return members
}

// Each decision is one line with its code and duration, without data of the request.
func TestMetrics(t *testing.T) {
	good := sealed(t, testKey, accessToken(testToken), csrfContent())
	expired := accessToken(testToken)
	expired.Expires = testTime.Add(-time.Second)
	idp := newProvider(t)
	idp.answers("text/html", "the body of an answer")
	for _, tt := range []struct {
		name  string
		proxy *Proxy
		edit  func(*Request)
		want  map[string]any
	}{
		{"allow", newProxy(t), func(r *Request) {}, map[string]any{"Code": "allow"}},
		{"expired", newProxy(t), func(r *Request) { *r = readEvent(t, sealed(t, testKey, expired, csrfContent())) },
			map[string]any{"Code": contract.CodeTokenExpired}},
		{"no cookie", newProxy(t), func(r *Request) { *r = readEvent(t, "") }, map[string]any{"Code": contract.CodeUnauthorizedRequest}},
		{"sealed with another key", newProxy(t), func(r *Request) { *r = readEvent(t, sealed(t, otherKey, accessToken(testToken), csrfContent())) },
			map[string]any{"Code": contract.CodeUnauthorizedRequest, "DecryptionFailures": 1.0}},
		{"path", newProxy(t), func(r *Request) { r.PathParameters = map[string]string{"id": "../alice"} },
			map[string]any{"Code": contract.CodeInvalidRequest}},
		{"provider is broken", proxyWith(t, idp.introspect), func(r *Request) {},
			map[string]any{"Code": "undecided", "IntrospectionFailures": 1.0}},
		{"not an event", newProxy(t), func(r *Request) { r.MethodArn = "" }, map[string]any{"Code": "undecided"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// Each look at the clock takes it a quarter of a millisecond on.
			now := testTime
			tt.proxy.now = func() time.Time { now = now.Add(250 * time.Microsecond); return now }
			r := readEvent(t, good)
			tt.edit(&r)
			got := measure(t, tt.proxy, r)
			if took, _ := got["Latency"].(float64); took < 0.25 || took > 5 {
				t.Errorf("got latency %v", got["Latency"])
			}
			delete(got, "Latency")
			tt.want["Function"], tt.want["Decisions"] = "authorizer", 1.0
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Every code of a refusal has a count of its own.
func TestMetricsKnowTheCodes(t *testing.T) {
	for _, code := range []string{contract.CodeUnauthorizedRequest, contract.CodeTokenExpired, contract.CodeInvalidRequest, contract.CodeInsufficientScope, contract.CodeAccessDenied} {
		var out bytes.Buffer
		metrics.New(&out, "f").Decided(metrics.Decision{Code: code})
		if !strings.Contains(out.String(), `"Code":"`+code+`"`) {
			t.Errorf("%s: got %s", code, &out)
		}
	}
}

// BenchmarkHandle is BenchmarkDecide with the policy and the line of metrics.
func BenchmarkHandle(b *testing.B) {
	p := newProxy(b)
	p.Record(metrics.New(io.Discard, "authorizer"))
	r := readEvent(b, sealed(b, testKey, accessToken(strings.Repeat("x", 800)), csrfContent()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Handle(context.Background(), r); err != nil {
			b.Fatal(err)
		}
	}
}

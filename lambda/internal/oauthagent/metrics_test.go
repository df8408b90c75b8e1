package oauthagent

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/metrics"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// lastMeasured returns the members of the last line of metrics.
func (w *world) lastMeasured() map[string]any {
	w.Helper()
	lines := strings.Split(strings.TrimSpace(w.measured.String()), "\n")
	members := map[string]any{}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &members); err != nil {
		w.Fatalf("%v: %q", err, lines[len(lines)-1])
	}
	delete(members, "_aws")
	return members
}

// Each request is one line with its endpoint and code. In every test here,
// checkLogs checks that no line contains a secret.
func TestMetrics(t *testing.T) {
	w := newWorld(t)
	w.assistant = true
	expect := func(endpoint, code string, more ...string) {
		t.Helper()
		want := map[string]any{"Function": "agent", "Endpoint": endpoint, "Code": code, "Requests": 1.0, "Latency": 0.0}
		for _, name := range more {
			want[name] = 1.0
		}
		if diff := cmp.Diff(want, w.lastMeasured()); diff != "" {
			t.Error(diff)
		}
	}
	w.do("GET", "session")
	expect("session", "ok")
	w.do("GET", "claims", header("Origin", "https://evil.example"))
	expect("claims", "unauthorized_request")
	w.do("GET", "users/alice")
	expect("other", "not_found")
	w.signIn()
	expect("login/end", "ok")
	w.provider.On["/token"] = oauthtest.Answer(500, "text/html", "leak")
	w.do("POST", "refresh")
	expect("refresh", "authorization_server_error", "Failures", "ProviderFailures")
}

// Every code of the agent itself has a count of its own.
func TestMetricsKnowTheCodes(t *testing.T) {
	for _, f := range []*failure{unauthorized, tokenExpired, sessionExpired, loginRequired, malformed, unknownLogin, invalidIDToken,
		wrongIssuer, badResponse, stepUpFailed, rejected, notFound, methodNotAllowed, tooLarge, unsupportedType, serverError,
		providerError, sessionTooLarge, loginFailed("access_denied"), loginFailed("anything")} {
		var out bytes.Buffer
		metrics.New(&out, "f").Served(metrics.Request{Code: f.code})
		if !strings.Contains(out.String(), `"Code":"`+f.code+`"`) {
			t.Errorf("%s: got %s", f.code, &out)
		}
	}
	for _, r := range New(Config{TokenMediation: true}).(*agent).routes {
		var out bytes.Buffer
		metrics.New(&out, "f").Served(metrics.Request{Endpoint: r.name})
		if !strings.Contains(out.String(), `"Endpoint":"`+r.name+`"`) {
			t.Errorf("%s: got %s", r.name, &out)
		}
	}
}

package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/local/internal/trace"
)

// The trace tells the way of a request, and neither its secrets nor its path.
func TestTrace(t *testing.T) {
	up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "upstream-token") // an upstream that echoes the token
		w.Header().Set("Set-Cookie", "up=cookie-of-the-upstream")
	})
	log := trace.NewLog()
	f := (&fixture{upstream: up.URL, opts: Options{Trace: TraceOptions{Log: log, AccessCookies: map[string]string{authorizerFn: "th-at"}}}}).start(t)
	f.do(t, "GET", "/files/private-name?code=the-code-4711", "", browser...)
	f.do(t, "GET", "/not/private-name", "", browser...)
	f.authorizer = func(map[string]any) (Result, error) {
		return ok(policyJSON("Deny", `{"code":"token_expired","message":"The access token has expired","other":"foreign-secret"}`))
	}
	f.do(t, "GET", "/profile", "", browser...)

	text := string(log.JSON())
	for _, secret := range []string{"sealed", "csrf-token", "from-client", "upstream-token", "private-name", "the-code-4711", "foreign-secret", "cookie-of-the-upstream"} {
		if strings.Contains(text, secret) {
			t.Errorf("the trace shows %q", secret)
		}
	}
	var records []trace.Record
	if err := json.Unmarshal([]byte(text), &records); err != nil || len(records) != 3 {
		t.Fatalf("got %d records, %v", len(records), err)
	}
	allowed, unknown, denied := records[0], records[1], records[2]
	names := func(r trace.Record) (out []string) {
		for _, s := range r.Steps {
			out = append(out, s.Name)
		}
		return out
	}
	if got := strings.Join(names(allowed), " "); allowed.Resource != "/files/{proxy+}" || got != "request method authorizer mapping upstream response cors" {
		t.Errorf("got %s: %s", allowed.Resource, got)
	}
	changes := map[string]string{}
	for _, row := range allowed.Steps[3].Rows {
		changes[strings.ToLower(row.Name)+" "+row.Change] = row.From
	}
	// In lower case, as HTTP/2 clients send it, the client's own goes up as well.
	if from := changes["authorization overwritten"]; from != "context.authorizer.token" {
		t.Errorf("mapping: got %v", changes)
	}
	if unknown.Resource != "/…" || unknown.Explain == nil || unknown.Explain.Title != "MISSING_AUTHENTICATION_TOKEN" {
		t.Errorf("unknown path: got %+v", unknown)
	}
	if denied.Code != "token_expired" || !denied.Refused || denied.Explain.Reason != "The access token has expired." {
		t.Errorf("denied: got %+v", denied)
	}
}

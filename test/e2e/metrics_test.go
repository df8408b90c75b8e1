package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// measured checks the metrics that the Lambdas wrote during the run: whole
// lines with known members only, for events that happened.
func measured(t *testing.T, output string) {
	seen := map[string]bool{}
	for line := range strings.Lines(output) {
		i := strings.Index(line, `{"_aws":`)
		if i < 0 {
			continue
		}
		var of struct {
			Meta                                      json.RawMessage `json:"_aws"`
			Function, Endpoint, Code                  string
			Decisions, Requests                       int
			Latency                                   *float64
			DecryptionFailures, IntrospectionFailures int
			Failures, ProviderFailures                int
		}
		decoder := json.NewDecoder(strings.NewReader(line[i:]))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&of); err != nil || of.Latency == nil || of.Function == "" || of.Function == "other" {
			t.Errorf("%v: %s", err, line)
			continue
		}
		switch {
		case of.Decisions == 1:
			seen["decision "+of.Code] = true
			if of.DecryptionFailures == 1 {
				seen["cookie that does not open"] = true
			}
		case of.Requests == 1:
			seen[of.Endpoint+" "+of.Code] = true
		}
		if of.Code == "other" || of.Endpoint == "other" && of.Code != "not_found" {
			t.Errorf("a code or endpoint is not known: %s", line)
		}
	}
	want := map[string]bool{}
	for _, event := range []string{"decision allow", "decision unauthorized_request", "decision token_expired", "cookie that does not open",
		"login/start ok", "login/end ok", "session ok", "refresh ok", "logout ok"} {
		want[event] = true
	}
	for event := range seen {
		if !want[event] {
			delete(seen, event)
		}
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}

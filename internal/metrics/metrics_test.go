package metrics

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.UTC)

// check reads a line as the specification has it, and returns the values by
// "name dimension=value …". The rules are those of Amazon CloudWatch User
// Guide, "Specification: Embedded metric format" and its JSON schema.
func check(t *testing.T, line string) map[string]float64 {
	t.Helper()
	body, ended := strings.CutSuffix(line, "\n")
	if !ended || strings.Contains(body, "\n") {
		t.Fatalf("got %q, want one line", line)
	}
	root := map[string]any{}
	if err := json.Unmarshal([]byte(body), &root); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	var meta struct {
		Timestamp         *int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	}
	raw, _ := json.Marshal(root["_aws"])
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields() // "objects defined by this specification MUST NOT contain any additional members"
	if err := decoder.Decode(&meta); err != nil {
		t.Fatalf("_aws: %v", err)
	}
	if meta.Timestamp == nil || *meta.Timestamp != at.UnixMilli() {
		t.Errorf("got timestamp %v, want %d", meta.Timestamp, at.UnixMilli())
	}
	values := map[string]float64{}
	targets := []string{"_aws"}
	for _, d := range meta.CloudWatchMetrics {
		if d.Namespace != Namespace || len(d.Dimensions) != 1 || len(d.Dimensions[0]) > 30 || len(d.Metrics) == 0 || len(d.Metrics) > 100 {
			t.Errorf("got directive %+v", d)
			continue
		}
		var of string
		for _, name := range d.Dimensions[0] {
			// "The target member MUST have a string value."
			value, ok := root[name].(string)
			if !ok || value == "" || len(value) > 1024 {
				t.Errorf("dimension %s is %v", name, root[name])
			}
			of += " " + name + "=" + value
			targets = append(targets, name)
		}
		for _, m := range d.Metrics {
			// "Metric targets MUST be either a numeric value or an array of numeric values."
			value, ok := root[m.Name].(float64)
			if want := map[bool]string{true: "Milliseconds", false: "Count"}[m.Name == Latency]; !ok || m.Unit != want {
				t.Errorf("metric %s is %v %s", m.Name, root[m.Name], m.Unit)
			}
			if _, twice := values[m.Name+of]; twice {
				t.Errorf("%s is there twice", m.Name)
			}
			values[m.Name+of] = value
			targets = append(targets, m.Name)
		}
	}
	for member := range root {
		if !slices.Contains(targets, member) {
			t.Errorf("the line has a member %s that is no metric and no dimension", member)
		}
	}
	return values
}

func pointer(b bool) *bool { return &b }

func TestDecided(t *testing.T) {
	for _, tt := range []struct {
		name string
		d    Decision
		want map[string]float64
	}{
		{"allow", Decision{Code: Allow, Took: 21_400 * time.Nanosecond},
			map[string]float64{"Decisions Function=f Code=allow": 1, "Latency Function=f": 0.021}},
		{"refusal", Decision{Code: "token_expired", Took: 2 * time.Second},
			map[string]float64{"Decisions Function=f Code=token_expired": 1, "Latency Function=f": 2000}},
		{"cookie does not open", Decision{Code: "unauthorized_request", Unopened: true},
			map[string]float64{"Decisions Function=f Code=unauthorized_request": 1, "Latency Function=f": 0, "DecryptionFailures Function=f": 1}},
		{"undecided", Decision{Code: Undecided, Unavailable: true, Took: -time.Second},
			map[string]float64{"Decisions Function=f Code=undecided": 1, "Latency Function=f": 0, "IntrospectionFailures Function=f": 1}},
		{"both", Decision{Code: Undecided, Unopened: true, Unavailable: true},
			map[string]float64{"Decisions Function=f Code=undecided": 1, "Latency Function=f": 0, "DecryptionFailures Function=f": 1, "IntrospectionFailures Function=f": 1}},
		{"bound session", Decision{Code: Allow, Bound: pointer(true)},
			map[string]float64{"Decisions Function=f Code=allow": 1, "Latency Function=f": 0, "BoundSessions Function=f": 1}},
		{"session that is not bound", Decision{Code: Allow, Bound: pointer(false)},
			map[string]float64{"Decisions Function=f Code=allow": 1, "Latency Function=f": 0, "BoundSessions Function=f": 0}},
		{"no proof of the device", Decision{Code: "device_proof_required"},
			map[string]float64{"Decisions Function=f Code=device_proof_required": 1, "Latency Function=f": 0, "UnprovedSessions Function=f": 1}},
		{"no proof of the device, says the browser", Decision{Code: "device_proof_unavailable"},
			map[string]float64{"Decisions Function=f Code=device_proof_unavailable": 1, "Latency Function=f": 0, "UnprovedSessions Function=f": 1}},
		{"unknown code", Decision{Code: `alice","x":"`},
			map[string]float64{"Decisions Function=f Code=other": 1, "Latency Function=f": 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.d.At = at
			New(&out, "f").Decided(tt.d)
			if diff := cmp.Diff(tt.want, check(t, out.String())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestServed(t *testing.T) {
	for _, tt := range []struct {
		name string
		q    Request
		want map[string]float64
	}{
		{"success", Request{Endpoint: "refresh", Took: 1500 * time.Microsecond},
			map[string]float64{"Requests Function=f Endpoint=refresh Code=ok": 1, "Latency Function=f Endpoint=refresh": 1.5}},
		{"error", Request{Endpoint: "login/end", Code: "invalid_request"},
			map[string]float64{"Requests Function=f Endpoint=login/end Code=invalid_request": 1, "Latency Function=f Endpoint=login/end": 0}},
		{"failure", Request{Endpoint: "claims", Code: "server_error", Failed: true},
			map[string]float64{"Requests Function=f Endpoint=claims Code=server_error": 1, "Latency Function=f Endpoint=claims": 0, "Failures Function=f": 1}},
		{"provider", Request{Endpoint: "refresh", Code: "authorization_server_error", Failed: true, ProviderFailed: true},
			map[string]float64{"Requests Function=f Endpoint=refresh Code=authorization_server_error": 1, "Latency Function=f Endpoint=refresh": 0,
				"Failures Function=f": 1, "ProviderFailures Function=f": 1}},
		{"no proof of the device", Request{Endpoint: "token", Code: "device_proof_required", Unproved: true},
			map[string]float64{"Requests Function=f Endpoint=token Code=device_proof_required": 1, "Latency Function=f Endpoint=token": 0, "UnprovedSessions Function=f": 1}},
		{"unknown", Request{Endpoint: "users/alice", Code: "alice"},
			map[string]float64{"Requests Function=f Endpoint=other Code=other": 1, "Latency Function=f Endpoint=other": 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.q.At = at
			New(&out, "f").Served(tt.q)
			if diff := cmp.Diff(tt.want, check(t, out.String())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The name of the function is the one value that comes from outside.
func TestFunctionName(t *testing.T) {
	for name, want := range map[string]string{
		"Stack-AuthorizerFunction_1": "Stack-AuthorizerFunction_1", "": Other, `a"b`: Other, "a\nb": Other, strings.Repeat("a", 65): Other,
	} {
		var out bytes.Buffer
		New(&out, name).Decided(Decision{At: at, Code: Allow})
		if _, ok := check(t, out.String())["Latency Function="+want]; !ok {
			t.Errorf("%q: got %s", name, &out)
		}
	}
}

// A line is one Write, also of several goroutines: lines of the log go between.
func TestLinesAreWhole(t *testing.T) {
	var out writes
	r := New(&out, "f")
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 50 {
				r.Decided(Decision{At: at, Code: Allow})
				r.Served(Request{At: at, Endpoint: "session"})
			}
		})
	}
	wait.Wait()
	if len(out) != 800 {
		t.Fatalf("got %d writes, want 800", len(out))
	}
	for _, line := range out {
		check(t, line)
	}
}

type writes []string

func (w *writes) Write(p []byte) (int, error) { *w = append(*w, string(p)); return len(p), nil }

type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return 0, os.ErrClosed }

// A line needs no allocation, and a failed write does not fail the request.
func TestAllocations(t *testing.T) {
	r := New(nothing{}, "Stack-AuthorizerFunction")
	if n := testing.AllocsPerRun(100, func() {
		r.Decided(Decision{At: at, Took: time.Millisecond, Code: Undecided, Unopened: true, Unavailable: true})
		r.Served(Request{At: at, Took: time.Hour, Endpoint: "refresh", Code: "server_error", Failed: true, ProviderFailed: true})
	}); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

func TestNilWritesNothing(t *testing.T) {
	var r *Recorder
	r.Decided(Decision{})
	r.Served(Request{})
}

func BenchmarkDecided(b *testing.B) {
	r := New(nothing{}, "Stack-AuthorizerFunction")
	b.ReportAllocs()
	for b.Loop() {
		r.Decided(Decision{At: at, Took: time.Millisecond, Code: Allow})
	}
}

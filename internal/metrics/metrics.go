// Package metrics writes the metrics of the two Lambdas, as lines of the
// CloudWatch embedded metric format. CloudWatch Logs makes metrics from them. A
// metric costs the request one write, without a call or a permission.
//
// # The metrics
//
// In the namespace TokenHandler, from the authorizer, for each request:
//
//	Decisions              by Function and Code: allow, a refusal's code, or undecided
//	Latency                by Function, in milliseconds
//	DecryptionFailures     by Function; only if the session cookie did not open
//	IntrospectionFailures  by Function; only if the provider left a token undecided
//	BoundSessions          by Function; only with device binding, for each allowed
//	                       request: 1 if its session is bound to a device, else 0
//	UnprovedSessions       by Function; only if a bound session came without a proof
//	                       of its device
//
// and from the agent:
//
//	Requests          by Function, Endpoint and Code: ok, or the error's code
//	Latency           by Function and Endpoint, in milliseconds
//	Failures          by Function; only for statuses of 500 and more
//	ProviderFailures  by Function; only if the provider failed
//	UnprovedSessions  as from the authorizer
//
// Function is the name of the Lambda. It distinguishes the stacks of an account.
//
// # Not in the metrics
//
// The lines contain no data of a request: no identity, token, path, address or id.
// Every combination of dimensions is a metric to pay for, so each value is one of a
// few constants. Unknown codes and endpoints count as other.
package metrics

import (
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tokenhandler/aws/internal/contract"
)

// Namespace of all metrics.
const Namespace = "TokenHandler"

// Names of the metrics.
const (
	Decisions             = "Decisions"
	Requests              = "Requests"
	Latency               = "Latency"
	DecryptionFailures    = "DecryptionFailures"
	IntrospectionFailures = "IntrospectionFailures"
	BoundSessions         = "BoundSessions"
	UnprovedSessions      = "UnprovedSessions"
	Failures              = "Failures"
	ProviderFailures      = "ProviderFailures"
)

// Names of the dimensions.
const (
	Function = "Function"
	Code     = "Code"
	Endpoint = "Endpoint"
)

// Codes beside those of refusals.
const (
	Allow     = "allow"     // a decision that lets a request through
	Undecided = "undecided" // no decision: the gateway returns 500
	OK        = "ok"        // a response of the agent that is not an error
	Other     = "other"     // an unknown code or endpoint
)

var (
	decisionCodes = append(contract.Codes(contract.Authorizer), Allow, Undecided)
	// Codes of OpenID Providers count as other, except access_denied: the user's
	// choice.
	requestCodes = append(contract.Codes(contract.Agent), OK)
	endpoints    = endpointPaths()
)

func endpointPaths() []string {
	paths := []string{contract.Mediation.Path, contract.BackChannel.Path}
	for _, e := range slices.Concat(contract.Endpoints, contract.Device) {
		paths = append(paths, e.Path)
	}
	return paths
}

// Recorder writes the lines. A nil Recorder discards them. It is safe for
// concurrent use.
type Recorder struct {
	function string

	mu   sync.Mutex
	w    io.Writer
	line []byte // reused, so that a line needs no allocation
}

// New returns a recorder for the Lambda function with a name. Each line is one
// Write to w, the standard output of a Lambda.
func New(w io.Writer, function string) *Recorder {
	if !isFunctionName(function) {
		function = Other
	}
	return &Recorder{function: function, w: w, line: make([]byte, 0, 1024)}
}

// Decision is one decision of the authorizer.
type Decision struct {
	At   time.Time
	Took time.Duration
	Code string
	// Unopened says that the session cookie did not open, Unavailable that the
	// provider left the token undecided.
	Unopened, Unavailable bool
	// Bound is nil without device binding and for refusals.
	Bound *bool
}

// Decided writes the line of a decision.
func (r *Recorder) Decided(d Decision) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	code := oneOf(decisionCodes, d.Code)
	unproved := code == contract.CodeDeviceProofRequired || code == contract.CodeDeviceUnavailable
	r.begin(d.At)
	r.directive(`["Function","Code"]`, `{"Name":"Decisions","Unit":"Count"}`)
	r.text(`,`)
	r.directive(`["Function"]`, `{"Name":"Latency","Unit":"Milliseconds"}`,
		when(d.Unopened, `{"Name":"DecryptionFailures","Unit":"Count"}`),
		when(d.Unavailable, `{"Name":"IntrospectionFailures","Unit":"Count"}`),
		when(d.Bound != nil, `{"Name":"BoundSessions","Unit":"Count"}`),
		when(unproved, `{"Name":"UnprovedSessions","Unit":"Count"}`))
	r.text(`]},"Function":"`, r.function, `","Code":"`, code, `","Decisions":1,"Latency":`)
	r.milliseconds(d.Took)
	r.text(when(d.Unopened, `,"DecryptionFailures":1`), when(d.Unavailable, `,"IntrospectionFailures":1`), when(unproved, `,"UnprovedSessions":1`))
	if d.Bound != nil {
		r.text(`,"BoundSessions":`, when(*d.Bound, "1"), when(!*d.Bound, "0"))
	}
	r.end()
}

// Request is one request to the agent.
type Request struct {
	At   time.Time
	Took time.Duration
	// Endpoint is empty for an unknown path, Code for a response that is not an
	// error.
	Endpoint, Code string
	// Failed says that the status is 500 or more, ProviderFailed that the provider
	// caused it. Unproved says that it is refused because a bound session came
	// without a proof of its device.
	Failed, ProviderFailed, Unproved bool
}

// Served writes the line of a request.
func (r *Recorder) Served(q Request) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	code, endpoint := OK, oneOf(endpoints, q.Endpoint)
	if q.Code != "" {
		code = oneOf(requestCodes, q.Code)
	}
	r.begin(q.At)
	r.directive(`["Function","Endpoint","Code"]`, `{"Name":"Requests","Unit":"Count"}`)
	r.text(`,`)
	r.directive(`["Function","Endpoint"]`, `{"Name":"Latency","Unit":"Milliseconds"}`)
	if q.Failed || q.ProviderFailed || q.Unproved {
		r.text(`,`)
		r.directive(`["Function"]`, when(q.Failed, `{"Name":"Failures","Unit":"Count"}`),
			when(q.ProviderFailed, `{"Name":"ProviderFailures","Unit":"Count"}`),
			when(q.Unproved, `{"Name":"UnprovedSessions","Unit":"Count"}`))
	}
	r.text(`]},"Function":"`, r.function, `","Endpoint":"`, endpoint, `","Code":"`, code, `","Requests":1,"Latency":`)
	r.milliseconds(q.Took)
	r.text(when(q.Failed, `,"Failures":1`), when(q.ProviderFailed, `,"ProviderFailures":1`), when(q.Unproved, `,"UnprovedSessions":1`))
	r.end()
}

// begin starts a line. "Timestamp — A number representing the time stamp used for metrics
// extracted from the event. Values MUST be expressed as the number of
// milliseconds after Jan 1, 1970 00:00:00 UTC" (Amazon CloudWatch User Guide,
// "Specification: Embedded metric format").
func (r *Recorder) begin(at time.Time) {
	r.line = append(r.line[:0], `{"_aws":{"Timestamp":`...)
	r.line = strconv.AppendInt(r.line, at.UnixMilli(), 10)
	r.text(`,"CloudWatchMetrics":[`)
}

// directive appends a MetricDirective; it "MUST contain" the three members.
func (r *Recorder) directive(dimensions string, metrics ...string) {
	r.text(`{"Namespace":"`, Namespace, `","Dimensions":[`, dimensions, `],"Metrics":[`)
	first := true
	for _, m := range metrics {
		if m == "" {
			continue
		}
		if !first {
			r.text(`,`)
		}
		first = false
		r.text(m)
	}
	r.text(`]}`)
}

func (r *Recorder) text(parts ...string) {
	for _, part := range parts {
		r.line = append(r.line, part...)
	}
}

// milliseconds appends a duration with three decimals. A negative duration becomes
// zero.
func (r *Recorder) milliseconds(d time.Duration) {
	r.line = strconv.AppendFloat(r.line, float64(max(d, 0).Microseconds())/1000, 'f', 3, 64)
}

// end writes the line. An error of the write does not fail the request.
func (r *Recorder) end() {
	r.text("}\n")
	r.w.Write(r.line)
}

func when(condition bool, s string) string {
	if condition {
		return s
	}
	return ""
}

func oneOf(known []string, s string) string {
	if slices.Contains(known, s) {
		return s
	}
	return Other
}

// isFunctionName reports whether s needs no escaping in a line. Function names
// have at most 64 letters, digits, '-' and '_' (AWS Lambda API Reference,
// "CreateFunction").
func isFunctionName(s string) bool {
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 64
}

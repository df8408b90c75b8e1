package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/tokenhandler/aws/local/internal/trace"
)

// Question asks a Lambda authorizer of type REQUEST whether a WebSocket may be opened.
type Question struct {
	FunctionID string         // logical id of the authorizer's function
	Event      map[string]any // its input
	ARN        string         // that the policy must allow
	MaxResult  int            // bytes of its output
	Header     http.Header    // of the handshake, for the trace
	Record     *trace.Record  // nil: no trace
	Trace      TraceOptions
}

// Decision is the answer. Errors name the mistake, never a value of the output.
type Decision struct {
	Status  int            // 200, or the status of the refusal
	Cause   string         // of a refusal
	Context map[string]any // requestContext.authorizer of the events that follow
}

// refusals are the statuses of the gateway responses that an authorizer leads to, without customisation: WebSocket APIs
// have none.
var refusals = map[string]int{
	"UNAUTHORIZED": http.StatusUnauthorized, "ACCESS_DENIED": http.StatusForbidden,
	"AUTHORIZER_CONFIGURATION_ERROR": http.StatusInternalServerError,
}

// Authorize asks an authorizer and evaluates its policy.
func Authorize(ctx context.Context, invoke Invoker, now func() time.Time, q Question) Decision {
	asked := now()
	d, f := ask(ctx, invoke, q.FunctionID, q.Event, q.MaxResult)
	if f == nil {
		f = d.evaluate(q.ARN)
	}
	took := now().Sub(asked)
	q.Trace.decision(q.Record, q.FunctionID, listHeaders(q.Header), d, false, float64(took.Microseconds())/1000, f)
	if f != nil {
		return Decision{Status: refusals[f.kind], Cause: f.cause}
	}
	values := map[string]any{}
	for _, p := range d.context {
		values[p.name] = p.value
	}
	values["principalId"], values["integrationLatency"] = d.principal, took.Milliseconds()
	return Decision{Status: http.StatusOK, Context: values}
}

package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tokenhandler/aws/local/internal/template"
	"github.com/tokenhandler/aws/local/internal/vtl"
)

// authorizer is a Lambda authorizer of type REQUEST.
type authorizer struct {
	*template.Authorizer
	sources []source // of the identity, in order
	cache   cache
}

// decision is an authorizer's checked output. The cache keeps it; the policy is evaluated anew for each request.
type decision struct {
	principal string
	policy    policy
	context   []param // stringified
}

func newAuthorizer(a *template.Authorizer) (*authorizer, error) {
	out := &authorizer{Authorizer: a}
	for _, expr := range a.IdentitySources {
		// AWS: "You can use header, query string, stage variable, and context"; path parameters are not among them.
		if strings.HasPrefix(expr, "'") || strings.HasPrefix(expr, "method.request.") &&
			!strings.HasPrefix(expr, "method.request.header.") && !strings.HasPrefix(expr, "method.request.querystring.") {
			return nil, fmt.Errorf("property IdentitySource: %q is not an identity source", expr)
		}
		s, err := parseSource(expr, place{})
		if err != nil {
			return nil, fmt.Errorf("property IdentitySource: %w", err)
		}
		out.sources = append(out.sources, s)
	}
	return out, nil
}

// authorize lets the request pass (nil) or answers it.
func (c *call) authorize() *fault {
	a := c.route.authorizer
	if a == nil {
		return nil
	}
	// AWS: with caching on, "API Gateway verifies that all specified identity sources are present … If a specified
	// identity source is missing, null, or empty, API Gateway returns a 401 Unauthorized HTTP response without calling
	// the Lambda authorizer function." With caching off it "directly passes the request to the Lambda function". (The API
	// reference can be read as checking sources even then: declare none with a TTL of 0, and both readings agree.)
	var identity []string
	if a.TTL > 0 {
		for _, s := range a.sources {
			v, ok := s(c, nil)
			if !ok {
				f := newFault("UNAUTHORIZED", "Unauthorized", "an identity source is missing")
				c.traceAuthorizer(a, nil, false, c.start, f)
				return f
			}
			identity = append(identity, v...)
		}
	}
	var latency int64
	asked := c.g.opts.Now()
	d, cached := a.cache.get(identity, c.start)
	if !cached {
		var f *fault
		if d, f = ask(c.ctx, c.g.opts.Invoke, a.FunctionID, c.authorizerEvent(), maxLambda); f != nil {
			c.traceAuthorizer(a, nil, false, asked, f)
			return f
		}
		if a.TTL > 0 {
			a.cache.put(identity, d, c.start, a.TTL)
		}
		latency = c.g.opts.Now().Sub(asked).Milliseconds()
	}
	vars := vtl.NewMap()
	for _, p := range d.context {
		vars.Put(p.name, p.value)
	}
	vars.Put("principalId", d.principal)
	vars.Put("integrationLatency", latency)
	c.vars.Put("authorizer", vars)
	c.decided = true
	f := d.evaluate(c.methodARN())
	c.traceAuthorizer(a, d, cached, asked, f)
	return f
}

func (d *decision) evaluate(arn string) *fault {
	switch d.policy.evaluate(arn) {
	case allowed:
		return nil
	case explicitlyDenied:
		return newFault("ACCESS_DENIED", "User is not authorized to access this resource with an explicit deny", "explicit deny")
	default:
		return newFault("ACCESS_DENIED", "User is not authorized to access this resource", "no statement allows the method")
	}
}

// ask invokes an authorizer's function, whose output may have limit bytes.
func ask(ctx context.Context, invoke Invoker, functionID string, event map[string]any, limit int) (*decision, *fault) {
	broken := func(cause string) *fault { return newFault("AUTHORIZER_CONFIGURATION_ERROR", "", cause) }
	payload, err := json.Marshal(event)
	if err != nil {
		return nil, broken("event cannot be encoded")
	}
	res, err := invoke(ctx, functionID, payload)
	if err != nil {
		return nil, broken("authorizer function could not be run: " + err.Error())
	}
	if res.FunctionError {
		var failure struct {
			Message string `json:"errorMessage"`
			Type    string `json:"errorType"`
		}
		_ = json.Unmarshal(res.Payload, &failure) // an unreadable one is any other error
		// AWS: the function "throws an error with the message Unauthorized" for a 401. The text must be exactly this.
		if failure.Message == "Unauthorized" {
			return nil, newFault("UNAUTHORIZED", "Unauthorized", "authorizer returned the error Unauthorized")
		}
		return nil, broken("authorizer function failed with an error of type " + strconv.Quote(cut(failure.Type, 80)))
	}
	if len(res.Payload) > limit {
		return nil, broken(fmt.Sprintf("authorizer output: is over %d bytes", limit))
	}
	d, err := parseDecision(res.Payload)
	if err != nil {
		return nil, broken("authorizer output: " + err.Error())
	}
	return d, nil
}

func cut(s string, n int) string { return s[:min(len(s), n)] }

// parseDecision checks an authorizer's output. Errors name the mistake, never a value.
func parseDecision(payload []byte) (*decision, error) {
	var out struct {
		PrincipalID    *string                    `json:"principalId"`
		PolicyDocument json.RawMessage            `json:"policyDocument"`
		Context        map[string]json.RawMessage `json:"context"`
	}
	if err := json.Unmarshal(payload, &out); err != nil {
		return nil, errors.New("is not an object with principalId, policyDocument and context")
	}
	// AWS: "A Lambda authorizer function's output … must include the principal identifier (principalId) and a policy
	// document (policyDocument) … If the Lambda function does not return that information, the call fails."
	if out.PrincipalID == nil || *out.PrincipalID == "" {
		return nil, errors.New("principalId is missing")
	}
	d := &decision{principal: *out.PrincipalID}
	var err error
	if d.policy, err = parsePolicy(out.PolicyDocument); err != nil {
		return nil, err
	}
	for _, name := range sortedKeys(out.Context) {
		// AWS: "You cannot set a JSON object or array as a valid value of any key in the context map." Values are
		// "string, number, or boolean" and reach everything after as strings.
		raw := strings.TrimSpace(string(out.Context[name]))
		value := raw
		switch {
		case strings.HasPrefix(raw, `"`):
			if err := json.Unmarshal([]byte(raw), &value); err != nil {
				return nil, fmt.Errorf("context key %q is malformed", name)
			}
		case raw == "true" || raw == "false":
		case strings.HasPrefix(raw, "{"), strings.HasPrefix(raw, "["), raw == "null":
			return nil, fmt.Errorf("context key %q is not a string, number or boolean", name)
		}
		d.context = append(d.context, param{name, value})
	}
	return d, nil
}

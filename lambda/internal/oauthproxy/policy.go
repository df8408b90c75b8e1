package oauthproxy

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/metrics"
)

// Response is what a REQUEST authorizer answers.
type Response struct {
	events.APIGatewayCustomAuthorizerResponse
}

func newResponse(principal, effect string, scope methodScope, values map[string]any) Response {
	return Response{events.APIGatewayCustomAuthorizerResponse{
		PrincipalID: principal, PolicyDocument: policy(effect, scope), Context: values,
	}}
}

const (
	policyVersion = "2012-10-17"
	invokeAction  = "execute-api:Invoke"
)

// Handle is the Lambda function: it decides, logs a refusal, writes the metrics,
// and answers with the policy.
func (p *Proxy) Handle(ctx context.Context, r Request) (Response, error) {
	began := p.now()
	measured := metrics.Decision{At: began, Code: metrics.Undecided}
	defer func() {
		measured.Took = p.now().Sub(began)
		p.metrics.Decided(measured)
	}()
	scope, err := parseMethodARN(r.MethodArn, r.HTTPMethod)
	if err != nil {
		return Response{}, err
	}
	d, err := p.Decide(ctx, &r)
	if err != nil {
		measured.Unavailable = true
		// What could not be decided and why: addresses and statuses, no token and
		// no secret. The gateway answers with 500.
		slog.LogAttrs(ctx, slog.LevelError, "undecided", slog.String("error", err.Error()),
			slog.String("method", scope.method), slog.String("resource", r.Resource),
			slog.String("request_id", r.RequestContext.RequestID))
		return Response{}, err
	}
	if measured.Code = d.Code; d.Allow {
		measured.Code, measured.Bound = metrics.Allow, d.Bound
	}
	if !d.Allow {
		measured.Unopened = d.Message == messageNotOpened
		// Constants, the route's template and ids: nothing of the request itself.
		slog.LogAttrs(ctx, slog.LevelInfo, "refused",
			slog.String("code", d.Code), slog.String("reason", d.Message),
			slog.String("method", scope.method), slog.String("resource", r.Resource),
			slog.String("request_id", r.RequestContext.RequestID))
	}
	return d.response(scope), nil
}

// response turns the decision into the authorizer's answer. The context holds
// only strings; API Gateway fails on nested values.
func (d Decision) response(scope methodScope) Response {
	values := map[string]any{}
	if d.AllowedOrigin != "" {
		values[contract.ContextAllowedOrigin] = d.AllowedOrigin
	}
	if !d.Allow {
		// Scope is empty for all codes but one; the gateway response that shows it
		// is to find it always.
		values[contract.ContextCode], values[contract.ContextMessage] = d.Code, d.Message
		values[contract.ContextScope] = d.Scope
		return newResponse("refused", "Deny", scope, values)
	}
	values[contract.ContextToken] = "Bearer " + d.Token
	if d.Proof != "" {
		// RFC 9449 section 7.1: the scheme of a bound token is DPoP.
		values[contract.ContextToken], values[contract.ContextProof] = "DPoP "+d.Token, d.Proof
	}
	for i, claim := range d.Claims {
		if claim != "" {
			values[contract.ContextClaim(i)] = claim
		}
	}
	if d.Subject != "" {
		values[contract.ContextSubject] = d.Subject
	}
	return newResponse(d.principal(), "Allow", scope, values)
}

// policy covers every path of the method: API Gateway evaluates a policy that
// it has cached against the method it is called for next.
func policy(effect string, scope methodScope) events.APIGatewayCustomAuthorizerPolicy {
	return events.APIGatewayCustomAuthorizerPolicy{
		Version: policyVersion,
		Statement: []events.IAMPolicyStatement{{
			Action:   []string{invokeAction},
			Effect:   effect,
			Resource: []string{scope.api + "/" + scope.method + "/*"},
		}},
	}
}

// methodScope is the part of a method ARN that a policy is written for.
type methodScope struct {
	api    string // arn:aws:execute-api:region:account:api/stage
	method string
}

// parseMethodARN reads
// arn:{partition}:execute-api:{region}:{account}:{api}/{stage}/{method}/{path},
// where the path may hold anything, colons and slashes too.
func parseMethodARN(arn, method string) (methodScope, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "execute-api" {
		return methodScope{}, fmt.Errorf("oauthproxy: expected the ARN of an execute-api method, got %d parts", len(parts))
	}
	path := strings.SplitN(parts[5], "/", 4)
	if len(path) < 3 || path[0] == "" || path[1] == "" {
		return methodScope{}, fmt.Errorf("oauthproxy: expected api/stage/method in the method ARN, got %d parts", len(path))
	}
	if path[2] != method || !isMethod(method) {
		return methodScope{}, fmt.Errorf("oauthproxy: expected the method ARN to name the event's method")
	}
	return methodScope{api: strings.Join(parts[:5], ":") + ":" + path[0] + "/" + path[1], method: method}, nil
}

// isMethod keeps wildcards of policies out of the resource.
func isMethod(s string) bool {
	for _, c := range []byte(s) {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return s != "" && len(s) <= 16
}

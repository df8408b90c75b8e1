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

// Response is the response of a REQUEST authorizer.
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

// Handle is the Lambda function: it decides, logs a refusal, writes the metrics and
// returns the policy.
func (p *Proxy) Handle(ctx context.Context, r Request) (Response, error) {
	began := p.now()
	measured := metrics.Decision{At: began, Code: metrics.Undecided}
	defer func() {
		measured.Took = p.now().Sub(began)
		p.metrics.Decided(measured)
	}()
	scope, err := scopeOf(&r)
	if err != nil {
		return Response{}, err
	}
	d, err := p.Decide(ctx, &r)
	if err != nil {
		measured.Unavailable = true
		// The reason contains addresses and statuses, and neither a token nor a
		// secret. The gateway returns 500.
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
		// The line has constants, the route's template and ids, and no data of the
		// request.
		slog.LogAttrs(ctx, slog.LevelInfo, "refused",
			slog.String("code", d.Code), slog.String("reason", d.Message),
			slog.String("method", scope.method), slog.String("resource", r.Resource),
			slog.String("request_id", r.RequestContext.RequestID))
	}
	return d.response(scope), nil
}

// response turns the decision into the authorizer's response. The context contains
// only strings: API Gateway fails on nested values.
func (d Decision) response(scope methodScope) Response {
	values := map[string]any{}
	if d.AllowedOrigin != "" {
		values[contract.ContextAllowedOrigin] = d.AllowedOrigin
	}
	if !d.Allow {
		// Only one code has a scope. The others set it too, because the gateway
		// response always reads it.
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
	if scope.method == connectRoute {
		d.addExpiry(values)
	}
	return newResponse(d.principal(), "Allow", scope, values)
}

// policy covers every path of the method: API Gateway evaluates a cached policy
// against the method of the next request.
func policy(effect string, scope methodScope) events.APIGatewayCustomAuthorizerPolicy {
	return events.APIGatewayCustomAuthorizerPolicy{
		Version: policyVersion,
		Statement: []events.IAMPolicyStatement{{
			Action:   []string{invokeAction},
			Effect:   effect,
			Resource: []string{scope.resource()},
		}},
	}
}

// methodScope is the part of a method ARN that a policy covers.
type methodScope struct {
	api    string // arn:aws:execute-api:region:account:api/stage
	method string
}

// scopeOf reads the method ARN. It completes the event of a WebSocket.
func scopeOf(r *Request) (methodScope, error) {
	if r.connects() {
		if err := r.asGet(); err != nil {
			return methodScope{}, err
		}
		return connectScope(r.MethodArn)
	}
	return parseMethodARN(r.MethodArn, r.HTTPMethod)
}

// parseMethodARN reads
// arn:{partition}:execute-api:{region}:{account}:{api}/{stage}/{method}/{path},
// where the path may contain any characters, also colons and slashes.
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

// Package gateway serves a REST API the way Amazon API Gateway (REST, v1) does, from the model that package template
// reads out of a CloudFormation template.
//
// One request goes through: size limits, routing, Lambda authorizer, required parameters, model of the body,
// integration (AWS_PROXY, HTTP_PROXY, HTTP or MOCK), and, when any of these fails, a gateway response. The API is served at the root of its own
// host, as behind a custom domain with an empty base path: no stage in the path.
//
// # Where AWS is not documented
//
// The reading that is harder on the application is taken, so that an application that works here works there:
//
//   - names of client headers arrive in lower case, as browsers send them over HTTP/2, and mapping templates look them up
//     with that spelling ($input.params().header.get("Origin") finds nothing); see [Options.CanonicalHeaders];
//   - a header mapped on an HTTP_PROXY integration replaces a client header only of exactly the same spelling, any other
//     spelling goes upstream too; see [Options.ReplaceIgnoringCase];
//   - a mapping to an empty literal does nothing: the client's own header passes;
//   - X-HTTP-Method-Override changes the method for routing, authorizer and integration alike;
//   - %2F in a path parameter is decoded, and is a slash when it reaches an HTTP integration;
//   - limits on URL, headers and body answer before the authorizer ran, so without CORS headers from its context;
//   - an authorizer that cannot be run, or fails otherwise than with "Unauthorized" is AUTHORIZER_CONFIGURATION_ERROR.
//
// Not implemented, and refused by New or by package template: TOKEN, Cognito and IAM authorization, API keys, body
// validation with binary media types or without a model, VPC links, caching of responses, mapping from bodies. Throttling and quotas never happen.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tokenhandler/aws/local/internal/template"
)

// Result is the outcome of a Lambda invocation.
type Result struct {
	Payload []byte // the response, or for a function error {"errorMessage":…,"errorType":…}
	// FunctionError says that the function failed: it returned an error, panicked, exited or exceeded its own timeout.
	FunctionError bool
}

// Invoker runs the function with the given logical id. The error means that it could not be run at all; it wraps
// context.DeadlineExceeded when ctx ended first.
type Invoker func(ctx context.Context, functionLogicalID string, payload []byte) (Result, error)

// StreamInvoker runs a function as [Invoker] does, and writes its response to w as it comes.
type StreamInvoker func(ctx context.Context, functionLogicalID string, payload []byte, w io.Writer) (Result, error)

// Options configures a Gateway.
type Options struct {
	Invoke Invoker // required
	// InvokeStream is required if a function's response is streamed.
	InvokeStream StreamInvoker

	Now func() time.Time // time.Now when nil

	// Log receives one record per request: method, resource, status, duration, type and cause of an error. Never a
	// header, a query, a body, an actual path or anything an authorizer returned. Discarded when nil.
	Log *slog.Logger

	// CanonicalHeaders passes client header names in Go's canonical form (Content-Type), as many HTTP/1.1
	// clients send them. Default: in lower case, as HTTP/2 clients must, except Host, User-Agent, X-Forwarded-* and
	// X-Amzn-Trace-Id, which API Gateway writes itself.
	CanonicalHeaders bool

	// ReplaceIgnoringCase lets a mapped header of an HTTP_PROXY integration replace client headers that differ from it in
	// letter case. Default: both go upstream.
	ReplaceIgnoringCase bool

	Trace TraceOptions
}

// Gateway is the handler of one REST API.
type Gateway struct {
	api       *template.API
	opts      Options
	router    *resource
	routes    []*route
	responses map[string]*gatewayResponse
	transport http.RoundTripper
	maxURL    int
	limits    streamLimits
}

// Route describes one method for people to read.
type Route struct {
	Method, Path string
	Protected    bool   // has an authorizer
	Integration  string // "AWS_PROXY Agent255F68E9", "HTTP GET http://127.0.0.1:3003/orders", "MOCK"
}

// New compiles an API. Every mapping expression and template is read here; the error joins all that is wrong or not
// implemented, each naming the method or construct and the property.
func New(api *template.API, opts Options) (*Gateway, error) {
	if opts.Invoke == nil {
		return nil, errors.New("gateway: Options.Invoke is nil")
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{api: api, opts: opts, router: newResource(), responses: map[string]*gatewayResponse{}, maxURL: maxURLRegional,
		transport: &http.Transport{
			Proxy:              nil, // an integration goes where the template says
			DisableCompression: true,
			MaxIdleConns:       100, MaxIdleConnsPerHost: 20, IdleConnTimeout: 60 * time.Second,
		}}
	g.limits = regionalStreams
	if api.EndpointType == "EDGE" {
		g.maxURL, g.limits.idle = maxURLEdge, edgeStreamIdle
	}
	var errs []error
	fail := func(where string, err error) {
		errs = append(errs, fmt.Errorf("gateway: %s: %w", where, err))
	}
	authorizers := map[string]*authorizer{}
	for _, m := range api.Methods {
		r := &route{Method: m}
		if m.Authorizer != nil {
			a := authorizers[m.Authorizer.ID]
			if a == nil {
				var err error
				if a, err = newAuthorizer(m.Authorizer); err != nil {
					fail(fmt.Sprintf("authorizer %s (%s)", m.Authorizer.ConstructPath, m.Authorizer.LogicalID), err)
				}
				authorizers[m.Authorizer.ID] = a
			}
			r.authorizer = a
		}
		for _, err := range r.compile() {
			fail(m.Where(), err)
		}
		if m.Integration.Stream && m.Integration.Type == "AWS_PROXY" && opts.InvokeStream == nil {
			fail(m.Where(), errors.New("property ResponseTransferMode: functions cannot stream here"))
		}
		if len(m.Schemas) > 0 && len(api.BinaryMediaTypes) > 0 {
			fail(m.Where(), errors.New("property RequestValidatorId: body validation is not implemented on an API with BinaryMediaTypes"))
		}
		if err := g.router.add(r); err != nil {
			fail(m.Where(), err)
		}
		g.routes = append(g.routes, r)
	}
	for _, gr := range api.GatewayResponses {
		compiled, err := newGatewayResponse(gr)
		if err != nil {
			fail(fmt.Sprintf("gateway response %s (%s)", gr.ConstructPath, gr.LogicalID), err)
		}
		g.responses[gr.Type] = compiled
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return g, nil
}

// Routes returns the methods, sorted by path and then method.
func (g *Gateway) Routes() []Route {
	out := make([]Route, 0, len(g.routes))
	for _, r := range g.routes {
		what := r.Integration.Type
		switch what {
		case "AWS_PROXY":
			what += " " + r.Integration.FunctionID
		case "HTTP", "HTTP_PROXY":
			what += " " + r.Integration.HTTPMethod + " " + r.Integration.URI
		}
		out = append(out, Route{r.HTTPMethod, r.Path, r.Authorizer != nil, what})
	}
	slices.SortFunc(out, func(a, b Route) int {
		if c := strings.Compare(a.Path, b.Path); c != 0 {
			return c
		}
		return strings.Compare(a.Method, b.Method)
	})
	return out
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := g.newCall(r)
	resp, f := c.run(w)
	if f != nil {
		resp = c.faultResponse(f)
	}
	c.traceResponse(resp, f)
	if resp.stream != nil {
		c.stream(w, resp)
		return
	}
	resp.write(w)
	c.log(resp, f)
}

func (c *call) log(resp *response, f *fault) {
	attrs := []any{"request", c.requestID, "method", c.method, "resource", "", "status", resp.status,
		"ms", c.g.opts.Now().Sub(c.start).Milliseconds()}
	if c.route != nil {
		attrs[5] = c.route.Path
	}
	if f == nil {
		c.g.opts.Log.Info("gateway", attrs...)
		return
	}
	c.g.opts.Log.Warn("gateway", append(attrs, "type", f.kind, "cause", f.cause)...)
}

// Package socket serves WebSocket APIs the way Amazon API Gateway does, from the model that package template reads out
// of a CloudFormation template: the handshake with the authorizer and the integration of $connect, the routes of
// messages, $disconnect, and the @connections commands of backends.
//
// An API is served on the host of the REST API, at the paths of its stage and of its mappings. On AWS a CloudFront
// distribution in front of both has the same paths (docs/websocket.md).
//
// # Where AWS is not documented
//
// The reading that is harder on the application is taken, so that an application that works here works there:
//
//   - messages of one connection are answered side by side, in no order;
//   - pings do not count against the idle timeout, messages in both directions do;
//   - a message whose selected value is $connect or $disconnect goes to $default;
//   - a two-way route whose function returns no body sends no message;
//   - a two-way route whose function returns more than the message quota fails.
//
// Not implemented, and refused by New or by package template: integrations other than Lambda proxies, API keys, IAM
// authorization, models, JSONPath beyond names and dots, binary messages of backends. Throttling never happens.
package socket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tokenhandler/aws/local/internal/gateway"
	"github.com/tokenhandler/aws/local/internal/template"
)

// Options configures [APIs].
type Options struct {
	Invoke gateway.Invoker // required
	// Domain is the host and port of [Server.Management]: requestContext.domainName of events, from which functions make
	// the address of the @connections commands.
	Domain string

	Now func() time.Time // time.Now when nil

	// Log receives a record for each handshake, message, command and end of a connection: route, status, duration and
	// cause of an error. Never a header, a query, a message, an id or anything an authorizer returned.
	Log *slog.Logger

	Trace gateway.TraceOptions
}

// APIs are WebSocket APIs, compiled.
type APIs struct {
	opts   Options
	list   []*api
	byPath map[string]*api
}

// api is a WebSocket API, compiled.
type api struct {
	*template.WebSocketAPI
	opts      *Options
	selection selection
	identity  []identitySource
	routes    map[string]*template.WebSocketRoute
}

// New compiles APIs. The error joins all that is wrong or not implemented, each naming the construct and the property.
func New(apis []*template.WebSocketAPI, opts Options) (*APIs, error) {
	if opts.Invoke == nil {
		return nil, errors.New("socket: Options.Invoke is nil")
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	out := &APIs{opts: opts, byPath: map[string]*api{}}
	var errs []error
	for _, t := range apis {
		a := &api{WebSocketAPI: t, opts: &out.opts, routes: map[string]*template.WebSocketRoute{}}
		fail := func(property string, err error) {
			errs = append(errs, fmt.Errorf("socket: %s (%s): property %s: %w", t.ConstructPath, t.LogicalID, property, err))
		}
		var err error
		if a.selection, err = parseSelection(t.RouteSelection); err != nil {
			fail("RouteSelectionExpression", err)
		}
		if authorizer := t.Authorizer(); authorizer != nil {
			for _, expression := range authorizer.IdentitySources {
				source, err := parseIdentity(expression)
				if err != nil {
					fail("IdentitySource of "+authorizer.Name, err)
				}
				a.identity = append(a.identity, source)
			}
		}
		for _, r := range t.Routes {
			a.routes[r.Key] = r
		}
		for _, path := range t.Paths {
			out.byPath[path] = a
		}
		out.list = append(out.list, a)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return out, nil
}

// Routes returns the routes of all APIs, for people to read.
func (a *APIs) Routes() []gateway.Route {
	var out []gateway.Route
	for _, one := range a.list {
		for _, r := range one.WebSocketAPI.Routes {
			behind := "no integration"
			if r.FunctionID != "" {
				behind = "AWS_PROXY " + r.FunctionID
			}
			out = append(out, gateway.Route{Method: "WS", Path: one.name() + " " + r.Key, Protected: one.Authorizer() != nil, Integration: behind})
		}
	}
	return out
}

// name is the path at which people open the API.
func (a *api) name() string {
	if len(a.Paths) == 0 {
		return "/" + a.Stage
	}
	return a.Paths[0]
}

// Quotas of WebSocket APIs. AWS: "Quotas for configuring and running a WebSocket API in API Gateway".
const (
	maxFrame   = 32 << 10  // "WebSocket frame size"
	maxMessage = 128 << 10 // "Message payload size"
	maxResult  = 8 << 10   // "AWS Lambda authorizer result size"
	maxURL     = 4096      // "Length, in characters, of the URL for a WebSocket API"
)

// Bounds of the local run.
const (
	maxConnections = 1000
	maxInFlight    = 16 // messages of one connection; further ones wait
	writeTimeout   = 10 * time.Second
)

// limits are the quotas in time.
type limits struct {
	idle time.Duration // "Idle Connection Timeout: 10 minutes"
	life time.Duration // "Connection duration for WebSocket API: 2 hours"
}

// Server has the connections. Its APIs can be replaced while it serves: open connections go on with the new ones.
type Server struct {
	current atomic.Pointer[APIs]
	limits  limits
	ctx     context.Context // of all connections
	cancel  context.CancelFunc

	mu          sync.Mutex
	connections map[string]*connection
	open        int  // with those on their way
	closing     bool // no further connections
	ended       sync.WaitGroup
}

// NewServer returns a server without APIs.
func NewServer() *Server {
	s := &Server{limits: limits{idle: 10 * time.Minute, life: 2 * time.Hour}, connections: map[string]*connection{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Use replaces the APIs. It ends connections of APIs that are gone, without $disconnect.
func (s *Server) Use(apis *APIs) {
	s.current.Store(apis)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.connections {
		if s.again(c.api) == nil {
			go c.end(closeGoingAway, goingAway)
		}
	}
}

// Handler takes the handshakes of the APIs, and leaves other requests to rest.
func (s *Server) Handler(rest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a := s.find(r.URL.Path); a != nil && upgrades(r) {
			s.serve(w, r, a)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// find returns the API at a path.
func (s *Server) find(path string) *api {
	apis := s.current.Load()
	if apis == nil {
		return nil
	}
	if trimmed := strings.TrimSuffix(path, "/"); trimmed != "" {
		path = trimmed
	}
	return apis.byPath[path]
}

// upgrades reports whether a request is the handshake of a WebSocket (RFC 6455 section 4.2.1).
func upgrades(r *http.Request) bool { return has(r.Header, "Upgrade", "websocket") }

// has reports whether a header is a list with a token.
func has(header http.Header, name, token string) bool {
	return slices.ContainsFunc(header.Values(name), func(list string) bool {
		return slices.ContainsFunc(strings.Split(list, ","), func(element string) bool {
			return strings.EqualFold(strings.TrimSpace(element), token)
		})
	})
}

// again returns the present state of an API, nil if it is gone.
func (s *Server) again(a *api) *api {
	for _, now := range s.current.Load().list {
		if now.ID == a.ID && now.Stage == a.Stage {
			return now
		}
	}
	return nil
}

// Close ends all connections, and waits for their $disconnect for a moment.
func (s *Server) Close() {
	s.mu.Lock()
	s.closing = true
	for _, c := range s.connections {
		go c.end(closeGoingAway, goingAway)
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.ended.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
	}
	s.cancel()
}

func (a *api) log(route string, status int, began time.Time, cause string) {
	attrs := []any{"method", "WS", "resource", a.name() + " " + route, "status", status, "ms", a.opts.Now().Sub(began).Milliseconds()}
	if cause == "" {
		a.opts.Log.Info("socket", attrs...)
		return
	}
	a.opts.Log.Warn("socket", append(attrs, "cause", cause)...)
}

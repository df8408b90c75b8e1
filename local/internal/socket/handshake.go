package socket

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/tokenhandler/aws/local/internal/gateway"
	"github.com/tokenhandler/aws/local/internal/template"
	"github.com/tokenhandler/aws/local/internal/trace"
)

// refusal is an HTTP response instead of a connection.
type refusal struct {
	status  int
	message string
	cause   string
}

// serve opens a connection, and serves it until it ends.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, a *api) {
	began := a.opts.Now()
	client, err := newClient(r, began)
	c := &connection{server: s, api: a, id: newID(), client: client, connectedAt: began, slots: make(chan struct{}, maxInFlight), opened: make(chan struct{})}
	c.touch(began)
	context := c.requestContext(a, template.RouteConnect, "CONNECT")
	id := context["requestId"].(string)
	rec := a.opts.Trace.Log.Begin(id, began)
	c.traceRequest(rec, r)
	var protocol string
	f := malformed(r, err)
	if f == nil && a.Authorizer() == nil && foreign(r.Header.Get("Origin")) {
		f = &refusal{http.StatusForbidden, "Forbidden", "the API has no authorizer, and the page is not of this machine"}
	}
	if f == nil && !s.reserve() {
		f = &refusal{http.StatusTooManyRequests, "Too Many Requests", "too many open connections"}
	}
	if f == nil {
		defer s.release()
		f = c.authorize(r, rec, context)
	}
	if f == nil {
		protocol, f = c.connect(r, rec, context)
	}
	status, cause := http.StatusSwitchingProtocols, ""
	if f != nil {
		status, cause = f.status, f.cause
	}
	c.traceResponse(rec, status, cause, began)
	a.log(template.RouteConnect, status, began, cause)
	if f != nil {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("x-amzn-RequestId", id)
		w.WriteHeader(f.status)
		json.NewEncoder(w).Encode(map[string]string{"message": f.message, "connectionId": c.id, "requestId": id})
		return
	}
	// The authorizer decides over the Origin. API Gateway itself does not look at it.
	options := &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled}
	if protocol != "" {
		options.Subprotocols = []string{protocol}
	}
	s.add(c)
	if c.ws, err = websocket.Accept(w, r, options); err != nil {
		c.ws, c.code = nil, closeAbnormal
		close(c.opened)
	} else {
		c.run()
	}
	s.remove(c)
	c.disconnect(c.code, c.reason)
}

// malformed checks a handshake before any function sees it; err is of its query string.
func malformed(r *http.Request, err error) *refusal {
	switch {
	case len(r.RequestURI) > maxURL:
		return &refusal{http.StatusRequestURITooLong, "Request URI too long", "URL over the quota"}
	case err != nil:
		return &refusal{http.StatusBadRequest, "Bad Request", "malformed query string"}
	}
	// RFC 6455 section 4.2.1.
	keys := r.Header.Values("Sec-WebSocket-Key")
	if r.Method != http.MethodGet || !r.ProtoAtLeast(1, 1) || !has(r.Header, "Connection", "Upgrade") ||
		r.Header.Get("Sec-WebSocket-Version") != "13" || len(keys) != 1 || !nonce(keys[0]) {
		return &refusal{http.StatusBadRequest, "Bad Request", "not a handshake of WebSocket version 13"}
	}
	return nil
}

// nonce reports whether a key is "a base64-encoded … value that, when decoded, is 16 bytes in length".
func nonce(key string) bool {
	value, err := base64.StdEncoding.DecodeString(strings.TrimSpace(key))
	return err == nil && len(value) == 16
}

// foreign reports whether an origin is not of this machine. API Gateway does not look at the Origin, so every page may
// open an API without an authorizer. Here that would let every page that the developer visits talk to functions on this
// machine. Authorizers get all origins and decide themselves.
func foreign(origin string) bool {
	if origin == "" {
		return false // not a browser
	}
	u, err := url.Parse(origin)
	if err != nil {
		return true
	}
	return !Loopback(u.Hostname())
}

// Loopback reports whether a host is this machine by its name (RFC 6761 section 6.3) or address, without looking it up.
// Letter case does not count (RFC 9110 section 4.2.3).
func Loopback(host string) bool {
	ip, host := net.ParseIP(host), strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// authorize asks the authorizer of $connect.
func (c *connection) authorize(r *http.Request, rec *trace.Record, context map[string]any) *refusal {
	a := c.api
	authorizer := a.Authorizer()
	if authorizer == nil {
		return nil
	}
	for _, source := range a.identity {
		if !source.present(c.client.header, c.client.query, a.StageVariables, context) {
			cause := "an identity source is missing"
			rec.Step(trace.Step{Name: "authorizer", Title: authorizer.Name, Result: "refused", Note: "No decision: " + cause + "."})
			return &refusal{http.StatusUnauthorized, "Unauthorized", cause}
		}
	}
	d := gateway.Authorize(r.Context(), a.opts.Invoke, a.opts.Now, gateway.Question{
		FunctionID: authorizer.FunctionID, Event: c.authorizerEvent(a, context), ARN: a.connectARN(), MaxResult: maxResult,
		Header: r.Header, Record: rec, Trace: a.opts.Trace,
	})
	if d.Status != http.StatusOK {
		message := map[int]string{http.StatusUnauthorized: "Unauthorized", http.StatusForbidden: "Forbidden"}[d.Status]
		if message == "" {
			message = "Internal server error"
		}
		return &refusal{d.Status, message, d.Cause}
	}
	c.authorizer = d.Context
	context["authorizer"] = d.Context
	return nil
}

// connect asks the integration of $connect, and returns the subprotocol that it chose. AWS: "If the $connect request
// fails (e.g., due to AuthN/AuthZ failure or an integration failure), the connection will not be made", and "Set up a
// $connect route that requires a WebSocket subprotocol".
func (c *connection) connect(r *http.Request, rec *trace.Record, context map[string]any) (protocol string, f *refusal) {
	route := c.api.routes[template.RouteConnect]
	if route == nil || route.FunctionID == "" {
		return "", nil
	}
	began := c.api.opts.Now()
	output, failure := c.api.invoke(r.Context(), route, c.connectEvent(c.api, context))
	switch {
	case failure != nil:
		f = failure
	case output.Status >= 300:
		f = &refusal{output.Status, http.StatusText(output.Status), fmt.Sprintf("the integration of $connect returned status %d", output.Status)}
	}
	step := trace.Step{Name: "upstream", Title: c.api.functionName(route.FunctionID), Result: "ok", MS: c.api.since(began)}
	if f != nil {
		step.Result, step.Note = "refused", f.cause+"."
	}
	rec.Step(step)
	return strings.TrimSpace(output.Header.Get("Sec-WebSocket-Protocol")), f
}

func (a *api) since(t time.Time) float64 { return float64(a.opts.Now().Sub(t).Microseconds()) / 1000 }

func (a *api) functionName(id string) string {
	if name := a.opts.Trace.Names[id]; name != "" {
		return "The " + name + " Lambda"
	}
	return id
}

// traceRequest records the handshake.
func (c *connection) traceRequest(rec *trace.Record, r *http.Request) {
	if rec == nil {
		return
	}
	origin := trace.Header("Origin", r.Header.Get("Origin"))
	s := trace.Step{Name: "request", Title: "WebSocket handshake", Result: "info", Note: "No Origin header."}
	if origin != "" {
		s.Note = "From a page at " + origin + "."
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			s.Rows = append(s.Rows, trace.Row{Name: trace.Name(name), Value: trace.Header(name, value)})
			rec.Secret(trace.Secrets(name, value)...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.client.query)) {
		for _, value := range c.client.query[name] {
			s.Rows = append(s.Rows, trace.Row{Name: "query " + trace.Param(name), Value: trace.Header("", value)})
			rec.Secret(value)
		}
	}
	rec.Set(func(r *trace.Record) {
		r.Kind, r.Method, r.Resource, r.Origin = "api", "GET", c.api.name()+" "+template.RouteConnect, origin
	})
	rec.Step(s)
}

// traceResponse records the answer to the handshake, and ends the record.
func (c *connection) traceResponse(rec *trace.Record, status int, cause string, began time.Time) {
	s := trace.Step{Name: "response", Title: fmt.Sprintf("%d %s", status, http.StatusText(status)), Result: "ok"}
	if cause != "" {
		s.Result, s.Note = "refused", "The page sees an error event, without the status: "+cause+"."
	}
	rec.Step(s)
	rec.Set(func(r *trace.Record) {
		r.Status, r.MS, r.Refused = status, c.api.since(began), cause != ""
		if cause != "" && r.Explain == nil {
			r.Explain = trace.ExplainAnswer(status)
			r.Explain.Reason = strings.ToUpper(cause[:1]) + cause[1:] + "."
		}
	})
	rec.End()
}

package socket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/tokenhandler/aws/local/internal/gateway"
	"github.com/tokenhandler/aws/local/internal/template"
)

// Close codes (RFC 6455 section 7.4.1), and the reasons that go with them.
const (
	closeNormal      = int(websocket.StatusNormalClosure)
	closeGoingAway   = int(websocket.StatusGoingAway)
	closeUnsupported = int(websocket.StatusUnsupportedData)
	closeNoStatus    = int(websocket.StatusNoStatusRcvd)
	closeAbnormal    = int(websocket.StatusAbnormalClosure)
	closeInvalid     = int(websocket.StatusInvalidFramePayloadData)
	closeTooBig      = int(websocket.StatusMessageTooBig)

	goingAway    = "Going away"
	statusNotSet = "Client-side close frame status not set" // of 1005, as API Gateway words it
)

// connection is an open WebSocket.
type connection struct {
	server      *Server
	api         *api
	id          string
	client      client
	authorizer  map[string]any // the authorizer's context
	connectedAt time.Time
	activeAt    atomic.Int64 // Unix milliseconds
	slots       chan struct{}

	opened chan struct{}   // closed once ws and idle are set
	ws     *websocket.Conn // nil: the client was gone
	idle   *time.Timer

	once   sync.Once // of code and reason
	code   int
	reason string
}

// reserve takes a place for a connection.
func (s *Server) reserve() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= maxConnections || s.closing {
		return false
	}
	s.open++
	s.ended.Add(1)
	return true
}

func (s *Server) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.ended.Done()
}

// add makes a connection known, before the client learns that it is open.
func (s *Server) add(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections[c.id] = c
	if s.closing || s.again(c.api) == nil { // since the handshake began
		go c.end(closeGoingAway, goingAway)
	}
}

func (s *Server) remove(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connections, c.id)
}

// connected returns an open connection of an API.
func (s *Server) connected(a *api, id string) *connection {
	s.mu.Lock()
	c := s.connections[id]
	s.mu.Unlock()
	if c == nil || c.api.ID != a.ID || c.api.Stage != a.Stage {
		return nil
	}
	if <-c.opened; c.ws == nil {
		return nil
	}
	return c
}

// run serves the connection until it ends.
func (c *connection) run() {
	limits := c.server.limits
	c.ws.SetReadLimit(-1) // read has the limits
	ended := func() { c.end(closeGoingAway, goingAway) }
	c.idle = time.AfterFunc(limits.idle, ended)
	defer c.idle.Stop()
	defer time.AfterFunc(limits.life, ended).Stop()
	close(c.opened)
	c.end(c.read())
}

// end closes the connection. The first call decides the code and the reason.
func (c *connection) end(code int, reason string) {
	if <-c.opened; c.ws == nil {
		return
	}
	c.once.Do(func() { c.code, c.reason = code, reason })
	if code == closeNoStatus || code == closeAbnormal { // the client ended it; these codes cannot be sent
		c.ws.CloseNow()
		return
	}
	c.ws.Close(websocket.StatusCode(code), reason)
}

// read reads messages until the connection ends, and returns why it does.
func (c *connection) read() (code int, reason string) {
	buffer := make([]byte, maxFrame+1)
	for {
		kind, r, err := c.ws.Reader(c.server.ctx)
		if err != nil {
			return closed(err)
		}
		if kind != websocket.MessageText {
			// AWS: "If a client app sends a binary frame, API Gateway rejects it and disconnects the client with code
			// 1003."
			return closeUnsupported, "Binary frames are not supported"
		}
		var message []byte
		for {
			// The library returns at most one frame from each call.
			n, err := r.Read(buffer)
			message = append(message, buffer[:n]...)
			if n > maxFrame || len(message) > maxMessage {
				// AWS: "If a larger message (or larger frame size) is received, the connection is closed with code 1009."
				return closeTooBig, "Message too big"
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return closed(err)
			}
		}
		if !utf8.Valid(message) {
			return closeInvalid, "Text is not UTF-8" // RFC 6455 section 8.1
		}
		c.touch(c.api.opts.Now())
		c.slots <- struct{}{}
		go func() {
			defer func() { <-c.slots }()
			c.dispatch(message)
		}()
	}
}

// closed reads the code of an error of the library.
func closed(err error) (code int, reason string) {
	var close websocket.CloseError
	if !errors.As(err, &close) {
		return closeAbnormal, ""
	}
	if int(close.Code) == closeNoStatus {
		return closeNoStatus, statusNotSet
	}
	return int(close.Code), close.Reason
}

// touch notes activity.
func (c *connection) touch(now time.Time) {
	c.activeAt.Store(now.UnixMilli())
	if c.idle != nil {
		c.idle.Reset(c.server.limits.idle)
	}
}

// dispatch selects the route of a message and invokes its function.
func (c *connection) dispatch(message []byte) {
	a := c.server.again(c.api)
	if a == nil {
		c.end(closeGoingAway, goingAway)
		return
	}
	began := a.opts.Now()
	key, _ := a.selection.key(message)
	route := a.routes[key]
	// AWS: "API Gateway calls the $default route if the route selection expression cannot be evaluated against the message
	// or if no matching route is found."
	if route == nil || key == template.RouteConnect || key == template.RouteDisconnect {
		route = a.routes[template.RouteDefault]
	}
	if route == nil {
		a.log("(no route)", http.StatusForbidden, began, "no route matches, and there is no $default")
		c.complain("Forbidden", newID())
		return
	}
	requestContext := c.requestContext(a, route.Key, "MESSAGE")
	requestContext["messageId"] = newID()
	output, f := a.invoke(c.server.ctx, route, c.messageEvent(a, requestContext, message))
	if f != nil {
		a.log(route.Key, f.status, began, f.cause)
		message := f.message
		if f.status == http.StatusBadGateway {
			message = "Internal server error"
		}
		c.complain(message, requestContext["requestId"].(string))
		return
	}
	if route.TwoWay && len(output.Body) > maxMessage {
		a.log(route.Key, output.Status, began, "the response is over the message quota of 128 KB")
		c.complain("Internal server error", requestContext["requestId"].(string))
		return
	}
	a.log(route.Key, output.Status, began, "")
	if route.TwoWay && output.Body != "" {
		c.send([]byte(output.Body))
	}
}

// complain tells the client that a message failed, in API Gateway's words.
func (c *connection) complain(message, requestID string) {
	text, err := json.Marshal(map[string]string{"message": message, "connectionId": c.id, "requestId": requestID})
	if err == nil {
		c.send(text)
	}
}

// send sends a text message.
func (c *connection) send(text []byte) error {
	ctx, cancel := context.WithTimeout(c.server.ctx, writeTimeout)
	defer cancel()
	if err := c.ws.Write(ctx, websocket.MessageText, text); err != nil {
		return fmt.Errorf("socket: send: %w", err)
	}
	c.touch(c.api.opts.Now())
	return nil
}

// disconnect invokes the integration of $disconnect. AWS: "$disconnect is a best-effort event."
func (c *connection) disconnect(code int, reason string) {
	a := c.server.again(c.api)
	if a == nil {
		return
	}
	began := a.opts.Now()
	route := a.routes[template.RouteDisconnect]
	if route == nil || route.FunctionID == "" {
		a.log(template.RouteDisconnect, code, began, "")
		return
	}
	_, f := a.invoke(c.server.ctx, route, c.disconnectEvent(a, c.requestContext(a, template.RouteDisconnect, "DISCONNECT"), code, reason))
	cause := ""
	if f != nil {
		cause = f.cause
	}
	a.log(template.RouteDisconnect, code, began, cause)
}

// invoke runs the function of a route.
func (a *api) invoke(ctx context.Context, route *template.WebSocketRoute, event map[string]any) (gateway.ProxyOutput, *refusal) {
	payload, err := json.Marshal(event)
	if err != nil {
		return gateway.ProxyOutput{}, &refusal{http.StatusInternalServerError, "Internal server error", "event cannot be encoded"}
	}
	ctx, cancel := context.WithTimeout(ctx, route.Timeout)
	defer cancel()
	result, err := a.opts.Invoke(ctx, route.FunctionID, payload)
	badGateway := func(cause string) (gateway.ProxyOutput, *refusal) {
		return gateway.ProxyOutput{}, &refusal{http.StatusBadGateway, "Internal server error", cause}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return gateway.ProxyOutput{}, &refusal{http.StatusGatewayTimeout, "Endpoint request timed out", "function exceeded the integration's timeout"}
	case err != nil:
		return gateway.ProxyOutput{}, &refusal{http.StatusInternalServerError, "Internal server error", "function could not be run: " + err.Error()}
	case result.FunctionError:
		return badGateway("function failed")
	}
	output, err := gateway.ParseProxyOutput(result.Payload)
	if err != nil {
		return badGateway("malformed Lambda proxy response: " + err.Error())
	}
	return output, nil
}

package socket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/tokenhandler/aws/local/internal/gateway"
	"github.com/tokenhandler/aws/local/internal/template"
	"github.com/tokenhandler/aws/local/internal/trace"
)

const allow = `{"principalId":"demo","policyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke",` +
	`"Resource":"arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/events/$connect"}]},"context":{"token":"Bearer secret-token","expires":1700000000,"active":true}}`

// events is a WebSocket API as package template reads it.
func events() *template.WebSocketAPI {
	return &template.WebSocketAPI{
		LogicalID: "Events", ConstructPath: "Stack/Events", ID: "abcdef1234", Name: "Events", Partition: "aws", Region: "eu-west-1",
		AccountID: "123456789012", Host: "abcdef1234.execute-api.eu-west-1.amazonaws.com", RouteSelection: "$request.body.action",
		Stage: "events", Paths: []string{"/events", "/live"},
		Routes: []*template.WebSocketRoute{
			{Key: "$connect", FunctionID: "OnConnect", Timeout: time.Minute, Authorizer: &template.Authorizer{Name: "Proxy", ID: "auth01", FunctionID: "Proxy"}},
			{Key: "$default", FunctionID: "Default", Timeout: time.Minute, TwoWay: true},
			{Key: "$disconnect", FunctionID: "OnDisconnect", Timeout: time.Minute},
			{Key: "tell", FunctionID: "Tell", Timeout: time.Minute},
		},
	}
}

// bench is a server under test with functions that answer by name.
type bench struct {
	*Server
	url        string // ws://…
	management *httptest.Server
	log        logged
	trace      *trace.Log

	mu      sync.Mutex
	answer  map[string]string // of a function; "broken" fails, "hang" waits for the deadline, "wait" for waiting
	waiting chan struct{}
	events  chan map[string]any
}

// logged is a log that may be read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const domain = "127.0.0.1:3008"

func (b *bench) invoke(ctx context.Context, id string, payload []byte) (gateway.Result, error) {
	var event map[string]any
	if err := json.Unmarshal(payload, &event); err != nil {
		return gateway.Result{}, err
	}
	event["function"] = id
	b.events <- event
	b.mu.Lock()
	answer, ok := b.answer[id]
	b.mu.Unlock()
	switch {
	case !ok:
		return gateway.Result{Payload: []byte(`{"statusCode":200}`)}, nil
	case answer == "hang":
		<-ctx.Done()
		return gateway.Result{}, ctx.Err()
	case answer == "wait":
		<-b.waiting
		return gateway.Result{Payload: []byte(`{"statusCode":200}`)}, nil
	case answer == "broken":
		return gateway.Result{}, errors.New("no such file")
	case strings.HasPrefix(answer, `{"errorMessage"`):
		return gateway.Result{Payload: []byte(answer), FunctionError: true}, nil
	}
	return gateway.Result{Payload: []byte(answer)}, nil
}

func (b *bench) set(function, answer string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer[function] = answer
}

func (b *bench) use(t *testing.T, apis ...*template.WebSocketAPI) {
	t.Helper()
	compiled, err := New(apis, Options{Invoke: b.invoke, Domain: domain, Log: slog.New(slog.NewTextHandler(&b.log, nil)),
		Trace: gateway.TraceOptions{Log: b.trace}})
	if err != nil {
		t.Fatal(err)
	}
	b.Use(compiled)
}

func newBench(t *testing.T, edit func(*template.WebSocketAPI)) *bench {
	t.Helper()
	b := &bench{Server: NewServer(), answer: map[string]string{"Proxy": allow}, waiting: make(chan struct{}), events: make(chan map[string]any, 100), trace: trace.NewLog()}
	a := events()
	if edit != nil {
		edit(a)
	}
	b.use(t, a)
	rest := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "rest") })
	front := httptest.NewServer(b.Handler(rest))
	b.url = strings.Replace(front.URL, "http", "ws", 1)
	b.management = httptest.NewServer(b.Management())
	t.Cleanup(front.Close)
	t.Cleanup(b.management.Close)
	t.Cleanup(b.Close)
	return b
}

// next returns the next event, which must be of the function.
func (b *bench) next(t *testing.T, function string) map[string]any {
	t.Helper()
	select {
	case event := <-b.events:
		if event["function"] != function {
			t.Fatalf("%v was invoked, want %s", event["function"], function)
		}
		delete(event, "function")
		return event
	case <-time.After(20 * time.Second):
		t.Fatalf("%s was not invoked", function)
		return nil
	}
}

func (b *bench) dial(t *testing.T, path string, options *websocket.DialOptions) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ws, response, err := websocket.Dial(ctx, b.url+path, options)
	if ws != nil {
		t.Cleanup(func() { ws.CloseNow() })
	}
	return ws, response, err
}

// open opens a connection and returns it with its id.
func (b *bench) open(t *testing.T) (*websocket.Conn, string) {
	t.Helper()
	ws, _, err := b.dial(t, "/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	b.next(t, "Proxy")
	id := field(b.next(t, "OnConnect"), "requestContext.connectionId")
	return ws, id.(string)
}

// empty waits until no connection is left.
func (b *bench) empty(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		b.Server.mu.Lock()
		open, known := b.Server.open, len(b.Server.connections)
		b.Server.mu.Unlock()
		if open == 0 && known == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are left, %d of them known", open, known)
		}
	}
}

func write(t *testing.T, ws *websocket.Conn, text string) {
	t.Helper()
	if err := ws.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, ws *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, text, err := ws.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// closeCode reads until the server ends the connection.
func closeCode(t *testing.T, ws *websocket.Conn) websocket.StatusCode {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, _, err := ws.Read(ctx)
	return websocket.CloseStatus(err)
}

// field is a nested member of an event.
func field(event map[string]any, path string) any {
	var value any = event
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

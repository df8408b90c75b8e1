package socket

import (
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/tokenhandler/aws/local/internal/template"
)

func TestMessages(t *testing.T) {
	for _, tt := range []struct {
		name, message    string
		edit             func(*template.WebSocketAPI)
		function, answer string
		reply            string // "": no message comes back
	}{
		{"a two-way route", "hello", nil, "Default", `{"statusCode":200,"body":"back"}`, "back"},
		{"a two-way route with an error status", "hello", nil, "Default", `{"statusCode":500,"body":"sorry"}`, "sorry"},
		{"a two-way route with 128 KB", "hello", nil, "Default", `{"statusCode":200,"body":"` + strings.Repeat("x", 128<<10) + `"}`, "xxx"},
		{"a two-way route above 128 KB", "hello", nil, "Default", `{"statusCode":200,"body":"` + strings.Repeat("x", 128<<10+1) + `"}`, `"message":"Internal server error"`},
		{"a one-way route above 128 KB", `{"action":"tell"}`, nil, "Tell", `{"statusCode":200,"body":"` + strings.Repeat("x", 128<<10+1) + `"}`, ""},
		{"a one-way route", `{"action":"tell"}`, nil, "Tell", `{"statusCode":200,"body":"unheard"}`, ""},
		{"no such route", `{"action":"sing"}`, nil, "Default", `{"statusCode":200,"body":"back"}`, "back"},
		{"a reserved route", `{"action":"$disconnect"}`, nil, "Default", `{"statusCode":200,"body":"back"}`, "back"},
		{"another reserved route", `{"action":"$connect"}`, nil, "Default", `{"statusCode":200,"body":"back"}`, "back"},
		{"a function that fails", "hello", nil, "Default", `{"errorMessage":"boom"}`, `"message":"Internal server error"`},
		{"a function that fails on a one-way route", `{"action":"tell"}`, nil, "Tell", `{"errorMessage":"boom"}`, `"message":"Internal server error"`},
		{"a malformed response", "hello", nil, "Default", `"text"`, `"message":"Internal server error"`},
		{"a function that hangs", "hello", func(a *template.WebSocketAPI) { a.Routes[1].Timeout = 1e6 }, "Default", "hang", `"message":"Endpoint request timed out"`},
		{"no route and no $default", "hello", func(a *template.WebSocketAPI) { a.Routes = a.Routes[:1] }, "", "", `"message":"Forbidden"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, tt.edit)
			ws, id := b.open(t)
			ws.SetReadLimit(-1)
			b.set(tt.function, tt.answer)
			write(t, ws, tt.message)
			if tt.function != "" {
				b.next(t, tt.function)
			}
			if tt.reply == "" {
				// The reply to the next message is the first to arrive.
				b.set("Default", `{"statusCode":200,"body":"next"}`)
				write(t, ws, "next")
				tt.reply = "next"
			}
			got := read(t, ws)
			if !strings.Contains(got, tt.reply) {
				t.Errorf("got %.200s, want %s", got, tt.reply)
			}
			if strings.Contains(tt.reply, "message") && !strings.Contains(got, `"connectionId":"`+id+`"`) {
				t.Errorf("%s lacks the connection's id", got)
			}
			if strings.Contains(got, "boom") {
				t.Errorf("the client sees the function's error: %s", got)
			}
		})
	}
}

// One slow message does not hold up another.
func TestMessagesSideBySide(t *testing.T) {
	b := newBench(t, nil)
	ws, _ := b.open(t)
	b.set("Tell", "hang")
	write(t, ws, `{"action":"tell"}`)
	b.next(t, "Tell")
	b.set("Default", `{"statusCode":200,"body":"quick"}`)
	write(t, ws, "x")
	if got := read(t, ws); got != "quick" {
		t.Errorf("got %q", got)
	}
	b.cancel() // ends the invocation that hangs
}

func TestQuotas(t *testing.T) {
	kilobytes := func(n int) []byte { return []byte(strings.Repeat("x", n<<10)) }
	for _, tt := range []struct {
		name   string
		kind   websocket.MessageType
		frames [][]byte
		want   websocket.StatusCode // 0: it is passed on
	}{
		{"a frame of 32 KB", websocket.MessageText, [][]byte{kilobytes(32)}, 0},
		{"a frame above 32 KB", websocket.MessageText, [][]byte{append(kilobytes(32), 'x')}, websocket.StatusMessageTooBig},
		{"128 KB in frames of 32 KB", websocket.MessageText, [][]byte{kilobytes(32), kilobytes(32), kilobytes(32), kilobytes(32)}, 0},
		{"above 128 KB", websocket.MessageText, [][]byte{kilobytes(32), kilobytes(32), kilobytes(32), kilobytes(32), {'x'}}, websocket.StatusMessageTooBig},
		{"a second frame above 32 KB", websocket.MessageText, [][]byte{{'x'}, append(kilobytes(32), 'x')}, websocket.StatusMessageTooBig},
		{"binary", websocket.MessageBinary, [][]byte{{1}}, websocket.StatusUnsupportedData},
		{"not UTF-8", websocket.MessageText, [][]byte{{0xff}}, websocket.StatusInvalidFramePayloadData},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			ws, _ := b.open(t)
			w, err := ws.Writer(t.Context(), tt.kind)
			if err != nil {
				t.Fatal(err)
			}
			size := 0
			for _, frame := range tt.frames {
				if _, err := w.Write(frame); err != nil {
					break // the server has closed
				}
				size += len(frame)
			}
			_ = w.Close()
			if tt.want == 0 {
				if got, _ := field(b.next(t, "Default"), "body").(string); len(got) != size {
					t.Errorf("the function received %d bytes, want %d", len(got), size)
				}
				return
			}
			if got := closeCode(t, ws); got != tt.want {
				t.Errorf("closed with %d, want %d", got, tt.want)
			}
			if got := field(b.next(t, "OnDisconnect"), "requestContext.disconnectStatusCode"); got != float64(tt.want) {
				t.Errorf("$disconnect has %v, want %d", got, tt.want)
			}
		})
	}
}

func TestTimeLimits(t *testing.T) {
	for name, short := range map[string]limits{
		"idle": {idle: 20 * time.Millisecond, life: time.Hour}, "life": {idle: time.Hour, life: 20 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.limits = short
			ws, _ := b.open(t)
			if got := closeCode(t, ws); got != websocket.StatusGoingAway {
				t.Errorf("closed with %d, want 1001", got)
			}
			if got := field(b.next(t, "OnDisconnect"), "requestContext.disconnectStatusCode"); got != 1001.0 {
				t.Errorf("$disconnect has %v", got)
			}
		})
	}
}

func TestDisconnect(t *testing.T) {
	for name, tt := range map[string]struct {
		leave  func(*websocket.Conn)
		code   float64
		reason string
	}{
		"without a status": {func(ws *websocket.Conn) { ws.Close(websocket.StatusNoStatusRcvd, "") }, 1005, "Client-side close frame status not set"},
		"normal":           {func(ws *websocket.Conn) { ws.Close(websocket.StatusNormalClosure, "bye") }, 1000, "bye"},
		"without a frame":  {func(ws *websocket.Conn) { ws.CloseNow() }, 1006, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			ws, _ := b.open(t)
			tt.leave(ws)
			event := b.next(t, "OnDisconnect")
			if code, reason := field(event, "requestContext.disconnectStatusCode"), field(event, "requestContext.disconnectReason"); code != tt.code || reason != tt.reason {
				t.Errorf("got %v %q, want %v %q", code, reason, tt.code, tt.reason)
			}
		})
	}
}

func TestCloseEndsConnections(t *testing.T) {
	b := newBench(t, nil)
	ws, _ := b.open(t)
	code := make(chan websocket.StatusCode)
	go func() { code <- closeCode(t, ws) }()
	b.Close()
	if got := <-code; got != websocket.StatusGoingAway {
		t.Errorf("closed with %d", got)
	}
	b.next(t, "OnDisconnect")
	b.empty(t)
	if _, response, err := b.dial(t, "/events", nil); err == nil || response.StatusCode != 429 {
		t.Errorf("a connection after the end: got %v", response)
	}
}

// An end while a function runs cancels it, and leaves no connection behind.
func TestCloseCancelsFunctions(t *testing.T) {
	b := newBench(t, nil)
	ws, _ := b.open(t)
	b.set("Default", "hang")
	b.set("OnDisconnect", "hang")
	go func() {
		for err := error(nil); err == nil; {
			_, _, err = ws.Read(t.Context())
		}
	}()
	for range maxInFlight + 2 { // the last ones wait for a slot
		write(t, ws, "x")
	}
	for range maxInFlight {
		b.next(t, "Default")
	}
	b.Close()
	b.empty(t)
}

// A reload or the end can come while functions decide about a connection.
func TestLateConnection(t *testing.T) {
	b := newBench(t, nil)
	b.set("OnConnect", "wait")
	code := make(chan websocket.StatusCode)
	go func() {
		ws, _, err := b.dial(t, "/events", nil)
		if err != nil {
			code <- 0
			return
		}
		code <- closeCode(t, ws)
	}()
	b.next(t, "Proxy")
	b.next(t, "OnConnect")
	b.use(t) // the API is gone
	close(b.waiting)
	if got := <-code; got != websocket.StatusGoingAway {
		t.Errorf("closed with %d", got)
	}
}

// Open connections go on with the APIs of a reload.
func TestUseReplacesAPIs(t *testing.T) {
	b := newBench(t, nil)
	ws, _ := b.open(t)
	changed := events()
	changed.Routes[1].FunctionID = "Other"
	b.use(t, changed)
	b.set("Other", `{"statusCode":200,"body":"new"}`)
	write(t, ws, "x")
	b.next(t, "Other")
	if got := read(t, ws); got != "new" {
		t.Errorf("got %q", got)
	}
	b.use(t) // the API is gone
	if got := closeCode(t, ws); got != websocket.StatusGoingAway {
		t.Errorf("closed with %d", got)
	}
	if _, response, _ := b.dial(t, "/events", nil); response.StatusCode != 200 {
		t.Errorf("got %d, want the REST API's response", response.StatusCode)
	}
}

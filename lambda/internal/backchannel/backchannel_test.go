package backchannel

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func post(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequest("POST", url, strings.NewReader("token=secret"))
	if err != nil {
		t.Fatal(err)
	}
	Repeatable(r)
	return r
}

// connections is a server that treats each connection by its number, from 1.
func connections(t *testing.T, handle func(n int32, c *net.TCPConn)) (url string, count *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	count = &atomic.Int32{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := count.Add(1)
			go func() {
				defer c.Close()
				handle(n, c.(*net.TCPConn))
			}()
		}
	}()
	return "http://" + l.Addr().String() + "/introspect?tenant=hush", count
}

// read reads one request with its body and returns that.
func read(c net.Conn) string {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return ""
	}
	body, _ := io.ReadAll(r.Body)
	return string(body)
}

func reset(c *net.TCPConn) { c.SetLinger(0) } // and the server closes it: RST

func TestDoRepeatsOnceAfterABrokenConnection(t *testing.T) {
	for _, tt := range []struct {
		name     string
		breaks   int32 // connections that break
		how      func(*net.TCPConn)
		ok       bool
		attempts int32
	}{
		{"reset once", 1, reset, true, 2},
		{"closed once", 1, func(*net.TCPConn) {}, true, 2},
		{"reset twice", 2, reset, false, 2},
		{"broken off within the answer", 1, func(c *net.TCPConn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		}, false, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var last atomic.Value
			url, count := connections(t, func(n int32, c *net.TCPConn) {
				last.Store(read(c))
				if n <= tt.breaks {
					tt.how(c)
					return
				}
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok")
			})
			answer, err := New(Config{}).Do(context.Background(), post(t, url))
			if (err == nil) != tt.ok || tt.ok && string(answer.Body) != "ok" {
				t.Errorf("got %q, %v", answer.Body, err)
			}
			if count.Load() != tt.attempts {
				t.Errorf("got %d attempts, want %d", count.Load(), tt.attempts)
			}
			if last.Load() != "token=secret" {
				t.Errorf("the last attempt sent %q", last.Load())
			}
		})
	}
}

// After a freeze all pooled connections are dead at once.
func TestDoRepeatsOnANewConnection(t *testing.T) {
	hold := make(chan struct{})
	url, count := connections(t, func(n int32, c *net.TCPConn) {
		r := bufio.NewReader(c)
		answer := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
		request, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		io.Copy(io.Discard, request.Body)
		if n <= 3 {
			<-hold
			io.WriteString(c, answer)
			r.ReadByte() // the next request finds the connection dead
			reset(c)
			return
		}
		io.WriteString(c, answer)
	})
	client := New(Config{})
	done := make(chan error)
	for range 3 {
		go func() { _, err := client.Do(context.Background(), post(t, url)); done <- err }()
	}
	for count.Load() < 3 {
		time.Sleep(time.Millisecond)
	}
	close(hold)
	for range 3 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.Do(context.Background(), post(t, url)); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestDoRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String() + "/?tenant=hush"
	l.Close()
	_, err = New(Config{}).Do(context.Background(), post(t, url))
	if err == nil || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want an error without the query and the body", err)
	}
}

// A timeout is not repeated: the time there was is over.
func TestDoTimeout(t *testing.T) {
	url, count := connections(t, func(_ int32, c *net.TCPConn) { read(c); time.Sleep(time.Second) })
	began := time.Now()
	_, err := New(Config{Timeout: 50 * time.Millisecond}).Do(context.Background(), post(t, url))
	if err == nil || time.Since(began) > 500*time.Millisecond || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v after %s", err, time.Since(began))
	}
	if count.Load() != 1 {
		t.Errorf("got %d attempts", count.Load())
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := New(Config{}).Do(ctx, post(t, url)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDoBounds(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		case "/large":
			w.Write(make([]byte, MaxBody+1))
		case "/types":
			w.Header()["Content-Type"] = []string{"application/json", "application/jwt"}
		case "/type":
			w.Header().Set("Content-Type", "Application/JSON; charset=utf-8")
			w.Write(make([]byte, MaxBody))
		}
	}))
	defer server.Close()
	if a, err := New(Config{}).Do(context.Background(), post(t, server.URL+"/redirect")); err != nil || a.Status != 307 {
		t.Errorf("redirect: got %d, %v", a.Status, err)
	}
	if a, err := New(Config{}).Do(context.Background(), post(t, server.URL+"/large")); err == nil || a.Body != nil {
		t.Errorf("large: got %d bytes, %v", len(a.Body), err)
	}
	if a, err := New(Config{}).Do(context.Background(), post(t, server.URL+"/types")); err != nil || a.MediaType != "" {
		t.Errorf("two content types: got %q, %v", a.MediaType, err)
	}
	if a, err := New(Config{}).Do(context.Background(), post(t, server.URL+"/type")); err != nil || a.MediaType != "application/json" || len(a.Body) != MaxBody {
		t.Errorf("content type: got %q, %v", a.MediaType, err)
	}
}

// A code or a refresh token may be used up once it was sent.
func TestDoSendsOnceWhatMayBeUsedUp(t *testing.T) {
	url, count := connections(t, func(_ int32, c *net.TCPConn) { read(c); reset(c) })
	r := post(t, url)
	delete(r.Header, "Idempotency-Key")
	if _, err := New(Config{}).Do(context.Background(), r); err == nil || count.Load() != 1 {
		t.Errorf("got %v after %d attempts, want an error after 1", err, count.Load())
	}
	get, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	count.Store(0)
	if _, err := New(Config{}).Do(context.Background(), get); err == nil || count.Load() != 2 {
		t.Errorf("GET: got %v after %d attempts, want an error after 2", err, count.Load())
	}
}

// Errors consist of constants and contain no text of the other side.
func TestErrorsQuoteNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		answer string
		want   string
	}{
		"no HTTP":          {"leak leak leak\r\n\r\n", "cannot be used"},
		"malformed header": {"HTTP/1.1 200 OK\r\nleak leak\r\n\r\n", "cannot be used"},
		"malformed status": {"HTTP/1.1 2leak OK\r\n\r\n", "cannot be used"},
		"malformed length": {"HTTP/1.1 200 OK\r\nContent-Length: leak\r\n\r\n", "cannot be used"},
		"bad encoding":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: leak\r\n\r\n", "cannot be used"},
		"bad chunk":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nleak\r\n", "broke off"},
		"bad gzip":         {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nleak", "broke off"},
	} {
		url, _ := connections(t, func(_ int32, c *net.TCPConn) { read(c); io.WriteString(c, tt.answer) })
		_, err := New(Config{}).Do(context.Background(), post(t, url))
		var typed *Error
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "leak") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: got %v, want %q in it", name, err, tt.want)
		}
	}
	for name, url := range map[string]string{"name": "https://leak.invalid/", "scheme": "leak://x/", "port": "http://127.0.0.1:leak/", "control character": "http://127.0.0.1/\x7f"} {
		_, err := New(Config{}).Get(context.Background(), url, "application/json")
		if err == nil || strings.Contains(err.Error(), "leak") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestGet(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" || r.Header.Get("Accept") != "text/x" {
			w.WriteHeader(http.StatusTooManyRequests)
		}
		io.WriteString(w, "\xef\xbb\xbf{}")
	}))
	defer server.Close()
	if a, err := New(Config{}).Get(context.Background(), server.URL+"/", "text/x"); err != nil || string(a.Body) != "{}" {
		t.Errorf("got %q, %v, want a body without a byte order mark", a.Body, err)
	}
	if a, err := New(Config{}).Get(context.Background(), server.URL+"/?", "text/y"); err == nil || err.Error() != "answered 429" || a.Status != 429 {
		t.Errorf("got %d, %v", a.Status, err)
	}
}

// A connection that was idle for long is not used again: the server may have
// closed it while the Lambda was frozen.
func TestOldConnectionsAreDropped(t *testing.T) {
	url, count := connections(t, func(_ int32, c *net.TCPConn) {
		r := bufio.NewReader(c)
		for {
			request, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			io.Copy(io.Discard, request.Body)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	client := New(Config{})
	for i, want := range []int32{1, 1, 2} {
		if i == 2 {
			client.last = client.last.Add(-idle - time.Second)
		}
		if _, err := client.Do(context.Background(), post(t, url)); err != nil || count.Load() != want {
			t.Errorf("call %d: %v, %d connections, want %d", i+1, err, count.Load(), want)
		}
	}
}

// The rule for proxies: HTTPS_PROXY, HTTP_PROXY and NO_PROXY hold, and loopback
// names need no proxy. net/http reads the environment once per process, so that
// the test runs itself again.
func TestProxy(t *testing.T) {
	if os.Getenv("BACKCHANNEL_PROXY_TEST") != "" {
		for _, url := range []string{"https://login.example.invalid/token?hush", "https://other.example.invalid/", os.Getenv("BACKCHANNEL_LOOPBACK")} {
			_, err := New(Config{}).Get(context.Background(), url, "application/json")
			fmt.Println("GET", err)
		}
		return
	}
	var mu sync.Mutex
	var seen []string
	note := func(s string) { mu.Lock(); defer mu.Unlock(); seen = append(seen, s) }
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note(r.Method + " " + r.RequestURI)
		http.Error(w, "leak", http.StatusBadGateway)
	}))
	defer proxy.Close()
	direct := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { note("direct") }))
	defer direct.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestProxy$", "-test.v")
	cmd.Env = []string{"BACKCHANNEL_PROXY_TEST=1", "HTTPS_PROXY=" + proxy.URL, "HTTP_PROXY=" + proxy.URL, "NO_PROXY=other.example.invalid", "BACKCHANNEL_LOOPBACK=" + direct.URL}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if diff := cmp.Diff([]string{"CONNECT login.example.invalid:443", "direct"}, seen); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(string(out), "leak") || strings.Contains(string(out), "Bad Gateway") || strings.Count(string(out), "GET <nil>") != 1 {
		t.Errorf("got %s", out)
	}
}

package backchannel

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func post(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequest("POST", url, strings.NewReader("token=secret"))
	if err != nil {
		t.Fatal(err)
	}
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
			answer, err := New(0).Do(context.Background(), post(t, url))
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
	client := New(0)
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
	_, err = New(0).Do(context.Background(), post(t, url))
	if err == nil || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want an error without the query and the body", err)
	}
}

// A timeout is not repeated: the time there was is over.
func TestDoTimeout(t *testing.T) {
	url, count := connections(t, func(_ int32, c *net.TCPConn) { read(c); time.Sleep(time.Second) })
	began := time.Now()
	_, err := New(50*time.Millisecond).Do(context.Background(), post(t, url))
	if err == nil || time.Since(began) > 500*time.Millisecond || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v after %s", err, time.Since(began))
	}
	if count.Load() != 1 {
		t.Errorf("got %d attempts", count.Load())
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := New(0).Do(ctx, post(t, url)); !errors.Is(err, context.Canceled) {
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
	if a, err := New(0).Do(context.Background(), post(t, server.URL+"/redirect")); err != nil || a.Status != 307 {
		t.Errorf("redirect: got %d, %v", a.Status, err)
	}
	if a, err := New(0).Do(context.Background(), post(t, server.URL+"/large")); err == nil || a.Body != nil {
		t.Errorf("large: got %d bytes, %v", len(a.Body), err)
	}
	if a, err := New(0).Do(context.Background(), post(t, server.URL+"/types")); err != nil || a.MediaType != "" {
		t.Errorf("two content types: got %q, %v", a.MediaType, err)
	}
	if a, err := New(0).Do(context.Background(), post(t, server.URL+"/type")); err != nil || a.MediaType != "application/json" || len(a.Body) != MaxBody {
		t.Errorf("content type: got %q, %v", a.MediaType, err)
	}
}

// What a proxy of the environment would see are tokens and the client secret.
// (net/http reads the environment once per process: a test cannot set it.)
func TestNoProxy(t *testing.T) {
	if New(0).http.Transport.(*http.Transport).Proxy != nil {
		t.Error("a proxy may be used")
	}
}

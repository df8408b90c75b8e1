package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// streaming is a fixture whose greedy route streams from an upstream.
func streaming(t *testing.T, upstream http.HandlerFunc, limits func(*streamLimits)) *httptest.Server {
	t.Helper()
	up := httptest.NewServer(upstream)
	t.Cleanup(up.Close)
	f := (&fixture{upstream: up.URL, edit: func(r map[string]any) {
		integration(r, "files/{proxy+}/ANY/Resource")["ResponseTransferMode"] = "STREAM"
	}}).start(t)
	if limits != nil {
		limits(&f.gw.limits)
	}
	server := httptest.NewServer(f.gw)
	t.Cleanup(server.Close)
	return server
}

// Events reach the client as they are written, through the authorizer.
func TestStreamIsNotBuffered(t *testing.T) {
	next := make(chan string)
	server := streaming(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer upstream-token" {
			t.Error("no token upstream")
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for event := range next {
			fmt.Fprintf(w, "data: %s\n\n", event)
			w.(http.Flusher).Flush()
		}
	}, nil)
	go func() { next <- "one" }()
	resp, err := http.Get(server.URL + "/files/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("got %d, %v", resp.StatusCode, resp.Header)
	}
	lines := bufio.NewReader(resp.Body)
	for _, want := range []string{"one", "two", "three"} {
		if want != "one" {
			next <- want // only sent once the one before has arrived
		}
		line, err := lines.ReadString('\n')
		if err != nil || line != "data: "+want+"\n" {
			t.Fatalf("got %q, %v; want %s", line, err, want)
		}
		lines.ReadString('\n')
	}
	close(next)
	if rest, err := io.ReadAll(lines); err != nil || len(rest) != 0 {
		t.Errorf("at the end: got %q, %v", rest, err)
	}
}

// Binary payloads pass untouched without binary media types, and over 10 MB at
// the documented rate.
func TestStreamOfBytes(t *testing.T) {
	payload := strings.Repeat("\x00\xff\xfe", 400_000)
	server := streaming(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, payload) },
		func(l *streamLimits) { l.free, l.rate = 1_000_000, 400_000 })
	began := time.Now()
	resp, err := http.Get(server.URL + "/files/x")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || string(got) != payload {
		t.Errorf("got %d bytes, %v; want %d, the same", len(got), err, len(payload))
	}
	if took := time.Since(began); took < 400*time.Millisecond {
		t.Errorf("200,000 bytes over the free ones took %s at 400,000 bytes a second", took)
	}
}

// A stream that ends early must not look complete.
func TestStreamBreaks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		up     http.HandlerFunc
		limits func(*streamLimits)
	}{
		{"the upstream breaks off", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, nil},
		{"no data for too long", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, func(l *streamLimits) { l.idle = 50 * time.Millisecond }},
		{"too long in all", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, "half")
				w.(http.Flusher).Flush()
				time.Sleep(5 * time.Millisecond)
			}
		}, func(l *streamLimits) { l.longest = 100 * time.Millisecond }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := streaming(t, tt.up, tt.limits)
			resp, err := http.Get(server.URL + "/files/x")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if got, err := io.ReadAll(resp.Body); err == nil || !strings.HasPrefix(string(got), "half") {
				t.Errorf("got %q, %v; want the beginning and an error", got, err)
			}
		})
	}
}

// When the client leaves, the upstream notices.
func TestStreamClientLeaves(t *testing.T) {
	left := make(chan struct{})
	server := streaming(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(left)
	}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/files/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Read(make([]byte, 1))
	cancel()
	resp.Body.Close()
	select {
	case <-left:
	case <-time.After(20 * time.Second):
		t.Error("the upstream still serves a client that left")
	}
}

func TestLambdaStream(t *testing.T) {
	for _, tt := range []struct {
		name   string
		write  []string
		result Result
		err    error
		status int
		body   string
		broken bool
	}{
		{name: "metadata in one piece", write: []string{"{\"statusCode\":201,\"headers\":{\"x-a\":\"1\"},\"cookies\":[\"c=d\"]}\x00\x00\x00\x00\x00\x00\x00\x00one", "two"}, status: 201, body: "onetwo"},
		{name: "metadata in pieces", write: []string{`{"status`, `Code":201,"headers":{"x-a":"1"},"cookies":["c=d"]}`, "\x00\x00\x00\x00", "\x00\x00\x00\x00", "one"}, status: 201, body: "one"},
		{name: "no payload", write: []string{"{\"statusCode\":204}\x00\x00\x00\x00\x00\x00\x00\x00"}, status: 204},
		{name: "no delimiter", write: []string{`{"statusCode":200}`}, status: 502, body: "server_error"},
		{name: "not JSON", write: []string{"hello\x00\x00\x00\x00\x00\x00\x00\x00"}, status: 502, body: "server_error"},
		{name: "a buffered response", write: []string{"{\"statusCode\":200,\"body\":\"x\"}\x00\x00\x00\x00\x00\x00\x00\x00"}, status: 502, body: "server_error"},
		{name: "metadata without end", write: []string{strings.Repeat("x", maxMetadata+1)}, status: 502, body: "server_error"},
		{name: "fails first", result: Result{FunctionError: true}, status: 502, body: "server_error"},
		{name: "cannot run", err: errors.New("no process"), status: 500, body: "server_error"},
		{name: "takes too long", err: context.DeadlineExceeded, status: 504, body: "server_error"},
		{name: "fails later", write: []string{"{}\x00\x00\x00\x00\x00\x00\x00\x00half"}, result: Result{FunctionError: true}, status: 200, body: "half", broken: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := (&fixture{
				opts: Options{InvokeStream: func(_ context.Context, _ string, _ []byte, w io.Writer) (Result, error) {
					for _, s := range tt.write {
						io.WriteString(w, s)
					}
					return tt.result, tt.err
				}},
				edit: func(r map[string]any) {
					in := integration(r, "profile/GET/Resource")
					in["ResponseTransferMode"] = "STREAM"
					streamingURI(in)
				},
			}).start(t)
			server := httptest.NewServer(f.gw)
			defer server.Close()
			resp, err := http.Get(server.URL + "/profile")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if resp.StatusCode != tt.status || !strings.Contains(string(body), tt.body) || (err != nil) != tt.broken {
				t.Errorf("got %d %q, %v; want %d with %q", resp.StatusCode, body, err, tt.status, tt.body)
			}
			if tt.status == 201 && (resp.Header.Get("X-A") != "1" || resp.Header.Get("Set-Cookie") != "c=d") {
				t.Errorf("got headers %v", resp.Header)
			}
		})
	}
}

// streamingURI changes an integration's URI to that of InvokeWithResponseStream.
func streamingURI(in map[string]any) {
	parts := in["Uri"].(map[string]any)["Fn::Join"].([]any)[1].([]any)
	for i, part := range parts {
		if s, ok := part.(string); ok {
			s = strings.ReplaceAll(s, "2015-03-31", "2021-11-15")
			parts[i] = strings.ReplaceAll(s, "/invocations", "/response-streaming-invocations")
		}
	}
}

func TestStreamNeedsAStreamInvoker(t *testing.T) {
	f := &fixture{edit: func(r map[string]any) {
		in := integration(r, "profile/GET/Resource")
		in["ResponseTransferMode"] = "STREAM"
		streamingURI(in)
	}}
	if err := f.refused(t); err == nil || !strings.Contains(err.Error(), "functions cannot stream here") {
		t.Errorf("got %v", err)
	}
}

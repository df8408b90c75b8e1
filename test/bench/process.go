package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bootstrap is a Lambda to run.
type bootstrap struct {
	name, path string
	env        []string
	event      []byte
	check      func(answer []byte) error // nil: any answer will do
}

// sample is what one process showed.
type sample struct {
	cold     time.Duration // from the start of the process to its first answer
	p50, p99 time.Duration // of the warm invocations, from event to answer
	peak     int64         // resident memory at its highest, in bytes
}

const timeout = 30 * time.Second

// runOnce starts the bootstrap, invokes it 1+warm times and kills it.
func runOnce(ctx context.Context, b bootstrap, warm int) (s sample, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout+time.Duration(warm)*5*time.Millisecond)
	defer cancel()
	runtime, err := newRuntimeAPI(b.event)
	if err != nil {
		return s, err
	}
	defer runtime.close()

	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, b.path)
	cmd.Dir = filepath.Dir(b.path)
	cmd.Env = append([]string{"AWS_LAMBDA_RUNTIME_API=" + runtime.address, "AWS_LAMBDA_FUNCTION_NAME=bench",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_REGION=eu-west-1", "_HANDLER=bootstrap", "TZ=:UTC", "PATH=/usr/bin:/bin"}, b.env...)
	cmd.Stdout, cmd.Stderr = &output, &output
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return s, err
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	defer func() {
		cmd.Process.Kill()
		<-ended
	}()

	var latencies []time.Duration
	for i := range 1 + warm {
		select {
		case a := <-runtime.answers:
			switch {
			case a.failed:
				return s, fmt.Errorf("%s failed: %s", b.name, a.body)
			case i == 0:
				s.cold = a.at.Sub(began)
				if b.check != nil {
					if err := b.check(a.body); err != nil {
						return s, fmt.Errorf("%w: %.300s", err, output.Bytes())
					}
				}
			default:
				latencies = append(latencies, a.at.Sub(a.given))
			}
		case <-ended:
			return s, fmt.Errorf("%s ended before it answered: %s", b.name, output.Bytes())
		case <-ctx.Done():
			return s, fmt.Errorf("%s: %w", b.name, ctx.Err())
		}
	}
	slices.Sort(latencies)
	s.p50, s.p99 = latencies[len(latencies)/2], latencies[len(latencies)*99/100]
	s.peak, err = peakMemory(cmd.Process.Pid)
	return s, err
}

// peakMemory reads VmHWM, "peak resident set size" (proc_pid_status(5)).
func peakMemory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if !found || len(fields) < 2 || fields[1] != "kB" {
		return 0, errors.New("expected VmHWM in kB in /proc/pid/status")
	}
	kib, err := strconv.ParseInt(fields[0], 10, 64)
	return kib << 10, err
}

// runtimeAPI is as much of the Lambda Runtime API as one process needs that is
// given the same event again and again.
type runtimeAPI struct {
	address string
	answers chan answer

	server *http.Server
	event  []byte
	given  time.Time // of the event under way; the process has one at a time
}

type answer struct {
	given, at time.Time
	body      []byte
	failed    bool
}

func newRuntimeAPI(event []byte) (*runtimeAPI, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &runtimeAPI{address: listener.Addr().String(), answers: make(chan answer), event: event}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", r.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", r.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", r.response)
	r.server = &http.Server{Handler: mux, ReadHeaderTimeout: timeout}
	go r.server.Serve(listener)
	return r, nil
}

func (r *runtimeAPI) close() { r.server.Close() }

func (r *runtimeAPI) next(w http.ResponseWriter, _ *http.Request) {
	r.given = time.Now()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", "6b7f1a0e-6a4e-4d38-a0c5-3e3c8c0b8a11")
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(r.given.Add(timeout).UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:bench")
	w.Write(r.event)
}

func (r *runtimeAPI) response(w http.ResponseWriter, req *http.Request) {
	given := r.given
	body, err := io.ReadAll(io.LimitReader(req.Body, 6<<20))
	at := time.Now()
	// Trailers tell of an error within a response; they are there after EOF.
	failed := err != nil || strings.HasSuffix(req.URL.Path, "/error") || req.Trailer.Get("Lambda-Runtime-Function-Error-Type") != ""
	w.WriteHeader(http.StatusAccepted)
	select {
	case r.answers <- answer{given, at, body, failed}:
	case <-req.Context().Done():
	}
}

// Package lambdabench runs Lambda bootstraps against a Runtime API of its own and
// measures them. The bootstraps are Linux programs; their memory is read from
// /proc.
package lambdabench

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
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bootstrap is a Lambda to run.
type Bootstrap struct {
	Name, Path string
	Env        []string
	Event      []byte
	Check      func(answer []byte) error // of the first response; nil accepts any
}

// Sample holds the figures of one process.
type Sample struct {
	Cold     time.Duration   // from the start of the process to its first response
	Warm     []time.Duration // later invocations, from event to response, sorted
	P50, P99 time.Duration   // of Warm
	Peak     int64           // highest resident memory, in bytes
}

const timeout = 30 * time.Second

// Run starts the bootstrap, invokes it 1+warm times and kills it.
func Run(ctx context.Context, b Bootstrap, warm int) (s Sample, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout+time.Duration(warm)*5*time.Millisecond)
	defer cancel()
	began := time.Now()
	e, err := Start(ctx, b)
	if err != nil {
		return s, err
	}
	defer e.Close()
	for i := range 1 + warm {
		a, err := e.Invoke(ctx, b.Event)
		if err != nil {
			return s, err
		}
		if i > 0 {
			s.Warm = append(s.Warm, a.At.Sub(a.Given))
			continue
		}
		s.Cold = a.At.Sub(began)
		if b.Check != nil {
			if err := b.Check(a.Body); err != nil {
				return s, fmt.Errorf("%w: %.300s", err, e.output.Bytes())
			}
		}
	}
	slices.Sort(s.Warm)
	s.P50, s.P99 = s.Warm[len(s.Warm)/2], s.Warm[len(s.Warm)*99/100]
	s.Peak, err = peakMemory(e.cmd.Process.Pid)
	return s, err
}

// Environment is a running bootstrap. It serves one invocation at a time.
type Environment struct {
	name   string
	cmd    *exec.Cmd
	api    *runtimeAPI
	ended  chan struct{}
	output bytes.Buffer // of the process; read it after ended
}

// Start starts the bootstrap. Close ends it.
func Start(ctx context.Context, b Bootstrap) (*Environment, error) {
	api, err := newRuntimeAPI()
	if err != nil {
		return nil, err
	}
	e := &Environment{name: b.Name, api: api, ended: make(chan struct{}), cmd: exec.CommandContext(ctx, b.Path)}
	e.cmd.Dir = filepath.Dir(b.Path)
	e.cmd.Env = append([]string{"AWS_LAMBDA_RUNTIME_API=" + api.address, "AWS_LAMBDA_FUNCTION_NAME=bench",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_REGION=eu-west-1", "_HANDLER=bootstrap", "TZ=:UTC", "PATH=/usr/bin:/bin"}, b.Env...)
	e.cmd.Stdout, e.cmd.Stderr = &e.output, &e.output
	if err := e.cmd.Start(); err != nil {
		api.server.Close()
		return nil, err
	}
	go func() { e.cmd.Wait(); close(e.ended) }()
	return e, nil
}

// Invoke gives the event to the bootstrap and waits for its response.
func (e *Environment) Invoke(ctx context.Context, event []byte) (Answer, error) {
	var a Answer
	select {
	case e.api.events <- event:
	case <-e.ended:
		return a, fmt.Errorf("%s ended before it answered: %s", e.name, e.output.Bytes())
	case <-ctx.Done():
		return a, fmt.Errorf("%s: %w", e.name, ctx.Err())
	}
	select {
	case a = <-e.api.answers:
	case <-e.ended:
		return a, fmt.Errorf("%s ended before it answered: %s", e.name, e.output.Bytes())
	case <-ctx.Done():
		return a, fmt.Errorf("%s: %w", e.name, ctx.Err())
	}
	if a.failed {
		return a, fmt.Errorf("%s failed: %s", e.name, a.Body)
	}
	return a, nil
}

// Close kills the bootstrap and waits for its end.
func (e *Environment) Close() {
	e.cmd.Process.Kill()
	<-e.ended
	e.api.server.Close()
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

// runtimeAPI is the part of the Lambda Runtime API that one process needs.
type runtimeAPI struct {
	address string
	events  chan []byte
	answers chan Answer

	server *http.Server
	given  time.Time // when the current event was given; a process has one at a time
}

// Answer is the response of a bootstrap to one event.
type Answer struct {
	Given, At time.Time
	Body      []byte
	failed    bool
}

func newRuntimeAPI() (*runtimeAPI, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &runtimeAPI{address: listener.Addr().String(), events: make(chan []byte), answers: make(chan Answer)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", r.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", r.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", r.response)
	r.server = &http.Server{Handler: mux, ReadHeaderTimeout: timeout}
	go r.server.Serve(listener)
	return r, nil
}

func (r *runtimeAPI) next(w http.ResponseWriter, req *http.Request) {
	var event []byte
	select {
	case event = <-r.events:
	case <-req.Context().Done():
		return
	}
	r.given = time.Now()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", "6b7f1a0e-6a4e-4d38-a0c5-3e3c8c0b8a11")
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(r.given.Add(timeout).UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:bench")
	w.Write(event)
}

func (r *runtimeAPI) response(w http.ResponseWriter, req *http.Request) {
	given := r.given
	body, err := io.ReadAll(io.LimitReader(req.Body, 6<<20))
	at := time.Now()
	// Trailers report an error within a response; they can be read after EOF.
	failed := err != nil || strings.HasSuffix(req.URL.Path, "/error") || req.Trailer.Get("Lambda-Runtime-Function-Error-Type") != ""
	w.WriteHeader(http.StatusAccepted)
	select {
	case r.answers <- Answer{given, at, body, failed}:
	case <-req.Context().Done():
	}
}

// Build compiles a main package of the module at root for this machine, with
// the flags with which the construct bundles it for Lambda, and returns the
// path of the bootstrap.
func Build(ctx context.Context, root, dir, pkg string) (string, error) {
	out := filepath.Join(dir, filepath.Base(pkg), "bootstrap")
	cmd := exec.CommandContext(ctx, "go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false",
		"-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", out, pkg)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+runtime.GOARCH, "GOARM64=v8.0", "GOAMD64=v1", "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, output)
	}
	return out, nil
}

// ModuleRoot returns the folder of the module of the working directory.
func ModuleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	file := strings.TrimSpace(string(out))
	if err != nil || filepath.Base(file) != "go.mod" {
		return "", errors.New("run this inside the checkout, with go on the PATH")
	}
	return filepath.Dir(file), nil
}

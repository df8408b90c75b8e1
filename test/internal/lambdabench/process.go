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
	Check      func(answer []byte) error // of the first answer; nil accepts any
}

// Sample holds the figures of one process.
type Sample struct {
	Cold     time.Duration   // from the start of the process to its first answer
	Warm     []time.Duration // later invocations, from event to answer, sorted
	P50, P99 time.Duration   // of Warm
	Peak     int64           // highest resident memory, in bytes
}

const timeout = 30 * time.Second

// Run starts the bootstrap, invokes it 1+warm times and kills it.
func Run(ctx context.Context, b Bootstrap, warm int) (s Sample, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout+time.Duration(warm)*5*time.Millisecond)
	defer cancel()
	api, err := newRuntimeAPI(b.Event)
	if err != nil {
		return s, err
	}
	defer api.close()

	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, b.Path)
	cmd.Dir = filepath.Dir(b.Path)
	cmd.Env = append([]string{"AWS_LAMBDA_RUNTIME_API=" + api.address, "AWS_LAMBDA_FUNCTION_NAME=bench",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_REGION=eu-west-1", "_HANDLER=bootstrap", "TZ=:UTC", "PATH=/usr/bin:/bin"}, b.Env...)
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
		case a := <-api.answers:
			switch {
			case a.failed:
				return s, fmt.Errorf("%s failed: %s", b.Name, a.body)
			case i == 0:
				s.Cold = a.at.Sub(began)
				if b.Check != nil {
					if err := b.Check(a.body); err != nil {
						return s, fmt.Errorf("%w: %.300s", err, output.Bytes())
					}
				}
			default:
				latencies = append(latencies, a.at.Sub(a.given))
			}
		case <-ended:
			return s, fmt.Errorf("%s ended before it answered: %s", b.Name, output.Bytes())
		case <-ctx.Done():
			return s, fmt.Errorf("%s: %w", b.Name, ctx.Err())
		}
	}
	slices.Sort(latencies)
	s.Warm, s.P50, s.P99 = latencies, latencies[len(latencies)/2], latencies[len(latencies)*99/100]
	s.Peak, err = peakMemory(cmd.Process.Pid)
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

// runtimeAPI is the part of the Lambda Runtime API that one process needs. It
// gives the same event again and again.
type runtimeAPI struct {
	address string
	answers chan answer

	server *http.Server
	event  []byte
	given  time.Time // when the current event was given; a process has one at a time
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
	// Trailers report an error within a response; they can be read after EOF.
	failed := err != nil || strings.HasSuffix(req.URL.Path, "/error") || req.Trailer.Get("Lambda-Runtime-Function-Error-Type") != ""
	w.WriteHeader(http.StatusAccepted)
	select {
	case r.answers <- answer{given, at, body, failed}:
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

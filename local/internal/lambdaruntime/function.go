// Package lambdaruntime runs a bundled Lambda function on this machine: it starts the asset's bootstrap and serves it
// the Lambda Runtime API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html) on a loopback port.
//
// As in Lambda, a process serves one invocation at a time, stays warm between invocations, is killed when it
// exceeds the function's timeout, and is replaced after it has panicked or exited. Not implemented:
// extensions, SnapStart, provisioned concurrency, throttling (an invocation over the
// cap waits for a free process) and the memory limit. The processes are ordinary ones, without a sandbox.
package lambdaruntime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tokenhandler/aws/local/internal/child"
)

// MaxPayload is the limit of a synchronous invocation, in each direction: 6 MB
// (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
const MaxPayload = 6 << 20

// Config describes a function as its template does. Name and Dir are required.
type Config struct {
	Name        string
	Dir         string            // the asset folder, with the executable file bootstrap in it
	Command     []string          // default: bootstrap; a program that speaks the Runtime API, with its arguments
	Handler     string            // default: bootstrap
	Timeout     time.Duration     // default 3 s, as in Lambda; at most 15 minutes
	MemoryMB    int               // told to the function, not enforced; default 128
	Environment map[string]string // the template's variables; the values are never logged
	Region      string            // default us-east-1
	FunctionARN string            // default: one made of Region, the account 000000000000 and Name

	// Log receives each line the function writes to stdout and stderr, one call at a time. Nil: the lines are dropped.
	Log func(line string)
	// MaxConcurrency caps the number of processes; default 10.
	MaxConcurrency int

	// initTimeout is the time a process has from its start to its first /next. "The Init phase is limited to 10
	// seconds" (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html). Shorter in tests.
	initTimeout time.Duration
}

// String leaves everything but the name out: the environment holds secrets.
func (c Config) String() string { return "lambdaruntime: function " + c.Name }

// GoString is String.
func (c Config) GoString() string { return c.String() }

// Result is the result of Lambda's Invoke.
type Result struct {
	Payload       []byte // the function's response, or the JSON of its error
	FunctionError string // empty, or "Unhandled" as in the header X-Amz-Function-Error
}

// ErrClosed is returned by a Function that has been closed.
var ErrClosed = errors.New("lambdaruntime: function is closed")

// ErrBadRequest is wrapped when Lambda itself would refuse the payload: over 6 MB, or not JSON.
var ErrBadRequest = errors.New("lambdaruntime: request refused")

// Function is a function ready to be invoked, by several goroutines at once.
type Function struct {
	cfg   Config
	env   []string
	log   func(string)
	slots chan struct{} // one for every process that starts or works
	quit  chan struct{} // closed by Close

	mu     sync.Mutex
	idle   []*process            // waiting for work, the last used at the end
	all    map[*process]struct{} // alive
	closed bool
}

// New checks the configuration, as far as Lambda checks it at deployment. It starts no process.
func New(cfg Config) (*Function, error) {
	if cfg.Name == "" {
		return nil, errors.New("lambdaruntime: function without a name")
	}
	fail := func(format string, args ...any) (*Function, error) {
		return nil, fmt.Errorf("lambdaruntime: %s: %w", cfg.Name, fmt.Errorf(format, args...))
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil || cfg.Dir == "" {
		return fail("expected the folder of the asset, got %q", cfg.Dir)
	}
	cfg.Dir = dir
	if len(cfg.Command) == 0 {
		cfg.Command = []string{filepath.Join(dir, "bootstrap")}
		info, err := os.Stat(cfg.Command[0])
		if err != nil {
			return fail("no bootstrap in the asset: %w", err)
		}
		if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			return fail("expected an executable file %s, got mode %s", cfg.Command[0], info.Mode())
		}
	}
	setDefault(&cfg.Handler, "bootstrap")
	setDefault(&cfg.Timeout, 3*time.Second)
	setDefault(&cfg.MemoryMB, 128)
	setDefault(&cfg.Region, "us-east-1")
	setDefault(&cfg.FunctionARN, "arn:aws:lambda:"+cfg.Region+":000000000000:function:"+cfg.Name)
	setDefault(&cfg.MaxConcurrency, 10)
	setDefault(&cfg.initTimeout, 10*time.Second)
	if cfg.Timeout < 0 || cfg.Timeout > 15*time.Minute {
		return fail("expected a timeout of at most 15 minutes, got %s", cfg.Timeout)
	}
	if cfg.MaxConcurrency < 0 || cfg.MemoryMB < 0 {
		return fail("expected positive numbers, got MaxConcurrency %d and MemoryMB %d", cfg.MaxConcurrency, cfg.MemoryMB)
	}
	env, err := environment(cfg)
	if err != nil {
		return fail("%w", err)
	}
	var logging sync.Mutex
	write := cfg.Log
	return &Function{
		cfg: cfg, env: env,
		log: func(line string) {
			if write != nil {
				logging.Lock()
				defer logging.Unlock()
				write(line)
			}
		},
		slots: make(chan struct{}, cfg.MaxConcurrency),
		quit:  make(chan struct{}),
		all:   map[*process]struct{}{},
	}, nil
}

// String leaves everything but the name out.
func (f *Function) String() string { return f.cfg.String() }

// GoString is String.
func (f *Function) GoString() string { return f.cfg.String() }

// Invoke hands payload to a process and waits until it has answered and asked for more work, as Lambda does: "an
// invoke is not complete until next() is called again". A function that fails, times out or exits is a Result with
// FunctionError set; the error is for failures that the function did not cause. When ctx ends the caller goes, while the
// invocation runs on to its end, as behind API Gateway.
func (f *Function) Invoke(ctx context.Context, payload []byte) (Result, error) {
	return f.invoke(ctx, payload, nil)
}

// InvokeStream is Invoke with the response written to stream as the function writes it, as InvokeWithResponseStream
// does. The Result has no payload then, unless the function failed. After InvokeStream has returned, it does not write to stream.
func (f *Function) InvokeStream(ctx context.Context, payload []byte, stream io.Writer) (Result, error) {
	g := &gate{w: stream}
	defer g.close()
	return f.invoke(ctx, payload, g)
}

// gate is a writer that can be closed while others write.
type gate struct {
	mu     sync.Mutex
	w      io.Writer
	closed bool
}

func (g *gate) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return 0, io.ErrClosedPipe
	}
	return g.w.Write(b)
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

func (f *Function) invoke(ctx context.Context, payload []byte, stream io.Writer) (Result, error) {
	if len(payload) > MaxPayload {
		return Result{}, fmt.Errorf("%w: expected a payload of at most %d bytes, got %d", ErrBadRequest, MaxPayload, len(payload))
	}
	if !json.Valid(payload) {
		return Result{}, fmt.Errorf("%w: payload is not JSON", ErrBadRequest)
	}
	if err := f.acquire(ctx); err != nil {
		return Result{}, err
	}
	type outcome struct {
		result Result
		err    error
	}
	done := make(chan outcome, 1)
	payload = bytes.Clone(payload) // the caller may go first, and with it its buffer
	go func() {
		defer func() { <-f.slots }()
		result, err := f.run(payload, stream)
		done <- outcome{result, err}
	}()
	select {
	case o := <-done:
		return o.result, o.err
	case <-ctx.Done():
		return Result{}, fmt.Errorf("lambdaruntime: %s: %w", f.cfg.Name, ctx.Err())
	}
}

// run finds or starts a process and invokes it. The caller holds a slot.
func (f *Function) run(payload []byte, stream io.Writer) (Result, error) {
	inv := newInvocation(payload)
	inv.stream = stream
	for {
		p, warm, err := f.take()
		if err != nil {
			return Result{}, err
		}
		if !warm {
			if failure := p.waitForFirstNext(inv.id); failure != nil {
				f.discard(p)
				return f.unlessClosed(*failure)
			}
		}
		result, delivered, reusable := p.invoke(inv, f.cfg.Timeout)
		if reusable {
			f.put(p)
		} else {
			f.discard(p)
		}
		if warm && !delivered {
			continue // it had died while idle, and never saw the event
		}
		return f.unlessClosed(result)
	}
}

// unlessClosed keeps an exit that Close caused from looking like the function's.
func (f *Function) unlessClosed(r Result) (Result, error) {
	if r.FunctionError != "" {
		select {
		case <-f.quit:
			return Result{}, ErrClosed
		default:
		}
	}
	return r, nil
}

// Warm starts one process, unless one is waiting already, and returns when it polls for work. When it exits before,
// the error carries the last lines it wrote.
func (f *Function) Warm(ctx context.Context) error {
	if err := f.acquire(ctx); err != nil {
		return err
	}
	defer func() { <-f.slots }()
	p, warm, err := f.take()
	if err != nil {
		return err
	}
	if !warm {
		if err := p.warm(ctx); err != nil {
			f.discard(p)
			select {
			case <-f.quit:
				return ErrClosed
			default:
				return fmt.Errorf("lambdaruntime: %s: %w", f.cfg.Name, err)
			}
		}
	}
	f.put(p)
	return nil
}

// Close kills all processes and waits until they are gone. Invocations under way return ErrClosed.
func (f *Function) Close() {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.quit)
	}
	var alive []*process
	for p := range f.all {
		alive = append(alive, p)
	}
	f.idle = nil
	f.mu.Unlock()
	for _, p := range alive {
		p.child.Kill()
	}
	for _, p := range alive {
		f.discard(p)
	}
}

func (f *Function) acquire(ctx context.Context) error {
	select {
	case <-f.quit:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("lambdaruntime: %s: waiting for a free process: %w", f.cfg.Name, ctx.Err())
	case f.slots <- struct{}{}:
		return nil
	}
}

// take returns a waiting process (warm), or a new one.
func (f *Function) take() (p *process, warm bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, false, ErrClosed
	}
	if n := len(f.idle); n > 0 {
		p, f.idle = f.idle[n-1], f.idle[:n-1]
		return p, true, nil
	}
	p, err = startProcess(f.cfg, f.env, child.NewLines(f.log))
	if err != nil {
		return nil, false, fmt.Errorf("lambdaruntime: %s: %w", f.cfg.Name, err)
	}
	f.all[p] = struct{}{}
	return p, false, nil
}

func (f *Function) put(p *process) {
	f.mu.Lock()
	if !f.closed {
		f.idle = append(f.idle, p)
	}
	f.mu.Unlock()
}

// discard ends p, which is not idle, and returns when it is gone.
func (f *Function) discard(p *process) {
	p.end()
	f.mu.Lock()
	delete(f.all, p)
	f.mu.Unlock()
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

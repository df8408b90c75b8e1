package lambdaruntime

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tokenhandler/aws/local/internal/child"
)

// process is one bootstrap with a Runtime API of its own: AWS_LAMBDA_RUNTIME_API is a host and port and has no room
// for a path that would tell several processes apart.
type process struct {
	child  *child.Process
	lines  *child.Lines
	server *http.Server
	addr   string
	arn    string
	init   time.Duration

	polled chan struct{}    // buffered; one value for each /next that waits
	events chan *invocation // unbuffered: an event has been delivered or it has not

	mu        sync.Mutex
	polling   bool        // a /next waits
	current   *invocation // delivered and not answered yet
	initError *Result     // posted to init/error
}

// startProcess starts bootstrap and does not wait for it. lines receives its output.
func startProcess(cfg Config, env []string, lines *child.Lines) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("no port for the Runtime API: %w", err)
	}
	p := &process{
		lines:  lines,
		addr:   listener.Addr().String(),
		arn:    cfg.FunctionARN,
		init:   cfg.initTimeout,
		polled: make(chan struct{}, 1),
		events: make(chan *invocation),
	}
	cmd := exec.Command(cfg.Command[0], cfg.Command[1:]...)
	cmd.Dir = cfg.Dir
	cmd.Env = append(slices.Clip(env), "AWS_LAMBDA_RUNTIME_API="+p.addr)
	cmd.Stdout, cmd.Stderr = lines, lines
	p.child, err = child.Start(cmd)
	if err != nil {
		listener.Close()
		if errors.Is(err, syscall.ENOEXEC) {
			err = errors.New("bootstrap is built for another system or processor than this machine's")
		}
		return nil, fmt.Errorf("starting bootstrap: %w", err)
	}
	p.server = &http.Server{Handler: p.api(), ReadHeaderTimeout: 10 * time.Second}
	go p.server.Serve(listener)
	return p, nil
}

// end kills the process, waits until it is gone and closes its Runtime API.
func (p *process) end() {
	p.child.Kill()
	<-p.child.Done()
	p.server.Close()
	p.lines.Tail() // hands on a last line without an end
}

// warm waits for the first /next.
func (p *process) warm(ctx context.Context) error {
	timer := time.NewTimer(p.init)
	defer timer.Stop()
	select {
	case <-p.polled:
		return nil
	case <-p.child.Done():
		how := "exit status 0"
		if err := p.child.Err(); err != nil {
			how = err.Error()
		}
		return fmt.Errorf("bootstrap ended before it asked for work (%s): %s", how, p.lastLines())
	case <-timer.C:
		return fmt.Errorf("bootstrap did not ask for work within %s: %s", p.init, p.lastLines())
	case <-ctx.Done():
		return fmt.Errorf("waiting for bootstrap: %w", ctx.Err())
	}
}

func (p *process) lastLines() string {
	tail := p.lines.Tail()
	if len(tail) == 0 {
		return "it wrote nothing"
	}
	return strings.Join(tail, "\n")
}

// waitForFirstNext is warm on behalf of an invocation: a failure is its result.
func (p *process) waitForFirstNext(id string) *Result {
	timer := time.NewTimer(p.init)
	defer timer.Stop()
	select {
	case <-p.polled:
		return nil
	case <-p.child.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.initError != nil {
			return p.initError
		}
		r := exited(id, p.child.Err())
		return &r
	case <-timer.C:
		r := p.timeout(id, p.init)
		return &r
	}
}

// invoke hands inv to the process, which waits in /next, and sees it through. delivered tells whether the function
// can have seen the event; reusable, whether the process waits for the next one.
func (p *process) invoke(inv *invocation, timeout time.Duration) (result Result, delivered, reusable bool) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	inv.deadline = time.Now().Add(timeout)

	select {
	case p.events <- inv:
	case <-p.child.Done():
		return exited(inv.id, p.child.Err()), false, false
	case <-timer.C: // its /next went away and no other came
		return p.timeout(inv.id, timeout), false, false
	}

	select {
	case result = <-inv.answer:
	case <-p.child.Done():
		select { // both at once: it answered, then it ended
		case result = <-inv.answer:
		default:
			result = exited(inv.id, p.child.Err())
		}
		return result, true, false
	case <-timer.C:
		return p.timeout(inv.id, timeout), true, false
	}

	select {
	case <-p.polled:
		return result, true, true
	case <-p.child.Done(): // after a panic, for one
		return result, true, false
	case <-timer.C: // answered in time, but too busy for the next event: Lambda freezes it, we replace it
		return result, true, false
	}
}

// timeout kills the process, and says so among the function's lines, where CloudWatch would have it.
func (p *process) timeout(id string, after time.Duration) Result {
	p.child.Kill()
	message := timeoutMessage(id, time.Now(), after)
	fmt.Fprintln(p.lines, message)
	return functionError("", message)
}

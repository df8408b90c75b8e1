// Package child starts the programs of the local run and ends them with it.
//
// A child runs in a process group of its own, so that Ctrl-C in the terminal reaches only the parent, which then
// stops its children in order, and so that a kill also reaches the child's own children. On Linux the kernel kills the
// child when the parent dies before it could do so (PR_SET_PDEATHSIG).
package child

import (
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// Process is a started program. Its methods may be called from any goroutine.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; read only after done is closed
}

// Start starts cmd. The caller has set everything but SysProcAttr; a nil Env would hand the child the whole
// environment of the developer, so it is set to empty instead. Start reaps the child: do not call cmd.Wait.
func Start(cmd *exec.Cmd) (*Process, error) {
	if cmd.Env == nil {
		cmd.Env = []string{}
	}
	if cmd.WaitDelay == 0 {
		// Without it Wait hangs for as long as a grandchild holds the output pipes open.
		cmd.WaitDelay = 2 * time.Second
	}
	ownGroup(cmd)
	if err := spawn(cmd); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Done is closed when the child has ended and all of its output has been delivered.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits for the end of the child and says how it ended: nil is exit status 0, otherwise mostly an *exec.ExitError.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// Pid is the child's process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Kill ends the child and its process group at once. It does not wait.
func (p *Process) Kill() {
	select {
	case <-p.done: // the id may belong to somebody else by now
	default:
		killGroup(p.cmd)
	}
}

// Stop asks the child to end (SIGTERM), kills it if it has not within grace, and returns when it is gone.
func (p *Process) Stop(grace time.Duration) {
	select {
	case <-p.done:
		return
	default:
		terminate(p.cmd)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.Kill()
		<-p.done
	}
}

var spawner struct {
	once sync.Once
	work chan func()
}

// spawn calls cmd.Start on one thread that lives as long as this program: PR_SET_PDEATHSIG counts the end of the
// thread that forked as the end of the parent (prctl(2)), and the Go runtime may end a thread at any time.
func spawn(cmd *exec.Cmd) error {
	spawner.once.Do(func() {
		spawner.work = make(chan func())
		go func() {
			runtime.LockOSThread()
			for start := range spawner.work {
				start()
			}
		}()
	})
	result := make(chan error, 1)
	spawner.work <- func() { result <- cmd.Start() }
	return <-result
}

// Package localrun starts the local run as a user starts it, on free ports.
package localrun

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tokenhandler/aws/test/internal/lambdabench"
)

// System is a local run that is ready.
type System struct {
	WWW, API int           // ports
	Ready    time.Duration // from the start of the command until it was ready

	cmd   *exec.Cmd
	ended chan error
}

// Build compiles the command into dir.
func Build(ctx context.Context, dir string) (binary string, err error) {
	root, err := lambdabench.ModuleRoot()
	if err != nil {
		return "", err
	}
	binary = filepath.Join(dir, "local")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./local")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./local: %w\n%s", err, output)
	}
	return binary, nil
}

// Ports are those of the sites, the API, the provider and the sample API.
type Ports [4]int

// Start starts the command, which synthesizes into out, and waits until it is
// ready. It ends with ctx or Stop.
func Start(ctx context.Context, binary, out string, ports Ports) (*System, error) {
	root, err := lambdabench.ModuleRoot()
	if err != nil {
		return nil, err
	}
	s := &System{WWW: ports[0], API: ports[1], ended: make(chan error, 1)}
	s.cmd = exec.CommandContext(ctx, binary, "-www-port", strconv.Itoa(ports[0]), "-api-port", strconv.Itoa(ports[1]),
		"-login-port", strconv.Itoa(ports[2]), "-upstream-port", strconv.Itoa(ports[3]), "-out", out)
	s.cmd.Dir = root
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(os.Interrupt) }
	s.cmd.WaitDelay = 20 * time.Second
	reader, writer := io.Pipe()
	s.cmd.Stdout, s.cmd.Stderr = writer, writer
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	ready, output := make(chan struct{}), &strings.Builder{}
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(reader)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "Ready in") {
				close(ready)
				break
			}
			fmt.Fprintln(output, lines.Text())
		}
		io.Copy(io.Discard, reader)
	}()
	go func() {
		err := s.cmd.Wait()
		writer.Close()
		<-read
		s.ended <- err
	}()
	select {
	case <-ready:
		s.Ready = time.Since(began)
		return s, nil
	case err := <-s.ended:
		return nil, fmt.Errorf("the local run ended before it was ready: %v\n%s", err, output)
	}
}

// Stop sends the signal of Ctrl-C and waits for the end.
func (s *System) Stop() {
	s.cmd.Process.Signal(os.Interrupt)
	<-s.ended
}

// FreePorts returns ports that were free a moment ago.
func FreePorts() (ports Ports, err error) {
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return ports, err
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

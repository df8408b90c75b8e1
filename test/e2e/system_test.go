package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// system is one local run, started as a person starts it, with ports of its
// own and a recorder in front of the sample upstream.
type system struct {
	www, api, login, trace string // origins
	recorder               *recorder
	tables                 int    // port of DynamoDB
	backChannel            string // of the provider and the agent
	provider               string // where the Lambdas reach the provider

	cmd    *exec.Cmd
	out    string // folder of the cloud assembly
	output lockedBuffer
	done   chan error
}

// recorder keeps the requests that reach upstream, with the exact bytes of
// their headers.
type recorder struct {
	server *httptest.Server

	mu       sync.Mutex
	requests []*http.Request
}

func (r *recorder) last() *http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.requests) == 0 {
		return nil
	}
	return r.requests[len(r.requests)-1]
}

func (r *recorder) all() []*http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.requests)
}

func newRecorder(t *testing.T, upstreamPort int) *recorder {
	t.Helper()
	target, err := url.Parse("http://127.0.0.1:" + strconv.Itoa(upstreamPort))
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { passOn(r, target) }}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.requests = append(r.requests, req.Clone(context.Background()))
		r.mu.Unlock()
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(r.server.Close)
	return r
}

// passOn makes a proxy send the request unchanged.
func passOn(r *httputil.ProxyRequest, target *url.URL) {
	r.SetURL(target)
	r.Out.Host = r.In.Host
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values, ok := r.In.Header[name]; ok {
			r.Out.Header[name] = values
		}
	}
}

// start builds the local run's command, starts it, with more flags if any are
// given, and waits until one can sign in. The test runs at the same time as
// others from here on.
func start(t *testing.T, flags ...string) *system {
	t.Helper()
	return startOver(t, overTLS, flags...)
}

// startOver is [start] with https or http.
func startOver(t *testing.T, tls bool, flags ...string) *system {
	t.Helper()
	t.Parallel()
	binary := program(t, "./local")
	ports := freePorts(t, 8)
	s := &system{
		www:      fmt.Sprintf("%s://www.example.localhost:%d", scheme(tls), ports[0]),
		api:      fmt.Sprintf("%s://api.example.localhost:%d", scheme(tls), ports[1]),
		login:    fmt.Sprintf("%s://login.example.localhost:%d", scheme(tls), ports[2]),
		trace:    fmt.Sprintf("http://127.0.0.1:%d", ports[4]),
		recorder: newRecorder(t, ports[3]),
		out:      filepath.Join(t.TempDir(), "cdk.out"),
		done:     make(chan error, 1),
	}
	back := ports[2]
	if tls {
		back = ports[5]
	}
	s.tables, s.backChannel = ports[6], fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	if tls {
		s.backChannel = fmt.Sprintf("http://127.0.0.1:%d", back)
	}
	s.provider = fmt.Sprintf("http://127.0.0.1:%d", back)
	// The values of this run that flags need.
	known := strings.NewReplacer("{www}", s.www, "{login}", s.login, "{back}", s.provider, "{upstream}", s.recorder.server.URL,
		"{shop}", fmt.Sprintf("%s://shop.example.localhost:%d", scheme(tls), ports[0]),
		"{previews}", fmt.Sprintf("%s://*.preview.example.localhost:%d", scheme(tls), ports[0]))
	for i, flag := range flags {
		flags[i] = known.Replace(flag)
	}
	if withTable && !slices.ContainsFunc(flags, func(flag string) bool { return strings.HasPrefix(flag, "sessions=") }) {
		flags = append(flags, "-c", sessionsOn)
	}
	// TestEndToEnd synthesizes as a person does, and -app with the CDK CLI.
	var app []string
	if t.Name() != "TestEndToEnd" && !slices.Contains(flags, "-app") {
		app = appOfTests(t)
	}
	take := giveLambdas(t, s.out)
	s.cmd = exec.Command(binary, append([]string{
		"-www-port", strconv.Itoa(ports[0]), "-api-port", strconv.Itoa(ports[1]),
		"-login-port", strconv.Itoa(ports[2]), "-upstream-port", strconv.Itoa(ports[3]), "-trace-port", strconv.Itoa(ports[4]),
		"-back-port", strconv.Itoa(ports[5]), "-tables-port", strconv.Itoa(ports[6]), "-sockets-port", strconv.Itoa(ports[7]), "-tls=" + strconv.FormatBool(tls),
		"-upstream", s.recorder.server.URL, "-out", s.out, "-v"}, flags...)...)
	s.cmd.Dir = root
	s.cmd.Env = append(os.Environ(), app...)
	reader, writer := io.Pipe()
	s.cmd.Stdout, s.cmd.Stderr = io.MultiWriter(&s.output, writer), &s.output
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.done <- s.cmd.Wait() }()
	t.Cleanup(func() { _ = s.stop() })

	ready := make(chan struct{})
	go func() {
		lines := bufio.NewScanner(reader)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "Ready in") {
				close(ready)
				break
			}
		}
		io.Copy(io.Discard, reader)
	}()
	select {
	case <-ready:
		take()
	case err := <-s.done:
		s.done <- err
		t.Fatalf("the local run ended: %v\n%s", err, s.output.String())
	case <-time.After(4 * time.Minute): // a cold machine installs and compiles first
		t.Fatalf("the local run was not ready\n%s", s.output.String())
	}
	s.accept(t)
	return s
}

// stop sends the signal of Ctrl-C and waits for the end.
func (s *system) stop() error {
	if s.cmd.ProcessState != nil {
		return nil
	}
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-s.done:
		s.done <- err
		return err
	case <-time.After(20 * time.Second):
		_ = s.cmd.Process.Signal(syscall.SIGKILL)
		return errors.New("e2e: the local run did not end within 20 s of Ctrl-C")
	}
}

// root is the folder of this module. It does not follow the working folder.
var root, _ = filepath.Abs("../..")

// dependOnSources reads every source file of the checkout, once. The go command
// caches the result of a test by the files that the test itself opens, and does
// not see the files that child processes compile and run.
func dependOnSources(t *testing.T) {
	t.Helper()
	if err := readSources(); err != nil {
		t.Fatal(err)
	}
}

var readSources = sync.OnceValue(func() error {
	skip := []string{".git", "node_modules", ".local", "cdk.out"}
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(skip, entry.Name()):
			return fs.SkipDir
		case entry.Type().IsRegular():
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			return file.Close()
		}
		return nil
	})
})

// freePorts returns ports that are free and that no other test takes. A block
// of ten ports belongs to the test that listens on the first of them. The ports
// are below those that the systems give to programs that ask for any port.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	for range 1000 {
		first := 20_000 + 10*rand.IntN(1_200)
		owner, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first))
		if err != nil {
			continue
		}
		var ports []int
		for port := first + 1; port <= first+n; port++ {
			if isFree(port) {
				ports = append(ports, port)
			}
		}
		if len(ports) == n {
			t.Cleanup(func() { owner.Close() })
			return ports
		}
		owner.Close()
	}
	t.Fatalf("no block of %d free ports", n)
	return nil
}

func isFree(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// lockedBuffer is a buffer that several goroutines may write and read.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

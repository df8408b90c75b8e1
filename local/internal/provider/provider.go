// Package provider runs the OpenID Provider of the local run: a Node program around the certified package
// oidc-provider (https://github.com/panva/node-oidc-provider), with login, consent and logout pages of its own.
//
// The provider is real and strict (PKCE with S256 required, exact redirect URIs, rotating refresh tokens), and
// it is for development: http on loopback, users from its configuration, everything in memory.
package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tokenhandler/aws/local/internal/child"
)

// minNode is the oldest major version of Node.js that the provider runs on.
const minNode = 20

// startTimeout bounds the time from the start to the first request that can be answered.
const startTimeout = 30 * time.Second

// ErrNode is wrapped when Node.js is missing or too old.
var ErrNode = errors.New("Node.js 20 or newer is needed: see https://nodejs.org")

// ErrNotInstalled is wrapped when the package oidc-provider is missing.
var ErrNotInstalled = errors.New("package oidc-provider is not installed: run npm ci")

// Provider is a running provider.
type Provider struct {
	process *child.Process
	lines   *child.Lines
	stdin   io.WriteCloser
	addr    string
}

// Addr is the address where the provider listens.
func (p *Provider) Addr() string { return p.addr }

// Start starts the provider and returns when it listens. If Node.js or the package is missing, or the port is in
// use, the error says how to fix it. ctx bounds the start only; end the provider with Stop.
func Start(ctx context.Context, cfg Config) (*Provider, error) {
	if _, err := cfg.encode(); err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	l, err := Launch(ctx, cfg.Script, cfg.Log)
	if err != nil {
		return nil, err
	}
	return l.Start(ctx, cfg)
}

// Launched is a provider that loads its packages and waits for its configuration.
type Launched struct {
	provider *Provider
	ready    chan int
}

// Launch starts the program before its configuration is known: loading the packages takes longer than all the rest.
// End it with Start or Stop.
func Launch(ctx context.Context, script string, log func(line string)) (*Launched, error) {
	fail := func(err error) (*Launched, error) { return nil, fmt.Errorf("provider: %w", err) }
	script, err := filepath.Abs(script)
	if err != nil {
		return fail(err)
	}
	if err := findPackage(script); err != nil {
		return fail(err)
	}
	node, err := findNode(ctx)
	if err != nil {
		return fail(err)
	}
	p := &Provider{lines: child.NewLines(log)}
	ready := make(chan int, 1)
	cmd := exec.Command(node, script)
	cmd.Dir = filepath.Dir(script)
	cmd.Env = environment()
	cmd.Stderr = p.lines
	cmd.Stdout = child.NewLines(func(line string) {
		var message struct {
			Ready bool
			Port  int
		}
		if json.Unmarshal([]byte(line), &message) == nil && message.Ready {
			select {
			case ready <- message.Port:
			default:
			}
		}
	})
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return fail(err)
	}
	if p.process, err = child.Start(cmd); err != nil {
		return fail(fmt.Errorf("starting node: %w", err))
	}
	return &Launched{p, ready}, nil
}

// Start configures the provider and returns when it listens. The script and the log are those of Launch.
func (l *Launched) Start(ctx context.Context, cfg Config) (*Provider, error) {
	p := l.provider
	fail := func(err error) (*Provider, error) {
		p.Stop()
		return nil, fmt.Errorf("provider: %w", err)
	}
	config, err := cfg.encode()
	if err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	// A pipe takes a long configuration only as fast as the provider reads it, and an end of the provider shows below.
	go io.Copy(p.stdin, bytes.NewReader(config))
	select {
	case port := <-l.ready:
		p.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		return p, nil
	case <-p.process.Done():
		return fail(errors.New(p.reason("it ended at its start")))
	case <-ctx.Done():
		return fail(fmt.Errorf("it did not start in time: %w", ctx.Err()))
	}
}

// Stop ends a provider that is not needed.
func (l *Launched) Stop() { l.provider.Stop() }

// Done is closed when the provider has ended, whether by Stop or on its own.
func (p *Provider) Done() <-chan struct{} { return p.process.Done() }

// Stop ends the provider and returns when it is gone. Stopping twice is fine.
func (p *Provider) Stop() {
	p.stdin.Close()
	p.process.Stop(3 * time.Second)
}

// reason returns the provider's last lines, or otherwise.
func (p *Provider) reason(otherwise string) string {
	if tail := p.lines.Tail(); len(tail) > 0 {
		return strings.Join(tail, "\n")
	}
	return otherwise
}

// environment is the variables that node needs, and none that changes its behaviour: NODE_OPTIONS could load code,
// DEBUG would make the package log tokens.
func environment() []string {
	env := []string{"NODE_ENV=production"}
	for _, name := range []string{"PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR", "SYSTEMROOT"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

var nodeVersion = regexp.MustCompile(`^v(\d{1,4})\.\d+\.\d+`)

func findNode(ctx context.Context) (string, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return "", fmt.Errorf("%w (there is no node in PATH)", ErrNode)
	}
	cmd := exec.CommandContext(ctx, node, "--version")
	cmd.Env = environment()
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w (%s --version: %v)", ErrNode, node, err)
	}
	if err := checkVersion(string(out)); err != nil {
		return "", fmt.Errorf("%w (%s)", err, node)
	}
	return node, nil
}

func checkVersion(version string) error {
	version = strings.TrimSpace(version)
	m := nodeVersion.FindStringSubmatch(version)
	if m == nil {
		return fmt.Errorf("%w: expected a version, got %q", ErrNode, version)
	}
	if major, err := strconv.Atoi(m[1]); err != nil || major < minNode {
		return fmt.Errorf("%w: got %s", ErrNode, version)
	}
	return nil
}

// findPackage looks where node will: in the node_modules of the script's folder and of those above it.
func findPackage(script string) error {
	if _, err := os.Stat(script); err != nil {
		return err
	}
	for dir := filepath.Dir(script); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "node_modules", "oidc-provider", "package.json")); err == nil {
			return nil
		}
		if dir == filepath.Dir(dir) {
			return ErrNotInstalled
		}
	}
}

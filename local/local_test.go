package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A port in use is one clear line, before anything slow begins.
func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port

	for _, tt := range []struct {
		flag string
		set  func(*options)
	}{
		{"-www-port", func(o *options) { o.wwwPort = port }},
		{"-api-port", func(o *options) { o.apiPort = port }},
		{"-login-port", func(o *options) { o.loginPort = port }},
		{"-upstream-port", func(o *options) { o.upstreamPort = port }},
	} {
		t.Run(tt.flag, func(t *testing.T) {
			o := options{domain: "example.localhost"} // port 0: any that is free
			tt.set(&o)
			var out bytes.Buffer
			err := run(context.Background(), o, &console{out: &out})
			if err == nil || !strings.Contains(err.Error(), "is in use") || !strings.Contains(err.Error(), tt.flag) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line that names %s", err, tt.flag)
			}
			if out.Len() > 0 {
				t.Errorf("something began: %s", out.String())
			}
		})
	}
	// Ports taken before the refusal are free again.
	o := options{upstreamPort: port}
	for range 2 {
		if _, err := takePorts(o); err == nil {
			t.Fatal("the port was taken twice")
		}
	}
}

func TestShortName(t *testing.T) {
	for path, want := range map[string]string{
		"TokenHandler-local/TokenHandler/AgentFunction/Resource": "agent",
		"TokenHandler-local/TokenHandler/AuthorizerFunction":     "authorizer",
		"Stack/Echo/Resource": "echo",
	} {
		if got := shortName(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

// Systems that cannot execute the asset compile the same package again.
func TestCompile(t *testing.T) {
	dir, err := compile(context.Background(), "..", t.TempDir(), "authorizer")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "bootstrap")); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("got %v, %v; want an executable bootstrap", info, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := compile(ctx, "..", t.TempDir(), "no-such-package"); err == nil {
		t.Error("a package that does not exist was compiled")
	}
}

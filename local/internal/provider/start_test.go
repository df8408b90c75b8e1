package provider

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestStartFailures(t *testing.T) {
	_, running, _ := start(t, nil) // skips where Node.js is missing
	taken, _ := url.Parse(running.Issuer)
	secretless := testConfig("3002", &log{})
	secretless.Clients[0].Secret = ""
	tests := []struct {
		name   string
		change func(*Config)
		want   string
		is     error
	}{
		{"port in use", func(c *Config) { c.Issuer = "http://login.example.localhost:" + taken.Port() }, "provider: port " + taken.Port() + " on 127.0.0.1 is in use", nil},
		{"not a loopback scheme", func(c *Config) { c.Issuer = "https://login.example.localhost:3002" }, "expected an issuer http://name:port", nil},
		{"no port", func(c *Config) { c.Issuer = "http://login.example.localhost" }, "expected an issuer with a port", nil},
		{"no client", func(c *Config) { c.Clients = nil }, "at least one client", nil},
		{"no secret", func(c *Config) { c.Clients = secretless.Clients }, "expected an id, a secret", nil},
		{"lifetime", func(c *Config) { c.AccessTokenTTL = -time.Second }, "expected an access token lifetime", nil},
		{"no script", func(c *Config) { c.Script = "nowhere.mjs" }, "nowhere.mjs", os.ErrNotExist},
		{"packages missing", func(c *Config) { c.Script = copyScripts(t) }, "run npm ci", ErrNotInstalled},
		{"refused by oidc-provider", func(c *Config) { c.Clients[0].RedirectURIs = []string{"http://x.example/#f"} }, "redirect_uris must not contain fragments", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig(freePort(t), &log{})
			tt.change(&cfg)
			p, err := Start(t.Context(), cfg)
			if err == nil {
				p.Stop()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Fatalf("got %v; want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), clientSecret) {
				t.Errorf("expected one line without secrets, got %q", err)
			}
		})
	}
	t.Run("no node", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if _, err := Start(t.Context(), testConfig(freePort(t), &log{})); !errors.Is(err, ErrNode) {
			t.Errorf("got %v; want ErrNode", err)
		}
	})
	t.Run("old node", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "node"), []byte("#!/bin/sh\necho v18.20.4\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", dir)
		if _, err := Start(t.Context(), testConfig(freePort(t), &log{})); !errors.Is(err, ErrNode) || !strings.Contains(err.Error(), "v18.20.4") {
			t.Errorf("got %v; want ErrNode with the version", err)
		}
	})
}

func TestStopAndDone(t *testing.T) {
	p, cfg, _ := start(t, nil)
	select {
	case <-p.Done():
		t.Fatal("it has ended already")
	default:
	}
	p.stdin.Close() // as when the program that started it dies
	select {
	case <-p.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("it outlives its stdin")
	}
	p.Stop()
	u, _ := url.Parse(cfg.Issuer)
	if c, err := net.Dial("tcp", "127.0.0.1:"+u.Port()); err == nil {
		c.Close()
		t.Error("its port is still open")
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	cfg := testConfig("3002", &log{})
	text := fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg, cfg.Clients)
	for _, secret := range []string{clientSecret, apiSecret, userPassword} {
		if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%q", secret)) {
			t.Errorf("%q in %s", secret, text)
		}
	}
}

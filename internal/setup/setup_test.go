package setup_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/setup"
)

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestRoot(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	root, err := setup.Root(here)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(root, "internal", "setup"); want != here {
		t.Errorf("got root %s for %s", root, here)
	}
	elsewhere := t.TempDir()
	write(t, filepath.Join(elsewhere, "go.mod"), "module example.com/other\n", 0o644)
	if _, err := setup.Root(elsewhere); err == nil || !strings.Contains(err.Error(), "change into one") {
		t.Errorf("another module: got %v", err)
	}
}

func TestMissingTools(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := setup.Go(); err == nil || !strings.Contains(err.Error(), "install Go") {
		t.Errorf("no go: got %v", err)
	}
	if _, _, err := setup.Node(context.Background()); err == nil || !strings.Contains(err.Error(), "install Node.js") {
		t.Errorf("no node: got %v", err)
	}
}

func TestNodeVersion(t *testing.T) {
	for _, tt := range []struct {
		prints string
		ok     bool
	}{{"v22.1.0", true}, {"v20.20.2", true}, {"v18.0.0", false}, {"what", false}} {
		bin := t.TempDir()
		write(t, filepath.Join(bin, "node"), "#!/bin/sh\necho "+tt.prints+"\n", 0o755)
		t.Setenv("PATH", bin)
		_, version, err := setup.Node(context.Background())
		if (err == nil) != tt.ok || tt.ok && "v"+version != tt.prints {
			t.Errorf("%s: got %q, %v", tt.prints, version, err)
		}
	}
}

// A stand-in for npm; the real one runs in the local run.
func TestPackages(t *testing.T) {
	root, bin := t.TempDir(), t.TempDir()
	lock := func(version string) string {
		return `{"packages":{"":{"name":"x"},"node_modules/a":{"version":"` + version + `","integrity":"sha512-x"},` +
			`"node_modules/other-system":{"version":"1","optional":true}}}`
	}
	npm := filepath.Join(bin, "npm")
	works := "#!/bin/sh\nmkdir -p node_modules && cp package-lock.json node_modules/.package-lock.json\n"
	write(t, npm, works, 0o755)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))

	install := func(want bool) {
		t.Helper()
		got, err := setup.Packages(context.Background(), root)
		if err != nil || got != want {
			t.Fatalf("got installed %v, %v; want %v", got, err, want)
		}
	}
	installed := func(text string) {
		t.Helper()
		write(t, filepath.Join(root, "node_modules", ".package-lock.json"), text, 0o644)
	}
	write(t, filepath.Join(root, "package-lock.json"), lock("1"), 0o644)
	installed(`{"packages":{"node_modules/a":{"version":"1","integrity":"sha512-x"}}}`)
	install(false) // npm ci was run by hand; the optional package is for another system
	for _, other := range []string{
		`{"packages":{"node_modules/a":{"version":"2","integrity":"sha512-x"}}}`,
		`{"packages":{"node_modules/a":{"version":"1","integrity":"sha512-y"}}}`,
		`{"packages":{}}`,
		`{`,
	} {
		installed(other)
		install(true)
	}

	write(t, npm, "#!/bin/sh\necho the registry said no; exit 1\n", 0o755)
	installed(`{}`)
	if _, err := setup.Packages(context.Background(), root); err == nil || !strings.Contains(err.Error(), "the registry said no") {
		t.Errorf("got %v, want npm's own words", err)
	}
	write(t, filepath.Join(root, "package-lock.json"), "{", 0o644)
	if _, err := setup.Packages(context.Background(), root); err == nil || !strings.Contains(err.Error(), "package-lock.json") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}

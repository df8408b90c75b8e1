package synth

import (
	"os"
	"path/filepath"
	"testing"
)

// A change of anything that the app may be made from changes the fingerprint.
func TestFingerprint(t *testing.T) {
	base := t.TempDir()
	root, other := filepath.Join(base, "app"), filepath.Join(base, "other")
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(root, "cdk.json"), `{}`)
	write(filepath.Join(root, "go.mod"), "module a\n\nreplace example.com/other => ../other\n")
	write(filepath.Join(root, "app.go"), "package main")
	write(filepath.Join(other, "other.go"), "package other")
	c := Config{Root: root, Out: filepath.Join(root, "out"), Context: []string{"stage=a"}, Except: []string{"docs"}}
	fingerprint := func() string {
		t.Helper()
		f, err := c.Fingerprint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	before := fingerprint()
	for _, same := range []string{"docs/a.md", "node_modules/x/index.js", ".git/HEAD", "out/Stack.template.json", ".local/x"} {
		write(filepath.Join(root, same), "x")
		if fingerprint() != before {
			t.Errorf("%s changed the fingerprint", same)
		}
	}
	for _, tt := range []struct {
		name   string
		change func()
	}{
		{"a file of the app", func() { write(filepath.Join(root, "app.go"), "package main // x") }},
		{"a new file", func() { write(filepath.Join(root, "lambda", "index.js"), "x") }},
		{"a file of another kind", func() { write(filepath.Join(root, ".env"), "A=1") }},
		{"a replaced module", func() { write(filepath.Join(other, "other.go"), "package other // x") }},
		{"a deleted file", func() { os.Remove(filepath.Join(root, ".env")) }},
		{"a flag", func() { c.Context = []string{"stage=b"} }},
		{"the environment", func() { t.Setenv("CDK_DEFAULT_REGION", "eu-north-1") }},
	} {
		tt.change()
		if now := fingerprint(); now == before {
			t.Errorf("%s left the fingerprint as it was", tt.name)
		} else {
			before = now
		}
	}
	glance, err := c.Glance()
	if err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(root, "app.go"), "package main // longer")
	if now, _ := c.Glance(); now == glance {
		t.Error("a glance did not notice a change")
	}
}

// An assembly counts only as it was written.
func TestUpToDate(t *testing.T) {
	dir := t.TempDir()
	c := Config{Root: dir, Out: filepath.Join(dir, "cdk.out")}
	template := filepath.Join(c.Out, "Stack.template.json")
	asset := filepath.Join(c.Out, "asset.1", "bootstrap")
	if err := os.MkdirAll(filepath.Dir(asset), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{template, asset} {
		if err := os.WriteFile(file, []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if c.UpToDate("a") || c.UpToDate("") {
		t.Error("up to date without a stamp")
	}
	if err := c.Stamp("a"); err != nil {
		t.Fatal(err)
	}
	if !c.UpToDate("a") || c.UpToDate("b") {
		t.Error("the stamp is not compared")
	}
	for _, change := range []func() error{
		func() error { return os.WriteFile(template, []byte(`[]`), 0o644) },
		func() error { return os.Remove(asset) },
		func() error { return os.WriteFile(c.stampFile(), []byte(`not JSON`), 0o644) },
	} {
		if err := c.Stamp("a"); err != nil {
			t.Fatal(err)
		}
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if c.UpToDate("a") {
			t.Error("a changed assembly is up to date")
		}
	}
}

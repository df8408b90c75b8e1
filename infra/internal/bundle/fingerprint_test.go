package bundle

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The fingerprint covers exactly the inputs of a binary. A missing input would
// ship an old binary.
func TestFingerprint(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "module")
	copyModule(t, moduleRoot, dir)
	programs := map[string]*goBuild{}
	for _, name := range []string{"agent", "authorizer"} {
		programs[name] = &goBuild{dir: dir, pkg: "./lambda/" + name, arch: "arm64"}
	}
	all := func() map[string]string {
		t.Helper()
		toolchain, err := toolchainIn(dir)
		if err != nil {
			t.Fatal(err)
		}
		fingerprints := map[string]string{}
		for name, b := range programs {
			if fingerprints[name], err = b.fingerprint(toolchain); err != nil {
				t.Fatal(err)
			}
		}
		return fingerprints
	}
	first := all()
	if first["agent"] == first["authorizer"] {
		t.Error("both programs have the same")
	}
	if diff := cmp.Diff(first, all()); diff != "" {
		t.Errorf("without a change:\n%s", diff)
	}

	appended := func(file, text string) func(*testing.T) {
		return func(t *testing.T) {
			file := filepath.Join(dir, file)
			content, err := os.ReadFile(file)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			existed := err == nil
			if err := os.WriteFile(file, append(slices.Clip(content), text...), 0o644); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if !existed {
					os.Remove(file)
				} else if err := os.WriteFile(file, content, 0o644); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*testing.T)
		want   string // the programs that are others then
	}{
		{"the main package", appended("lambda/agent/main.go", "// more\n"), "agent"},
		{"a package of the agent's only", appended("lambda/internal/oauthagent/agent.go", "// more\n"), "agent"},
		{"a package of both, imported by others", appended("lambda/internal/strictjson/strictjson.go", "// more\n"), "agent authorizer"},
		{"the settings", appended("internal/settings/rules.go", "// more\n"), "agent authorizer"},
		{"a new file", appended("lambda/internal/cookie/new.go", "package cookie\n"), "agent authorizer"},
		{"a file that is no Go", appended("lambda/internal/cookie/new.s", ""), "agent authorizer"},
		{"the pinned packages", appended("go.sum", "example.test/x v1.0.0 h1:AAAA=\n"), "agent authorizer"},
		{"their versions", appended("go.mod", "// more\n"), "agent authorizer"},
		{"a test", appended("lambda/agent/main_test.go", "// more\n"), ""},
		{"a package that no program imports", appended("lambda/internal/oauth/oauthtest/oauthtest.go", "// more\n"), ""},
		{"the rotation", appended("lambda/rotation/main.go", "// more\n"), ""},
		{"an experiment of the compiler", func(t *testing.T) { t.Setenv("GOEXPERIMENT", "nodwarf5") }, "agent authorizer"},
		{"FIPS 140", func(t *testing.T) { t.Setenv("GOFIPS140", "latest") }, "agent authorizer"},
		{"flags that build does not take over", func(t *testing.T) { t.Setenv("GOFLAGS", "-tags=other"); t.Setenv("GOARM64", "v9.0") }, ""},
		{"the processor", func(t *testing.T) {
			programs["agent"].arch = "amd64"
			t.Cleanup(func() { programs["agent"].arch = "arm64" })
		}, "agent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.change(t)
			var others []string
			for name, fingerprint := range all() {
				if fingerprint != first[name] {
					others = append(others, name)
				}
			}
			slices.Sort(others)
			if got := strings.Join(others, " "); got != tt.want {
				t.Errorf("another fingerprint of %q, want of %q", got, tt.want)
			}
		})
	}
	if diff := cmp.Diff(first, all()); diff != "" {
		t.Errorf("after all changes are undone:\n%s", diff)
	}
}

// The fingerprint follows imports as the go command does. It covers every package
// of this module that a Lambda links, and no package embeds a file of another
// folder.
func TestFingerprintCoversWhatIsLinked(t *testing.T) {
	for _, pkg := range []string{"./lambda/agent", "./lambda/authorizer", "./lambda/rotation"} {
		b := &goBuild{dir: moduleRoot, pkg: pkg, arch: "arm64"}
		files, err := b.sources()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("go", "list", "-deps", "-tags", "lambda.norpc",
			"-f", `{{if .Module}}{{if .Module.Main}}{{$p := .}}{{range .GoFiles}}{{$p.ImportPath}}/{{.}} {{end}}{{range .EmbedPatterns}}embeds {{.}} {{end}}{{end}}{{end}}`, pkg)
		cmd.Dir, cmd.Env = b.dir, append(os.Environ(), b.env()...)
		out, err := cmd.Output()
		linked := strings.Fields(string(out))
		if err != nil || len(linked) < 10 {
			t.Fatalf("go list: %v, %d files", err, len(linked))
		}
		for _, file := range linked {
			if !slices.Contains(files, strings.TrimPrefix(file, Path+"/")) {
				t.Errorf("%s links %s, which is not in its fingerprint", pkg, file)
			}
		}
	}
}

func TestFingerprintNeedsTheSources(t *testing.T) {
	_, err := (&goBuild{dir: t.TempDir(), pkg: "./lambda/agent", arch: "arm64"}).fingerprint("")
	if err == nil || !strings.HasPrefix(err.Error(), "tokenhandler: ") {
		t.Errorf("got %v", err)
	}
}

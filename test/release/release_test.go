// Package release tests the files that the release command builds.
package release

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/cloudformation"
	"github.com/tokenhandler/aws/test/internal/lambdabench"
)

// Two runs in different surroundings give the same bytes. The zips hold programs
// for their architecture, which start with the environment of the template.
func TestRelease(t *testing.T) {
	command := filepath.Join(t.TempDir(), "release")
	if output, err := exec.Command("go", "build", "-o", command, "github.com/tokenhandler/aws/infra/release").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	first, second := built(t, command, "."), built(t, command, "../e2e", "GOFLAGS=-buildvcs=true", "TZ=Asia/Tokyo", "GOAMD64=v3")
	var names []string
	for name, content := range first {
		names = append(names, name)
		if !bytes.Equal(content, second[name]) {
			t.Errorf("%s: a second run has other bytes", name)
		}
	}
	slices.Sort(names)
	want := []string{"SHA256SUMS", "agent-arm64.zip", "agent-x86_64.zip", "authorizer-arm64.zip", "authorizer-x86_64.zip",
		"token-handler.template.json", "tokenhandler-client-0.1.0.tgz"}
	if diff := cmp.Diff(want, names); diff != "" || len(second) != len(first) {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	dir := t.TempDir()
	for name, content := range first {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check := exec.Command("sha256sum", "--strict", "-c", "SHA256SUMS")
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	template, err := cloudformation.Read(filepath.Join(dir, "token-handler.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	for id, name := range map[string]string{"AgentFunction": "agent", "AuthorizerFunction": "authorizer"} {
		for architecture, machine := range map[string]elf.Machine{"arm64": elf.EM_AARCH64, "x86_64": elf.EM_X86_64} {
			t.Run(name+" "+architecture, func(t *testing.T) {
				program := bootstrap(t, first[name+"-"+architecture+".zip"])
				file, err := elf.NewFile(bytes.NewReader(program))
				if err != nil || file.Machine != machine {
					t.Fatalf("got a program for %v, %v, want %v", file, err, machine)
				}
				if runtime.GOOS != "linux" || map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH] != architecture {
					return // it does not run here
				}
				starts(t, name, program, template.Resources[id])
			})
		}
	}
}

// built runs the release command in a folder and returns its files.
func built(t *testing.T, command, dir string, environment ...string) map[string][]byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "dist")
	cmd := exec.CommandContext(t.Context(), command, "-out", out)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20"), environment...)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, entry := range entries {
		if files[entry.Name()], err = os.ReadFile(filepath.Join(out, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// bootstrap returns the one file of a zip, which must be executable.
func bootstrap(t *testing.T, archive []byte) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.File) != 1 || r.File[0].Name != "bootstrap" || r.File[0].Mode().Perm() != 0o755 {
		t.Fatalf("got %v, want one executable file bootstrap", r.File)
	}
	file, err := r.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	program, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// starts runs a program with the variables of the template. Those that the
// subject of the benchmark does not set are empty.
func starts(t *testing.T, name string, program []byte, function *cloudformation.Resource) {
	t.Helper()
	b, err := lambdabench.Subjects[name]()
	if err != nil {
		t.Fatal(err)
	}
	variables := cloudformation.Object(cloudformation.Object(function.Properties["Environment"])["Variables"])
	for _, variable := range slices.Sorted(maps.Keys(variables)) {
		if !slices.ContainsFunc(b.Env, func(set string) bool { return strings.HasPrefix(set, variable+"=") }) {
			b.Env = append(b.Env, variable+"=")
		}
	}
	b.Name, b.Path = name, filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(b.Path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	if b.Check == nil {
		t.Fatal("the answer is not checked")
	}
	if _, err := lambdabench.Run(t.Context(), b, 1); err != nil {
		t.Error(err)
	}
}

package tokenhandler

import (
	"crypto/sha256"
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
)

// synthInto synthesizes for deployment, with bundling, and returns the assembly.
func synthInto(t *testing.T, outdir string) string {
	t.Helper()
	// As in a new process: CDK remembers the assets that it staged in this one.
	awscdk.AssetStaging_ClearAssetHashCache()
	context := cdkJSON(t)
	app := awscdk.NewApp(&awscdk.AppProps{Context: &context, Outdir: jsii.String(outdir)})
	stage := awscdk.NewStage(app, jsii.String("Test"), nil)
	stack := awscdk.NewStack(stage, jsii.String("Stack"), nil)
	New(stack, "TokenHandler", oneOrigin()).Protect(orders())
	return *app.Synth(nil).Directory()
}

// Only this test bundles through CDK: two functions, two different bootstraps
// that run on Linux on arm64, and no other files in the assets. A second
// synthesis compiles no program.
func TestBundles(t *testing.T) {
	commands := logGoCommands(t)
	outdir := t.TempDir()
	assembly := synthInto(t, outdir)
	if builds := commands("build"); len(builds) != 2 {
		t.Errorf("the first synthesis ran %d builds, want 2: %q", len(builds), builds)
	}
	before := bootstraps(t, assembly)
	synthInto(t, outdir)
	if builds := commands("build"); len(builds) != 0 {
		t.Errorf("an unchanged synthesis ran %q", builds)
	}
	if diff := cmp.Diff(before, bootstraps(t, assembly)); diff != "" {
		t.Errorf("an unchanged synthesis changed the assets:\n%s", diff)
	}

	hashes := map[[32]byte]bool{}
	err := filepath.WalkDir(assembly, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasPrefix(filepath.Base(filepath.Dir(path)), "asset.") {
			return err
		}
		if entry.Name() != "bootstrap" {
			t.Errorf("the asset holds %s", entry.Name())
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Mode()&0o111 == 0 {
			t.Errorf("%s is not executable", path)
		}
		binary, err := elf.Open(path)
		if err != nil {
			return err
		}
		defer binary.Close()
		if binary.Machine != elf.EM_AARCH64 {
			t.Errorf("%s is for %s", path, binary.Machine)
		}
		raw, err := os.ReadFile(path)
		hashes[sha256.Sum256(raw)] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(hashes) != 2 {
		t.Errorf("got %d different bootstraps, want 2", len(hashes))
	}
}

// bootstraps lists the programs of an assembly and when they were written.
func bootstraps(t *testing.T, assembly string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(assembly, "asset.*", "bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		files[i] += " " + info.ModTime().String()
	}
	return files
}

// logGoCommands puts a go command in front of the real one that records its
// arguments. The returned function returns the command lines that begin with a
// word since its last call.
func logGoCommands(t *testing.T) func(word string) []string {
	t.Helper()
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	script := "#!/bin/sh\necho \"$*\" >>'" + log + "'\nexec '" + real + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return func(word string) []string {
		raw, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err) // not one command: the real one was asked
		}
		if err := os.WriteFile(log, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		var lines []string
		for line := range strings.Lines(string(raw)) {
			if strings.HasPrefix(line, word+" ") {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
		return lines
	}
}

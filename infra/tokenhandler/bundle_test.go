package tokenhandler

import (
	"bytes"
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
	// As in a new process: CDK remembers what it staged in this one.
	awscdk.AssetStaging_ClearAssetHashCache()
	context := cdkJSON(t)
	app := awscdk.NewApp(&awscdk.AppProps{Context: &context, Outdir: jsii.String(outdir)})
	stage := awscdk.NewStage(app, jsii.String("Test"), nil)
	stack := awscdk.NewStack(stage, jsii.String("Stack"), nil)
	New(stack, "TokenHandler", oneOrigin()).Protect(orders())
	return *app.Synth(nil).Directory()
}

// The one test that bundles through CDK: two functions, two different
// bootstraps that Linux on arm64 can run, and nothing else in the assets. To
// synthesize again compiles nothing.
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

// Two copies of the module at two paths, with different build settings around
// them, give the same bytes.
func TestBuildIsReproducible(t *testing.T) {
	for _, pkg := range []string{"./lambda/authorizer", "./lambda/agent"} {
		t.Run(pkg, func(t *testing.T) {
			var binaries [][]byte
			for _, setting := range []string{"", "-tags=other -race -buildvcs=true"} {
				dir := filepath.Join(t.TempDir(), "a checkout")
				copyModule(t, root(t), dir)
				t.Setenv("GOFLAGS", setting)
				out := t.TempDir()
				if err := (&goBuild{dir: dir, pkg: pkg, arch: "arm64"}).build(out); err != nil {
					t.Fatal(err)
				}
				raw, err := os.ReadFile(filepath.Join(out, "bootstrap"))
				if err != nil {
					t.Fatal(err)
				}
				binaries = append(binaries, raw)
			}
			if !bytes.Equal(binaries[0], binaries[1]) {
				t.Error("the two binaries differ")
			}
			size := float64(len(binaries[0])) / 1e6
			t.Logf("%.1f MB", size)
			// Its cold start is part of every API behind it.
			if pkg == "./lambda/authorizer" && size > 8 {
				t.Errorf("the authorizer takes %.1f MB, expected at most 8", size)
			}
		})
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func copyModule(t *testing.T, from, to string) {
	t.Helper()
	for _, dir := range []string{"lambda", "internal"} {
		if err := os.CopyFS(filepath.Join(to, dir), os.DirFS(filepath.Join(from, dir))); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		raw, err := os.ReadFile(filepath.Join(from, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, file), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A program that does not compile must stop synthesis and show why: nothing
// else would keep an empty asset from being deployed.
func TestBundlingPanicsOnCompileErrors(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"go.mod": "module example.test/x\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() { undefinedName() }\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got := panicOf(func() {
		(&goBuild{dir: dir, pkg: ".", arch: "arm64"}).TryBundle(jsii.String(t.TempDir()), nil)
	})
	mustContain(t, got, "tokenhandler: go build . in "+dir, "undefined: undefinedName")
}

// The Lambdas never link the CDK; the authorizer links neither the AWS SDK nor
// an OAuth or OpenID library, which keeps its cold start small.
func TestLambdasStaySmall(t *testing.T) {
	for _, tt := range []struct {
		pkg       string
		forbidden []string
	}{
		{"./lambda/...", []string{"aws-cdk-go", "jsii", "constructs-go", modulePath + "/infra"}},
		{"./lambda/authorizer", []string{"aws-sdk-go", "go-oidc", "golang.org/x/oauth2"}},
	} {
		cmd := exec.Command("go", "list", "-deps", tt.pkg)
		cmd.Dir = "../.."
		out, err := cmd.Output()
		if err != nil || len(out) == 0 {
			t.Fatalf("go list: %v", err)
		}
		for dep := range strings.FieldsSeq(string(out)) {
			for _, f := range tt.forbidden {
				if strings.Contains(dep, f) {
					t.Errorf("%s links %s", tt.pkg, dep)
				}
			}
		}
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

// logGoCommands puts a go command in front of the real one that writes down
// what it is asked. The function it returns gives the command lines that begin
// with a word since it was last called.
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

func TestModuleDirIsThisModule(t *testing.T) {
	if dir, err := moduleDir(); err != nil || dir != root(t) {
		t.Errorf("got %s, %v", dir, err)
	}
}

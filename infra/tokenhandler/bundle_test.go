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
)

// The one test that bundles through CDK: two functions, two different
// bootstraps that Linux on arm64 can run, and nothing else in the assets.
func TestBundles(t *testing.T) {
	context := cdkJSON(t)
	app := awscdk.NewApp(&awscdk.AppProps{Context: &context, Outdir: jsii.String(t.TempDir())})
	stage := awscdk.NewStage(app, jsii.String("Test"), nil)
	stack := awscdk.NewStack(stage, jsii.String("Stack"), nil)
	New(stack, "TokenHandler", oneOrigin()).Protect(orders())
	assembly := *app.Synth(nil).Directory()

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
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range []string{"./lambda/authorizer", "./lambda/agent"} {
		t.Run(pkg, func(t *testing.T) {
			var binaries [][]byte
			for _, setting := range []string{"", "-tags=other -race -buildvcs=true"} {
				dir := filepath.Join(t.TempDir(), "a checkout")
				copyModule(t, root, dir)
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

func TestModuleDirIsThisModule(t *testing.T) {
	if _, err := os.Stat(filepath.Join(moduleDir(), "infra", "tokenhandler", "bundle.go")); err != nil {
		t.Error(err)
	}
}

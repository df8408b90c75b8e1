package bundle

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/jsii-runtime-go"
)

// Two copies of the module at two paths, with different build settings around
// them, give the same bytes.
func TestBuildIsReproducible(t *testing.T) {
	for _, pkg := range []string{"./lambda/authorizer", "./lambda/agent"} {
		t.Run(pkg, func(t *testing.T) {
			var binaries [][]byte
			for _, setting := range []string{"", "-tags=other -race -buildvcs=true"} {
				dir := filepath.Join(t.TempDir(), "a checkout")
				copyModule(t, moduleRoot, dir)
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

// A program that does not compile must stop synthesis and show why. Otherwise an
// empty asset would be deployed.
func TestBundlingPanicsOnCompileErrors(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"go.mod": "module example.test/x\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() { undefinedName() }\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		got := fmt.Sprint(recover())
		for _, want := range []string{"tokenhandler: go build for the Lambdas in " + dir, "undefined: undefinedName"} {
			if !strings.Contains(got, want) {
				t.Errorf("got %q, want %q in it", got, want)
			}
		}
	}()
	(&goBuild{dir: dir, pkg: ".", arch: "arm64"}).TryBundle(jsii.String(t.TempDir()), nil)
}

// Version managers choose Go by the working directory: the go command runs in
// that of the app, and its own message is shown when it fails.
func TestGoRunsInTheAppsDirectory(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\nif [ ! -f .tool-versions ]; then echo 'No version is set for command go' >&2; exit 126; fi\nexec '" + goCommand(t) + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	app := t.TempDir()
	t.Chdir(app)
	if _, err := toolchainIn(moduleRoot); err == nil || !strings.Contains(err.Error(), "No version is set for command go") {
		t.Errorf("got %v, want the message of the version manager", err)
	}
	if err := os.WriteFile(filepath.Join(app, ".tool-versions"), []byte("golang 1.26.0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := toolchainIn(moduleRoot); err != nil || !strings.HasPrefix(got, "go") {
		t.Errorf("got %q, %v", got, err)
	}
}

// moduleRoot is the root of this module. It does not follow the working directory.
var moduleRoot, _ = filepath.Abs("../../..")

func goCommand(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// The Lambdas never link the CDK; the authorizer links neither the AWS SDK nor
// an OAuth or OpenID library, which keeps its cold start small.
func TestLambdasStaySmall(t *testing.T) {
	for _, tt := range []struct {
		pkg       string
		forbidden []string
	}{
		{"./lambda/...", []string{"aws-cdk-go", "jsii", "constructs-go", Path + "/infra"}},
		{"./lambda/authorizer", []string{"aws-sdk-go", "go-oidc", "golang.org/x/oauth2"}},
	} {
		cmd := exec.Command("go", "list", "-deps", tt.pkg)
		cmd.Dir = "../../.."
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
	if dir, err := moduleDir(); err != nil || dir != moduleRoot {
		t.Errorf("got %s, %v", dir, err)
	}
}

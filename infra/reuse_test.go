package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// consumer is the app of another team, in a module of its own.
const consumer = `package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

func main() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Consumer"), nil)
	tokenhandler.New(stack, "TokenHandler", &tokenhandler.Props{
		Application: tokenhandler.Application{TrustedWebOrigins: []string{"https://www.example.com"}, RedirectURI: "https://www.example.com/"},
		Provider:    tokenhandler.Provider{Issuer: "https://login.example.com", ClientID: "spa-client"},
	}).Protect(tokenhandler.Route{Path: "/orders", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/"})
	app.Synth(nil)
}
`

var published = module.Version{Path: "github.com/tokenhandler/aws", Version: "v0.1.0-reuse"}

// broken is a later version of a package that only the Lambdas import, which
// does not compile. The other module requires it: a Lambda that is compiled
// with the versions of the module that uses the construct, and not with those
// that this one pins, is not compiled at all.
var broken = module.Version{Path: "github.com/akrylysov/algnhsa", Version: "v1.1.99"}

// Another module requires this one from a proxy, without a checkout. The
// Lambdas are compiled from the module cache, with the versions that this
// module pins, into the same assets as here. The build writes no file to the
// cache.
func TestReuseFromAnotherModule(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a second app")
	}
	dir := t.TempDir()
	t.Cleanup(func() { makeWritable(dir) }) // the go command writes modules read-only
	proxy, cache, home := filepath.Join(dir, "proxy"), filepath.Join(dir, "cache"), filepath.Join(dir, "consumer")
	publish(t, proxy)
	publishBroken(t, proxy)
	linkCache(t, cache)
	writeConsumer(t, home)
	env := append(os.Environ(), "GOMODCACHE="+cache, "GOPROXY=file://"+proxy, "GONOSUMDB=*", "GONOSUMCHECK=1", "GOFLAGS=-mod=mod", "GOWORK=off",
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20", "CDK_VALIDATION=false")

	// Without -trimpath the build cache would not help, because the paths are
	// new.
	app := filepath.Join(dir, "app")
	runIn(t, home, env, "go", "build", "-trimpath", "-o", app, ".")
	if used := runIn(t, home, env, "go", "list", "-m", broken.Path); !strings.Contains(used, broken.Version) {
		t.Fatalf("the other module uses %s, want %s", used, broken.Version)
	}
	before := listing(t, cache)
	out := filepath.Join(dir, "cdk.out")
	runIn(t, home, append(env, "CDK_OUTDIR="+out), app)
	if diff := cmp.Diff(before, listing(t, cache)); diff != "" {
		t.Errorf("the synthesis changed the module cache:\n%s", diff)
	}

	here := builtAssembly(t)
	want, got := assets(t, here), assets(t, out)
	if diff := cmp.Diff(want, got); diff != "" || len(got) != 2 {
		t.Errorf("the other module's assets differ from this module's:\n%s", diff)
	}
}

// publish packs this module as a proxy would serve it.
func publish(t *testing.T, proxy string) {
	t.Helper()
	var files []zip.File
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (name == "node_modules" || name == "testdata" || name == "cdk.out" || strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case entry.Type().IsRegular() && !strings.HasSuffix(name, "_test.go"):
			relative, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			files = append(files, diskFile{path, filepath.ToSlash(relative)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, proxy, published, string(mod), files)
}

func publishBroken(t *testing.T, proxy string) {
	t.Helper()
	dir := t.TempDir()
	mod := "module " + broken.Path + "\n\ngo 1.26\n"
	write(t, filepath.Join(dir, "go.mod"), mod)
	write(t, filepath.Join(dir, "algnhsa.go"), "package algnhsa\n\nvar _ = doesNotCompile\n")
	serve(t, proxy, broken, mod, []zip.File{
		diskFile{filepath.Join(dir, "go.mod"), "go.mod"}, diskFile{filepath.Join(dir, "algnhsa.go"), "algnhsa.go"}})
}

// serve puts a module where a proxy would have it.
func serve(t *testing.T, proxy string, m module.Version, mod string, files []zip.File) {
	t.Helper()
	versions := filepath.Join(proxy, m.Path, "@v")
	write(t, filepath.Join(versions, "list"), m.Version+"\n")
	write(t, filepath.Join(versions, m.Version+".info"), fmt.Sprintf(`{"Version":%q}`, m.Version))
	write(t, filepath.Join(versions, m.Version+".mod"), mod)
	archive, err := os.Create(filepath.Join(versions, m.Version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	if err := zip.Create(archive, m, files); err != nil {
		t.Fatal(err)
	}
}

type diskFile struct{ path, name string }

func (f diskFile) Path() string                 { return f.name }
func (f diskFile) Lstat() (fs.FileInfo, error)  { return os.Lstat(f.path) }
func (f diskFile) Open() (io.ReadCloser, error) { return os.Open(f.path) }

// linkCache makes a module cache that links to the dependencies of this module
// in the real one, so that the test downloads no module and leaves no files
// there.
func linkCache(t *testing.T, cache string) {
	t.Helper()
	real := strings.TrimSpace(runIn(t, "..", nil, "go", "env", "GOMODCACHE"))
	decoder := json.NewDecoder(strings.NewReader(runIn(t, "..", nil, "go", "list", "-m", "-json", "all")))
	for decoder.More() {
		var m struct {
			Path, Version, Dir string
			Main               bool
		}
		if err := decoder.Decode(&m); err != nil {
			t.Fatal(err)
		}
		if m.Main {
			continue
		}
		path, err := module.EscapePath(m.Path)
		if err != nil {
			t.Fatal(err)
		}
		downloads, linked := filepath.Join(real, "cache", "download", path, "@v"), filepath.Join(cache, "cache", "download", path, "@v")
		if m.Path == broken.Path { // gets a version more
			if err := os.CopyFS(linked, os.DirFS(downloads)); err != nil {
				t.Fatal(err)
			}
		} else {
			link(t, downloads, linked)
		}
		if m.Dir != "" {
			link(t, m.Dir, filepath.Join(cache, path+"@"+m.Version))
		}
	}
}

func link(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(from, to); err != nil {
		t.Fatal(err)
	}
}

// writeConsumer writes the other module. It pins the versions that this module
// pins, as go mod tidy would, except for the broken one.
func writeConsumer(t *testing.T, home string) {
	t.Helper()
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, requirements, _ := strings.Cut(string(mod), "\ngo ")
	write(t, filepath.Join(home, "go.mod"), fmt.Sprintf("module example.test/consumer\n\ngo %s\nrequire %s %s\nrequire %s %s\n",
		strings.Replace(requirements, broken.Path, "// "+broken.Path, 1), published.Path, published.Version, broken.Path, broken.Version))
	sum, err := os.ReadFile("../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(home, "go.sum"), string(sum))
	write(t, filepath.Join(home, "main.go"), consumer)
}

// contextJSON is a context as the CDK CLI passes it.
func contextJSON(context map[string]any) string {
	raw, err := json.Marshal(context)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func assets(t *testing.T, assembly string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(assembly, "asset.*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	slices.Sort(found)
	return found
}

func listing(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		files = append(files, fmt.Sprint(path, " ", info.Size(), " ", info.ModTime(), " ", info.Mode()))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("%s is empty", dir)
	}
	return files
}

func runIn(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func makeWritable(dir string) {
	filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			os.Chmod(path, 0o755)
		}
		return nil
	})
}

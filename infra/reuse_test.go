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
		TrustedWebOrigins: []string{"https://www.example.com"},
		Provider:          tokenhandler.Provider{Issuer: "https://login.example.com", ClientID: "spa-client"},
		RedirectURI:       "https://www.example.com/",
	}).Protect(tokenhandler.Route{Path: "/orders", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/"})
	app.Synth(nil)
}
`

var published = module.Version{Path: "github.com/tokenhandler/aws", Version: "v0.1.0-reuse"}

// Another module requires this one from a proxy, with no checkout around: the
// Lambdas are compiled from the module cache, with the versions this module
// pins, into the same assets as here, and nothing is written to the cache.
func TestReuseFromAnotherModule(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a second app")
	}
	dir := t.TempDir()
	t.Cleanup(func() { makeWritable(dir) }) // the go command writes modules read-only
	proxy, cache, home := filepath.Join(dir, "proxy"), filepath.Join(dir, "cache"), filepath.Join(dir, "consumer")
	publish(t, proxy)
	linkCache(t, cache)
	writeConsumer(t, home)
	env := append(os.Environ(), "GOMODCACHE="+cache, "GOPROXY=file://"+proxy, "GONOSUMDB=*", "GONOSUMCHECK=1", "GOFLAGS=-mod=mod", "GOWORK=off",
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20", "CDK_VALIDATION=false")

	// -trimpath: or nothing in the build cache would fit, the paths are new.
	app := filepath.Join(dir, "app")
	runIn(t, home, env, "go", "build", "-trimpath", "-o", app, ".")
	source := filepath.Join(cache, published.Path+"@"+published.Version)
	before := listing(t, source)
	out := filepath.Join(dir, "cdk.out")
	runIn(t, home, append(env, "CDK_OUTDIR="+out), app)
	if diff := cmp.Diff(before, listing(t, source)); diff != "" {
		t.Errorf("the synthesis changed the module cache:\n%s", diff)
	}

	here := filepath.Join(dir, "here.out")
	runIn(t, "..", append(os.Environ(), asApp+"=sound", "CDK_CONTEXT_JSON="+contextJSON(t), "CDK_OUTDIR="+here, "CDK_VALIDATION=false",
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20"), os.Args[0])
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
	versions := filepath.Join(proxy, published.Path, "@v")
	write(t, filepath.Join(versions, "list"), published.Version+"\n")
	write(t, filepath.Join(versions, published.Version+".info"), fmt.Sprintf(`{"Version":%q}`, published.Version))
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(versions, published.Version+".mod"), string(mod))
	archive, err := os.Create(filepath.Join(versions, published.Version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	if err := zip.Create(archive, published, files); err != nil {
		t.Fatal(err)
	}
}

type diskFile struct{ path, name string }

func (f diskFile) Path() string                 { return f.name }
func (f diskFile) Lstat() (fs.FileInfo, error)  { return os.Lstat(f.path) }
func (f diskFile) Open() (io.ReadCloser, error) { return os.Open(f.path) }

// linkCache makes a module cache with the dependencies of this module, linked
// to the real one: nothing is downloaded, and nothing is left there.
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
		link(t, filepath.Join(real, "cache", "download", path, "@v"), filepath.Join(cache, "cache", "download", path, "@v"))
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

// writeConsumer writes the other module. It pins what this one pins, as go mod
// tidy would.
func writeConsumer(t *testing.T, home string) {
	t.Helper()
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, requirements, _ := strings.Cut(string(mod), "\ngo ")
	write(t, filepath.Join(home, "go.mod"), fmt.Sprintf("module example.test/consumer\n\ngo %s\nrequire %s %s\n", requirements, published.Path, published.Version))
	sum, err := os.ReadFile("../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(home, "go.sum"), string(sum))
	write(t, filepath.Join(home, "main.go"), consumer)
}

// contextJSON is cdk.json's context for the stage whose Lambdas are compared.
func contextJSON(t *testing.T) string {
	t.Helper()
	raw, err := json.Marshal(cdkJSON(t))
	if err != nil {
		t.Fatal(err)
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

package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
)

// suite is a folder for files that the tests share.
var suite string

// TestMain lets one more test run than there are processors, because tests often
// wait for a process or a page, but no more than six.
func TestMain(m *testing.M) {
	if address := os.Getenv(asApp); address != "" {
		os.Exit(app(address))
	}
	flag.Parse()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if !set {
		if err := flag.Set("test.parallel", strconv.Itoa(min(6, runtime.GOMAXPROCS(0)+1))); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(func() int {
		var err error
		if suite, err = os.MkdirTemp("", "e2e"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(suite)
		code := m.Run()
		if shared.close != nil {
			shared.close()
		}
		if synthesizer.stop != nil {
			synthesizer.stop()
		}
		return code
	}())
}

// programs are functions that return the path of a compiled program, by package.
var programs sync.Map

// program compiles a main package of this module, once for all tests, and
// returns the path of the program.
func program(t *testing.T, pkg string) string {
	t.Helper()
	dependOnSources(t)
	compile, _ := programs.LoadOrStore(pkg, sync.OnceValues(func() (string, error) {
		binary := filepath.Join(suite, filepath.Base(pkg))
		build := exec.Command("go", "build", "-o", binary, pkg)
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
		}
		return binary, nil
	}))
	binary, err := compile.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// lambdas keeps the Lambdas that a run has compiled: each is a folder of its
// assembly, named after everything that the Lambda is made from. An assembly
// that has the folder does not compile the Lambda again. The first run compiles
// while the others wait.
var lambdas struct {
	sync.Mutex
	compiled bool
}

// giveLambdas puts compiled Lambdas into an assembly that is yet to be
// synthesized. The caller calls take when the assembly is complete.
func giveLambdas(t *testing.T, assembly string) (take func()) {
	t.Helper()
	kept := filepath.Join(suite, "lambdas")
	lambdas.Lock()
	first := !lambdas.compiled
	err := linkFolders(kept, assembly)
	if !first || err != nil {
		lambdas.Unlock()
	}
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	done := func(complete bool) {
		once.Do(func() {
			if !first {
				lambdas.Lock()
			}
			defer lambdas.Unlock()
			if complete {
				if err := linkFolders(assembly, kept); err != nil {
					t.Error(err)
				}
				lambdas.compiled = true
			}
		})
	}
	t.Cleanup(func() { done(false) })
	return func() { done(true) }
}

// linkFolders puts the folders asset.* of a folder into another one, with hard
// links to their files.
func linkFolders(from, to string) error {
	folders, err := filepath.Glob(filepath.Join(from, "asset.*"))
	if err != nil {
		return err
	}
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		target := filepath.Join(to, filepath.Base(folder))
		if _, err := os.Stat(target); err == nil {
			continue
		}
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		for _, entry := range entries {
			if err := os.Link(filepath.Join(folder, entry.Name()), filepath.Join(target, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Package spa tests the package @tokenhandler/client.
package spa

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/setup"
)

// examples has the npm packages that these tests need: TypeScript and a bundler.
const examples = "../examples"

// maxSize bounds the client as a page loads it, minified and gzipped.
const maxSize = 4096

func node(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node on this machine: the client was not tested")
	}
	return path
}

// tool returns the path of a program of the npm packages.
func tool(t *testing.T, name string) string {
	t.Helper()
	node(t)
	if _, err := setup.Packages(t.Context(), examples); err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(filepath.Join(examples, "node_modules", ".bin", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

// dependOnSources looks at every file of the client: the go command caches a
// passed test until a file that the test itself opened changes.
func dependOnSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			_, err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestClientModule(t *testing.T) {
	node := node(t)
	dependOnSources(t)
	files, err := filepath.Glob("client/*.test.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("found no tests of the client: %v", err)
	}
	out := run(t, ".", node, append([]string{"--test", "--test-reporter=tap"}, files...)...)
	// An empty run succeeds too.
	passed := regexp.MustCompile(`(?m)^# pass (\d+)$`).FindStringSubmatch(out)
	if passed == nil {
		t.Fatalf("node --test reported no number of passed tests:\n%s", out)
	}
	if n, _ := strconv.Atoi(passed[1]); n < 150 {
		t.Errorf("node --test passed %d tests, want at least 150", n)
	}
	t.Logf("node --test: %s passed", passed[1])
}

// The declarations are generated from the JSDoc comments, which also type-check
// the source. Write them with
//
//	UPDATE_TYPES=1 go test ./spa -run Declarations
func TestDeclarationsMatchSource(t *testing.T) {
	tsc := tool(t, "tsc")
	dependOnSources(t)
	dir := t.TempDir()
	run(t, "client", tsc, "--allowJs", "--checkJs", "--strict", "--declaration", "--emitDeclarationOnly", "--outDir", dir,
		"--target", "es2023", "--module", "nodenext", "--lib", "es2023,dom,dom.iterable", "--types", "", "token-handler.js")
	for _, name := range []string{"token-handler.d.ts", "answers.d.ts"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("client", "types", name)
		if os.Getenv("UPDATE_TYPES") != "" {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s does not match the source: run UPDATE_TYPES=1 go test ./spa -run Declarations\n%s", file, diff)
		}
	}
}

// A TypeScript project can use the declarations.
func TestExampleTypes(t *testing.T) {
	tsc := tool(t, "tsc")
	dependOnSources(t)
	for _, name := range []string{"main.tsx", "session.ts"} {
		if _, err := os.ReadFile(filepath.Join(examples, "react", "src", name)); err != nil {
			t.Fatal(err)
		}
	}
	run(t, filepath.Join(examples, "react"), tsc, "--noEmit")
}

func TestTarballContent(t *testing.T) {
	node(t)
	dependOnSources(t)
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("no npm on this machine: the tarball was not tested")
	}
	var packed []struct {
		Name, License string
		Size          int
		Files         []struct{ Path string }
		Bundled       []string
	}
	if err := json.Unmarshal([]byte(run(t, "client", npm, "pack", "--dry-run", "--json", "--ignore-scripts")), &packed); err != nil || len(packed) != 1 {
		t.Fatalf("npm pack: %v", err)
	}
	var got []string
	for _, file := range packed[0].Files {
		got = append(got, file.Path)
	}
	slices.Sort(got)
	want := []string{"LICENSE", "README.md", "answers.js", "package.json", "page.js", "tabs.js", "token-handler.js",
		"types/answers.d.ts", "types/token-handler.d.ts"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files of the tarball (-want +got):\n%s", diff)
	}
	t.Logf("%s, %d bytes: %s", packed[0].Name, packed[0].Size, strings.Join(got, ", "))

	var manifest map[string]any
	text, err := os.ReadFile("client/package.json")
	if err != nil || json.Unmarshal(text, &manifest) != nil {
		t.Fatalf("package.json: %v", err)
	}
	for _, field := range []string{"dependencies", "peerDependencies", "optionalDependencies", "scripts"} {
		if manifest[field] != nil {
			t.Errorf("package.json has %s", field)
		}
	}
	ours, err := os.ReadFile("client/LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	license, err := os.ReadFile("../LICENSE")
	if err != nil || !bytes.Equal(ours, license) {
		t.Errorf("the licence of the package is not that of the repository (%v)", err)
	}
}

func TestSizeInAPage(t *testing.T) {
	rolldown := tool(t, "rolldown")
	dependOnSources(t)
	file := filepath.Join(t.TempDir(), "client.js")
	run(t, "client", rolldown, "token-handler.js", "--format", "esm", "--minify", "-o", file)
	minified, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	w, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	w.Write(minified)
	w.Close()
	t.Logf("%d bytes minified, %d bytes gzipped", len(minified), zipped.Len())
	if zipped.Len() >= maxSize {
		t.Errorf("%d bytes gzipped, want less than %d", zipped.Len(), maxSize)
	}
}

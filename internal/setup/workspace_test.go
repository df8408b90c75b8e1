package setup_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/setup"
)

// A module in the module cache is read-only, so its packages are installed into
// the user's cache.
func TestWorkspace(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	module := t.TempDir()
	for name, text := range map[string]string{"package.json": "{}", "package-lock.json": "{}", "local/provider/provider.mjs": "x", "spa/index.html": "y"} {
		path := filepath.Join(module, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := setup.Workspace(module, "spa"); err != nil || got != module {
		t.Errorf("writable: got %s, %v; want the module itself", got, err)
	}
	if err := os.Chmod(module, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(module, 0o755) })
	for range 2 { // the second time over the existing copy
		got, err := setup.Workspace(module, "local/provider", "spa")
		if err != nil || strings.HasPrefix(got, module) {
			t.Fatalf("read-only: got %s, %v", got, err)
		}
		for _, name := range []string{"package-lock.json", "local/provider/provider.mjs", "spa/index.html"} {
			if info, err := os.Stat(filepath.Join(got, filepath.FromSlash(name))); err != nil || info.Mode()&0o200 == 0 {
				t.Errorf("%s: got %v, %v; want a file that can be written", name, info, err)
			}
		}
	}
}

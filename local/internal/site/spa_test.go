package site

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The page under the policy it is served with: nothing inline, nothing from elsewhere, and every part is served.
func TestPageFitsItsPolicy(t *testing.T) {
	h := Handler(spa)
	page := text(t, get(t, h, "GET", "/", navigation))
	for name, pattern := range map[string]string{
		"an inline script":    `(?i)<script(?:\s+type="module")?\s*>`,
		"an inline style":     `(?i)<style|\sstyle\s*=`,
		"an event attribute":  `(?i)\son[a-z]+\s*=`,
		"a javascript: URL":   `(?i)javascript:`,
		"a part of elsewhere": `(?i)(?:src|href)="(?:[a-z]+:|//)`,
	} {
		if found := regexp.MustCompile(pattern).FindString(page); found != "" {
			t.Errorf("index.html has %s: %q", name, found)
		}
	}

	parts := regexp.MustCompile(`(?:src|href)="(/[^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(parts) < 3 {
		t.Fatalf("index.html has %d parts; want a script, a style and an icon at least", len(parts))
	}
	seen := map[string]bool{}
	var check func(path string)
	check = func(path string) {
		if seen[path] {
			return
		}
		seen[path] = true
		r := get(t, h, "GET", path, "*/*")
		if r.StatusCode != 200 {
			t.Errorf("%s: got %d; want 200", path, r.StatusCode)
		}
		content := text(t, r)
		if strings.HasSuffix(path, ".css") && regexp.MustCompile(`(?i)@import|url\(`).MatchString(content) {
			t.Errorf("%s loads something", path)
		}
		if strings.HasSuffix(path, ".js") {
			for _, m := range regexp.MustCompile(`(?m)^import .* from '\.(/[^']*)';`).FindAllStringSubmatch(content, -1) {
				check(m[1])
			}
			if regexp.MustCompile(`from '[^.]`).MatchString(content) {
				t.Errorf("%s imports something that is no file of its own", path)
			}
		}
	}
	for _, part := range parts {
		check(part[1])
	}
	if !seen["/token-handler.js"] {
		t.Error("the sample does not use the client module")
	}
}

// The client module's own tests: single flight, retry rules, session expiry, URL cleaning, refused addresses.
func TestClientModule(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node on this machine: the client module's tests were not run")
	}
	files, err := filepath.Glob(filepath.Join(spaDir, "*.test.js"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no test of the client module found: %v", err)
	}
	// The go command caches a passed test until a file that it looked at changes; what node reads it does not know.
	err = filepath.WalkDir(spaDir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--test", "--test-reporter=tap"}
	for _, file := range files {
		args = append(args, filepath.Base(file))
	}
	cmd := exec.CommandContext(t.Context(), node, args...)
	cmd.Dir = spaDir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	// An empty run succeeds too: count what passed.
	passed := regexp.MustCompile(`(?m)^# pass (\d+)$`).FindSubmatch(out)
	if passed == nil {
		t.Fatalf("node --test reported no number of passed tests:\n%s", out)
	}
	if n, _ := strconv.Atoi(string(passed[1])); n < 50 {
		t.Errorf("node --test passed %d tests; want the whole suite", n)
	}
	t.Logf("node --test: %s passed", passed[1])
}

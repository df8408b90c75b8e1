package site

import (
	pathpkg "path"
	"regexp"
	"strings"
	"testing"
)

// The page under the policy it is served with: no inline code, no part from elsewhere, and every part is served.
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
			for _, m := range regexp.MustCompile(`(?m)^import .* from '(\.[^']*)';`).FindAllStringSubmatch(content, -1) {
				check(pathpkg.Join(pathpkg.Dir(path), m[1]))
			}
			if regexp.MustCompile(`from '[^.]`).MatchString(content) {
				t.Errorf("%s imports something that is no file of its own", path)
			}
		}
	}
	for _, part := range parts {
		check(part[1])
	}
	if !seen["/client/token-handler.js"] {
		t.Error("the sample does not use the client module")
	}
}

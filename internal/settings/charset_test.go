package settings

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A regular expression compiled in a package variable costs every start of a
// Lambda.
func TestNoRegexp(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(strings.Fields(string(out)), "regexp") {
		t.Error("package settings depends on regexp: see charset.go")
	}
}

func TestCharset(t *testing.T) {
	for _, tt := range []struct {
		what string
		got  bool
		want bool
	}{
		{"too short", madeOf("", 1, 3, ""), false},
		{"longest", madeOf("aZ9", 1, 3, ""), true},
		{"too long", madeOf("aZ90", 1, 3, ""), false},
		{"also", madeOf("a-_", 1, 3, "-_"), true},
		{"not also", madeOf("a.", 1, 3, "-_"), false},
		{"not ASCII", madeOf("é", 1, 3, ""), false},
		{"NUL", madeOf("a\x00", 1, 3, ""), false},
		{"host", isHostName("www.example-1.com"), true},
		{"host of one letter", isHostName("a"), true},
		{"empty host", isHostName(""), false},
		{"host in capitals", isHostName("WWW.example.com"), false},
		{"host that ends with a dot", isHostName("example.com."), false},
		{"host that begins with a hyphen", isHostName("-a"), false},
		{"host of 253", isHostName(strings.Repeat("a", 253)), true},
		{"host of 254", isHostName(strings.Repeat("a", 254)), false},
		{"scope token", isScopeToken("https://api.example/read:all!"), true},
		{"scope token with a quote", isScopeToken(`a"`), false},
		{"scope token with a backslash", isScopeToken(`a\`), false},
		{"scope token with a space", isScopeToken("a b"), false},
		{"empty scope token", isScopeToken(""), false},
		{"path of 8 segments", isPath(strings.Repeat("/a", 8)), true},
		{"path of 9 segments", isPath(strings.Repeat("/a", 9)), false},
		{"path with an empty segment", isPath("/a//b"), false},
		{"path with a dot in front", isPath("/.well-known"), false},
		{"path with a dot inside", isPath("/v1.2"), true},
		{"segment of 65", isPath("/" + strings.Repeat("a", 65)), false},
		{"root", isPath("/"), false},
		{"relative", isPath("a"), false},
		{"line break", isPath("/a\n"), false},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.what, tt.got, tt.want)
		}
	}
}

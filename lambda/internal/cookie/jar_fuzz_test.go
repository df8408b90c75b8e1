package cookie

import (
	"strings"
	"testing"
)

// FuzzCookieHeader: what is read stands in the headers, and a name that stands there
// with two values is not read.
func FuzzCookieHeader(f *testing.F) {
	f.Add("a=1; b=2", "c=3")
	f.Add("a=1; a=2", "")
	f.Add("a=1", "a=2")
	f.Add(`__Host-th-at="x"; =; ;;`, "__host-th-at=y")
	f.Add("a=1,b=2; c", "\x00=\x7f; é=ü")
	f.Fuzz(func(t *testing.T, first, second string) {
		for name, value := range Parse(first, second) {
			if name == "" || strings.ContainsAny(name+value, ";\r\n\x00") {
				t.Fatalf("read %q=%q", name, value)
			}
			if !strings.Contains(first+";"+second, name) || !strings.Contains(first+";"+second, value) {
				t.Fatalf("read %q=%q, which is not there", name, value)
			}
			with := Parse(first, second, name+"=another"+value)
			if got, ok := with[name]; ok {
				t.Fatalf("read %q=%q, of two values", name, got)
			}
			if again := Parse(second, first)[name]; again != value {
				t.Fatalf("in the other order: %q, not %q", again, value)
			}
		}
	})
}

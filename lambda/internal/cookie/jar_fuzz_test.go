package cookie

import (
	"slices"
	"strings"
	"testing"
)

// FuzzCookieHeader: every value that is read is in the headers, and is read
// once.
func FuzzCookieHeader(f *testing.F) {
	f.Add("a=1; b=2", "c=3")
	f.Add("a=1; a=2", "")
	f.Add("a=1", "a=2")
	f.Add(`__Host-th-at="x"; =; ;;`, "__host-th-at=y")
	f.Add("a=1,b=2; c", "\x00=\x7f; é=ü")
	f.Add("a=3.x; a-1=y", "a-1=z; a-2=w")
	f.Fuzz(func(t *testing.T, first, second string) {
		received := Parse(first, second)
		for name, values := range received {
			if name == "" || len(values) == 0 {
				t.Fatalf("read %q without value", name)
			}
			for i, value := range values {
				if strings.ContainsAny(name+value, ";\r\n\x00") || slices.Contains(values[:i], value) {
					t.Fatalf("read %q=%q", name, value)
				}
				if !strings.Contains(first+";"+second, name) || !strings.Contains(first+";"+second, value) {
					t.Fatalf("read %q=%q, which is not there", name, value)
				}
			}
			if joined := received.values(name); len(joined) > maxValues {
				t.Fatalf("%q has %d values to try", name, len(joined))
			}
		}
	})
}

package cookie

import (
	"slices"
	"strings"
	"testing"
)

// FuzzCookieHeader: every value that is read is in the headers, and is read
// once. ParseOnly reads the same values of its names as Parse.
func FuzzCookieHeader(f *testing.F) {
	f.Add("a=1; b=2", "c=3")
	f.Add("a=1; a=2", "")
	f.Add("a=1", "a=2")
	f.Add(`__Host-th-at="x"; =; ;;`, "__host-th-at=y")
	f.Add("a=1,b=2; c", "\x00=\x7f; é=ü")
	f.Add("a=3.x; a-1=y", "a-1=z; a-2=w")
	f.Add("__Host-th-at=2.x;\t__Host-th-at-1 =y", `"__Host-th-at=z"; __Host-th-auth=w; \r__Host-th-at="a b"`)
	f.Fuzz(func(t *testing.T, first, second string) {
		received := Parse(first, second)
		for _, name := range []string{"a", "__Host-th-at"} {
			only := ParseOnly([]string{name}, first, second)
			for i := range MaxParts {
				if name := part(name, i); !slices.Equal(only[name], received[name]) {
					t.Fatalf("%s: read %q, and of all cookies %q", name, only[name], received[name])
				}
			}
		}
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

package settings

import (
	"strings"
	"testing"
)

func TestSecretNameFault(t *testing.T) {
	for name, want := range map[string]string{
		"prod/client-credentials": "",
		"prod/session-key":        "",
		"secret":                  "",
		"a-bcdef":                 "", // five
		"a-bcdefgh":               "", // seven
		"prod/client-secret":      "must not end in a hyphen and six characters",
		"xyz-google":              "must not end in a hyphen and six characters",
		"key-1A2b3C":              "must not end in a hyphen and six characters",
		"-a/b.c@":                 "must not end in a hyphen and six characters",
		"":                        "must be 1 to 512",
		"prod secret":             "must be 1 to 512",
		strings.Repeat("a", 513):  "must be 1 to 512",
	} {
		got := SecretNameFault(name)
		if (got == "") != (want == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

package oauthproxy

import (
	"strings"
	"testing"
)

// C3: the access log writes the principal without escaping.
func TestPrincipalCannotForgeLogFields(t *testing.T) {
	for _, subject := range []string{"user-1", "auth0|5f7c", "a.b+c@example.com", "urn:example:user:1", "CN/x"} {
		if got := (Decision{Subject: subject}).principal(); got != subject {
			t.Errorf("%q: got principal %q", subject, got)
		}
	}
	seen := map[string]bool{}
	for _, subject := range []string{`a","status":"200`, `a\`, "a\nb", "a b", "ü", "a\x00", "<script>", "a\u2028b"} {
		got := (Decision{Subject: subject}).principal()
		if !strings.HasPrefix(got, "sha256-") || strings.Trim(got, plainChars) != "" || len(got) != len("sha256-")+64 {
			t.Errorf("%q: got principal %q", subject, got)
		}
		if seen[got] {
			t.Errorf("%q: two subjects have the principal %s", subject, got)
		}
		seen[got] = true
	}
	if got := (Decision{}).principal(); got != "caller" {
		t.Errorf("got principal %q, want caller", got)
	}
}

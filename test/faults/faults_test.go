package main

import (
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/setup"
)

// The short form. With a table, only a session whose rotated refresh token never
// reached the agent is lost, and none outlives a sign-out. Where the provider has a
// grace period, that session goes on, too. Without a table, the same
// faults do harm: otherwise they would prove nothing.
func TestFaults(t *testing.T) {
	if _, _, err := setup.Node(t.Context()); err != nil {
		t.Skip(err)
	}
	results, err := run(t.Context(), true, "", func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	harmful := map[string]bool{"50 simultaneous refreshes with one cookie": true, "answer lost on its way to the browser": true, "sign-out": true}
	seen := 0
	for _, r := range results {
		switch {
		case r.recorded && (r.lost > r.expected || r.outlived > 0):
			t.Errorf("%s, with a table (grace period: %t): %d of %d sessions lost, %d outlived a sign-out", r.name, r.grace, r.lost, r.sessions, r.outlived)
		case r.recorded && !r.grace && strings.HasPrefix(r.name, "50 ") && r.calls != 2+2:
			t.Errorf("%s, with a table: %d calls of the token endpoint, want one for the sign-in, one for all refreshes, and two more", r.name, r.calls)
		case !r.recorded && harmful[r.name] && r.lost+r.outlived > 0:
			seen++
		}
	}
	if seen != len(harmful) {
		t.Errorf("without a table %d of %d faults did harm\n%s", seen, len(harmful), table(results))
	}
}

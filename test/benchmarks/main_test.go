package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The document has a date, the machine, and figures for every section.
func TestDocumentIsComplete(t *testing.T) {
	raw, err := os.ReadFile("../../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^20\d\d-\d\d-\d\d, \w+/\w+, .*\d+ processors`).Match(raw) {
		t.Error("no line with date and machine")
	}
	for _, s := range sections {
		_, rest, found := strings.Cut(string(raw), "\n## "+s.title+"\n")
		rest, _, _ = strings.Cut(rest, "\n## ")
		if !found || !regexp.MustCompile(`(?m)^    .*\d`).MatchString(rest) {
			t.Errorf("section %s is missing or has no figures: go run ./test/benchmarks", s.title)
		}
	}
}

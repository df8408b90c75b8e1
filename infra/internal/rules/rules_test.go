package rules

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the list of rules into the documentation")

// Names are stable and sentences are sentences.
func TestRulesAreNamed(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range All() {
		functions := 0
		for _, set := range []bool{r.method != nil, r.api != nil, r.template != nil} {
			if set {
				functions++
			}
		}
		if functions == 0 || seen[r.Name] || !regexp.MustCompile(`^TH-[A-Z][A-Za-z]+$`).MatchString(r.Name) ||
			!strings.HasSuffix(r.Sentence, ".") || strings.Contains(r.Sentence, "|") {
			t.Errorf("%+v", r)
		}
		seen[r.Name] = true
	}
}

// The list in the documentation is generated:
// go test ./infra/internal/rules -run Documentation -update
func TestDocumentationListsTheRules(t *testing.T) {
	const file, begin, end = "../../../docs/construct.md", "<!-- rules -->\n", "<!-- /rules -->"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the rules", file)
	}
	var list strings.Builder
	list.WriteString("| rule | demands |\n| --- | --- |\n")
	for _, r := range All() {
		sentence := r.Sentence
		if r.Advice {
			sentence += " (Warning)"
		}
		fmt.Fprintf(&list, "| `%s` | %s |\n", r.Name, sentence)
	}
	want := before + begin + list.String() + end + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(raw) {
		t.Errorf("%s does not list the rules as they are: go test ./infra/internal/rules -run Documentation -update", file)
	}
}

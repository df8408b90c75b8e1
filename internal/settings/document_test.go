package settings_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/settings"
)

var update = flag.Bool("update", false, "write docs/settings.md")

// docs/settings.md is what the structs say: after a change of them,
// go test ./internal/settings -update
func TestDocument(t *testing.T) {
	const file = "../../docs/settings.md"
	want := document()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/settings.md is not what the structs say: run go test ./internal/settings -update\n%s", diff)
	}
}

func document() string {
	var b strings.Builder
	b.WriteString(`# Settings

The environment variables of the two Lambdas. The construct writes them from its
properties, so that most people never see them; they are of use to whoever reads
a deployed function's configuration, or runs the Lambdas without the construct.

A missing or malformed variable stops the Lambda at its start, with a message
that names the variable and does not show its value. Lists are comma-separated
and trimmed. An empty variable is the same as none.

This file is generated: ` + "`go test ./internal/settings -update`." + `
`)
	shared := settings.Describe(settings.Shared{})
	for _, section := range []struct {
		title     string
		variables []settings.Variable
	}{
		{"Both Lambdas", shared},
		{"The authorizer (OAuth proxy)", settings.Describe(settings.Authorizer{})},
		{"The agent (OAuth agent)", settings.Describe(settings.Agent{})},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n| Variable | Meaning | Accepted | Default |\n| --- | --- | --- | --- |\n", section.title)
		for _, v := range section.variables {
			if &section.variables[0] != &shared[0] && slices.ContainsFunc(shared, func(s settings.Variable) bool { return s.Name == v.Name }) {
				continue
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", v.Name, cell(meaning(v)), cell(v.Expects), byDefault(v))
		}
	}
	return b.String()
}

func meaning(v settings.Variable) string {
	if v.Secret {
		return v.Doc + " Secret."
	}
	return v.Doc
}

func byDefault(v settings.Variable) string {
	switch {
	case v.Default != "":
		return "`" + v.Default + "`"
	case strings.Contains(v.Doc, "Default: "):
		return "see there"
	case v.Optional:
		return "none"
	}
	return "required"
}

// cell escapes what Markdown would take for the table's or for HTML.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;", "*", `\*`).Replace(s)
}

package synth_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/setup"
	"github.com/tokenhandler/aws/local/internal/synth"
)

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A failed synthesis reports the app's message without stacks.
func TestRunFails(t *testing.T) {
	err := synth.Run(t.Context(), app(t, t.TempDir(), "origins=http://not-loopback.example"))
	if err == nil {
		t.Fatal("an origin that is neither https nor loopback was synthesized")
	}
	if !strings.Contains(err.Error(), "origins") || strings.Contains(err.Error(), "goroutine") || strings.Count(err.Error(), "\n") > 6 {
		t.Errorf("got %v, want a few lines that name the field", err)
	}
}

// The app's own command writes the files that the CDK CLI writes.
func TestDirect(t *testing.T) {
	c := app(t, t.TempDir())
	var templates []string
	for _, c.Direct = range []bool{true, false} {
		if err := synth.Run(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for _, name := range []string{"TokenHandler-local.template.json", "TokenHandler-local.assets.json"} {
			content, err := os.ReadFile(filepath.Join(c.Out, name))
			if err != nil {
				t.Fatal(err)
			}
			text.Write(content)
			if err := os.Remove(filepath.Join(c.Out, name)); err != nil {
				t.Fatal(err)
			}
		}
		templates = append(templates, text.String())
	}
	if diff := cmp.Diff(templates[1], templates[0]); diff != "" {
		t.Errorf("without the CDK CLI (-with, +without):\n%s", diff)
	}
}

// The CDK CLI runs if the app's command leaves work to it.
func TestDirectLeavesToTheCLI(t *testing.T) {
	for _, tt := range []struct {
		name, manifest, metadata string
		want                     bool
	}{
		{"complete", `{"version":"54.0.0","artifacts":{}}`, `{"/A":[{"type":"aws:cdk:logicalId"}]}`, false},
		{"context to look up", `{"version":"54.0.0","missing":[{"key":"hosted-zone"}]}`, `{}`, true},
		{"an error of a construct", `{"version":"54.0.0"}`, `{"/A":[{"type":"aws:cdk:error","data":"no"}]}`, true},
		{"an error in the manifest", `{"version":"54.0.0","artifacts":{"A":{"metadata":{"/A":[{"type":"aws:cdk:error"}]}}}}`, `{}`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{
				"cdk.json": `{"app":"sh app.sh","context":{"a":["b"]}}`, "manifest.json": tt.manifest, "metadata.json": tt.metadata,
				"app.sh": `cp manifest.json $CDK_OUTDIR/ && cp metadata.json $CDK_OUTDIR/A.metadata.json && echo "$CDK_CONTEXT_JSON" >context`,
				"cli.sh": `echo "$@" >cli`,
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			c := synth.Config{Root: dir, Node: "sh", CLI: "cli.sh", Out: filepath.Join(dir, "out"), Context: []string{"c=d=e"}, Direct: true}
			if err := synth.Run(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			context, err := os.ReadFile(filepath.Join(dir, "context"))
			if err != nil || !strings.Contains(string(context), `"a":["b"]`) || !strings.Contains(string(context), `"c":"d=e"`) {
				t.Errorf("the app has the context %s, %v", context, err)
			}
			if _, err := os.Stat(filepath.Join(dir, "cli")); (err == nil) != tt.want {
				t.Errorf("the CLI ran: %v, want %v", err == nil, tt.want)
			}
		})
	}
}

// app is the stage local of this repository.
func app(t *testing.T, out string, fields ...string) synth.Config {
	t.Helper()
	node, _, err := setup.Node(t.Context())
	if err != nil {
		t.Skip(err)
	}
	if _, err := setup.Packages(t.Context(), root(t)); err != nil {
		t.Fatal(err)
	}
	return synth.Config{Root: root(t), Node: node, Out: out, Direct: true, Context: synth.ForThisMachine("local", fields...)}
}

func TestRoutesTo(t *testing.T) {
	dir := t.TempDir()
	cdk := `{"context":{"stages":{"local":{"routes":[{"path":"/a/{id}","methods":["GET"],"upstream":"http://127.0.0.1:3003/b/{id}","vpcLinkId":"a1"},{"path":"/f","function":"arn:x"}]}}}}`
	if err := os.WriteFile(filepath.Join(dir, "cdk.json"), []byte(cdk), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := synth.RoutesTo(dir, "local", "http://127.0.0.1:8080")
	if want := `[{"methods":["GET"],"path":"/a/{id}","upstream":"http://127.0.0.1:8080/b/{id}"},{"function":"arn:x","path":"/f"}]`; err != nil || got != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	for _, origin := range []string{"", "8080", "http://127.0.0.1:8080/path", "http://127.0.0.1:8080?x=1"} {
		if _, err := synth.RoutesTo(dir, "local", origin); err == nil {
			t.Errorf("%q was accepted as an origin", origin)
		}
	}
}

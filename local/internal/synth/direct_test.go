package synth_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/setup"
	"github.com/tokenhandler/aws/local/internal/synth"
)

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

// Without the CDK CLI, an assembly has the same files with the same bytes.
func TestDirect(t *testing.T) {
	// Both run in one folder, because the manifest of assets contains its path.
	c := app(t, filepath.Join(t.TempDir(), "cdk.out"), "tokenMediation=true", "unused=a=b<&>")
	assemblies := map[bool]map[string]string{}
	for _, c.Direct = range []bool{true, false} {
		c.CLI = ""
		if c.Direct {
			c.CLI = "no-cli"
		}
		if err := synth.Run(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		assemblies[c.Direct] = files(t, c.Out)
		for name := range assemblies[c.Direct] {
			if strings.HasPrefix(name, "asset.") { // neither compiles a Lambda that is there
				continue
			}
			if err := os.Remove(filepath.Join(c.Out, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The CLI asks the app for its timings.
	delete(assemblies[false], "performance-counters.json")
	if len(assemblies[true]) < 5 {
		t.Errorf("the assembly has only %d files", len(assemblies[true]))
	}
	if diff := cmp.Diff(assemblies[false], assemblies[true]); diff != "" {
		t.Errorf("without the CDK CLI (-with, +without):\n%s", diff)
	}
}

// files returns the contents of the files in a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The CLI gives an app the default account and region, and this run does not.
func TestAppDoesNotReadDefaults(t *testing.T) {
	for name, content := range files(t, filepath.Join(root(t), "infra")) {
		if strings.HasSuffix(name, ".go") && strings.Contains(content, "CDK_DEFAULT_") {
			t.Errorf("infra/%s reads a variable of the CDK CLI: local/project.go must not set Direct", name)
		}
	}
}

// The CLI runs if the project uses another of its features, and if the app left
// work to it.
func TestDirectLeavesToTheCLI(t *testing.T) {
	const plain = `{"app":"go run main.go","versionReporting":false,"context":{"a":["b"],"z":{"y":1,"x":2}}}`
	for _, tt := range []struct {
		name  string
		files map[string]string
		env   map[string]string
		set   []string
		ran   bool // the app, directly
		cli   bool
	}{
		{name: "a plain project", ran: true},
		{name: "missing context", files: map[string]string{"manifest.json": `{"missing":[{"key":"hosted-zone"}]}`}, ran: true, cli: true},
		{name: "an error of a construct", files: map[string]string{"A.metadata.json": `{"/A":[{"type":"aws:cdk:error","data":"no"}]}`}, ran: true, cli: true},
		{name: "an error in the manifest", files: map[string]string{"manifest.json": `{"artifacts":{"A":{"metadata":{"/A":[{"type":"aws:cdk:error"}]}}}}`}, ran: true, cli: true},
		{name: "a manifest that is not JSON", files: map[string]string{"manifest.json": `{`}, ran: true, cli: true},
		{name: "a build command", files: map[string]string{"cdk.json": strings.Replace(plain, `{`, `{"build":"make",`, 1)}, cli: true},
		{name: "a command for a shell", files: map[string]string{"cdk.json": strings.Replace(plain, "main.go", "main.go; true", 1)}, cli: true},
		{name: "another language", files: map[string]string{"cdk.json": strings.Replace(plain, "go run main.go", "npx tsx app.ts", 1)}, cli: true},
		{name: "no command", files: map[string]string{"cdk.json": `{"versionReporting":false}`}, cli: true},
		{name: "version reporting", files: map[string]string{"cdk.json": strings.Replace(plain, `"versionReporting":false,`, "", 1)}, cli: true},
		{name: "cdk.json is not JSON", files: map[string]string{"cdk.json": plain + "}"}, cli: true},
		{name: "context of the CLI", files: map[string]string{"cdk.json": strings.Replace(plain, `"a"`, `"aws:cdk:bundling-stacks"`, 1)}, cli: true},
		{name: "context null", files: map[string]string{"cdk.json": strings.Replace(plain, `["b"]`, `null`, 1)}, cli: true},
		{name: "large context", files: map[string]string{"cdk.json": strings.Replace(plain, `"b"`, `"`+strings.Repeat("b", 100_000)+`"`, 1)}, cli: true},
		{name: "looked-up context", files: map[string]string{"cdk.context.json": `{}`}, cli: true},
		{name: "the person's own context", files: map[string]string{".cdk.json": `{}`}, cli: true},
		{name: "another run", files: map[string]string{"out/synth.lock": "1"}, cli: true},
		{name: "a reader", files: map[string]string{"out/read.1.1.lock": "1"}, cli: true},
		{name: "a flag in a variable", env: map[string]string{"CDK_PATH_METADATA": "false"}, cli: true},
		{name: "another program", env: map[string]string{"CDK_APP": "{dir}/bin/go"}, ran: true},
		{name: "another command", env: map[string]string{"CDK_APP": "{dir}/bin/go run main.go"}, cli: true},
		{name: "a file that is no program", env: map[string]string{"CDK_APP": "{dir}/manifest.json"}, cli: true},
		{name: "an assembly", env: map[string]string{"CDK_APP": "{dir}"}, cli: true},
		{name: "a value without a name", set: []string{"c"}, cli: true},
		{name: "a value for the CLI", set: []string{"aws:cdk:bundling-stacks=x"}, cli: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("HOME", dir)
			t.Setenv("PATH", filepath.Join(dir, "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
			for name, value := range tt.env {
				t.Setenv(name, strings.ReplaceAll(value, "{dir}", dir))
			}
			given := map[string]string{"cdk.json": plain, "manifest.json": `{"version":"54.0.0"}`, "A.metadata.json": `{"/A":[{"type":"aws:cdk:logicalId"}]}`,
				"bin/go": testApp, "cli.sh": `echo "$@" >cli`}
			for name, text := range tt.files {
				given[name] = text
			}
			for name, text := range given {
				name = filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(text), map[bool]fs.FileMode{true: 0o777, false: 0o666}[strings.Contains(name, "/bin/")]); err != nil {
					t.Fatal(err)
				}
			}
			c := synth.Config{Root: dir, Node: "sh", CLI: "cli.sh", Out: filepath.Join(dir, "out"), Direct: true, Context: append(tt.set, "c=d=e")}
			if err := synth.Run(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			context, err := os.ReadFile(filepath.Join(dir, "context"))
			if (err == nil) != tt.ran {
				t.Errorf("the app ran without the CLI: %t, want %t", err == nil, tt.ran)
			}
			const want = `{"a":["b"],"aws:cdk:bundling-stacks":["**"],"aws:cdk:disable-version-reporting":true,` +
				`"aws:cdk:enable-asset-metadata":true,"aws:cdk:enable-path-metadata":true,"c":"d=e","z":{"y":1,"x":2}}`
			if tt.ran && string(context) != want {
				t.Errorf("the app got the context %s, want %s", context, want)
			}
			if _, err := os.Stat(filepath.Join(dir, "cli")); (err == nil) != tt.cli {
				t.Errorf("the CLI ran: %t, want %t", err == nil, tt.cli)
			}
			if lock, err := os.ReadFile(filepath.Join(c.Out, "synth.lock")); err == nil && string(lock) == strconv.Itoa(os.Getpid()) {
				t.Error("the lock remains")
			}
		})
	}
}

// testApp stands for the go command: the app that it runs writes the assembly
// that lies beside it.
const testApp = `#!/bin/sh
test "$*" = "$(test -n "$CDK_APP" || echo run main.go)" && test -e "$CDK_OUTDIR/synth.lock" && test "$CDK_VALIDATION" = false &&
	cp manifest.json A.metadata.json "$CDK_OUTDIR" && printf %s "$CDK_CONTEXT_JSON" >context
`

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLocalOrigins(t *testing.T) {
	root := t.TempDir()
	cdk := `{"context":{"stages":{
		"one":{"origins":["https://www.example.com"]},
		"several":{"origins":["https://www.example.com","https://admin.example.com","https://www.other.example","http://localhost:5173","http://shop.example.localhost:3000"]},
		"none":{}}}}`
	if err := os.WriteFile(filepath.Join(root, "cdk.json"), []byte(cdk), 0o600); err != nil {
		t.Fatal(err)
	}
	for stage, want := range map[string]string{
		"none": "http://www.example.localhost:4100",
		"one":  "http://www.example.localhost:4100",
		"several": "http://www.example.localhost:4100 http://admin.example.localhost:4100 http://www-3.example.localhost:4100" +
			" http://localhost:5173 http://shop.example.localhost:4100",
	} {
		got, err := options{stage: stage, domain: "example.localhost", wwwPort: 4100}.localOrigins(root)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, %v; want %s", stage, got, err, want)
		}
	}
}

// writeAssembly writes a cloud assembly with stacks of the given templates, the
// last of them in an assembly of its own, as a CDK stage has it.
func writeAssembly(t *testing.T, templates map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	inner := filepath.Join(dir, "assembly-Prod")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	outer, nested := []string{`"nested":{"type":"cdk:cloud-assembly","properties":{"directoryName":"assembly-Prod"}}`}, []string{}
	for name, text := range templates {
		entry := `"` + name + `":{"type":"aws:cloudformation:stack","properties":{"templateFile":"` + name + `.template.json"}}`
		folder := dir
		if strings.HasPrefix(name, "Prod") {
			folder = inner
			nested = append(nested, entry)
		} else {
			outer = append(outer, entry)
		}
		if err := os.WriteFile(filepath.Join(folder, name+".template.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for folder, entries := range map[string][]string{dir: outer, inner: nested} {
		if err := os.WriteFile(filepath.Join(folder, "manifest.json"), []byte(`{"artifacts":{`+strings.Join(entries, ",")+`}}`), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFindStack(t *testing.T) {
	const handler = `{"Resources":{"Api":{"Type":"AWS::ApiGateway::RestApi"},"Agent":{"Properties":{"Environment":{"Variables":{"REDIRECT_URI":""}}}}}}`
	const other = `{"Resources":{}}`
	for _, tt := range []struct {
		name      string
		templates map[string]string
		stack     string
		want, err string
	}{
		{"the only one", map[string]string{"A": handler, "B": other}, "", "A", ""},
		{"in a stage", map[string]string{"A": other, "ProdB": handler}, "", "ProdB", ""},
		{"named", map[string]string{"A": handler, "ProdB": handler}, "ProdB", "ProdB", ""},
		{"several", map[string]string{"A": handler, "ProdB": handler}, "", "", "several stacks have a token handler: choose one of A, ProdB with -stack"},
		{"none", map[string]string{"A": other}, "", "", "no stack of the assembly has a token handler (a REST API and an OAuth agent); it has A"},
		{"unknown", map[string]string{"A": handler}, "B", "", "the assembly has no stack B; it has A"},
	} {
		p := &project{out: writeAssembly(t, tt.templates), stack: tt.stack}
		dir, got, err := p.find()
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: got %v, want one line with %q", tt.name, err, tt.err)
			}
		case err != nil || got != tt.want:
			t.Errorf("%s: got %s, %v", tt.name, got, err)
		default:
			if _, err := os.Stat(filepath.Join(dir, got+".template.json")); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	}
	if _, _, err := (&project{out: t.TempDir()}).find(); err == nil || !strings.Contains(err.Error(), "is not a cloud assembly") {
		t.Errorf("got %v", err)
	}
}

// A manifest cannot lead out of its folder.
func TestArtifactsStayInTheAssembly(t *testing.T) {
	dir := t.TempDir()
	manifest := `{"artifacts":{"a":{"type":"aws:cloudformation:stack","properties":{"templateFile":"../x.template.json"}},
		"b":{"type":"cdk:cloud-assembly","properties":{"directoryName":".."}}}}`
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := artifacts(dir, 0); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestCertificateNames(t *testing.T) {
	if names := (options{domain: "shop.localhost"}).names(); !slices.Contains(names, "*.shop.localhost") {
		t.Errorf("got %v", names)
	}
}

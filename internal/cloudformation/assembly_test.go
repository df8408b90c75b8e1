package cloudformation

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write makes files below a new folder and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFiles(t *testing.T) {
	const stack, assets, stage = `{"type":"aws:cloudformation:stack","properties":{"templateFile":"`, `{"type":"cdk:asset-manifest","properties":{"file":"`, `{"type":"cdk:cloud-assembly","properties":{"directoryName":"`
	for _, tt := range []struct {
		name        string
		files       map[string]string
		want, left  []string
		wantProblem string
	}{
		{"folder without a manifest", map[string]string{"A.template.json": "", "sub/B.template.json": "", "asset.1/C.template.json": "", "A.assets.json": ""},
			[]string{"A.template.json", "sub/B.template.json"}, nil, ""},
		{"assembly", map[string]string{
			"manifest.json":                           `{"artifacts":{"A":` + stack + `A.template.json"}},"A.assets":` + assets + `A.assets.json"}},"P":` + stage + `assembly-P"}},"Tree":{"type":"cdk:tree"}}}`,
			"A.assets.json":                           `{"files":{"1":{"source":{"path":"A.nested.template.json"}},"2":{"source":{"path":"A.template.json"}},"3":{"source":{"path":"asset.1"}}}}`,
			"A.template.json":                         "",
			"A.nested.template.json":                  "",
			"Renamed.template.json":                   "",
			"assembly-P/manifest.json":                `{"artifacts":{"B":` + stack + `B.template.json"}}}}`,
			"assembly-P/B.template.json":              "",
			"assembly-Deleted/manifest.json":          `{}`,
			"assembly-Deleted/OfBefore.template.json": "",
		}, []string{"A.nested.template.json", "A.template.json", "assembly-P/B.template.json"}, []string{"Renamed.template.json", "assembly-Deleted/OfBefore.template.json"}, ""},
		{"path out of the assembly", map[string]string{"manifest.json": `{"artifacts":{"A":` + stack + `../A.template.json"}}}}`}, nil, nil, `stack A: "../A.template.json" is not a path within the assembly`},
		{"stage that contains itself", map[string]string{"manifest.json": `{"artifacts":{"P":` + stage + `."}}}}`}, nil, nil, "stage P: cannot be read"},
		{"assets that are missing", map[string]string{"manifest.json": `{"artifacts":{"A":` + assets + `A.assets.json"}}}}`}, nil, nil, "A.assets.json"},
		{"manifest that is not JSON", map[string]string{"manifest.json": "x", "A.template.json": ""}, nil, nil, "manifest.json is not a template in JSON"},
		{"empty assembly", map[string]string{"manifest.json": "{}", "Old.template.json": ""}, nil, nil, "has no *.template.json"},
		{"empty folder", nil, nil, nil, "has no *.template.json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := write(t, tt.files)
			files, left, err := Files(dir)
			if tt.wantProblem != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantProblem) {
					t.Errorf("got %v, want %q", err, tt.wantProblem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			below := func(names []string) []string {
				var out []string
				for _, name := range names {
					out = append(out, filepath.Join(dir, name))
				}
				return out
			}
			if diff := cmp.Diff([][]string{below(tt.want), below(tt.left)}, [][]string{files, left}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRead(t *testing.T) {
	dir := write(t, map[string]string{
		"sound.json": `{"Resources":{"Fn":{"Type":"AWS::Lambda::Function","Properties":{"MemorySize":128},"Metadata":{"aws:cdk:path":"S/Fn"}}}}`,
		"empty.json": `{}`, "null.json": `{"Resources":{"Fn":null}}`, "broken.json": `{`, "large.json": `"` + strings.Repeat("x", maxFile) + `"`,
	})
	got, err := Read(filepath.Join(dir, "sound.json"))
	if err != nil {
		t.Fatal(err)
	}
	if fn := got.Resources["Fn"]; fn.ID != "Fn" || fn.String() != "S/Fn (Fn, AWS::Lambda::Function)" {
		t.Errorf("got %+v", fn)
	}
	if got, err := Read(filepath.Join(dir, "empty.json")); err != nil || len(got.Resources) != 0 {
		t.Errorf("a stack without resources: got %v, %v", got, err)
	}
	for name, want := range map[string]string{"null": "resource Fn is null", "broken": "broken.json is not a template in JSON", "large": "at most 8388608 are read", "missing": "no such file"} {
		if _, err := Read(filepath.Join(dir, name+".json")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

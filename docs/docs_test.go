// Package docs holds the documentation. Its tests keep it true.
package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tests are the functions and cases of a package's test files.
type tests struct {
	functions []string
	literals  []string // strings, among them the names of cases
}

var (
	codeRE = regexp.MustCompile("`([^`]*)`")
	// labelRE finds the labels of docs/security.md where tests name them.
	labelRE = regexp.MustCompile(`\b[PAG][0-9]{1,2}\b`)
	ruleRE  = regexp.MustCompile(`\b[Rr]ules? ([0-9]+(?:(?:, | to | and )[0-9]+)*)|\bC[1-5]-([0-9]+)\b`)
)

// Every test that docs/security.md names exists, every label that a test names
// is in the table, and every fuzz target is listed.
func TestSecurity(t *testing.T) {
	packages, labels := read(t)
	document, err := os.ReadFile("security.md")
	if err != nil {
		t.Fatal(err)
	}
	// The findings of independent judges are a table of another kind.
	rules, rest, _ := strings.Cut(string(document), "<!-- accepted findings: generated -->")
	_, rest, _ = strings.Cut(rest, "<!-- end of accepted findings -->")
	document = []byte(rules + rest)
	known, fuzzed := map[string]bool{}, map[string]bool{}
	for number, line := range strings.Split(string(document), "\n") {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| ---") || len(cells) < 2 || cells[0] == "Label" || cells[0] == "Target" {
			continue
		}
		if strings.HasPrefix(cells[0], "`") {
			fuzzed[strings.Trim(cells[0], "`")] = true
			continue
		}
		if known[cells[0]] {
			t.Errorf("line %d: %s is there twice", number+1, cells[0])
		}
		known[cells[0]] = true
		named := codeRE.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(named) == 0 && !strings.Contains(line, "not tested here") {
			t.Errorf("line %d: %s names no test", number+1, cells[0])
		}
		for _, code := range named {
			if fault := find(packages, code[1]); fault != "" {
				t.Errorf("line %d: %s: %s", number+1, code[1], fault)
			}
		}
	}
	for label, where := range labels {
		if !known[label] {
			t.Errorf("%s, named in %s, is not in the table", label, where)
		}
	}
	for dir, p := range packages {
		for _, f := range p.functions {
			if strings.HasPrefix(f, "Fuzz") && !fuzzed[dir+" "+f] {
				t.Errorf("the fuzz target %s %s is not listed", dir, f)
			}
			delete(fuzzed, dir+" "+f)
		}
	}
	for target := range fuzzed {
		t.Errorf("there is no fuzz target %s", target)
	}
}

// find returns the fault of "dir TestName/case", or "".
func find(packages map[string]*tests, code string) string {
	dir, name, _ := strings.Cut(code, " ")
	name, subtest, _ := strings.Cut(name, "/")
	p, ok := packages[dir]
	switch {
	case !ok:
		return "there is no such package, or it has no tests"
	case !slices.Contains(p.functions, name):
		return "there is no such test"
	case subtest != "" && !slices.Contains(p.literals, subtest):
		return "there is no such case"
	}
	return ""
}

// read parses all test files of the module and collects the labels they name.
func read(t *testing.T) (packages map[string]*tests, labels map[string]string) {
	t.Helper()
	packages, labels = map[string]*tests{}, map[string]string{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"node_modules", ".git", ".local", "cdk.out", "testdata", "docs"}, entry.Name()):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
		if packages[dir] == nil {
			packages[dir] = &tests{}
		}
		p := packages[dir]
		note := func(text string) {
			for _, label := range labelRE.FindAllString(text, -1) {
				labels[label] = path
			}
			for _, match := range ruleRE.FindAllStringSubmatch(text, -1) {
				for _, number := range regexp.MustCompile(`[0-9]+`).FindAllString(match[1]+" "+match[2], -1) {
					labels["rule "+number] = path
				}
			}
		}
		for _, group := range file.Comments {
			note(group.Text())
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && (strings.HasPrefix(n.Name.Name, "Test") || strings.HasPrefix(n.Name.Name, "Fuzz")) {
					p.functions = append(p.functions, n.Name.Name)
				}
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					if s, err := strconv.Unquote(n.Value); err == nil {
						p.literals = append(p.literals, s)
						note(s)
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 20 || len(labels) < 40 {
		t.Fatalf("read %d packages and %d labels: expected more", len(packages), len(labels))
	}
	return packages, labels
}

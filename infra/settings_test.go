package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/infra/tokenhandler"
	"github.com/tokenhandler/aws/internal/settings"
)

const settingsIntroduction = `# Settings

Each setting has up to three names: the property of the construct, the field of a stage in ` + "`cdk.json`" + `, and the
environment variable of the Lambdas. The construct writes the variables, so you need their names only to read a deployed
function's configuration.

Synthesis refuses a wrong value and names the property or the field. A Lambda with a missing or malformed variable does not
start. Its message names the variable and does not show the value. In variables, lists are comma-separated and trimmed, and
an empty variable means the default.

This file is generated: ` + "`go test ./infra -run TestSettingsDocument -update`." + `
`

// docs/settings.md lists every field of the construct and of a stage, and every
// variable, with the comment of its field.
func TestSettingsDocument(t *testing.T) {
	comments := fieldComments(t, "../internal/settings", "../infra/tokenhandler", "../infra")
	variables := map[string]settings.Variable{}
	reads := map[string][]string{}
	for _, lambda := range []struct {
		name string
		all  []settings.Variable
	}{{"agent", settings.Describe(&settings.Agent{})}, {"authorizer", settings.Describe(&settings.Authorizer{})}} {
		for _, v := range lambda.all {
			variables[v.Name] = v
			reads[v.Name] = append(reads[v.Name], lambda.name)
		}
	}
	// The construct's Operation repeats fields of the Lambdas' one.
	byField := map[string]string{}
	for _, f := range append(settings.Fields(&settings.Agent{}), settings.Fields(&settings.Authorizer{})...) {
		byField[f.GoName()] = f.Variable()
	}

	var document strings.Builder
	document.WriteString(settingsIntroduction)
	documented := map[string]bool{}
	table := func(title, about string, root any, fields []settings.Field, only func(settings.Field) bool) {
		fmt.Fprintf(&document, "\n## %s\n\n%s| Construct | Stage | Variable | Meaning |\n| --- | --- | --- | --- |\n", title, about)
		for _, f := range fields {
			if f.Group() || !only(f) || f.Variable() != "" && documented[f.Variable()] {
				continue
			}
			owner := f.Owner()
			if owner == nil {
				owner = reflect.TypeOf(root).Elem()
			}
			field := f.GoName()[strings.LastIndex(f.GoName(), ".")+1:]
			meaning := comments[typeName(owner)+"."+field]
			if meaning == "" {
				t.Errorf("%s.%s has no comment", typeName(owner), field)
			}
			variable := ""
			if v, ok := variables[cmp.Or(f.Variable(), byField[f.GoName()])]; ok {
				documented[v.Name] = true
				variable = code(v.Name)
				if readers := reads[v.Name]; len(readers) == 1 {
					variable += " (" + readers[0] + ")"
				}
				if v.Expects != "" {
					meaning += " Accepted: " + v.Expects + "."
				}
			}
			if def := f.Tag("default"); def != "" && !strings.Contains(meaning, "efault") {
				meaning += " Default: " + def + "."
			}
			inStage := f.StageName()
			if f.Tag("json") == "" {
				inStage = ""
			} else if with := f.Tag("with"); with != "" {
				inStage += "`, `" + strings.TrimSuffix(inStage, f.Tag("json")) + with
			}
			construct := f.GoName()
			switch root.(type) {
			case *settings.Agent, *settings.Authorizer:
				construct, inStage = "", ""
			}
			if owner == reflect.TypeFor[stage]() || owner == reflect.TypeFor[around]() || owner == reflect.TypeFor[route]() {
				construct = "" // the app's own
			}
			fmt.Fprintf(&document, "| %s | %s | %s | %s |\n", code(construct), code(inStage), variable, escaped(meaning))
		}
	}

	whole := &stage{Site: &tokenhandler.SiteProps{}}
	whole.Domain = &tokenhandler.Domain{}
	fields := settings.Fields(whole)
	in := func(names ...string) func(settings.Field) bool {
		return func(f settings.Field) bool {
			for _, name := range names {
				if f.GoName() == name || strings.HasPrefix(f.GoName(), name+".") {
					return true
				}
			}
			return false
		}
	}
	named := []struct {
		title string
		names []string
	}{
		{"Application", []string{"Application"}},
		{"Provider", []string{"Provider"}},
		{"Cookies and keys", []string{"Cookies", "CookieKeySecret", "CookieKeyRotation", "CookieKeyRotatedElsewhere", "KMSKey"}},
		{"Session", []string{"Session", "Sessions"}},
		{"Access tokens", []string{"AccessTokens", "PhantomToken"}},
		{"Authorizer caching", []string{"AuthorizerCaching"}},
		{"Operation", []string{"Operation", "Around", "Architecture"}},
		{"Domain and site", []string{"Domain", "Site"}},
	}
	taken := []string{}
	for _, group := range named {
		table(group.title, "", whole, fields, in(group.names...))
		taken = append(taken, group.names...)
	}
	table("API and stage", "", whole, fields, func(f settings.Field) bool { return !in(taken...)(f) })
	one := &route{}
	one.PrivateLink = &tokenhandler.PrivateLink{}
	table("Route", "A route is an item of `routes`, or the argument of `Protect` and `Public`.\n\n", one, settings.Fields(one), func(settings.Field) bool { return true })
	for _, root := range []any{&settings.Agent{}, &settings.Authorizer{}} {
		title := "Derived variables of the " + strings.ToLower(reflect.TypeOf(root).Elem().Name())
		table(title, "The construct derives them from other properties.\n\n", root, settings.Fields(root), func(f settings.Field) bool { return f.Variable() != "" })
	}
	for name := range variables {
		if !documented[name] {
			t.Errorf("%s is not documented", name)
		}
	}

	file := filepath.Join("..", "docs", "settings.md")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if document.String() == string(raw) {
		return
	}
	if *update {
		if err := os.WriteFile(file, []byte(document.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Error("docs/settings.md is out of date: go test ./infra -run TestSettingsDocument -update")
}

// fieldComments returns the comments of the fields of all structs in folders,
// by package, type and field. A field without a comment has that of the
// previous field if it stands directly below it.
func fieldComments(t *testing.T, folders ...string) map[string]string {
	t.Helper()
	comments := map[string]string{}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			set := token.NewFileSet()
			parsed, err := parser.ParseFile(set, file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok {
					return true
				}
				structure, ok := spec.Type.(*ast.StructType)
				if !ok {
					return true
				}
				before, end := "", 0
				for _, f := range structure.Fields.List {
					text := f.Doc.Text()
					if text == "" {
						text = f.Comment.Text()
					}
					if text == "" && set.Position(f.Pos()).Line == end+1 {
						text = before
					}
					before, end = text, set.Position(f.End()).Line
					for _, name := range f.Names {
						comments[filepath.Base(folder)+"."+spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(text), " ")
					}
				}
				return true
			})
		}
	}
	return comments
}

// typeName returns the package and the name of a struct, without its type
// arguments.
func typeName(t reflect.Type) string {
	name, _, _ := strings.Cut(t.Name(), "[")
	return t.PkgPath()[strings.LastIndex(t.PkgPath(), "/")+1:] + "." + name
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// escaped is text for a cell of a table in Markdown.
func escaped(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;", "\n", " ").Replace(s)
}

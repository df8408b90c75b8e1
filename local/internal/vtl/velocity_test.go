package vtl

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The vectors are recorded with the engine itself. On Debian:
//
//	apt-get install velocity default-jdk-headless
//	go test ./local/internal/vtl -run Velocity -velocity /usr/share/java/velocity.jar:/usr/share/java/commons-collections3.jar:/usr/share/java/commons-lang.jar
var (
	velocity  = flag.String("velocity", "", "class path of Apache Velocity 1.7: record testdata/velocity/vectors.jsonl anew")
	generated = flag.Int("templates", 800, "number of generated templates to record")
	seed      = flag.Uint64("seed", 1, "seed of the generated templates")
)

type vector struct {
	Template string  `json:"template"`
	Output   *string `json:"output"` // nil: the engine throws
}

// refusedAtRunTime matches the errors for values whose kind [Parse] cannot know.
var refusedAtRunTime = regexp.MustCompile(`(a map|a list|such arguments|of a string|not a string)( .*)? is not implemented|read-only`)

const vectorFile = "testdata/velocity/vectors.jsonl"

// TestVelocity renders each template that [Parse] accepts as Apache Velocity
// 1.7 does.
func TestVelocity(t *testing.T) {
	if *velocity != "" {
		record(t)
	}
	f, err := os.Open(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	accepted, total := 0, 0
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		total++
		tmpl, err := Parse(v.Template)
		if err != nil {
			continue // refused at start
		}
		accepted++
		got, err := tmpl.Render(velocityEnv())
		switch {
		case err != nil && v.Output != nil && !refusedAtRunTime.MatchString(err.Error()):
			t.Errorf("%q: got error %v, want %q", v.Template, err, *v.Output)
		case err == nil && v.Output == nil:
			t.Errorf("%q: got %q, want an error", v.Template, got)
		case err == nil && got != *v.Output:
			t.Errorf("%q: got %q, want %q", v.Template, got, *v.Output)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if accepted < 600 || accepted*2 < total {
		t.Errorf("%d of %d templates were accepted: too few to say anything", accepted, total)
	}
}

// velocityEnv is the context that Render.java has.
func velocityEnv() Env {
	ctx := stringMap("stage", "api")
	ctx.Put("identity", stringMap("sourceIp", "127.0.0.1"))
	ctx.Put("yes", true)
	ctx.Put("no", false)
	ctx.Put("n", int64(5))
	ctx.Put("d", 1.5)
	ctx.Put("list", []any{"a", int64(2), true})
	ctx.Put("none", []any{})
	ctx.Put("empty", "")
	return Env{
		Body:           `{"a":1}`,
		Path:           stringMap("id", "from-path", "p", "path"),
		QueryString:    stringMap("id", "from-query", "k1", "v1", "one", "1"),
		Header:         stringMap("id", "from-header", "h", "head", "empty", "", "Origin", "https://a.example"),
		Context:        ctx,
		StageVariables: stringMap("colour", "blue"),
	}
}

func record(t *testing.T) {
	byHand, err := os.ReadFile("testdata/velocity/templates.txt")
	if err != nil {
		t.Fatal(err)
	}
	var templates []string
	for line := range strings.Lines(string(byHand)) {
		var s string
		if _, err := fmt.Sscanf(line, "%q", &s); err != nil {
			t.Fatalf("templates.txt: %q: %v", line, err)
		}
		templates = append(templates, s)
	}
	g := generator{rand.New(rand.NewPCG(*seed, 0))}
	for range *generated {
		templates = append(templates, g.block(0))
	}
	var in bytes.Buffer
	for _, s := range templates {
		fmt.Fprintln(&in, base64.StdEncoding.EncodeToString([]byte(s)))
	}
	java := exec.Command("java", "-cp", *velocity, filepath.FromSlash("testdata/velocity/Render.java"))
	java.Stdin, java.Stderr = &in, os.Stderr
	out, err := java.Output()
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	enc := json.NewEncoder(&file)
	enc.SetEscapeHTML(false)
	results := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(results) != len(templates) {
		t.Fatalf("%d results of %d templates", len(results), len(templates))
	}
	for i, result := range results {
		v := vector{Template: templates[i]}
		if rest, ok := strings.CutPrefix(result, "ok"); ok {
			text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
			if err != nil {
				t.Fatal(err)
			}
			s := string(text)
			v.Output = &s
		}
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(vectorFile, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// generator makes templates of the subset, and of a little beyond it.
type generator struct{ *rand.Rand }

func (g generator) pick(s ...string) string { return s[g.IntN(len(s))] }

func (g generator) blank() string { return g.pick("", "", "", " ", "\n", "  \n", " \t", "\r\n") }

func (g generator) block(depth int) string {
	var b strings.Builder
	for range 1 + g.IntN(3) {
		b.WriteString(g.node(depth))
	}
	return b.String()
}

func (g generator) node(depth int) string {
	kind := g.IntN(10)
	if depth > 1 && kind >= 6 {
		kind = g.IntN(6)
	}
	switch kind {
	case 0:
		return g.pick("a", " ", "\n", "x.", "5", "#", "$", "$ ", "$5", "# 1", "{", "}", "$!", ".", "(", "[0]", "-", "!", "## c\n", "#* c *#", " ## c\r\n")
	case 1, 2, 3:
		return g.reference(depth)
	case 4, 5:
		return g.blank() + "#set(" + g.blank() + g.pick("$a", "$b", "$c", "$m.k", "$m.k", `$m["k"]`, "$x", "$a") + g.blank() + "=" + g.blank() + g.expression(depth) + g.blank() + ")" + g.blank()
	case 6, 7, 8:
		s := g.blank() + g.pick("#if", "#if", "#{if}") + g.pick("", " ") + "(" + g.expression(depth) + ")" + g.blank() + g.block(depth+1)
		for g.IntN(4) == 0 {
			s += g.blank() + "#elseif(" + g.expression(depth) + ")" + g.blank() + g.block(depth+1)
		}
		if g.IntN(2) == 0 {
			s += g.blank() + g.pick("#else", "#{else}") + g.blank() + g.block(depth+1)
		}
		return s + g.blank() + g.pick("#end", "#end", "#{end}") + g.blank()
	default:
		return g.blank() + "#foreach(" + g.blank() + g.pick("$x", "$y", "$a") + " in " + g.expression(depth) + g.blank() + ")" + g.blank() +
			g.pick("$foreach.count", "$foreach.index", "$foreach.hasNext", "$velocityCount", "$velocityHasNext", "$x", "$foreach.first", "$foreach.last", "") + g.block(depth+1) + "#end" + g.blank()
	}
}

func (g generator) reference(depth int) string {
	name := g.pick("a", "a", "b", "c", "x", "y", "m", "nope", "context.stage", "context.stage", "context.yes", "context.no", "context.n", "context.d", "context.list",
		"context.none", "context.empty", "context.identity", "context.identity.sourceIp", "context.nope", "stageVariables.colour", "input.params()", "input.params().header",
		"input.params().querystring", `input.params("id")`, `input.params("one")`, `input.params("nope")`, "input.body", "velocityCount", "foreach.count")
	for g.IntN(3) == 0 {
		name += g.part(depth)
	}
	return g.pick("$"+name, "$"+name, "$!"+name, "${"+name+"}", "$!{"+name+"}")
}

func (g generator) part(depth int) string {
	e := func() string { return g.expression(depth + 2) }
	s := func() string { return g.pick(`"a"`, `"id"`, `"k"`, `'h'`, `""`, `"1"`, "1", "0", "$nope", "$a") }
	return g.pick(".k", ".nope", "."+g.pick("empty", "size", "length", "keySet", "class", "bytes"),
		".get("+s()+")", "["+g.pick("0", "1", "9", "-1", `"k"`, "$a")+"]", ".size()", ".isEmpty()", ".length()", ".trim()", ".toUpperCase()", ".toLowerCase()", ".toString()",
		".containsKey("+s()+")", ".contains("+s()+")", ".equals("+e()+")", ".equals("+s()+")", ".equalsIgnoreCase("+s()+")", ".startsWith("+s()+")", ".endsWith("+s()+")", ".indexOf("+s()+")",
		".substring("+g.pick("0", "1", "9", "-1")+")", ".substring("+g.pick("0", "1")+", "+g.pick("0", "1", "2", "9")+")", ".replace("+s()+", "+s()+")", ".put("+s()+", "+e()+")", ".keySet()", ".add("+e()+")",
		".keySet().size()", `.put("k", 1)`)
}

func (g generator) expression(depth int) string {
	kind := g.IntN(12)
	if depth > 2 && kind >= 8 {
		kind = g.IntN(8)
	}
	switch kind {
	case 0:
		return g.pick("0", "1", "5", "-1", "1.5", "1.0", "100000000.5", "2147483648", "0.0001", "07")
	case 1:
		return g.pick("true", "false", "true", "false")
	case 2:
		return g.pick(`""`, `"1"`, `'1'`, `"a"`, `'$a'`, `"$a"`, `"x${a}y"`, `"$nope"`, `"true"`, `"$context.stage."`, `"5"`, `"1.5"`, `'api'`, `"a$"`, `"$!nope"`)
	case 3, 4, 5, 6, 7:
		return g.reference(depth)
	case 8:
		return g.pick("!", "! ", "not ", "!!") + g.expression(depth+1)
	case 9, 10:
		return g.pick("", "(") + g.expression(depth+1) + " " + g.pick("==", "!=", "<", ">", "<=", ">=", "&&", "||", "eq", "ne", "and", "or", "lt", "ge", "==", "!=") + " " + g.expression(depth+1) + g.pick("", ")")
	default:
		return g.pick("[]", "["+g.expression(depth+2)+"]", `["a", 2]`, "[1, "+g.expression(depth+2)+"]", "{}", `{"k": `+g.expression(depth+2)+"}", `{"k": 1, "zz": 2, "b": "three", 'c': $nope}`, `[[], {}]`)
	}
}

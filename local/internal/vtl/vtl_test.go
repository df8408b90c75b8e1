package vtl

import (
	"errors"
	"strings"
	"testing"
)

// The template that CDK's addCorsPreflight generates for three origins (aws-cdk-lib 2.270.0).
const cdkPreflight = `#set($origin = $input.params().header.get("Origin"))
#if($origin == "")
  #set($origin = $input.params().header.get("origin"))
#end
#if($origin == "https://b.example" || $origin == "https://c.example")
  #set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)
#end`

// The null-safe one that this project's construct generates.
const ownPreflight = `#set($o = $input.params().header.get("origin"))
#if(!$o || $o == "")#set($o = $input.params().header.get("Origin"))#end
#if($o == "https://a.example" || $o == "https://b.example")
#set($context.responseOverride.header.Access-Control-Allow-Origin = $o)
#set($context.responseOverride.header.Access-Control-Allow-Credentials = "true")
#end`

func stringMap(kv ...string) *Map {
	m := NewMap()
	for i := 0; i < len(kv); i += 2 {
		m.Put(kv[i], kv[i+1])
	}
	return m
}

func TestPreflightTemplates(t *testing.T) {
	tests := []struct {
		name, src, header, origin string
		want, wantCredentials     any
	}{
		{"cdk, second origin", cdkPreflight, "Origin", "https://b.example", "https://b.example", nil},
		{"cdk, third origin", cdkPreflight, "Origin", "https://c.example", "https://c.example", nil},
		{"cdk, first origin is the static header's job", cdkPreflight, "Origin", "https://a.example", nil, nil},
		// null == "" is false, so the fallback of CDK's template never runs for a lower-case header.
		{"cdk, lower-case name", cdkPreflight, "origin", "https://b.example", nil, nil},
		{"own, lower-case name", ownPreflight, "origin", "https://b.example", "https://b.example", "true"},
		{"own, capitalised name", ownPreflight, "Origin", "https://a.example", "https://a.example", "true"},
		{"own, unknown origin", ownPreflight, "origin", "https://evil.example", nil, nil},
		{"own, no origin", ownPreflight, "accept", "*/*", nil, nil},
		{"own, null origin", ownPreflight, "origin", "null", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tmpl, err := Parse(tt.src)
			if err != nil {
				t.Fatal(err)
			}
			o := NewOverrides()
			if _, err := tmpl.Render(Env{Header: stringMap(tt.header, tt.origin), Overrides: o}); err != nil {
				t.Fatal(err)
			}
			if got, _ := o.ResponseHeaders().Get("Access-Control-Allow-Origin"); got != tt.want {
				t.Errorf("Access-Control-Allow-Origin = %v, want %v", got, tt.want)
			}
			if got, _ := o.ResponseHeaders().Get("Access-Control-Allow-Credentials"); got != tt.wantCredentials {
				t.Errorf("Access-Control-Allow-Credentials = %v, want %v", got, tt.wantCredentials)
			}
		})
	}
}

func TestRender(t *testing.T) {
	identity := stringMap("sourceIp", "127.0.0.1")
	ctx := stringMap("stage", "api")
	ctx.Put("identity", identity)
	env := Env{
		Body:           `{"a":{"b":[1,"two",true,null]},"q":"x/\"y\""}`,
		Path:           stringMap("id", "from-path", "p", "path"),
		QueryString:    stringMap("id", "from-query", "k1", "v1", "k2", "v2"),
		Header:         stringMap("id", "from-header", "h", "head", "empty", ""),
		Context:        ctx,
		StageVariables: stringMap("colour", "blue"),
	}
	tests := []struct{ name, src, want string }{
		{"text", `{"a": "b"}`, `{"a": "b"}`},
		{"mock status", "{ statusCode: 200 }", "{ statusCode: 200 }"},
		{"money and hash are text", "$5.00 #1 # $ ", "$5.00 #1 # $ "},
		{"context", "$context.stage ${context.identity.sourceIp}", "api 127.0.0.1"},
		{"stage variable", "${stageVariables.colour}!", "blue!"},
		{"unresolved is literal", "$nope $context.nope ${nope.a}", "$nope $context.nope ${nope.a}"},
		{"unresolved quiet is empty", "[$!nope$!{context.nope}]", "[]"},
		{"dot after a reference is text", "$context.stage.", "api."},
		{"null equals null only", `#if($n == "")a#else b#end#if($n != "")a#else b#end#if($n == $m)c#end`, " bac"},
		{"not null is true", `#if(!$n)yes#end`, "yes"},
		{"the empty string is true", `#if($input.params("empty"))yes#else no#end`, "yes"},
		{"set of null keeps the value", `#set($x = "old")#set($x = $nope)$x`, "old"},
		{"elseif", `#set($x = 2)#if($x == 1)a#elseif($x == 2)b#else c#end`, "b"},
		{"braced directives", `#if(true)a#{else}b#{end}c`, "ac"},
		{"words as operators", `#if(1 eq 1 and not false or 2 ne 2)y#end#if(1 lt 2 && 3 ge 3)z#end`, "yz"},
		{"and binds tighter than or", `#if(true || true && false)y#end`, "y"},
		{"numbers", `#if(1 == 1.0 && 10 > 9 && 2 <= 2)y#end`, "y"},
		{"different kinds are compared as text", `#if("1" == 1)a#end#if("1" != 1)b#end#if(true == "true")c#end`, "ac"},
		{"params order", `$input.params("id") $input.params("k1") $input.params("h")`, "from-path v1 head"},
		{"params map", `$input.params().querystring.k2 $input.params().path.get("p") $input.params().header["h"]`, "v2 path head"},
		{"headers are case-sensitive", `$!input.params().header.get("H")`, ""},
		{"json", `$input.json('$.a.b') $input.json("$['a']['b'][1]") $input.json('$.zz')`, `[1,"two",true,null] "two" ""`},
		{"json keeps key order", `$input.json('$')`, `{"a":{"b":[1,"two",true,null]},"q":"x/\"y\""}`},
		{"path", `$input.path('$.a.b[0]') $input.path('$').a.b.size()`, "1 4"},
		{"escape", `$util.escapeJavaScript($input.path('$.q'))`, `x\/\"y\"`},
		{"base64", `$util.base64Encode("a b") $util.base64Decode("YSBi")`, "YSBi a b"},
		{"url", `$util.urlEncode("a b&*~") $util.urlDecode("a%20b+c")`, "a+b%26*%7E a b c"},
		{"parseJson", `#set($j = $util.parseJson('{"z":3}'))$j.z`, "3"},
		{"foreach", `#foreach($k in $input.params().querystring.keySet())$k=$input.params().querystring.get($k)#if($foreach.hasNext)&#end#end`,
			"id=from-query&k1=v1&k2=v2"},
		{"foreach over a map is its values", `#foreach($v in $input.params().querystring)$foreach.index$v #end`, "0from-query 1v1 2v2 "},
		{"foreach over null", `#foreach($v in $nope)x#end`, ""},
		{"nested foreach keeps the outer loop", `#foreach($a in [1,2])#foreach($b in [1])#end$foreach.count#end`, "12"},
		{"interpolation", `#set($x = "s=$context.stage")#set($y = '$context.stage')$x $y`, "s=api $context.stage"},
		{"map literal", `#set($m = {"a": 1, "b": "two"})#set($m.c-d = true)#set($m["e"] = 5)$m.a $m.get("b") ${m.c-d} $m.e $m.size()`, "1 two true 5 4"},
		{"matches", `#set($s = "https://pr-7.example.com")$s.matches("https://[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.]example[.]com") $s.matches("https://pr") $s.matches("pr-7")`,
			`true false false`},
		{"strings", `#set($s = "Hello")$s.length() $s.toUpperCase() $s.substring(1,3) $s.contains("ell") $s.indexOf("l") $s.equals("Hello")`,
			"5 HELLO el true 2 true"},
		{"blank rest of a directive line vanishes", "a\n#set($x = 1)  \nb\n#if(true)\nc\n#end\nd", "a\nb\nc\nd"},
		{"comments", "a## gone\nb#* gone *#c", "abc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tmpl, err := Parse(tt.src)
			if err != nil {
				t.Fatal(err)
			}
			got, err := tmpl.Render(env)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

// Forms that are not implemented are refused when the template is read, with their place.
func TestParseRefuses(t *testing.T) {
	tests := []struct {
		src, want string
		line, col int
	}{
		{"a\n  #macro(x)#end", "directive #macro is not implemented", 2, 3},
		{"#parse('x')", "directive #parse", 1, 1},
		{"#[[raw]]#", "directive #", 1, 1},
		{"x #stop", "directive #stop", 1, 3},
		{"#if($a)", "#if has no #end", 1, 1},
		{"x#end", "#end without #if", 1, 2},
		{"#if($a)#else#elseif($b)#end", "#elseif after #else", 1, 13},
		{"#foreach($a in $b)", "#foreach has no #end", 1, 1},
		{"#foreach($a.b in $c)#end", "plain variable", 1, 10},
		{"#set($a = 1 + 2)", `operator '+' is not implemented`, 1, 13},
		{"#set($a = [1..3])", "range", 1, 12},
		{"#set($a = null)", `"null" is not implemented`, 1, 11},
		{"#set($a = 'x)", "string is not closed", 1, 11},
		{`#set($a = "x\"y")`, "backslash", 1, 11},
		{`#set($a = "#if(true)x#end")`, "directive or comment inside a string", 1, 12},
		{`\$a`, "escape", 1, 1},
		{"${a", "not closed", 1, 1},
		{"${a|'x'}", "not closed", 1, 1},
		{"$input.foo", "no such property", 1, 1},
		{"$input", "alone is not implemented", 1, 1},
		{"$input.params().header.getClass()", "method getClass with 0 argument(s) is not implemented", 1, 1},
		{"$util.md5('x')", "method md5", 1, 1},
		{"$util.qrDecode('x')", "method qrDecode", 1, 1},
		{"$x.get()", "method get with 0", 1, 1},
		{"$input.json('$..a')", "JSONPath", 1, 1},
		{"$input.path('$.a[*]')", "JSONPath", 1, 1},
		{"#set($context.stage = 'x')", "#set cannot assign to $context.stage", 1, 6},
		{"#set($context.responseOverride.body = 'x')", "cannot assign", 1, 6},
		{"#set($input.body = 'x')", "cannot assign to $input", 1, 6},
		{"#set($stageVariables.a = 'x')", "cannot assign to $stageVariables", 1, 6},
		{"#set($a.get('x') = 'x')", "method call", 1, 6},
		{strings.Repeat("#if(true)", 40) + strings.Repeat("#end", 40), "nested deeper", 0, 0},
		{"#if(" + strings.Repeat("(", 100) + "1" + strings.Repeat(")", 100) + ")#end", "nested deeper", 0, 0},
		{"#if(" + strings.Repeat("!", 1000) + "$a)#end", "nested deeper", 0, 0},
		{strings.Repeat("x", MaxSource+1), "at most", 1, 1},
	}
	for _, tt := range tests {
		name := tt.src
		if len(name) > 40 {
			name = name[:40]
		}
		t.Run(name, func(t *testing.T) {
			_, err := Parse(tt.src)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got error %v, want a SyntaxError", err)
			}
			if !strings.Contains(syntax.Message, tt.want) {
				t.Errorf("got %q, want it to contain %q", syntax.Message, tt.want)
			}
			if tt.line != 0 && (syntax.Line != tt.line || syntax.Column != tt.col) {
				t.Errorf("at %d:%d, want %d:%d", syntax.Line, syntax.Column, tt.line, tt.col)
			}
		})
	}
}

func TestRenderErrors(t *testing.T) {
	long := make([]any, MaxRounds+1)
	ctx := NewMap()
	ctx.Put("list", long)
	tests := []struct{ name, src, want string }{
		{"override twice", `#set($context.responseOverride.status = 201)#set($context.responseOverride.status = 202)`, "only be applied once"},
		{"header override twice", `#set($context.responseOverride.header.a = "1")#set($context.responseOverride.header.a = "2")`, "only be applied once"},
		{"put on $context", `$context.put("stage", "x")`, "read-only"},
		{"alias of $context", `#set($c = $context)#set($c.stage = "x")`, "read-only"},
		{"map as text", `#set($m = {})$m`, "rendering a map as text"},
		{"body is not JSON", `$input.json('$.a')`, "invalid JSON"},
		{"too many rounds", `#foreach($x in $context.list)#end`, "at most 1000"},
		{"too many steps", `#foreach($x in $context.list.get(0))#end` + strings.Repeat(`#foreach($a in [1,2,3,4,5,6,7,8,9,10])`, 7) +
			strings.Repeat("#end", 7), "steps"},
		{"too much output", `#set($a = "0123456789012345678901234567890123456789")` + strings.Repeat(`#set($a = "$a$a")`, 20) + `$a`, "exceeds"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tmpl, err := Parse(tt.src)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = tmpl.Render(Env{Body: "not json", Context: ctx}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want it to contain %q", err, tt.want)
			}
		})
	}
}

func TestOverrides(t *testing.T) {
	tmpl, err := Parse(`#set($context.responseOverride.status = 418)
#foreach($k in $input.params().querystring.keySet())
#set($context.requestOverride.querystring[$k] = $input.params().querystring.get($k))
#end
#set($context.requestOverride.header.X-One = "1")#set($context.requestOverride.path.id = "7")`)
	if err != nil {
		t.Fatal(err)
	}
	o := NewOverrides()
	if _, err := tmpl.Render(Env{QueryString: stringMap("a", "1", "b", "2"), Overrides: o}); err != nil {
		t.Fatal(err)
	}
	if o.ResponseStatus() != 418 {
		t.Errorf("status = %d", o.ResponseStatus())
	}
	for _, tt := range []struct {
		m         *Map
		key, want string
	}{{o.RequestQuery(), "a", "1"}, {o.RequestQuery(), "b", "2"}, {o.RequestHeaders(), "X-One", "1"}, {o.RequestPath(), "id", "7"}} {
		if got, _ := tt.m.Get(tt.key); got != tt.want {
			t.Errorf("%s = %v, want %q", tt.key, got, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{cdkPreflight, ownPreflight, `$!{a.b["c"].get(1)}`, `#foreach($k in {"a":[1,-2.5]}.keySet())#end`,
		`#if(!($a && "b$c" == 'd') || 1 <= 2)x#elseif(not true)#else#end`, `#set($m["k"] = $util.parseJson("[$input.json('$.a[0]')]"))`} {
		f.Add(s, `{"a":[1]}`)
	}
	f.Fuzz(func(t *testing.T, src, body string) {
		tmpl, err := Parse(src)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("error is not a SyntaxError: %v", err)
			}
			return
		}
		// A template that parses renders or fails with an error, within its bounds.
		out, err := tmpl.Render(Env{Body: body, Header: stringMap("Origin", body), QueryString: stringMap("a", "b")})
		if err == nil && len(out) > maxOutput {
			t.Fatalf("output of %d bytes", len(out))
		}
	})
}

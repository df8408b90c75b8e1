// Package vtl interprets the part of the Velocity Template Language that Amazon API Gateway mapping templates use.
//
// [Parse] checks a whole template before any request is served: a directive, operator, method or reference form that
// is not implemented is a [SyntaxError] with its line and column, never a guess at run time. [Template.Render] then
// runs it with bounds on steps, loop rounds and output.
//
// # Implemented
//
//   - text, comments (## and #* *#), references $x, ${x}, $!x and $!{x} with properties, ["k"] and [0] indices and the
//     methods listed in methods.go;
//   - #set, #if, #elseif, #else, #end and #foreach with $foreach.index, .count, .hasNext, .first and .last;
//   - string (single and double quoted), number, boolean, list and map literals;
//   - == != < > <= >= && || ! and their word forms eq ne lt gt le ge and or not;
//   - $input.body, .params(), .params(x), .json(path), .path(path); $context, $stageVariables; $util's escapeJavaScript,
//     base64Encode, base64Decode, urlEncode, urlDecode and parseJson; $context.requestOverride and .responseOverride.
//
// # Semantics
//
// They are those of Apache Velocity 1.7: TestVelocity compares with renderings recorded from that engine. Worth knowing:
// null equals only null; other values of different kinds are compared by their text, so "1" == 1; a number, string, list
// or map written in a condition is false, while a reference to one is true; an unresolved $x renders as its own source
// text and an unresolved $!x as the empty string; #set to null leaves the variable as it was. Header names in
// $input.params() are looked up exactly as the client sent them.
//
// AWS does not document which version of Velocity it runs. The authors of an emulator that is tested against AWS speak
// of "AWS' own fork of velocity" (https://github.com/purcell/airspeed/pull/80), so a template that depends on the finer
// points can still behave differently there.
//
// # Not implemented
//
// [Parse] refuses macros, #include, #parse, #evaluate, #define, #stop, #break, arithmetic, ranges, escapes with a
// backslash, and the places where Velocity 1.7 loses or repeats text, such as a comment directly after a reference. The
// kind of a value is known only at run time: printing or comparing a map or a list is an error of [Template.Render].
package vtl

import (
	"fmt"
	"strings"
)

// Bounds of one template and of one rendering of it.
const (
	MaxSource    = 300 << 10 // bytes; AWS: "The maximum size of a mapping template is 300 KB"
	MaxRounds    = 1000      // AWS quota: "#foreach iterations in a mapping template: 1,000"
	maxDepth     = 32        // nested blocks, parentheses and indices
	maxSteps     = 200_000   // nodes visited while rendering
	maxOutput    = 10 << 20  // bytes; the payload limit of a REST API
	maxJSONDepth = 64
)

// SyntaxError says where a template uses something that is wrong or not implemented.
type SyntaxError struct {
	Line, Column int // both from 1; the column counts bytes
	Message      string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("vtl: line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// Template is a parsed template. It is immutable and safe for concurrent rendering.
type Template struct {
	nodes []node
}

// Env is a template's input. Nil maps are empty maps.
type Env struct {
	Body string // $input.body, which $input.json and $input.path read

	// The three maps of $input.params(), values decoded, the last one where a name came twice.
	Path, QueryString, Header *Map

	Context        *Map       // $context, without the overrides
	StageVariables *Map       // $stageVariables
	Overrides      *Overrides // where assignments to $context.requestOverride and .responseOverride land; may be nil
}

// Overrides collects assignments to $context.requestOverride and $context.responseOverride. One value is
// handed from the request template to the response template of the same call.
//
// AWS: "An override is final. An override may only be applied to each parameter once. Trying to override the same
// parameter multiple times will result in 5XX responses": the second assignment is a rendering error.
type Overrides struct {
	request, response *Map
}

// NewOverrides returns an empty set.
func NewOverrides() *Overrides {
	group := func(names ...string) *Map {
		m := NewMap()
		for _, n := range names {
			m.Put(n, &Map{once: true})
		}
		m.once = true
		return m
	}
	return &Overrides{request: group("header", "querystring", "path"), response: group("header")}
}

// RequestHeaders, RequestQuery and RequestPath are the overrides of the integration request.
func (o *Overrides) RequestHeaders() *Map { return o.request.child("header") }

// RequestQuery returns the assignments to $context.requestOverride.querystring.
func (o *Overrides) RequestQuery() *Map { return o.request.child("querystring") }

// RequestPath returns the assignments to $context.requestOverride.path.
func (o *Overrides) RequestPath() *Map { return o.request.child("path") }

// ResponseHeaders returns the assignments to $context.responseOverride.header.
func (o *Overrides) ResponseHeaders() *Map { return o.response.child("header") }

// ResponseStatus returns the status assigned to $context.responseOverride.status, or 0.
func (o *Overrides) ResponseStatus() int {
	v, _ := o.response.Get("status")
	if n, ok := v.(int64); ok && n >= 100 && n <= 599 {
		return int(n)
	}
	return 0
}

// Render runs the template. Its errors quote the template, never a value from env: they can be logged.
func (t *Template) Render(env Env) (string, error) {
	if env.Overrides == nil {
		env.Overrides = NewOverrides()
	}
	ctx := NewMap()
	for _, k := range env.Context.Keys() {
		v, _ := env.Context.Get(k)
		ctx.Put(k, v)
	}
	ctx.Put("requestOverride", env.Overrides.request)
	ctx.Put("responseOverride", env.Overrides.response)
	ctx.frozen = true
	s := &state{env: env, vars: map[string]any{
		"input":          inputObject{},
		"util":           utilObject{},
		"context":        ctx,
		"stageVariables": env.StageVariables.frozenCopy(),
	}}
	if err := s.run(t.nodes); err != nil {
		return "", fmt.Errorf("vtl: %w", err)
	}
	return s.out.String(), nil
}

type state struct {
	env   Env
	vars  map[string]any
	out   strings.Builder
	steps int
}

func (s *state) step() error {
	if s.steps++; s.steps > maxSteps {
		return fmt.Errorf("template ran more than %d steps", maxSteps)
	}
	return nil
}

func (s *state) write(text string) error {
	if s.out.Len()+len(text) > maxOutput {
		return fmt.Errorf("template output exceeds %d bytes", maxOutput)
	}
	s.out.WriteString(text)
	return nil
}

func (s *state) run(nodes []node) error {
	for _, n := range nodes {
		if err := s.step(); err != nil {
			return err
		}
		if err := n.render(s); err != nil {
			return err
		}
	}
	return nil
}

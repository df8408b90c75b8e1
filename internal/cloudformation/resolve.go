package cloudformation

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// MaxDepth bounds how deep values and references may be nested.
const MaxDepth = 64

// NoValue is AWS::NoValue: the property or list entry with it disappears.
type NoValue struct{}

// Resolver replaces the intrinsic functions in values of a template. Ref and
// GetAtt give the values of references; depth is to be passed on, so that
// references in a circle end. Dynamic references ({{resolve:…}}) stay as they
// are.
type Resolver struct {
	Template *Template
	Ref      func(id string, depth int) (any, error)
	GetAtt   func(id, attribute string, depth int) (any, error)
}

// Resolve returns v without intrinsic functions.
func (r *Resolver) Resolve(v any, depth int) (any, error) {
	if depth > MaxDepth {
		return nil, errors.New("nested too deeply, or a reference to itself")
	}
	switch v := v.(type) {
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			got, err := r.Resolve(item, depth+1)
			if err != nil {
				return nil, err
			}
			if got != (NoValue{}) {
				out = append(out, got)
			}
		}
		return out, nil
	case map[string]any:
		if name, argument, ok := asCall(v); ok {
			return r.call(name, argument, depth+1)
		}
		out := make(map[string]any, len(v))
		for key, item := range v {
			got, err := r.Resolve(item, depth+1)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			if got != (NoValue{}) {
				out[key] = got
			}
		}
		return out, nil
	}
	return v, nil
}

// asCall reads an object as the call of an intrinsic function.
func asCall(v map[string]any) (name string, argument any, ok bool) {
	if len(v) != 1 {
		return "", nil, false
	}
	for name, argument = range v {
	}
	return name, argument, name == "Ref" || strings.HasPrefix(name, "Fn::")
}

var errArgument = errors.New("has an unexpected argument")

// intrinsic finds the implementation of a function. A variable would refer to
// itself: the functions resolve their arguments.
func intrinsic(name string) func(r *Resolver, argument any, depth int) (any, error) {
	switch name {
	case "Ref":
		return (*Resolver).reference
	case "Fn::GetAtt":
		return (*Resolver).attribute
	case "Fn::Sub":
		return (*Resolver).substitute
	case "Fn::If":
		return (*Resolver).choose
	case "Fn::Join":
		return resolved(joined)
	case "Fn::Split":
		return resolved(split)
	case "Fn::Select":
		return resolved(selected)
	case "Fn::FindInMap":
		return resolved(mapped)
	}
	return nil
}

// resolved makes an intrinsic function of one that takes a list of resolved
// values.
func resolved(f func(r *Resolver, list []any, depth int) (any, error)) func(*Resolver, any, int) (any, error) {
	return func(r *Resolver, argument any, depth int) (any, error) {
		got, err := r.Resolve(argument, depth)
		if err != nil {
			return nil, err
		}
		list, ok := got.([]any)
		if !ok {
			return nil, errArgument
		}
		return f(r, list, depth)
	}
}

func (r *Resolver) call(name string, argument any, depth int) (any, error) {
	f := intrinsic(name)
	if f == nil {
		return nil, fmt.Errorf("%s is not implemented", name)
	}
	got, err := f(r, argument, depth)
	if errors.Is(err, errArgument) {
		return nil, fmt.Errorf("%s %w", name, errArgument)
	}
	return got, err
}

func (r *Resolver) reference(argument any, depth int) (any, error) {
	id, ok := argument.(string)
	if !ok {
		return nil, errArgument
	}
	if id == "AWS::NoValue" {
		return NoValue{}, nil
	}
	return r.Ref(id, depth)
}

func (r *Resolver) attribute(argument any, depth int) (any, error) {
	if s, ok := argument.(string); ok {
		id, attribute, _ := strings.Cut(s, ".")
		return r.GetAtt(id, attribute, depth)
	}
	list := List(argument)
	if len(list) != 2 || String(list[0]) == "" {
		return nil, errArgument
	}
	attribute, err := r.Text(list[1], depth)
	if err != nil {
		return nil, err
	}
	return r.GetAtt(String(list[0]), attribute, depth)
}

var subVariable = regexp.MustCompile(`\$\{([^}]*)\}`)

func (r *Resolver) substitute(argument any, depth int) (any, error) {
	format, ok := argument.(string)
	var variables map[string]any
	if list := List(argument); len(list) == 2 {
		format, ok = list[0].(string)
		variables = Object(list[1])
	}
	if !ok {
		return nil, errArgument
	}
	var failed error
	out := subVariable.ReplaceAllStringFunc(format, func(match string) string {
		text, err := r.variable(match[2:len(match)-1], variables, depth)
		if err != nil && failed == nil {
			failed = fmt.Errorf("Fn::Sub: %w", err)
		}
		return text
	})
	if failed != nil {
		return nil, failed
	}
	return out, nil
}

// variable is the value of ${name} in an Fn::Sub.
func (r *Resolver) variable(name string, variables map[string]any, depth int) (string, error) {
	if literal, ok := strings.CutPrefix(name, "!"); ok { // ${!Literal} is ${Literal}
		return "${" + literal + "}", nil
	}
	if v, ok := variables[name]; ok {
		return r.Text(v, depth)
	}
	argument := map[string]any{"Ref": name}
	if strings.Contains(name, ".") {
		argument = map[string]any{"Fn::GetAtt": name}
	}
	return r.Text(argument, depth)
}

func (r *Resolver) choose(argument any, depth int) (any, error) {
	list := List(argument)
	if len(list) != 3 {
		return nil, errArgument
	}
	name, ok := list[0].(string)
	if !ok {
		return nil, errArgument
	}
	yes, err := r.Condition(name, depth)
	if err != nil {
		return nil, err
	}
	if yes {
		return r.Resolve(list[1], depth)
	}
	return r.Resolve(list[2], depth)
}

func joined(_ *Resolver, list []any, _ int) (any, error) {
	if len(list) != 2 {
		return nil, errArgument
	}
	separator, err := Text(list[0])
	parts, ok := list[1].([]any)
	if err != nil || !ok {
		return nil, errArgument
	}
	texts := make([]string, len(parts))
	for i, part := range parts {
		if texts[i], err = Text(part); err != nil {
			return nil, fmt.Errorf("Fn::Join: %w", err)
		}
	}
	return strings.Join(texts, separator), nil
}

func split(_ *Resolver, list []any, _ int) (any, error) {
	if len(list) != 2 {
		return nil, errArgument
	}
	separator := String(list[0])
	text, ok := list[1].(string)
	if !ok || separator == "" {
		return nil, errArgument
	}
	var out []any
	for _, part := range strings.Split(text, separator) {
		out = append(out, part)
	}
	return out, nil
}

func selected(_ *Resolver, list []any, _ int) (any, error) {
	if len(list) != 2 {
		return nil, errArgument
	}
	text, err := Text(list[0])
	if err != nil {
		return nil, errArgument
	}
	i, err := strconv.Atoi(text)
	from := List(list[1])
	if err != nil || i < 0 || i >= len(from) {
		return nil, errArgument
	}
	return from[i], nil
}

func mapped(r *Resolver, list []any, depth int) (any, error) {
	if len(list) != 3 {
		return nil, errArgument
	}
	v, ok := r.Template.Mappings[String(list[0])][String(list[1])][String(list[2])]
	if !ok {
		return nil, errArgument
	}
	return r.Resolve(v, depth)
}

// Text resolves v and returns it as a string.
func (r *Resolver) Text(v any, depth int) (string, error) {
	got, err := r.Resolve(v, depth+1)
	if err != nil {
		return "", err
	}
	return Text(got)
}

// Text is CloudFormation's reading of a scalar as a string.
func Text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", fmt.Errorf("expected a string, got %T", v)
}

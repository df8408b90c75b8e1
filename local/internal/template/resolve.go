package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

const maxDepth = 64

// noValue is AWS::NoValue: the property or list entry that holds it disappears.
type noValue struct{}

// resolve replaces the intrinsic functions in a value. Dynamic references stay as they are: see [loader.dynamic].
func (l *loader) resolve(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("nested too deeply, or a reference to itself")
	}
	switch v := v.(type) {
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			r, err := l.resolve(e, depth+1)
			if err != nil {
				return nil, err
			}
			if r != (noValue{}) {
				out = append(out, r)
			}
		}
		return out, nil
	case map[string]any:
		if len(v) == 1 {
			for fn, arg := range v {
				if fn == "Ref" || strings.HasPrefix(fn, "Fn::") {
					return l.intrinsic(fn, arg, depth+1)
				}
			}
		}
		out := make(map[string]any, len(v))
		for k, e := range v {
			r, err := l.resolve(e, depth+1)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
			if r != (noValue{}) {
				out[k] = r
			}
		}
		return out, nil
	}
	return v, nil
}

func (l *loader) intrinsic(fn string, arg any, depth int) (any, error) {
	wrong := fmt.Errorf("%s has an unexpected argument", fn)
	switch fn {
	case "Ref":
		id, ok := arg.(string)
		if !ok {
			return nil, wrong
		}
		return l.ref(id, depth)
	case "Fn::GetAtt":
		if s, ok := arg.(string); ok {
			id, attr, _ := strings.Cut(s, ".")
			return l.getAtt(id, attr, depth)
		}
		if list, ok := arg.([]any); ok && len(list) == 2 {
			if id, ok := list[0].(string); ok {
				attr, err := l.text(list[1], depth)
				if err != nil {
					return nil, err
				}
				return l.getAtt(id, attr, depth)
			}
		}
		return nil, wrong
	case "Fn::Sub":
		return l.sub(arg, depth)
	case "Fn::If":
		list, ok := arg.([]any)
		if !ok || len(list) != 3 {
			return nil, wrong
		}
		name, ok := list[0].(string)
		if !ok {
			return nil, wrong
		}
		yes, err := l.condition(name, depth)
		if err != nil {
			return nil, err
		}
		if yes {
			return l.resolve(list[1], depth)
		}
		return l.resolve(list[2], depth)
	}
	switch fn {
	case "Fn::Join", "Fn::Split", "Fn::Select", "Fn::FindInMap": // take resolved arguments
	default:
		return nil, fmt.Errorf("%s is not implemented", fn)
	}
	got, err := l.resolve(arg, depth)
	if err != nil {
		return nil, err
	}
	list, ok := got.([]any)
	if !ok {
		return nil, wrong
	}
	switch fn {
	case "Fn::Join":
		if len(list) == 2 {
			sep, err := toText(list[0])
			parts, ok := list[1].([]any)
			if err == nil && ok {
				texts := make([]string, len(parts))
				for i, p := range parts {
					if texts[i], err = toText(p); err != nil {
						return nil, fmt.Errorf("%s: %w", fn, err)
					}
				}
				return strings.Join(texts, sep), nil
			}
		}
	case "Fn::Split":
		if len(list) == 2 {
			sep, ok1 := list[0].(string)
			s, ok2 := list[1].(string)
			if ok1 && ok2 && sep != "" {
				var out []any
				for _, p := range strings.Split(s, sep) {
					out = append(out, p)
				}
				return out, nil
			}
		}
	case "Fn::Select":
		if len(list) == 2 {
			text, err := toText(list[0])
			i, err2 := strconv.Atoi(text)
			from, ok := list[1].([]any)
			if err == nil && err2 == nil && ok && i >= 0 && i < len(from) {
				return from[i], nil
			}
		}
	case "Fn::FindInMap":
		if len(list) == 3 {
			var k [3]string
			for i := range k {
				k[i], _ = list[i].(string)
			}
			if v, ok := l.Mappings[k[0]][k[1]][k[2]]; ok {
				return l.resolve(v, depth)
			}
		}
	}
	return nil, wrong
}

var subVariable = regexp.MustCompile(`\$\{([^}]*)\}`)

func (l *loader) sub(arg any, depth int) (any, error) {
	format, ok := arg.(string)
	vars := map[string]any{}
	if list, isList := arg.([]any); isList && len(list) == 2 {
		format, ok = list[0].(string)
		if m, isMap := list[1].(map[string]any); isMap {
			vars = m
		}
	}
	if !ok {
		return nil, errors.New("Fn::Sub has an unexpected argument")
	}
	var firstErr error
	out := subVariable.ReplaceAllStringFunc(format, func(m string) string {
		name := m[2 : len(m)-1]
		if rest, ok := strings.CutPrefix(name, "!"); ok { // ${!Literal} is ${Literal}
			return "${" + rest + "}"
		}
		var got any
		var err error
		if v, ok := vars[name]; ok {
			got, err = l.resolve(v, depth)
		} else if id, attr, ok := strings.Cut(name, "."); ok {
			got, err = l.getAtt(id, attr, depth)
		} else {
			got, err = l.ref(name, depth)
		}
		var text string
		if err == nil {
			text, err = toText(got)
		}
		if err != nil && firstErr == nil {
			firstErr = fmt.Errorf("Fn::Sub: %w", err)
		}
		return text
	})
	return out, firstErr
}

// condition evaluates a named condition.
func (l *loader) condition(name string, depth int) (bool, error) {
	c, ok := l.Conditions[name]
	if !ok {
		return false, fmt.Errorf("condition %s does not exist", name)
	}
	return l.evalCondition(c, depth+1)
}

func (l *loader) evalCondition(c any, depth int) (bool, error) {
	if depth > maxDepth {
		return false, errors.New("condition refers to itself")
	}
	m, ok := c.(map[string]any)
	if !ok || len(m) != 1 {
		return false, errors.New("condition is not a single function")
	}
	for fn, arg := range m {
		if fn == "Condition" {
			name, _ := arg.(string)
			return l.condition(name, depth)
		}
		list, ok := arg.([]any)
		if !ok {
			break
		}
		switch fn {
		case "Fn::Equals":
			if len(list) != 2 {
				return false, errors.New("Fn::Equals wants two values")
			}
			a, err := l.text(list[0], depth)
			if err != nil {
				return false, err
			}
			b, err := l.text(list[1], depth)
			return a == b, err
		case "Fn::And", "Fn::Or", "Fn::Not":
			result := fn == "Fn::And"
			for _, e := range list {
				v, err := l.evalCondition(e, depth+1)
				if err != nil {
					return false, err
				}
				switch fn {
				case "Fn::And":
					result = result && v
				case "Fn::Or":
					result = result || v
				default:
					result = !v
				}
			}
			return result, nil
		}
		return false, fmt.Errorf("condition function %s is not implemented", fn)
	}
	return false, errors.New("condition has an unexpected argument")
}

func (l *loader) text(v any, depth int) (string, error) {
	r, err := l.resolve(v, depth+1)
	if err != nil {
		return "", err
	}
	return toText(r)
}

// toText is CloudFormation's reading of a scalar as a string.
func toText(v any) (string, error) {
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

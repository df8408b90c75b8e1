package template

import (
	"maps"
	"slices"
	"strconv"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

// props reads the resolved properties of one resource or of one object inside it. A wrong value is reported with the
// name of the resource and the property, and reads as its zero value.
type props struct {
	l     *loader
	where string
	m     map[string]any
}

// read resolves the properties of r that its rule uses. Those named in dynamic may hold dynamic references.
func (l *loader) read(r *resource, dynamic ...string) props {
	p := props{l, r.String(), map[string]any{}}
	for _, name := range types[r.Type].used {
		raw, ok := r.Properties[name]
		if !ok {
			continue
		}
		v, err := l.resolve(raw, 0)
		switch {
		case err != nil:
			l.fail("%s: property %s: %w", r, name, err)
		case v == cloudformation.NoValue{}:
		case hasDynamic(v) && !slices.Contains(dynamic, name):
			l.fail("%s: property %s: a dynamic reference here is not implemented, only in a function's environment", r, name)
		default:
			p.m[name] = v
		}
	}
	return p
}

// object reads an object inside a resource, checking its properties against the rule of that name.
func (p props) object(name, ruleName string, v any) props {
	m, ok := v.(map[string]any)
	if !ok && v != nil {
		p.l.fail("%s: %s is not an object", p.where, name)
	}
	where := p.where + ": " + name
	p.l.checkProperties(where, types[ruleName], m)
	return props{p.l, where, m}
}

func (p props) fail(format string, args ...any) {
	p.l.fail("%s: "+format, append([]any{p.where}, args...)...)
}

func (p props) has(name string) bool { return !isEmpty(p.m[name]) }

// str reads a string, "" when absent.
func (p props) str(name string) string {
	v, ok := p.m[name]
	if !ok || v == nil {
		return ""
	}
	s, err := cloudformation.Text(v)
	if err != nil {
		p.fail("property %s: %v", name, err)
	}
	return s
}

func (p props) integer(name string, absent int) int {
	s := p.str(name)
	if s == "" {
		return absent
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		p.fail("property %s: expected an integer, got %q", name, s)
	}
	return n
}

func (p props) list(name string) []any {
	v, ok := p.m[name]
	if !ok || v == nil {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		p.fail("property %s: expected a list", name)
	}
	return list
}

func (p props) strings(name string) []string {
	var out []string
	for _, e := range p.list(name) {
		s, err := cloudformation.Text(e)
		if err != nil {
			p.fail("property %s: %v", name, err)
		}
		out = append(out, s)
	}
	return out
}

func (p props) stringMap(name string) map[string]string {
	v := p.m[name]
	m, ok := v.(map[string]any)
	if !ok && v != nil {
		p.fail("property %s: expected a map", name)
	}
	out := make(map[string]string, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		s, err := cloudformation.Text(m[k])
		if err != nil {
			p.fail("property %s.%s: %v", name, k, err)
		}
		out[k] = s
	}
	return out
}

func (p props) boolMap(name string) map[string]bool {
	out := map[string]bool{}
	for k, s := range p.stringMap(name) {
		if s != "true" && s != "false" {
			p.fail("property %s.%s: expected true or false, got %q", name, k, s)
		}
		out[k] = s == "true"
	}
	return out
}

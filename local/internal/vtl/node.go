package vtl

import "fmt"

type node interface{ render(*state) error }

type expr interface{ eval(*state) (any, error) }

type textNode string

func (n textNode) render(s *state) error { return s.write(string(n)) }

// refNode prints a reference.
type refNode struct{ *ref }

func (n refNode) render(s *state) error {
	v, err := n.eval(s)
	if err != nil {
		return err
	}
	if v == nil {
		if n.silent {
			return nil
		}
		return s.write(n.raw)
	}
	text, err := Text(v)
	if err != nil {
		return fmt.Errorf("%s: %w", n.raw, err)
	}
	return s.write(text)
}

type setNode struct {
	target *ref
	value  expr
}

func (n setNode) render(s *state) error {
	v, err := n.value.eval(s)
	if err != nil {
		return err
	}
	if v == nil { // Velocity 1.x: the assignment is logged and skipped, the old value stays
		return nil
	}
	if err := n.target.assign(s, v); err != nil {
		return fmt.Errorf("#set(%s): %w", n.target.raw, err)
	}
	return nil
}

type branch struct {
	cond expr // nil for #else
	body []node
}

type ifNode []branch

func (n ifNode) render(s *state) error {
	for _, b := range n {
		if b.cond != nil {
			v, err := test(s, b.cond)
			if err != nil {
				return err
			}
			if !v {
				continue
			}
		}
		return s.run(b.body)
	}
	return nil
}

type foreachNode struct {
	name string
	in   expr
	body []node
}

func (n foreachNode) render(s *state) error {
	v, err := n.in.eval(s)
	if err != nil {
		return err
	}
	var items []any
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		items = v
	case keySet:
		for _, k := range v {
			items = append(items, k)
		}
	case *Map: // Velocity iterates over a map's values
		for _, k := range v.Keys() {
			items = append(items, v.vals[k])
		}
	default: // logged and skipped
		return nil
	}
	if len(items) > MaxRounds {
		return fmt.Errorf("#foreach: %d rounds, at most %d are allowed", len(items), MaxRounds)
	}
	names := []string{"foreach", "velocityCount", "velocityHasNext", n.name}
	var old [4]any
	for i, name := range names {
		old[i] = s.vars[name]
	}
	for i, item := range items {
		if err := s.step(); err != nil { // an empty body has no steps of its own
			return err
		}
		loop := NewMap()
		loop.Put("index", int64(i))
		loop.Put("count", int64(i+1))
		loop.Put("hasNext", i+1 < len(items))
		loop.Put("first", i == 0)
		loop.Put("last", i+1 == len(items))
		loop.frozen = true
		s.vars["foreach"], s.vars["velocityCount"], s.vars["velocityHasNext"] = loop, int64(i+1), i+1 < len(items)
		s.vars[n.name] = item
		if err := s.run(n.body); err != nil {
			return err
		}
	}
	for i, name := range names {
		s.vars[name] = old[i]
	}
	return nil
}

type literal struct{ value any }

func (l literal) eval(*state) (any, error) { return l.value, nil }

// interpolated is a double-quoted string with references in it.
type interpolated []node

func (in interpolated) eval(s *state) (any, error) {
	sub := &state{env: s.env, vars: s.vars, steps: s.steps}
	if err := sub.run(in); err != nil {
		return nil, err
	}
	s.steps = sub.steps
	return sub.out.String(), nil
}

type listExpr []expr

func (l listExpr) eval(s *state) (any, error) {
	out := make([]any, 0, len(l))
	for _, e := range l {
		v, err := e.eval(s)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

type mapExpr [][2]expr

func (m mapExpr) eval(s *state) (any, error) {
	out := NewMap()
	for _, kv := range m {
		k, err := kv[0].eval(s)
		if err != nil {
			return nil, err
		}
		name, err := Text(k)
		if err != nil {
			return nil, fmt.Errorf("map key: %w", err)
		}
		v, err := kv[1].eval(s)
		if err != nil {
			return nil, err
		}
		out.Put(name, v)
	}
	return out, nil
}

type notExpr struct{ x expr }

func (n notExpr) eval(s *state) (any, error) {
	v, err := test(s, n.x)
	return !v, err
}

// test evaluates a condition. Of the literals only true is one: Velocity 1.7 takes any number, string, list or map
// written down in a condition for false.
func test(s *state, e expr) (bool, error) {
	switch e := e.(type) {
	case literal:
		return e.value == true, nil
	case interpolated, listExpr, mapExpr:
		return false, nil
	}
	v, err := e.eval(s)
	b, isBool := v.(bool)
	return v != nil && (!isBool || b), err
}

type binary struct {
	op   string
	l, r expr
}

func (b binary) eval(s *state) (any, error) {
	if err := s.step(); err != nil {
		return nil, err
	}
	if b.op == "&&" || b.op == "||" {
		l, err := test(s, b.l)
		if err != nil || l == (b.op == "||") {
			return l, err
		}
		return test(s, b.r)
	}
	l, err := b.l.eval(s)
	if err != nil {
		return nil, err
	}
	r, err := b.r.eval(s)
	if err != nil {
		return nil, err
	}
	return compare(b.op, l, r)
}

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
			v, err := b.cond.eval(s)
			if err != nil {
				return err
			}
			if !truthy(v) {
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
	case *Map: // Velocity iterates over a map's values
		for _, k := range v.Keys() {
			items = append(items, v.vals[k])
		}
	default:
		return fmt.Errorf("#foreach: cannot iterate over %s", kind(v))
	}
	if len(items) > MaxRounds {
		return fmt.Errorf("#foreach: %d rounds, at most %d are allowed", len(items), MaxRounds)
	}
	oldLoop, oldVar := s.vars["foreach"], s.vars[n.name]
	for i, item := range items {
		loop := NewMap()
		loop.Put("index", int64(i))
		loop.Put("count", int64(i+1))
		loop.Put("hasNext", i+1 < len(items))
		loop.Put("first", i == 0)
		loop.Put("last", i+1 == len(items))
		loop.frozen = true
		s.vars["foreach"], s.vars[n.name] = loop, item
		if err := s.run(n.body); err != nil {
			return err
		}
	}
	s.vars["foreach"], s.vars[n.name] = oldLoop, oldVar
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
	v, err := n.x.eval(s)
	return !truthy(v), err
}

type binary struct {
	op   string
	l, r expr
}

func (b binary) eval(s *state) (any, error) {
	if err := s.step(); err != nil {
		return nil, err
	}
	l, err := b.l.eval(s)
	if err != nil {
		return nil, err
	}
	switch {
	case b.op == "&&" && !truthy(l):
		return false, nil
	case b.op == "||" && truthy(l):
		return true, nil
	}
	r, err := b.r.eval(s)
	if err != nil {
		return nil, err
	}
	if b.op == "&&" || b.op == "||" {
		return truthy(r), nil
	}
	return compare(b.op, l, r), nil
}

package vtl

import "fmt"

// ref is $name followed by properties, indices and method calls.
type ref struct {
	name   string
	parts  []part
	silent bool   // $!x
	raw    string // source text, printed when the reference does not resolve
}

type part struct {
	name  string // property or method; empty for an index
	call  bool
	args  []expr // of a call
	index expr
}

func (r *ref) eval(s *state) (any, error) {
	v := s.vars[r.name]
	for _, p := range r.parts {
		if err := s.step(); err != nil {
			return nil, err
		}
		if v == nil {
			return nil, nil
		}
		var err error
		if v, err = p.get(s, v); err != nil {
			return nil, fmt.Errorf("%s: %w", r.raw, err)
		}
	}
	return v, nil
}

func (p part) get(s *state, v any) (any, error) {
	switch {
	case p.call:
		args := make([]any, len(p.args))
		for i, a := range p.args {
			var err error
			if args[i], err = a.eval(s); err != nil {
				return nil, err
			}
		}
		return call(s, v, p.name, args)
	case p.index != nil:
		i, err := p.index.eval(s)
		if err != nil {
			return nil, err
		}
		return element(v, i), nil
	case v == inputObject{}:
		return s.env.Body, nil // the parser lets only .body through
	}
	if m, ok := v.(*Map); ok {
		got, _ := m.Get(p.name)
		return got, nil
	}
	return nil, nil // a property that is not there is null
}

func element(v, i any) any {
	switch v := v.(type) {
	case *Map:
		if k, err := Text(i); err == nil {
			got, _ := v.Get(k)
			return got
		}
	case []any:
		if n, ok := i.(int64); ok && n >= 0 && n < int64(len(v)) {
			return v[n]
		}
	}
	return nil
}

// assign stores v under the last part of the reference.
func (r *ref) assign(s *state, v any) error {
	if len(r.parts) == 0 {
		s.vars[r.name] = v
		return nil
	}
	owner := ref{name: r.name, parts: r.parts[:len(r.parts)-1], raw: r.raw}
	o, err := owner.eval(s)
	if err != nil {
		return err
	}
	m, ok := o.(*Map)
	if !ok {
		return fmt.Errorf("cannot assign to a property of %s", kind(o))
	}
	last := r.parts[len(r.parts)-1]
	name := last.name
	if last.index != nil {
		i, err := last.index.eval(s)
		if err != nil {
			return err
		}
		if name, err = Text(i); err != nil {
			return err
		}
	}
	return m.assign(name, v)
}

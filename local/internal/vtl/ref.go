package vtl

import (
	"errors"
	"fmt"
)

// ref is $name followed by properties, indices and method calls.
type ref struct {
	name   string
	parts  []part
	silent bool   // $!x
	braced bool   // ${x}
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
		return element(v, i)
	case v == inputObject{}:
		return s.env.Body, nil // the parser lets only .body through
	}
	switch v := v.(type) {
	case *Map:
		got, _ := v.Get(p.name)
		return got, nil
	case []any:
		if p.name == "empty" {
			return len(v) == 0, nil
		}
	case keySet:
		if p.name == "empty" {
			return len(v) == 0, nil
		}
	case string:
		switch p.name {
		case "empty":
			return v == "", nil
		case "blank", "bytes":
			return nil, fmt.Errorf("property %s of a string is not implemented", p.name)
		}
	}
	return nil, nil // a missing property is null
}

// element is v[i]. A negative index of a list counts from its end.
func element(v, i any) (any, error) {
	switch v := v.(type) {
	case *Map:
		if k, ok := i.(string); ok {
			got, _ := v.Get(k)
			return got, nil
		}
	case []any:
		n, ok := i.(int64)
		if !ok {
			return nil, nil
		}
		if n < 0 {
			n += int64(len(v))
		}
		if n < 0 || n >= int64(len(v)) {
			return nil, errors.New("index is out of range")
		}
		return v[n], nil
	}
	_, isMap := v.(*Map)
	_, isKeys := v.(keySet)
	if n, ok := i.(int64); ok && n < 0 && !isMap && !isKeys {
		return nil, errors.New("index is out of range")
	}
	return nil, nil
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
	last := r.parts[len(r.parts)-1]
	m, ok := o.(*Map)
	if _, isList := o.([]any); isList && last.index != nil {
		return errors.New("assigning to an element of a list is not implemented")
	}
	if !ok { // logged and skipped
		return nil
	}
	name := last.name
	if last.index != nil {
		i, err := last.index.eval(s)
		if err != nil {
			return err
		}
		if name, ok = i.(string); !ok {
			return errors.New("a map key that is not a string is not implemented")
		}
	}
	return m.assign(name, v)
}

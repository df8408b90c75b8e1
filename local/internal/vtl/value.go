package vtl

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// A value is nil, bool, string, int64, float64, []any, *Map, or one of the two root objects.

// Map is a string-keyed map that keeps the order of insertion. The zero value and nil are empty.
type Map struct {
	keys   []string
	vals   map[string]any
	frozen bool // assignments from a template are errors
	once   bool // a second assignment to a key is an error
}

// NewMap returns an empty map.
func NewMap() *Map { return &Map{} }

// Put sets a key, replacing what was there.
func (m *Map) Put(key string, value any) {
	if m.vals == nil {
		m.vals = map[string]any{}
	}
	if _, ok := m.vals[key]; !ok {
		m.keys = append(m.keys, key)
	}
	m.vals[key] = value
}

// Get returns the value of a key.
func (m *Map) Get(key string) (any, bool) {
	if m == nil {
		return nil, false
	}
	v, ok := m.vals[key]
	return v, ok
}

// Keys returns the keys in order of insertion.
func (m *Map) Keys() []string {
	if m == nil {
		return nil
	}
	return m.keys
}

// Len returns the number of keys.
func (m *Map) Len() int {
	if m == nil {
		return 0
	}
	return len(m.keys)
}

func (m *Map) child(key string) *Map {
	v, _ := m.Get(key)
	c, _ := v.(*Map)
	return c
}

// frozenCopy is a shallow copy that a template cannot write to.
func (m *Map) frozenCopy() *Map {
	c := &Map{}
	for _, k := range m.Keys() {
		c.Put(k, m.vals[k])
	}
	c.frozen = true
	return c
}

// assign is Put on behalf of a template.
func (m *Map) assign(key string, value any) error {
	if m.frozen {
		return errors.New("cannot assign: this map is read-only")
	}
	if _, ok := m.vals[key]; ok && m.once {
		return errors.New("an override may only be applied once")
	}
	m.Put(key, value)
	return nil
}

// MarshalJSON writes the keys in order.
func (m *Map) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, k := range m.Keys() {
		if i > 0 {
			out = append(out, ',')
		}
		kb, err := json.Marshal(k)
		if err != nil {
			return nil, err
		}
		vb, err := marshal(m.vals[k])
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, kb...), ':'), vb...)
	}
	return append(out, '}'), nil
}

// Text renders a scalar the way a template prints it. Maps and lists have no text form here: Java's and JSON's differ,
// and which one a reader expects cannot be known.
func Text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	default:
		return "", fmt.Errorf("cannot render %s as text", kind(v))
	}
}

func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case int64, float64:
		return "a number"
	case []any:
		return "a list"
	case *Map:
		return "a map"
	}
	return "this object"
}

func truthy(v any) bool {
	b, isBool := v.(bool)
	return v != nil && (!isBool || b)
}

// compare implements the six comparison operators. "null compared with anything" and operands of different kinds are
// false for every operator, != included: ASTEQNode and ASTNENode log an error and return false.
func compare(op string, l, r any) bool {
	if l == nil || r == nil {
		return false
	}
	if lf, lok := number(l); lok {
		rf, rok := number(r)
		if !rok {
			return false
		}
		return ordered(op, lf, rf)
	}
	switch l := l.(type) {
	case string:
		if r, ok := r.(string); ok && (op == "==" || op == "!=") {
			return ordered(op, l, r)
		}
	case bool:
		if r, ok := r.(bool); ok {
			return op == "==" && l == r || op == "!=" && l != r
		}
	}
	return false
}

func ordered[T float64 | string](op string, l, r T) bool {
	switch op {
	case "==":
		return l == r
	case "!=":
		return l != r
	case "<":
		return l < r
	case ">":
		return l > r
	case "<=":
		return l <= r
	default:
		return l >= r
	}
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

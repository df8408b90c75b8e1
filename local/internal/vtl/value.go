package vtl

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A value is nil, bool, string, int64, float64, []any, keySet, *Map, or one of the two root objects.

// keySet is the result of a map's keySet(): it has no order that can be asked for by index.
type keySet []string

// Map is a string-keyed map that keeps the order of insertion. The zero value and nil are empty.
type Map struct {
	keys   []string
	vals   map[string]any
	frozen bool // assignments from a template are errors
	once   bool // a second assignment to a key is an error
}

// NewMap returns an empty map.
func NewMap() *Map { return &Map{} }

// Put sets a key.
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
		return javaDouble(v), nil
	default:
		return "", fmt.Errorf("rendering %s as text is not implemented", kind(v))
	}
}

// javaDouble is Double.toString: plain between 1e-3 and 1e7, else with an exponent, always with a decimal.
func javaDouble(f float64) string {
	if abs := math.Abs(f); abs == 0 || abs >= 1e-3 && abs < 1e7 {
		text := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, 64), "E")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, _ := strconv.Atoi(exponent)
	return mantissa + "E" + strconv.Itoa(n)
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
	case []any, keySet:
		return "a list"
	case *Map:
		return "a map"
	}
	return "this object"
}

// compare implements the six comparison operators. As in ASTEQNode of Velocity 1.7, numbers are compared by value, null
// equals null only, and anything else by its text: "1" == 1 is true. < > <= and >= of anything but two numbers are false.
func compare(op string, l, r any) (bool, error) {
	lf, lok := number(l)
	rf, rok := number(r)
	switch {
	case lok && rok:
		return ordered(op, lf, rf), nil
	case op != "==" && op != "!=":
		return false, nil
	case l == nil || r == nil:
		return (l == nil && r == nil) == (op == "=="), nil
	}
	if collection(l) || collection(r) {
		return false, fmt.Errorf("comparing %s with %s is not implemented", kind(l), kind(r))
	}
	lt, err := Text(l)
	if err != nil {
		return false, err
	}
	rt, err := Text(r)
	return (lt == rt) == (op == "=="), err
}

func collection(v any) bool {
	switch v.(type) {
	case []any, keySet, *Map:
		return true
	}
	return false
}

func ordered(op string, l, r float64) bool {
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

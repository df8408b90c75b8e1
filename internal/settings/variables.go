package settings

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// maxLength bounds one variable: all of a Lambda's variables together may take
// 4 KB (AWS Lambda quotas, "Environment variables").
const maxLength = 4096

// maxListItems bounds a list; MaxPreviousKeys bounds the key ring.
const (
	maxListItems    = 32
	MaxPreviousKeys = 4
)

// Variable is one environment variable of a Lambda and its documentation.
type Variable struct {
	Name     string
	Value    string
	Default  string
	Optional bool
	Secret   bool
	Doc      string
	Expects  string // completes "expected …"
}

// Variables returns the variables that Load reads back as s, in the order of
// the struct's fields. Optional ones that are empty are left out. The values
// of secrets are shown: they are for the environment and nothing else.
func Variables(s any) []Variable {
	var vars []Variable
	for _, f := range fieldsOf(reflect.ValueOf(s)) {
		v := f.variable()
		if v.Value == "" && (v.Optional || v.Default != "") {
			continue
		}
		vars = append(vars, v)
	}
	return vars
}

// Describe returns every variable of the struct type of s, without values.
func Describe(s any) []Variable {
	var vars []Variable
	for _, f := range fieldsOf(reflect.ValueOf(s)) {
		v := f.variable()
		v.Value = ""
		vars = append(vars, v)
	}
	return vars
}

// Load reads and checks the settings of T, Authorizer or Agent, from an
// environment such as os.LookupEnv. The error names every variable that is
// missing or malformed, what was expected of it, and no value.
func Load[T any](lookup func(string) (string, bool)) (T, error) {
	var s T
	var errs []error
	for _, f := range fieldsOf(reflect.ValueOf(&s).Elem()) {
		value, present := lookup(f.name)
		switch {
		case value == "" && f.def != "":
			value = f.def
		case value == "" && f.optional:
			continue
		case !present:
			errs = append(errs, fmt.Errorf("%s is missing: expected %s", f.name, f.rule.expects))
			continue
		case len(value) > maxLength:
			errs = append(errs, fmt.Errorf("%s has %d bytes, expected at most %d", f.name, len(value), maxLength))
			continue
		case f.value.Kind() == reflect.Bool && !f.rule.ok(strings.TrimSpace(value)):
			// Any other word must not come to mean false.
			errs = append(errs, fmt.Errorf("%s is malformed: expected %s", f.name, f.rule.expects))
			continue
		}
		f.set(value)
	}
	errs = append(errs, check(reflect.ValueOf(s), true, nil)...)
	if err := join(errs); err != nil {
		return *new(T), err
	}
	return s, nil
}

// Check checks the settings the infrastructure is about to write. Secrets are
// not looked at: at synthesis they are references that only the deployment
// resolves. Nor is any other value for which opaque, if given, says so.
func Check(s any, opaque func(string) bool) error {
	return join(check(reflect.ValueOf(s), false, opaque))
}

func check(s reflect.Value, secrets bool, opaque func(string) bool) []error {
	var errs []error
	for _, f := range fieldsOf(s) {
		if f.secret && !secrets {
			continue
		}
		values := f.values()
		limit := maxListItems
		if f.secret {
			limit = MaxPreviousKeys
		}
		if f.list() && len(values) > limit {
			errs = append(errs, fmt.Errorf("%s has %d items, expected at most %d", f.name, len(values), limit))
		}
		for _, v := range values {
			if opaque != nil && opaque(v) {
				continue
			}
			if v == "" && (f.optional || f.def != "") && !f.list() {
				continue
			}
			if !f.rule.ok(v) {
				errs = append(errs, fmt.Errorf("%s is malformed: expected %s", f.name, f.rule.expects))
				break
			}
		}
	}
	return append(errs, contradictions(s, secrets)...)
}

func join(errs []error) error {
	seen := map[string]bool{}
	var lines []string
	for _, err := range errs {
		// A required variable that is missing is also malformed; say it once.
		name, _, _ := strings.Cut(err.Error(), " ")
		if !seen[name] {
			seen[name] = true
			lines = append(lines, err.Error())
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return errors.New("settings: " + strings.Join(lines, "; "))
}

// field is one leaf of a settings struct.
type field struct {
	name, def, doc   string
	optional, secret bool
	rule             rule
	value            reflect.Value
}

func fieldsOf(v reflect.Value) []field {
	var fields []field
	for i := range v.NumField() {
		t := v.Type().Field(i)
		if t.Anonymous {
			fields = append(fields, fieldsOf(v.Field(i))...)
			continue
		}
		r, known := rules[t.Tag.Get("rule")]
		if !known {
			panic(fmt.Sprintf("settings: field %s has no known rule", t.Name))
		}
		typ := t.Type
		if typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		fields = append(fields, field{
			name:     t.Tag.Get("env"),
			def:      t.Tag.Get("default"),
			doc:      t.Tag.Get("doc"),
			optional: t.Tag.Get("optional") == "true",
			secret:   typ == reflect.TypeFor[Secret](),
			rule:     r,
			value:    v.Field(i),
		})
	}
	return fields
}

func (f field) list() bool { return f.value.Kind() == reflect.Slice }

func (f field) values() []string {
	switch {
	case f.value.Kind() == reflect.Bool && f.value.Bool():
		return []string{"true"}
	case f.value.Kind() == reflect.Bool:
		return []string{""} // left out of the environment
	case !f.list():
		return []string{f.value.String()}
	}
	values := make([]string, f.value.Len())
	for i := range values {
		values[i] = f.value.Index(i).String()
	}
	return values
}

func (f field) set(value string) {
	switch {
	case f.value.Kind() == reflect.Bool:
		f.value.SetBool(strings.TrimSpace(value) == "true")
		return
	case !f.list():
		f.value.SetString(strings.TrimSpace(value))
		return
	}
	items := reflect.MakeSlice(f.value.Type(), 0, 1)
	for item := range strings.SplitSeq(value, ",") {
		// An empty item is no origin: "".split(",") must not trust "".
		if item = strings.TrimSpace(item); item != "" {
			items = reflect.Append(items, reflect.ValueOf(item).Convert(f.value.Type().Elem()))
		}
	}
	f.value.Set(items)
}

func (f field) variable() Variable {
	return Variable{
		Name: f.name, Value: strings.Join(f.values(), ","), Default: f.def,
		Optional: f.optional, Secret: f.secret, Doc: f.doc, Expects: f.rule.expects,
	}
}

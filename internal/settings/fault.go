package settings

import (
	"fmt"
	"reflect"
	"strings"
)

// Fault is one fault of a setting.
type Fault struct {
	Setting Setting
	// Problem completes the sentence that begins with the setting: "must be
	// emf or none", "cannot be combined with %s". Each %s stands for one of Others.
	Problem string
	Others  []Setting
	// Got is the value, quoted. It is empty if the value must not be shown.
	Got string
}

// In returns the sentence with the settings' names as a layer has them.
func (f Fault) In(name func(Setting) string) string {
	others := make([]any, len(f.Others))
	for i, other := range f.Others {
		others[i] = name(other)
	}
	text := name(f.Setting) + " " + f.Problem
	if len(others) > 0 {
		text = name(f.Setting) + " " + fmt.Sprintf(f.Problem, others...)
	}
	if f.Got != "" {
		text += ", got " + f.Got
	}
	return text
}

// Faults is an error that lists all faults.
type Faults []Fault

// In returns the sentences, joined by semicolons.
func (fs Faults) In(name func(Setting) string) string {
	var sentences []string
	for _, f := range fs {
		sentences = append(sentences, f.In(name))
	}
	return strings.Join(sentences, "; ")
}

// Error names the settings by their environment variables.
func (fs Faults) Error() string { return "settings: " + fs.In(Setting.Variable) }

// Checker collects the faults of a struct. It names a setting by the pointer to
// its field or to an item of its list, so that the compiler checks the names.
type Checker struct {
	roots  []any
	faults Faults

	// Opaque, if set, reports that a string is known only at deployment. Such
	// values are not checked.
	Opaque func(string) bool
	// ShowValues puts values into the faults, but for secrets.
	ShowValues bool

	loaded bool // secrets are values, not references
}

// NewChecker returns a checker of structs, given by pointers.
func NewChecker(roots ...any) *Checker { return &Checker{roots: roots} }

// Err returns the faults, or nil.
func (c *Checker) Err() error {
	if len(c.faults) == 0 {
		return nil
	}
	return c.faults
}

// Faults returns the faults.
func (c *Checker) Faults() Faults { return c.faults }

// Add adds the faults of another struct.
func (c *Checker) Add(faults Faults) { c.faults = append(c.faults, faults...) }

// Must adds a fault with the setting's value unless ok: "field must be …, got …".
// A value that is known only at deployment is never a fault.
func (c *Checker) Must(ok bool, field any, expects string, others ...any) {
	if ok {
		return
	}
	value := reflect.ValueOf(field).Elem()
	if text, isText := value.Interface().(string); isText && c.opaque(text) {
		return
	}
	c.show(value, c.fault(c.setting(field), "must "+expects, c.settings(others)...))
}

// Refuse adds a fault if wrong. The problem completes the sentence that begins
// with the field, with a %s for each of others.
func (c *Checker) Refuse(wrong bool, field any, problem string, others ...any) {
	if wrong {
		c.fault(c.setting(field), problem, c.settings(others)...)
	}
}

// fault adds a fault and returns it. It adds at most one per setting, since a
// missing setting is also malformed.
func (c *Checker) fault(s Setting, problem string, others ...Setting) *Fault {
	fault := Fault{Setting: s, Problem: problem, Others: others}
	for _, f := range c.faults {
		if f.Setting.root == s.root && f.Setting.GoName() == s.GoName() {
			return &fault
		}
	}
	c.faults = append(c.faults, fault)
	return &c.faults[len(c.faults)-1]
}

// show adds the value to a fault.
func (c *Checker) show(value reflect.Value, to *Fault) {
	switch {
	case !c.ShowValues || to.Setting.secret():
	case value.Interface() == None: // how a stage and the environment have it
		to.Got = "0s"
	case value.Kind() == reflect.String:
		to.Got = fmt.Sprintf("%q", value.String())
	case value.CanInt():
		to.Got = fmt.Sprint(value.Interface())
	}
}

func (c *Checker) opaque(s string) bool { return c.Opaque != nil && c.Opaque(s) }

func (c *Checker) settings(fields []any) []Setting {
	var settings []Setting
	for _, field := range fields {
		settings = append(settings, c.setting(field))
	}
	return settings
}

// setting finds a field, or an item of a list, by its pointer.
func (c *Checker) setting(field any) Setting {
	for _, root := range c.roots {
		if s, found := settingOf(root, reflect.ValueOf(field)); found {
			return s
		}
	}
	panic(fmt.Sprintf("settings: internal error: %T is no field of %T", field, c.roots))
}

func settingOf(root any, want reflect.Value) (Setting, bool) {
	for _, f := range Fields(root) {
		if f.Value.Addr().Pointer() == want.Pointer() && f.Value.Type() == want.Type().Elem() {
			return f.Setting, true
		}
		if f.Value.Kind() != reflect.Slice || f.Value.Type().Elem() != want.Type().Elem() {
			continue
		}
		for i := range f.Value.Len() {
			if f.Value.Index(i).Addr().Pointer() == want.Pointer() {
				f.item = i + 1
				return f.Setting, true
			}
		}
	}
	return Setting{}, false
}

// SettingOf returns the setting of a field of root, both given by pointers.
func SettingOf(root, field any) Setting {
	s, found := settingOf(root, reflect.ValueOf(field))
	if !found {
		panic(fmt.Sprintf("settings: internal error: %T is no field of %T", field, root))
	}
	return s
}

package settings

import "strings"

// maxLength bounds one variable.
const maxLength = MaxEnvironment

// maxItems bounds a list.
const maxItems = 32

// Variable is one environment variable of a Lambda.
type Variable struct {
	Name     string
	Value    string
	Required bool
	Secret   bool
	Default  string // that an empty value stands for
	Expects  string // completes "must be …"; "" for any text
}

// Variables returns the variables that [Load] reads back as s, a pointer to an
// [Agent] or [Authorizer]. It leaves out those that are empty or have their
// default. It returns the values of secrets: they are for the environment only.
func Variables(s any) []Variable {
	var variables []Variable
	for _, f := range variablesOf(s) {
		v := f.variable()
		always := strings.HasSuffix(f.Tag("env"), ",always") || v.Required
		if v.Value == "" && !v.Required || v.Value == f.Tag("default") && !always {
			continue
		}
		variables = append(variables, v)
	}
	return variables
}

// Describe returns every variable of s, without values.
func Describe(s any) []Variable {
	var variables []Variable
	for _, f := range variablesOf(s) {
		v := f.variable()
		v.Value = ""
		variables = append(variables, v)
	}
	return variables
}

func (f Field) variable() Variable {
	return Variable{Name: f.Variable(), Value: f.text(), Required: f.Tag("required") != "", Secret: f.secret(), Default: f.Tag("default"), Expects: f.expects()}
}

// Load reads and checks the settings of T, Authorizer or Agent, from an
// environment such as os.LookupEnv. The error is [Faults]. It names every
// variable that is missing or wrong, and shows no value.
func Load[T any](lookup func(string) (string, bool)) (T, error) {
	s := new(T)
	c := NewChecker(s)
	variables := variablesOf(s)
	for _, f := range variables {
		value, present := lookup(f.Variable())
		switch {
		case value == "" && f.Tag("default") != "":
			value = f.Tag("default")
		case !present && f.Tag("required") != "":
			c.fault(f.Setting, "is missing: it must be "+f.expects())
			continue
		case value == "" && f.Tag("required") == "":
			continue
		}
		switch {
		case len(value) > maxLength:
			c.fault(f.Setting, "must have at most 4096 bytes")
		case !f.setText(value):
			c.fault(f.Setting, "must be "+f.expects())
		}
	}
	c.loaded = true
	c.check(s, variables)
	if err := c.Err(); err != nil {
		return *new(T), err
	}
	return *s, nil
}

// VariableOf returns the variable of one field of s, both given by pointers.
func VariableOf(s, field any) Variable {
	for _, f := range variablesOf(s) {
		if f.Value.Addr().Interface() == field {
			return f.variable()
		}
	}
	panic("settings: internal error: no such variable")
}

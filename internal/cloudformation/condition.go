package cloudformation

import (
	"errors"
	"fmt"
)

// Condition evaluates a condition of the template by its name.
func (r *Resolver) Condition(name string, depth int) (bool, error) {
	c, ok := r.Template.Conditions[name]
	if !ok {
		return false, fmt.Errorf("condition %s does not exist", name)
	}
	return r.evaluateCondition(c, depth+1)
}

// conditionFunctions combine the results of conditions.
var conditionFunctions = map[string]func(results []bool) bool{
	"Fn::And": func(results []bool) bool {
		for _, ok := range results {
			if !ok {
				return false
			}
		}
		return true
	},
	"Fn::Or": func(results []bool) bool {
		for _, ok := range results {
			if ok {
				return true
			}
		}
		return false
	},
	"Fn::Not": func(results []bool) bool { return len(results) > 0 && !results[0] },
}

func (r *Resolver) evaluateCondition(c any, depth int) (bool, error) {
	if depth > MaxDepth {
		return false, errors.New("condition refers to itself")
	}
	m := Object(c)
	if len(m) != 1 {
		return false, errors.New("condition is not a single function")
	}
	var function string
	var argument any
	for function, argument = range m {
	}
	if function == "Condition" {
		return r.Condition(String(argument), depth)
	}
	list, ok := argument.([]any)
	if !ok {
		return false, errors.New("condition has an unexpected argument")
	}
	if function == "Fn::Equals" {
		return r.equal(list, depth)
	}
	combine, ok := conditionFunctions[function]
	if !ok {
		return false, fmt.Errorf("condition function %s is not implemented", function)
	}
	results := make([]bool, len(list))
	for i, item := range list {
		var err error
		if results[i], err = r.evaluateCondition(item, depth+1); err != nil {
			return false, err
		}
	}
	return combine(results), nil
}

func (r *Resolver) equal(list []any, depth int) (bool, error) {
	if len(list) != 2 {
		return false, errors.New("Fn::Equals wants two values")
	}
	a, err := r.Text(list[0], depth)
	if err != nil {
		return false, err
	}
	b, err := r.Text(list[1], depth)
	return a == b, err
}

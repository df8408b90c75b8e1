package main

import (
	"fmt"
	"maps"
)

// commentKey is the key under which a stage, or an object within it, says
// something to its reader: JSON has no comments.
const commentKey = "//"

// uncommented is a stage without its comments. Objects whose keys are not
// fields of ours keep theirs: in a JSON schema "//" may be a property.
func uncommented(stage map[string]any) (map[string]any, error) {
	bare, err := withoutComment("", stage)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"domain", "site", "operation"} {
		if object, ok := bare[name].(map[string]any); ok {
			if bare[name], err = withoutComment(" of "+name, object); err != nil {
				return nil, err
			}
		}
	}
	if routes, ok := bare["routes"].([]any); ok {
		list := make([]any, len(routes))
		for i, r := range routes {
			list[i] = r
			if object, ok := r.(map[string]any); ok {
				if list[i], err = withoutComment(" of a route", object); err != nil {
					return nil, err
				}
			}
		}
		bare["routes"] = list
	}
	return bare, nil
}

func withoutComment(where string, object map[string]any) (map[string]any, error) {
	comment, ok := object[commentKey]
	if !ok {
		return maps.Clone(object), nil
	}
	if !isComment(comment) {
		return nil, fmt.Errorf("%q%s is not text: expected a string or a list of strings", commentKey, where)
	}
	bare := maps.Clone(object)
	delete(bare, commentKey)
	return bare, nil
}

func isComment(value any) bool {
	lines, ok := value.([]any)
	if !ok {
		lines = []any{value}
	}
	for _, line := range lines {
		if _, ok := line.(string); !ok {
			return false
		}
	}
	return true
}

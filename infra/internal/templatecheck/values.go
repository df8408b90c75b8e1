package templatecheck

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// object and text read decoded JSON; both are empty for anything else.
func object(v any) map[string]any { m, _ := v.(map[string]any); return m }
func text(v any) string           { s, _ := v.(string); return s }

// name is a short form of a reference: the logical id of a Ref, "id.Attribute"
// of an attribute, the name of an import, a literal itself.
func name(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case map[string]any:
		if len(v) == 1 {
			for function, argument := range v {
				if s := nameOf(function, argument); s != "" {
					return s
				}
			}
		}
	}
	raw, _ := json.Marshal(v)
	return string(raw)
}

func nameOf(function string, argument any) string {
	switch function {
	case "Ref", "Fn::ImportValue":
		return text(argument)
	case "Fn::GetAtt":
		if list, ok := argument.([]any); ok && len(list) == 2 {
			return text(list[0]) + "." + text(list[1])
		}
		return text(argument)
	case "Fn::GetStackOutput":
		if o := object(argument); o != nil {
			return text(o["StackName"]) + "." + text(o["OutputName"])
		}
	}
	return ""
}

// mentioned collects the logical ids that a value refers to.
func mentioned(v any, into map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			mentioned(item, into)
		}
	case map[string]any:
		for key, item := range v {
			switch key {
			case "Ref":
				into[text(item)] = true
			case "Fn::GetAtt":
				id, _, _ := strings.Cut(name(map[string]any{key: item}), ".")
				into[id] = true
			case "Fn::Sub":
				substituted(item, into)
			}
			mentioned(item, into)
		}
	}
}

func substituted(v any, into map[string]bool) {
	format := text(v)
	if list, ok := v.([]any); ok && len(list) > 0 {
		format = text(list[0])
	}
	for _, part := range strings.Split(format, "${")[1:] {
		variable, _, _ := strings.Cut(part, "}")
		id, _, _ := strings.Cut(variable, ".")
		into[id] = true
	}
}

// stringMap reads a map of strings; what is no string reads as its JSON, which
// is equal to nothing the rule accepts.
func stringMap(v any) map[string]string {
	m := object(v)
	out := make(map[string]string, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out[key] = name(m[key])
	}
	return out
}

// integer reads a number, absent the default; -1 if it is neither.
func integer(v any, absent int) int {
	switch v := v.(type) {
	case nil:
		return absent
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return int(n)
		}
	case float64:
		return int(v)
	case string:
		var n int
		if _, err := fmt.Sscanf(v, "%d", &n); err == nil {
			return n
		}
	}
	return -1
}

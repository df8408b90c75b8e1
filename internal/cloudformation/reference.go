package cloudformation

import (
	"encoding/json"
	"strings"
)

// Object returns v as a JSON object. It is empty for any other value.
func Object(v any) map[string]any { m, _ := v.(map[string]any); return m }

// List returns v as a JSON array. It is empty for any other value.
func List(v any) []any { l, _ := v.([]any); return l }

// String returns v as a JSON string. It is empty for any other value.
func String(v any) string { s, _ := v.(string); return s }

// Name is a short form of a value: the logical id of a Ref, "id.Attribute" of
// an attribute, the name of an import or an output, a literal string itself,
// and the JSON of anything else.
func Name(v any) string {
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
		return String(argument)
	case "Fn::GetAtt":
		if list := List(argument); len(list) == 2 {
			return String(list[0]) + "." + String(list[1])
		}
		return String(argument)
	case "Fn::GetStackOutput":
		if o := Object(argument); o != nil {
			return String(o["StackName"]) + "." + String(o["OutputName"])
		}
	}
	return ""
}

// Mentions collects the logical ids that a value refers to.
func Mentions(v any) map[string]bool {
	ids := map[string]bool{}
	mentions(v, ids)
	return ids
}

func mentions(v any, into map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			mentions(item, into)
		}
	case map[string]any:
		for key, item := range v {
			switch key {
			case "Ref":
				into[String(item)] = true
			case "Fn::GetAtt":
				id, _, _ := strings.Cut(nameOf(key, item), ".")
				into[id] = true
			case "Fn::Sub":
				for _, id := range substituted(item) {
					into[id] = true
				}
			}
			mentions(item, into)
		}
	}
}

// substituted lists the logical ids in the format of an Fn::Sub.
func substituted(v any) []string {
	format := String(v)
	if list := List(v); len(list) > 0 {
		format = String(list[0])
	}
	var ids []string
	for _, match := range subVariable.FindAllStringSubmatch(format, -1) {
		if !strings.HasPrefix(match[1], "!") {
			id, _, _ := strings.Cut(match[1], ".")
			ids = append(ids, id)
		}
	}
	return ids
}

// Imports joins the names of all values that v takes from other stacks.
func Imports(v any) string {
	var all strings.Builder
	imports(v, &all)
	return all.String()
}

func imports(v any, into *strings.Builder) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			imports(item, into)
		}
	case map[string]any:
		for key, item := range v {
			if key == "Fn::ImportValue" || key == "Fn::GetStackOutput" {
				raw, _ := json.Marshal(item)
				into.Write(raw)
			} else {
				imports(item, into)
			}
		}
	}
}

package cloudformation

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

const stackType = "AWS::CloudFormation::Stack"

// Origin says where a resource of a nested stack comes from.
type Origin struct {
	File string // its template
	ID   string // its logical id there
}

// ReadWithNested reads a template and replaces its nested stacks by their
// resources, conditions and mappings. References through parameters and outputs
// become direct ones, so that a reader sees one template. Names from a nested
// stack get the logical id of that stack as a prefix.
//
// CDK writes the template of a nested stack beside that of its parent and lists
// it in the parent's assets. A nested stack with a template elsewhere stays as
// it is.
func ReadWithNested(file string) (*Template, error) {
	t, err := Read(file)
	if err != nil {
		return nil, err
	}
	folder := filepath.Dir(file)
	assets, err := readAssetFiles(strings.TrimSuffix(file, templateSuffix) + ".assets.json")
	if err != nil {
		return nil, err
	}
	return t, t.flatten(file, folder, assets, 0)
}

// File is a template and its file.
type File struct {
	Name string
	*Template
}

// ReadAll reads the templates that [Files] lists, nested stacks as part of
// their parents. left are the files outside the assembly.
func ReadAll(path string) (all []File, left []string, err error) {
	names, left, err := Files(path)
	if err != nil {
		return nil, nil, err
	}
	nested := map[string]bool{}
	for _, name := range names {
		t, err := ReadWithNested(name)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, File{name, t})
		for _, r := range t.Resources {
			nested[r.Origin.File] = true
		}
	}
	return slices.DeleteFunc(all, func(f File) bool { return nested[f.Name] }), left, nil
}

// readAssetFiles returns the source files of the assets of a stack by the last
// segment of their key.
func readAssetFiles(manifest string) (map[string]string, error) {
	var m struct {
		Files map[string]struct {
			Source struct {
				Path string `json:"path"`
			} `json:"source"`
			Destinations map[string]struct {
				ObjectKey string `json:"objectKey"`
			} `json:"destinations"`
		} `json:"files"`
	}
	if err := ReadJSON(manifest, &m); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	files := map[string]string{}
	for _, asset := range m.Files {
		for _, destination := range asset.Destinations {
			key := destination.ObjectKey
			files[key[strings.LastIndex(key, "/")+1:]] = asset.Source.Path
		}
	}
	return files, nil
}

func (t *Template) flatten(file, folder string, assets map[string]string, depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("%s: stacks are nested too deeply", file)
	}
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		stack := t.Resources[id]
		if stack.Type != stackType {
			continue
		}
		name := nestedFile(stack, assets)
		if name == "" {
			continue
		}
		path, err := within(folder, name)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", file, stack, err)
		}
		nested, err := Read(path)
		if err != nil {
			return fmt.Errorf("%s: %w", stack, err)
		}
		for own, r := range nested.Resources {
			r.Origin = Origin{path, own}
		}
		if err := nested.flatten(path, folder, assets, depth+1); err != nil {
			return err
		}
		if nested.Transform != nil {
			return fmt.Errorf("%s: %s has a transform", stack, path)
		}
		if err := t.absorb(stack, nested); err != nil {
			return fmt.Errorf("%s: %w", stack, err)
		}
	}
	return nil
}

// nestedFile returns the file of a nested stack's template, or "" if it is not
// among the assets.
func nestedFile(stack *Resource, assets map[string]string) string {
	url := lastText(stack.Properties["TemplateURL"])
	return assets[url[strings.LastIndex(url, "/")+1:]]
}

// lastText returns the last literal part of a string that may be an Fn::Join.
func lastText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	if join := List(Object(v)["Fn::Join"]); len(join) == 2 {
		if parts := List(join[1]); len(parts) > 0 {
			return lastText(parts[len(parts)-1])
		}
	}
	return String(Object(v)["Fn::Sub"])
}

// absorb replaces the resource of a nested stack by the contents of the stack.
func (t *Template) absorb(stack *Resource, nested *Template) error {
	in := inliner{prefix: stack.ID, nested: nested, arguments: Object(stack.Properties["Parameters"])}
	delete(t.Resources, stack.ID)
	t.Files = append(t.Files, nested.Files...)
	for id, r := range nested.Resources {
		flat := in.prefix + id
		if t.Resources[flat] != nil {
			return fmt.Errorf("the template has a resource %s already", flat)
		}
		moved := *r
		moved.ID = flat
		moved.Properties = Object(in.value(r.Properties))
		var after []any
		for _, other := range r.After() {
			after = append(after, in.prefix+other)
		}
		if moved.DependsOn = nil; after != nil {
			moved.DependsOn = after
		}
		switch {
		case r.Condition != "":
			moved.Condition = in.prefix + r.Condition
		default:
			moved.Condition = stack.Condition
		}
		t.Resources[flat] = &moved
	}
	for name, c := range nested.Conditions {
		if t.Conditions == nil {
			t.Conditions = map[string]any{}
		}
		t.Conditions[in.prefix+name] = in.condition(c)
	}
	for name, m := range nested.Mappings {
		if t.Mappings == nil {
			t.Mappings = map[string]map[string]map[string]any{}
		}
		t.Mappings[in.prefix+name] = m
	}
	outputs := map[string]any{}
	for name, output := range nested.Outputs {
		outputs[name] = in.value(output["Value"])
	}
	for _, r := range t.Resources {
		r.Properties = Object(replaceOutputs(r.Properties, stack.ID, outputs))
		if slices.Contains(r.After(), stack.ID) {
			// A resource that depends on the stack depends on everything in it.
			var after []any
			for _, id := range r.After() {
				after = append(after, id)
			}
			for _, id := range slices.Sorted(maps.Keys(nested.Resources)) {
				after = append(after, in.prefix+id)
			}
			r.DependsOn = after
		}
	}
	for _, output := range t.Outputs {
		output["Value"] = replaceOutputs(output["Value"], stack.ID, outputs)
	}
	return nil
}

// inliner rewrites values of a nested template for its parent.
type inliner struct {
	prefix    string
	nested    *Template
	arguments map[string]any // of the parameters, in terms of the parent
}

func (in inliner) value(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = in.value(item)
		}
		return out
	case map[string]any:
		if function, argument, ok := asCall(v); ok {
			return in.call(function, argument)
		}
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = in.value(item)
		}
		return out
	}
	return v
}

// condition rewrites a condition, which may name others.
func (in inliner) condition(v any) any {
	c := Object(v)
	if name := String(c["Condition"]); name != "" && len(c) == 1 {
		return map[string]any{"Condition": in.prefix + name}
	}
	if function, argument, ok := asCall(c); ok && conditionFunctions[function] != nil {
		var all []any
		for _, item := range List(argument) {
			all = append(all, in.condition(item))
		}
		return map[string]any{function: all}
	}
	return in.value(v)
}

func (in inliner) call(function string, argument any) any {
	switch function {
	case "Ref":
		return in.ref(String(argument))
	case "Fn::GetAtt":
		id, attribute, _ := strings.Cut(nameOf(function, argument), ".")
		return map[string]any{"Fn::GetAtt": []any{in.prefix + id, attribute}}
	case "Fn::FindInMap", "Fn::If":
		list := slices.Clone(List(in.value(argument)))
		if len(list) > 0 {
			if name, ok := list[0].(string); ok {
				list[0] = in.prefix + name
			}
		}
		return map[string]any{function: list}
	case "Fn::Sub":
		return in.sub(argument)
	}
	return map[string]any{function: in.value(argument)}
}

// ref resolves the name of a parameter or a resource; pseudo parameters stay.
func (in inliner) ref(name string) any {
	if parameter, ok := in.nested.Parameters[name]; ok {
		if argument, given := in.arguments[name]; given {
			return argument
		}
		return parameter["Default"]
	}
	if in.nested.Resources[name] != nil {
		name = in.prefix + name
	}
	return map[string]any{"Ref": name}
}

// sub turns every name in the format into a variable with its value.
func (in inliner) sub(argument any) any {
	format, variables := String(argument), map[string]any{}
	if list := List(argument); len(list) == 2 {
		format = String(list[0])
		for name, v := range Object(list[1]) {
			variables[name] = in.value(v)
		}
	}
	for _, match := range subVariable.FindAllStringSubmatch(format, -1) {
		name := match[1]
		_, known := variables[name]
		switch id, attribute, dotted := strings.Cut(name, "."); {
		case known, strings.HasPrefix(name, "!"), strings.HasPrefix(name, "AWS::"):
		case dotted:
			format = strings.ReplaceAll(format, "${"+name+"}", "${"+in.prefix+id+"."+attribute+"}")
		default:
			variables[name] = in.ref(name)
		}
	}
	if len(variables) == 0 {
		return map[string]any{"Fn::Sub": format}
	}
	return map[string]any{"Fn::Sub": []any{format, variables}}
}

// replaceOutputs replaces the outputs of a nested stack by their values.
func replaceOutputs(v any, stack string, outputs map[string]any) any {
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			v[i] = replaceOutputs(item, stack, outputs)
		}
	case map[string]any:
		if function, argument, ok := asCall(v); ok && function == "Fn::GetAtt" {
			if name, ok := strings.CutPrefix(nameOf(function, argument), stack+".Outputs."); ok {
				return outputs[name]
			}
		}
		for key, item := range v {
			v[key] = replaceOutputs(item, stack, outputs)
		}
	}
	return v
}

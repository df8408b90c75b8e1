// Package cloudformation reads CloudFormation templates in JSON, as the CDK
// writes them: the files of a cloud assembly, the resources of a template, and
// the intrinsic functions in their properties.
//
// Two readers share it. The check of templates keeps references as names
// ([Name], [Mentions]). The local run replaces them by values ([Resolver]).
package cloudformation

import (
	"encoding/json"
	"fmt"
	"os"
)

// maxFile bounds the files that are read. CloudFormation's own limit for a
// template is 1 MB.
const maxFile = 8 << 20

// Template is a decoded template. Numbers in it are of the type json.Number.
type Template struct {
	Resources  map[string]*Resource
	Parameters map[string]map[string]any
	Conditions map[string]any
	Mappings   map[string]map[string]map[string]any
	Outputs    map[string]map[string]any
	Transform  any

	// Files are the file of the template and those of its nested stacks.
	Files []TemplateFile `json:"-"`
}

// TemplateFile is the size of one template.
type TemplateFile struct {
	Name      string
	Bytes     int64
	Resources int
}

// Resource is a resource of a template.
type Resource struct {
	ID         string `json:"-"` // logical id
	Type       string
	Properties map[string]any
	Metadata   map[string]any
	Condition  string
	DependsOn  any    // a logical id or a list of them
	Origin     Origin `json:"-"` // of a resource of a nested stack; see ReadWithNested
}

// After lists the logical ids in DependsOn.
func (r *Resource) After() []string {
	if id, ok := r.DependsOn.(string); ok {
		return []string{id}
	}
	var ids []string
	for _, id := range List(r.DependsOn) {
		ids = append(ids, String(id))
	}
	return ids
}

// ConstructPath returns the path of the construct that made the resource, or
// "" if the template does not tell.
func (r *Resource) ConstructPath() string { return String(r.Metadata["aws:cdk:path"]) }

// String names the resource in errors: construct path, logical id and type.
func (r *Resource) String() string {
	if path := r.ConstructPath(); path != "" {
		return fmt.Sprintf("%s (%s, %s)", path, r.ID, r.Type)
	}
	return fmt.Sprintf("%s (%s)", r.ID, r.Type)
}

// Read reads a template. A stack without resources is a template without
// resources, not an error.
func Read(file string) (*Template, error) {
	t := &Template{}
	if err := ReadJSON(file, t); err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	t.Files = []TemplateFile{{file, info.Size(), len(t.Resources)}}
	for id, r := range t.Resources {
		if r == nil {
			return nil, fmt.Errorf("%s: resource %s is null", file, id)
		}
		r.ID = id
	}
	return t, nil
}

// ReadJSON decodes a file of at most 8 MB. It keeps numbers as they are
// written.
func ReadJSON(file string, into any) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() > maxFile {
		return fmt.Errorf("%s has %d bytes, at most %d are read", file, info.Size(), maxFile)
	}
	decoder := json.NewDecoder(f)
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s is not a template in JSON: %w", file, err)
	}
	return nil
}

package settings

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Setting identifies a field by the path that leads to it from a root struct,
// such as Agent or the construct's Props.
type Setting struct {
	root  string
	field *field
	item  int // of a list, counted from 1; 0 is the field as a whole
}

// field is a field with its parents. The root struct has none.
//
// The Lambdas list their fields at every start, so a list of all parents for each
// field would cost too much.
type field struct {
	reflect.StructField
	parent *field
}

// path returns the fields from the root to this one.
func (f *field) path() []*field {
	if f == nil {
		return nil
	}
	return append(f.parent.path(), f)
}

// Root returns the name of the root struct's type.
func (s Setting) Root() string { return s.root }

// Variable returns the name of the environment variable, or "".
func (s Setting) Variable() string {
	name, _, _ := strings.Cut(s.Tag("env"), ",")
	return name
}

// GoName returns the path of fields below the root, such as Cookies.Domain.
// Embedded structs are left out.
func (s Setting) GoName() string {
	var names []string
	for _, f := range s.field.path() {
		if !f.Anonymous {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, ".") + s.index()
}

// String returns the GoName.
func (s Setting) String() string { return s.GoName() }

// StageName returns the path of fields in a stage of cdk.json, such as
// cookieDomain or operation.authorizerMemory.
func (s Setting) StageName() string {
	var names []string
	prefix := ""
	for _, f := range s.field.path() {
		if name := f.Tag.Get("json"); name != "" {
			names = append(names, prefix+name)
		}
		prefix = f.Tag.Get("prefix")
	}
	return strings.Join(names, ".") + s.index()
}

// Tag returns a tag of the field.
func (s Setting) Tag(key string) string { return s.field.Tag.Get(key) }

// Type returns the type of the field.
func (s Setting) Type() reflect.Type { return s.field.Type }

// Owner returns the struct that has the field, or nil if that is the root.
func (s Setting) Owner() reflect.Type {
	if s.field.parent == nil {
		return nil
	}
	owner := s.field.parent.Type
	if owner.Kind() == reflect.Pointer {
		owner = owner.Elem()
	}
	return owner
}

func (s Setting) index() string {
	if s.item == 0 {
		return ""
	}
	return fmt.Sprintf("[%d]", s.item-1)
}

func (s Setting) secret() bool {
	t := s.Type()
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t == reflect.TypeFor[Secret]()
}

// Field is a setting and its value in a struct.
type Field struct {
	Setting
	Value reflect.Value
}

// Group reports whether the field is a struct of further settings.
func (f Field) Group() bool { return groupType(f.Value.Type()) }

// Fields returns the fields of a struct in their order: a group is followed by
// its fields. It descends into pointers to structs, unless they are nil. The
// values can be set if root is a pointer.
func Fields(root any) []Field {
	v := reflect.ValueOf(root)
	if v.Kind() != reflect.Pointer {
		copied := reflect.New(v.Type())
		copied.Elem().Set(v)
		v = copied
	}
	v = v.Elem()
	name, _, _ := strings.Cut(v.Type().Name(), "[")
	return appendFields(make([]Field, 0, manyFields), Setting{root: name}, v)
}

// manyFields is the room for the fields of a Lambda's settings.
const manyFields = 128

func appendFields(fields []Field, parent Setting, v reflect.Value) []Field {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || f.Tag.Get("json") == "-" {
			continue
		}
		here := Field{Setting{root: parent.root, field: &field{f, parent.field}}, v.Field(i)}
		fields = append(fields, here)
		if here.Group() {
			if inner := reflect.Indirect(here.Value); inner.IsValid() {
				fields = appendFields(fields, here.Setting, inner)
			}
		}
	}
	return fields
}

// groupType: pointers are groups if they are settings of the construct, whose
// other pointers and interfaces are constructs of the CDK.
func groupType(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && (strings.HasPrefix(t.PkgPath(), "github.com/tokenhandler/aws/") || t.PkgPath() == "main")
}

// variablesOf returns the fields of Agent or Authorizer that are variables.
func variablesOf(root any) []Field {
	return slices.DeleteFunc(Fields(root), func(f Field) bool {
		only := f.Tag("lambda")
		return f.Variable() == "" || only != "" && !strings.EqualFold(only, f.root)
	})
}

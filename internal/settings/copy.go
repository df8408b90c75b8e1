package settings

import "reflect"

// Copy fills dst from the fields of src with the same path, both given by
// pointers to structs: the environment of a Lambda from the construct's
// properties, for instance. Fields that only one of them has are left alone.
// Where types differ, convert sets the field of dst and reports whether it did;
// any other difference is a mistake in the definitions and panics.
func Copy(dst, src any, convert func(dst, src reflect.Value) bool) {
	copyStruct(reflect.ValueOf(dst).Elem(), reflect.ValueOf(src).Elem(), convert)
}

func copyStruct(dst, src reflect.Value, convert func(dst, src reflect.Value) bool) {
	for i := range dst.NumField() {
		field, to := dst.Type().Field(i), dst.Field(i)
		if field.Anonymous { // its fields are those of dst
			copyStruct(to, src, convert)
			continue
		}
		from := src.FieldByName(field.Name)
		switch {
		case !from.IsValid():
		case from.Type() == to.Type():
			to.Set(from)
		case groupType(to.Type()) && groupType(from.Type()):
			copyStruct(to, from, convert)
		case convert != nil && convert(to, from):
		default:
			panic("settings: internal error: " + field.Name + " cannot be copied from " + from.Type().String())
		}
	}
}

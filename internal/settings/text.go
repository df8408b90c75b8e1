package settings

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// None is a duration that switches a setting off if the zero value means the
// default.
const None time.Duration = -1

// ParseDuration reads a Go duration, or a number of days such as 30d.
func ParseDuration(s string) (time.Duration, error) {
	if number, ok := strings.CutSuffix(s, "d"); ok {
		if days, err := strconv.ParseUint(number, 10, 16); err == nil {
			return time.Duration(days) * 24 * time.Hour, nil
		}
	}
	return time.ParseDuration(s)
}

// text returns the value as a variable has it, "" if it is empty.
func (f Field) text() string {
	if m, ok := f.Value.Interface().(encoding.TextMarshaler); ok && f.Value.Kind() == reflect.Map {
		text, err := m.MarshalText()
		if err != nil {
			panic("settings: " + err.Error()) // strings and maps of strings only
		}
		return string(text)
	}
	switch v := f.Value.Interface().(type) {
	case time.Duration:
		switch {
		case v == 0:
			return ""
		case v < 0:
			return "0"
		case f.Tag("unit") == "seconds":
			return strconv.Itoa(int(v / time.Second))
		}
		return v.String()
	case bool:
		if !v {
			return ""
		}
		_, yes := f.words()
		return yes
	}
	return strings.Join(f.texts(), ",")
}

// texts returns the items of a list, or the one text of a string.
func (f Field) texts() []string {
	if f.Value.Kind() != reflect.Slice {
		return []string{f.Value.String()}
	}
	items := make([]string, f.Value.Len())
	for i := range items {
		items[i] = f.Value.Index(i).String()
	}
	return items
}

func (f Field) words() (no, yes string) {
	if words := f.Tag("words"); words != "" {
		no, yes, _ = strings.Cut(words, ",")
		return no, yes
	}
	return "false", "true"
}

// setText sets the value from the text of a variable, and reports whether the
// text has the right form.
func (f Field) setText(text string) bool {
	text = strings.TrimSpace(text)
	if u, ok := f.Value.Addr().Interface().(encoding.TextUnmarshaler); ok && f.Value.Kind() == reflect.Map {
		return u.UnmarshalText([]byte(text)) == nil
	}
	switch v := f.Value.Addr().Interface().(type) {
	case *time.Duration:
		d, err := ParseDuration(text)
		if f.Tag("unit") == "seconds" {
			var seconds uint64
			seconds, err = strconv.ParseUint(text, 10, 31)
			d = time.Duration(seconds) * time.Second
		}
		if d == 0 {
			d = None
		}
		*v = d
		return err == nil
	case *bool:
		no, yes := f.words()
		*v = text == yes
		return text == no || text == yes
	case *int:
		n, err := strconv.Atoi(text)
		*v = n
		return err == nil
	}
	if f.Value.Kind() != reflect.Slice {
		f.Value.SetString(text)
		return true
	}
	items := reflect.MakeSlice(f.Value.Type(), 0, 1)
	for item := range strings.SplitSeq(text, ",") {
		// An empty item is no origin: "".split(",") must not trust "".
		if item = strings.TrimSpace(item); item != "" {
			items = reflect.Append(items, reflect.ValueOf(item).Convert(f.Value.Type().Elem()))
		}
	}
	f.Value.Set(items)
	return true
}

// expects completes "must be …".
func (f Field) expects() string {
	switch {
	case f.Value.Kind() == reflect.Bool:
		no, yes := f.words()
		return yes + " or " + no
	case f.Value.CanInt() && f.Tag("unit") == "" && f.Tag("rule") == "":
		return "a number"
	}
	return rules[f.Tag("rule")].expects
}

// SetDefaults gives every empty field of a struct, given by a pointer, its
// default.
func SetDefaults(root any) {
	for _, f := range Fields(root) {
		if def := f.Tag("default"); def != "" && f.Value.IsZero() || f.Value.Kind() == reflect.Slice && f.Value.Len() == 0 && def != "" {
			if !f.setText(def) {
				panic("settings: internal error: malformed default of " + f.GoName())
			}
		}
	}
}

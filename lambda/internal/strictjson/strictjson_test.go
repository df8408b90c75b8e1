package strictjson

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestObject(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		ok         bool
	}{
		{"empty", `{}`, true},
		{"nested", ` {"a":1,"b":{"a":2,"c":[{"a":3},{"a":4}]}} `, true},
		{"same name in another case", `{"a":1,"A":2}`, true},
		{"duplicate", `{"a":1,"a":2}`, false},
		{"duplicate, written with an escape", `{"a":1,"\u0061":2}`, false},
		{"duplicate below", `{"b":{"a":1,"a":2}}`, false},
		{"duplicate below an array", `{"b":[[{"a":1,"a":2}]]}`, false},
		{"not UTF-8", "{\"a\":\"\xff\"}", false},
		{"array", `[]`, false},
		{"null", `null`, false},
		{"two objects", `{}{}`, false},
		{"truncated", `{"a":{"b":1}`, false},
		{"text after", `{} x`, false},
		{"nothing", ``, false},
		{"deep", `{"a":` + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth) + `}`, false},
		{"deeper", strings.Repeat(`{"a":`, 100_000), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			object, err := Object([]byte(tt.text))
			if (err == nil) != tt.ok || (object != nil) != tt.ok {
				t.Errorf("got %v, %v; want ok %t", object, err, tt.ok)
			}
		})
	}
}

func TestString(t *testing.T) {
	object, err := Object([]byte(`{"a":"x","n":null,"i":7,"B":"big"}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		value string
		ok    bool
	}{"a": {"x", true}, "n": {"", true}, "i": {"", false}, "b": {"", true}, "absent": {"", true}} {
		if value, ok := String(object, name); value != want.value || ok != want.ok {
			t.Errorf("%s: got %q, %t", name, value, ok)
		}
	}
}

// Package encoding/json also accepts everything that is accepted here, and
// reads it in the same way when it is written again.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,{"b":null}]}`, `{"a":1,"a":2}`, "{\"\xff\":1}", `{"a":1e400}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		object, err := Object(text)
		if err != nil {
			if object != nil {
				t.Fatal("an object came with the error")
			}
			return
		}
		again, err := json.Marshal(object)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if second, err := Object(again); err != nil || len(second) != len(object) {
			t.Fatalf("%q became %q: %v", text, again, err)
		}
	})
}

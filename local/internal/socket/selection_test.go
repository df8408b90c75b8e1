package socket

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSelection(t *testing.T) {
	for _, tt := range []struct{ expression, message, want string }{
		{"$request.body.action", `{"action":"join"}`, "join"},
		{"${request.body.action}", `{"action":"join"}`, "join"},
		{"$request.body.service.name", `{"service":{"name":"chat"}}`, "chat"},
		{"$request.body.action", `{"action":1.50}`, "1.50"},
		{"$request.body.action", `{"action":true}`, "true"},
		{"$request.body.action", ` {"action":"a","action":"b"} `, "b"},
	} {
		s, err := parseSelection(tt.expression)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := s.key([]byte(tt.message)); !ok || got != tt.want {
			t.Errorf("%s of %s: got %q, %t; want %q", tt.expression, tt.message, got, ok, tt.want)
		}
	}
	s, _ := parseSelection("$request.body.a.b")
	for _, message := range []string{"", "text", `{"a":{}}`, `{"a":"x"}`, `{"a":{"b":null}}`, `{"a":{"b":["x"]}}`, `{"a":{"b":{}}}`, `[{"a":1}]`,
		`{"a":{"b":"x"}} {}`, `{"a":{"b":"x"}`, strings.Repeat("[", 20000)} {
		if got, ok := s.key([]byte(message)); ok {
			t.Errorf("%.40s: got %q, want no key", message, got)
		}
	}
	for _, expression := range []string{"", "action", "$request.body", "$request.body.", "$request.body.a..b", "$request.header.x", "$request.body.a[0]",
		"${request.body.a}/${request.body.b}", "$context.routeKey", `\$default`, "$request.body.a ", "${request.method} ${request.path}"} {
		if _, err := parseSelection(expression); err == nil || !strings.Contains(err.Error(), expression) {
			t.Errorf("%q: got %v, want it refused", expression, err)
		}
	}
}

func FuzzSelection(f *testing.F) {
	f.Add("$request.body.action", `{"action":"join"}`)
	f.Add("${request.body.a.b}", `{"a":{"b":1e400}}`)
	f.Add("$request.body.a", `{"a":"\ud800"}`)
	f.Fuzz(func(t *testing.T, expression, message string) {
		s, err := parseSelection(expression)
		if err != nil {
			return
		}
		if len(s) == 0 {
			t.Errorf("%q has no names", expression)
		}
		if key, ok := s.key([]byte(message)); ok && !utf8.ValidString(key) || !ok && key != "" {
			t.Errorf("%q of %q: got %q, %t", expression, message, key, ok)
		}
	})
}

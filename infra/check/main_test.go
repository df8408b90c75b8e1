package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const golden = "../tokenhandler/testdata/one-origin.json"

// spoiled writes the template with a text replaced and returns its path.
func spoiled(t *testing.T, from, to string) string {
	t.Helper()
	raw, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), from) {
		t.Fatalf("the template has no %q", from)
	}
	file := filepath.Join(t.TempDir(), "Stack.template.json")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(raw), from, to)), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestRun(t *testing.T) {
	open := spoiled(t, `"AuthorizationType": "CUSTOM"`, `"AuthorizationType": "NONE"`)
	empty := filepath.Join(t.TempDir(), "Empty.template.json")
	if err := os.WriteFile(empty, []byte(`{"Resources":{}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"sound", []string{golden}, 0, "1 template, 16 methods: 1 protected, 7 of the agent, 8 preflights, 0 public; 0 findings, 0 warnings\n"},
		{"open method", []string{open}, 1, "Stack.template.json: TokenHandlerApiordersidGETF3939F48: GET /orders/{id} has no authorizer: add the route with Protect"},
		{"in a folder", []string{filepath.Dir(open)}, 1, "; 1 finding, 0 warnings\n"},
		{"foreign authorizer", []string{"-authorizer", "Mine", golden}, 1, "it must be Mine"},
		{"public, but with the token", []string{"-public", "GET /orders/{id}=catalogue", open}, 1, "is public and maps integration.request.header.Authorization"},
		{"public that is protected", []string{"-public", "GET /orders/{id}=catalogue", golden}, 1, "is public"},
		{"public that is nowhere", []string{"-public", "GET /nowhere=reason", golden}, 2, "check: -public names GET /nowhere"},
		{"public without reason", []string{"-public", "GET /orders/{id}", golden}, 2, "expected 'METHOD /path=reason'"},
		{"no method at all", []string{empty}, 2, "check: 1 template without a method of a REST API"},
		{"another API", []string{"-api", "Other", golden}, 2, "without a method of a REST API"},
		{"no file", []string{"nowhere"}, 2, "check: stat nowhere"},
		{"no argument", nil, 2, "expected a folder"},
		{"unknown flag", []string{"-x"}, 2, "usage: check"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			if status := run(tt.args, &out, &out); status != tt.status || !strings.Contains(out.String(), tt.want) {
				t.Errorf("got status %d and %q, want %d and %q", status, out.String(), tt.status, tt.want)
			}
		})
	}
}

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A comment changes nothing, wherever fields of ours are.
func TestCommentsAreIgnored(t *testing.T) {
	const host, routes = `"name":"api.example.com"`, `"path":"/a","methods":["POST"],"upstream":"https://a.example/","requestSchema":{"//":{"type":"string"}}`
	stageOf := func(comment, other string) string {
		return `{` + comment + `"clientId":"x","domain":{` + other + host + `},"operation":{` + comment + `"tracing":true,"tags":{"//":"a tag"}},"routes":[{` + other + routes + `}],
			"clients":{"admin":{` + other + `"clientId":"y","routes":[{` + comment + routes + `}]}}}`
	}
	want, err := decode(t, stageOf("", ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(t, stageOf(`"//":"text",`, `"//":["two","lines"],`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(stage{}), cmpopts.IgnoreFields(stage{}, "Clients")); diff != "" {
		t.Error(diff)
	}
	if got.Routes[0].RequestSchema["//"] == nil || got.Operation.Tags["//"] == "" {
		t.Errorf("a property or a tag of this name is gone: %+v", got)
	}
	clients, err := got.furtherClients()
	if err != nil || len(clients) != 1 || clients[0].ClientID != "y" || clients[0].Routes[0].Path != "/a" {
		t.Errorf("got %+v, %v", clients, err)
	}
}

func TestCommentsAreRefused(t *testing.T) {
	for fields, want := range map[string]string{
		`{"//":1,` + route1 + `}`:                                      `stage t: "//" is not text: expected a string or a list of strings`,
		`{"//":["a",1],` + route1 + `}`:                                `stage t: "//" is not text`,
		`{"//":{"a":"b"},` + route1 + `}`:                              `stage t: "//" is not text`,
		`{"domain":{"//":null},` + route1 + `}`:                        `stage t: "//" of domain is not text`,
		`{"operation":{"//":true},` + route1 + `}`:                     `stage t: "//" of operation is not text`,
		`{"routes":[{"//":2}]}`:                                        `stage t: "//" of a route is not text`,
		`{"clients":{"admin":{"//":3,` + route1 + `}},` + route1 + `}`: `stage t: client admin: "//" is not text`,
		`{"//issuer":"x",` + route1 + `}`:                              `stage t: unknown field "//issuer"`,
		`{"// ":"x",` + route1 + `}`:                                   `stage t: unknown field "// "`,
		`{"routes":[{"///":"x"}]}`:                                     `stage t: unknown field "///" of a route`,
	} {
		if _, err := decode(t, fields, nil); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want an error that begins with %q", fields, err, want)
		}
	}
}

package settings_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/settings"
)

func TestUpstreamsRoundTrip(t *testing.T) {
	want := settings.Upstreams{"GET /orders/{id}": "https://a.example/o/{id}", "POST /": "http://127.0.0.1:3003"}
	text, _ := want.MarshalText()
	var got settings.Upstreams
	err := got.UnmarshalText(text)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("got %v\n%s", err, diff)
	}
	if text, _ := settings.Upstreams(nil).MarshalText(); len(text) != 0 {
		t.Errorf("without routes: got %s", text)
	}
}

func TestUpstreamsRefuse(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "null": "null", "a list": "[]", "two values": `{} {}`, "no method": `{"/orders":"https://a.example/"}`,
		"malformed method": `{"get! /orders":"https://a.example/"}`, "no resource": `{"GET orders":"https://a.example/"}`,
		"http": `{"GET /orders":"http://a.example/"}`, "no URL": `{"GET /orders":"orders"}`, "user info": `{"GET /orders":"https://u:p@a.example/"}`,
		"query": `{"GET /orders":"https://a.example/?x=1"}`, "fragment": `{"GET /orders":"https://a.example/#x"}`,
	} {
		var got settings.Upstreams
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestRequirementsRoundTrip(t *testing.T) {
	want := settings.Requirements{
		settings.RouteKey("GET", "/orders/{id}"): {Scope: "a <b>&c"},
		settings.RouteKey("GET", "/bills"):       {Exchange: &settings.Exchange{Audience: "bills", Resource: "https://bills.example", Scope: "a b"}},
		settings.RouteKey("ANY", "/{proxy+}"):    {Claims: map[string]string{"acr": "2", "Zoë": `"`}},
	}
	text, _ := want.MarshalText()
	if strings.Contains(string(text), `\u003c`) {
		t.Errorf("HTML is escaped: %s", text)
	}
	var got settings.Requirements
	if err := got.UnmarshalText(text); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if text, _ := (settings.Requirements{}).MarshalText(); len(text) != 0 {
		t.Errorf("without requirements: got %s", text)
	}
}

// A requirement that is not understood must not be ignored.
func TestRequirementsRefuse(t *testing.T) {
	for _, text := range []string{
		``, `null`, `[]`, `{`, `{} {}`, `"x"`,
		`{"GET /a":{}}`, `{"GET /a":{"scopes":"x"}}`, `{"GET /a":{"scope":["x"]}}`, `{"GET /a":"x"}`,
		`{"GET /a":{"scope":""}}`, `{"GET /a":{"scope":" x"}}`, `{"GET /a":{"scope":"x  y"}}`, `{"GET /a":{"scope":"x\"y"}}`,
		`{"GET /a":{"scope":"x\\y"}}`, `{"GET /a":{"scope":"Zoë"}}`, `{"GET /a":{"claims":{"":"x"}}}`, `{"GET /a":{"claims":{"x":1}}}`,
		`{"GET /a":{"exchange":{}}}`, `{"GET /a":{"exchange":{"audience":"a b"}}}`, `{"GET /a":{"exchange":{"audience":["a"]}}}`, `{"GET /a":{"exchange":{"Actor":"a"}}}`,
		`{"GET /a":{"exchange":{"resource":"/x"}}}`, `{"GET /a":{"exchange":{"resource":"https://a.example/#x"}}}`, `{"GET /a":{"exchange":{"scope":"a  b"}}}`,
		`{"/a":{"scope":"x"}}`, `{"get /a":{"scope":"x"}}`, `{"GET a":{"scope":"x"}}`, `{" /a":{"scope":"x"}}`, `{"*":{"scope":"x"}}`,
	} {
		var got settings.Requirements
		if err := got.UnmarshalText([]byte(text)); err == nil || got != nil {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

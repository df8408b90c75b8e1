package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What the checks find is tested in test/e2e, against the local run and
// against one that is broken in one thing at a time.

const template = `{"Resources":{
	"Root":{"Type":"AWS::ApiGateway::RestApi"},
	"Orders":{"Type":"AWS::ApiGateway::Resource","Properties":{"ParentId":{"Fn::GetAtt":["Root","RootResourceId"]},"PathPart":"orders"}},
	"Order":{"Type":"AWS::ApiGateway::Resource","Properties":{"ParentId":{"Ref":"Orders"},"PathPart":"{id}"}},
	"Get":{"Type":"AWS::ApiGateway::Method","Properties":{"HttpMethod":"GET","AuthorizationType":"CUSTOM","ResourceId":{"Ref":"Order"}}},
	"Any":{"Type":"AWS::ApiGateway::Method","Properties":{"HttpMethod":"ANY","AuthorizationType":"CUSTOM","ResourceId":{"Ref":"Orders"}}},
	"Options":{"Type":"AWS::ApiGateway::Method","Properties":{"HttpMethod":"OPTIONS","AuthorizationType":"NONE","ResourceId":{"Ref":"Orders"}}},
	"Open":{"Type":"AWS::ApiGateway::Method","Metadata":{"tokenhandler:public":"no data"},"Properties":{"HttpMethod":"GET","AuthorizationType":"NONE","ResourceId":{"Ref":"Orders"}}},
	"Function":{"Type":"AWS::Lambda::Function","Properties":{"Environment":{"Variables":{
		"TRUSTED_WEB_ORIGINS":"https://a.example,https://b.example","COOKIE_NAME_PREFIX":"shop","AGENT_BASE_PATH":"/bff","ENCRYPTION_KEY":{"Fn::Join":["",[]]}}}}}}}`

func TestParse(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"a.template.json": template, "cookie": "Cookie: a=b; c=d\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	none := func(string) string { return "" }
	o, err := parse([]string{"-url", "https://api.example/", "-template", dir, "-session", filepath.Join(dir, "cookie")}, none, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{o.url, o.origin, o.prefix, o.csrf, o.agent, o.session, len(o.routes), o.routes[0].String(), o.routes[1].String(), o.routes[1].example(), o.public[0].String()}
	want := []any{"https://api.example", "https://a.example", "shop", "x-shop-csrf", "/bff", "a=b; c=d", 2, "ANY /orders", "GET /orders/{id}", "/orders/smoke-test", "GET /orders"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	for _, tt := range []struct {
		name, session string
		args          []string
	}{
		{"no URL", "", []string{"-origin", "https://a.example", "-route", "GET /a"}},
		{"no origin", "", []string{"-url", "https://api.example", "-route", "GET /a"}},
		{"no route", "", []string{"-url", "https://api.example", "-origin", "https://a.example"}},
		{"a route without method", "", []string{"-url", "https://api.example", "-origin", "https://a.example", "-route", "/a"}},
		{"a session in the clear", "a=b", []string{"-url", "http://api.example", "-origin", "https://a.example", "-route", "GET /a"}},
		{"a session of two lines", "a=b\nc: d", []string{"-url", "https://api.example", "-origin", "https://a.example", "-route", "GET /a"}},
		{"no template there", "", []string{"-url", "https://api.example", "-template", filepath.Join(dir, "no")}},
		{"an argument", "", []string{"x"}},
	} {
		var out, errs bytes.Buffer
		if code := command(context.Background(), tt.args, func(string) string { return tt.session }, &out, &errs); code != 2 || errs.Len() == 0 || out.Len() > 0 {
			t.Errorf("%s: got exit code %d, %q, %q; want 2 and why", tt.name, code, out.String(), errs.String())
		}
	}
}

func TestUnreachable(t *testing.T) {
	var out, errs bytes.Buffer
	code := command(context.Background(), []string{"-url", "http://127.0.0.1:1", "-origin", "https://a.example", "-route", "GET /a"},
		func(string) string { return "" }, &out, &errs)
	if code != 2 || !strings.Contains(errs.String(), "cannot be reached") {
		t.Errorf("got exit code %d, %q", code, errs.String())
	}
}

func TestEchoed(t *testing.T) {
	for body, want := range map[string]map[string][]string{
		`{"received":{"headers":["Host","cookie"]}}`:     {"host": nil, "cookie": nil},
		`{"headers":{"Host":"a","Authorization":"b"}}`:   {"host": {"a"}, "authorization": {"b"}},
		`{"headers":{"Authorization":["Bearer a","b"]}}`: {"authorization": {"Bearer a", "b"}},
	} {
		got, err := echoed(body)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", body, err, diff)
		}
	}
	for _, body := range []string{"", "[]", "{}", `{"headers":7}`, `{"headers":{}}`} {
		if _, err := echoed(body); err == nil {
			t.Errorf("%q was read", body)
		}
	}
}

func TestAltered(t *testing.T) {
	r := &run{options: options{prefix: "th"}}
	for session, want := range map[string]string{
		"a=b; __Host-th-at=xyz; c=d": "a=b; __Host-th-at=xAz; c=d",
		"__Host-th-at=xAz":           "__Host-th-at=xBz",
	} {
		if r.session = session; r.altered() != want {
			t.Errorf("%s: got %s, want %s", session, r.altered(), want)
		}
	}
}

func TestReport(t *testing.T) {
	var r report
	r.check("a", "b", nil)
	r.check("a", "c", unknown("why"))
	var out bytes.Buffer
	if code := r.print(&out); code != 0 || out.String() != "pass     a  b\nunknown  a  c  why\n\n1 passed, 0 failed, 1 unknown\n" {
		t.Errorf("got %d, %q", code, out.String())
	}
	r.check("a", "d", http.ErrNoCookie)
	if code := r.print(&out); code != 1 {
		t.Errorf("got exit code %d, want 1", code)
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// test/e2e tests the checks, against the local run and against local runs with
// one fault each.

const template = `{"Resources":{
	"Root":{"Type":"AWS::ApiGateway::RestApi"},
	"Orders":{"Type":"AWS::ApiGateway::Resource","Properties":{"ParentId":{"Fn::GetAtt":["Root","RootResourceId"]},"PathPart":"orders"}},
	"Order":{"Type":"AWS::ApiGateway::Resource","Properties":{"ParentId":{"Ref":"Orders"},"PathPart":"{id}"}},
	"Get":{"Type":"AWS::ApiGateway::Method","Properties":{"HttpMethod":"GET","AuthorizationType":"CUSTOM","AuthorizerId":{"Ref":"Authorizer"},"ResourceId":{"Ref":"Order"},
		"RequestValidatorId":{"Ref":"Parameters"},"RequestParameters":{"method.request.querystring.page":true,"method.request.querystring.size":false,"method.request.path.id":true},
		"Integration":{"Type":"HTTP","RequestParameters":{"integration.request.header.Accept":"method.request.header.Accept"}}}},
	"Any":{"Type":"AWS::ApiGateway::Method","Properties":{"HttpMethod":"ANY","AuthorizationType":"CUSTOM","AuthorizerId":{"Ref":"Authorizer"},"ResourceId":{"Ref":"Orders"},
		"RequestValidatorId":{"Ref":"Bodies"},"RequestModels":{"$default":{"Ref":"Model"}},"Integration":{"Type":"HTTP_PROXY"}}},
	"Bodies":{"Type":"AWS::ApiGateway::RequestValidator","Properties":{"ValidateRequestBody":true,"ValidateRequestParameters":false}},
	"Parameters":{"Type":"AWS::ApiGateway::RequestValidator","Properties":{"ValidateRequestBody":false,"ValidateRequestParameters":true}},
	"Options":{"Type":"AWS::ApiGateway::Method","Properties":{"HttpMethod":"OPTIONS","AuthorizationType":"NONE","ResourceId":{"Ref":"Orders"}}},
	"Open":{"Type":"AWS::ApiGateway::Method","Metadata":{"tokenhandler:public":"no data"},"Properties":{"HttpMethod":"GET","AuthorizationType":"NONE","ResourceId":{"Ref":"Orders"}}},
	"Authorizer":{"Type":"AWS::ApiGateway::Authorizer","Properties":{"AuthorizerResultTtlInSeconds":0,"IdentitySource":"",
		"AuthorizerUri":{"Fn::Join":["",["arn:",{"Fn::GetAtt":["Function","Arn"]}]]}}},
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
	o, err := parse([]string{"-url", "https://api.example/", "-template", dir, "-session", filepath.Join(dir, "cookie"), "-echo", "/a,/b", "-echo", "/c"}, none, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{o.url, o.origins, o.prefix, o.csrf, o.agent, o.session, o.echoes, len(o.routes), o.routes[0].String(), o.routes[1].String(), o.routes[1].example(), o.public[0].String()}
	want := []any{"https://api.example", []string{"https://a.example", "https://b.example"}, "shop", "x-shop-csrf", "/bff", "a=b; c=d", []string{"/a", "/b", "/c"}, 2, "ANY /orders", "GET /orders/{id}", "/orders/smoke-test", "GET /orders"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	facts := facts{known: true, trusted: 2, clients: 1, lead: "__Host-", details: map[route]method{
		{"ANY", "/orders"}:      {integration: "HTTP_PROXY", body: true},
		{"GET", "/orders"}:      {},
		{"GET", "/orders/{id}"}: {integration: "HTTP", up: []string{"accept"}, required: []string{"page"}},
	}}
	if diff := cmp.Diff(facts, o.facts, cmp.AllowUnexported(facts, method{}, route{})); diff != "" {
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
		{"an echo that is no path", "", []string{"-url", "https://api.example", "-origin", "https://a.example", "-route", "GET /a", "-echo", "a"}},
		{"no template there", "", []string{"-url", "https://api.example", "-template", filepath.Join(dir, "no")}},
		{"an argument", "", []string{"x"}},
	} {
		var out, errs bytes.Buffer
		if code := command(context.Background(), tt.args, func(string) string { return tt.session }, &out, &errs); code != 2 || errs.Len() == 0 || out.Len() > 0 {
			t.Errorf("%s: got exit code %d, %q, %q; want 2 and why", tt.name, code, out.String(), errs.String())
		}
	}
}

// Templates with mistakes, or with several token handlers.
func TestReadTemplate(t *testing.T) {
	for _, tt := range []struct {
		name, old, new string
		args           []string
		wantErr        string
		want           func(options) any
		expected       any
	}{
		{"a mapping to an empty literal", `"method.request.header.Accept"`, `"''"`, nil, "",
			func(o options) any { return o.facts.empty }, []string{"Get integration.request.header.Accept"}},
		{"identity sources with a TTL of 0", `"IdentitySource":""`, `"IdentitySource":"method.request.header.Cookie"`, nil, "",
			func(o options) any { return o.facts.idle }, []string{"Authorizer"}},
		{"results are kept", `"AuthorizerResultTtlInSeconds":0`, `"AuthorizerResultTtlInSeconds":60`, nil, "",
			func(o options) any { return o.facts.kept }, true},
		{"no TTL is the default one", `"AuthorizerResultTtlInSeconds":0,`, ``, nil, "",
			func(o options) any { return o.facts.kept }, true},
		{"the classic dialect", `"AGENT_BASE_PATH"`, `"CACHE_DIALECT":"classic","AGENT_BASE_PATH"`, nil, "",
			func(o options) any { return o.facts.classic }, true},
		{"cookies of another format", `"AGENT_BASE_PATH"`, `"COOKIE_FORMAT":"curity","AGENT_BASE_PATH"`, nil, "",
			func(o options) any { return o.facts.lead }, ""},
		{"a validator without checks", `"ValidateRequestBody":true`, `"ValidateRequestBody":false`, nil, "",
			func(o options) any { return o.facts.details[route{"ANY", "/orders"}].body }, false},
		{"several token handlers", `"Function":{`, second + `,"Function":{`, nil, "must be one of admin, shop", nil, nil},
		{"one of several, by prefix", `"Function":{`, second + `,"Function":{`, []string{"-prefix", "shop"}, "",
			func(o options) any { return []any{o.agent, o.origins[0], len(o.routes), o.facts.trusted} }, []any{"/bff", "https://a.example", 2, 3}},
		{"one of several, by agent", `"Function":{`, second + `,"Function":{`, []string{"-agent", "/admin", "-route", "GET /a"}, "",
			func(o options) any { return []any{o.prefix, o.origins[0], len(o.routes)} }, []any{"admin", "https://c.example", 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "template.json")
			text := strings.Replace(template, tt.old, tt.new, 1)
			if text == template {
				t.Fatal("the text was not replaced")
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			o, err := parse(append([]string{"-url", "https://api.example", "-template", file}, tt.args...), func(string) string { return "" }, &bytes.Buffer{})
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Errorf("got %v, want an error with %q", err, tt.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.expected, tt.want(o)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

const second = `"Second":{"Type":"AWS::Lambda::Function","Properties":{"Environment":{"Variables":{
	"TRUSTED_WEB_ORIGINS":"https://c.example","COOKIE_NAME_PREFIX":"admin","AGENT_BASE_PATH":"/admin"}}}}`

func TestServing(t *testing.T) {
	o := options{
		routes: []route{{"GET", "/"}, {"POST", "/orders"}, {"GET", "/orders/{id}"}, {"ANY", "/raw/{proxy+}"}, {"GET", "/raw/exact"}},
		public: []route{{"GET", "/health"}},
	}
	for path, want := range map[string]string{
		"/": "GET /", "/orders": "", "/orders/7": "GET /orders/{id}", "/orders/7/8": "", "/health": "GET /health",
		"/raw": "", "/raw/a/b": "ANY /raw/{proxy+}", "/raw/exact": "GET /raw/exact",
	} {
		got, known := o.serving(path)
		if known != (want != "") || known && got.String() != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
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

func TestEchoedPath(t *testing.T) {
	for body, want := range map[string]string{
		`{"path":"/a%2Fb"}`:                  "/a%2Fb",
		`{"received":{"path":"/a"}}`:         "/a",
		`{"url":"https://up.example/a?b=c"}`: "https://up.example/a?b=c",
		`{"path":7}`:                         "",
		`{}`:                                 "",
	} {
		if got := echoedPath(body); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}

func TestWhose(t *testing.T) {
	got := whose(map[string][]string{
		"x-forwarded-for": {"192.0.2.1, 203.0.113.7"}, "x-forwarded-host": {"forged.example"}, "x-forwarded-user": {"somebody"},
		"x-forwarded-port": nil, "x-forwarded-proto": {"https"}, "host": {"a"},
	})
	want := "x-forwarded-for (the client's, then the gateway's), x-forwarded-host (the client's), x-forwarded-port (no value given), " +
		"x-forwarded-proto (the gateway's), x-forwarded-user (the gateway's)"
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := whose(map[string][]string{"host": {"a"}}); got != "none" {
		t.Errorf("got %s, want none", got)
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

// Questions that the template alone settles.
func TestTemplateQuestions(t *testing.T) {
	for _, tt := range []struct {
		name  string
		facts facts
		want  []string // results
	}{
		{"no template", facts{}, []string{"unknown", "unknown"}},
		{"neither", facts{known: true}, []string{"pass", "pass"}},
		{"results are kept", facts{known: true, kept: true}, []string{"pass", "pass"}},
		{"an empty literal", facts{known: true, empty: []string{"a"}}, []string{"fail", "pass"}},
		{"sources without a TTL", facts{known: true, idle: []string{"a"}}, []string{"pass", "fail"}},
	} {
		r := newRun(t.Context(), options{url: "http://127.0.0.1:1", timeout: time.Second, routes: []route{{"GET", "/a"}}, facts: tt.facts})
		r.emptyLiterals()
		r.identitySources()
		var got []string
		for _, row := range r.report.rows[:2] {
			got = append(got, row.result)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// On the application's own origin, other responses than the API's are unknown.
func TestElsewhere(t *testing.T) {
	ours, site := &response{Response: &http.Response{Header: http.Header{"X-Amzn-Errortype": {"a"}}}}, &response{Response: &http.Response{}}
	for _, tt := range []struct {
		origin string
		resp   *response
		want   string
	}{
		{"https://www.example.com", site, "unknown"}, {"https://www.example.com", ours, "fail"},
		{"https://www.example.com", nil, "fail"}, {"https://app.example.com", site, "fail"},
	} {
		r := newRun(t.Context(), options{url: "https://www.example.com/api", origins: []string{tt.origin}})
		r.report.check("a", "b", r.elsewhere(tt.resp, errors.New("x")))
		if got := r.report.rows[0].result; got != tt.want || r.elsewhere(tt.resp, nil) != nil {
			t.Errorf("%s, %v: got %s, want %s", tt.origin, tt.resp, got, tt.want)
		}
	}
}

func TestUpstream(t *testing.T) {
	mapped, transparent := method{integration: "HTTP", up: []string{"accept", "x-forwarded-user"}}, method{integration: "HTTP_PROXY"}
	for _, tt := range []struct {
		name    string
		echo    echo
		headers string
		want    map[string]string // rows other than pass
	}{
		{"mapped", echo{method: mapped}, `{"authorization":"Bearer a","accept":"b","x-forwarded-user":"forged"}`, nil},
		{"mapped, names only", echo{method: mapped}, `["Authorization","Accept"]`, nil},
		{"mapped, with DPoP", echo{method: mapped}, `{"authorization":"DPoP a"}`, nil},
		{"mapped, with unmapped headers", echo{method: mapped}, `{"authorization":"Bearer a","token-handler-version":"1","x-forwarded-host":"forged.example"}`,
			map[string]string{"token-handler-version of the client does not reach it": "fail", "no header of the client reaches it that is not mapped": "fail"}},
		{"mapped, another scheme", echo{method: mapped}, `{"authorization":"Basic a"}`, map[string]string{"Authorization reaches it, once": "fail"}},
		{"transparent", echo{method: transparent}, `{"authorization":"Bearer a","cookie":["none","none"],"x-th-csrf":"none","origin":"b"}`, nil},
		{"transparent, names only", echo{method: transparent}, `["authorization","cookie"]`,
			map[string]string{"cookie of the client does not reach it": "unknown"}},
		{"public", echo{method: transparent, public: true}, `{"authorization":"none","cookie":"none"}`, nil},
		{"public, with a token", echo{method: transparent, public: true}, `{"authorization":"Bearer a"}`,
			map[string]string{"no Authorization reaches it on a public route": "fail"}},
		{"a value of the session", echo{method: mapped}, `{"authorization":"Bearer a","x":"0123456789abcdef"}`,
			map[string]string{"no session cookie reaches it in any header": "fail"}},
	} {
		r := newRun(t.Context(), options{prefix: "th", csrf: "x-th-csrf", session: "__Host-th-at=0123456789abcdef"})
		tt.echo.path = "/echo"
		r.upstream(tt.echo, &response{text: `{"headers":` + tt.headers + `}`})
		got := map[string]string{}
		for _, row := range r.report.rows {
			if row.result != "pass" {
				got[strings.TrimPrefix(row.what, "/echo: ")] = row.result
			}
		}
		if tt.want == nil {
			tt.want = map[string]string{}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// Results of the spellings, by the echo's response.
func TestCookieUpstream(t *testing.T) {
	for _, tt := range []struct {
		spelled, answer, seen, wantErr string
	}{
		{"Cookie", `{"headers":{"cookie":["none","none"]}}`, "the constant, in 2 headers", ""},
		{"cookie", `{"headers":{"Cookie":"none","cookie":"none"}}`, "the constant, in 2 headers", ""},
		{"cookie", `{"headers":{"host":"a"}}`, "no cookie header", ""},
		{"cookie", `{"headers":["cookie"]}`, "", "returns no values"},
		{"cookie", `{"headers":{"cookie":["a=b","none"]}}`, "", "the client's own beside the constant"},
		{"Cookie", `{"headers":{"cookie":"a=b"}}`, "", "the client's own"},
		{"COOKIE", `{"headers":{"cookie":["a=b","none"]}}`, "mappings tell letter cases apart", ""},
		{"Cookie", `<html>`, "", "not return JSON"},
	} {
		var line string
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, tt.answer) }))
		server.Listener = heard{server.Listener, func(text string) { line = text }}
		server.Start()
		r := newRun(t.Context(), options{url: server.URL, timeout: time.Second, origins: []string{"https://a.example"}, session: "a=b"})
		seen, err := r.cookieUpstream("/echo", way{tt.spelled, false})
		server.Close()
		if !strings.Contains(seen, tt.seen) || (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
			t.Errorf("%s, %s: got %q, %v", tt.spelled, tt.answer, seen, err)
		}
		if !strings.Contains(line, "\r\n"+tt.spelled+": a=b\r\n") {
			t.Errorf("%s: sent %q", tt.spelled, line)
		}
	}
}

// heard is a listener that tells the first bytes of a connection.
type heard struct {
	net.Listener
	tell func(string)
}

func (h heard) Accept() (net.Conn, error) {
	c, err := h.Listener.Accept()
	return &heardConn{Conn: c, tell: h.tell}, err
}

type heardConn struct {
	net.Conn
	tell func(string)
}

func (c *heardConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.tell != nil && n > 1 { // net/http reads one byte ahead
		c.tell(string(p[:n]))
		c.tell = nil
	}
	return n, err
}

func TestReport(t *testing.T) {
	var r report
	r.check("a", "b", nil)
	r.check("a", "c", unknown("why"))
	var out bytes.Buffer
	if code := r.print(&out); code != 0 || out.String() != "pass     a  b\nunknown  a  c  why\n\n1 passed, 0 failed, 1 unknown\n" {
		t.Errorf("got %d, %q", code, out.String())
	}
	r.check("a", "d", errors.Join(unknown("one"), http.ErrNoCookie))
	if code := r.print(&out); code != 1 {
		t.Errorf("got exit code %d, want 1", code)
	}
}

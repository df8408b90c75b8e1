package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenhandler/aws/local/internal/template"
)

// The logical ids of the fixture's functions.
const (
	authorizerFn = "AuthorizerBD825682"
	agentFn      = "Agent255F68E9"
)

// fixture is a gateway in front of functions that are Go funcs, serving the template that
// ../template/testdata/fixture synthesized with CDK.
type fixture struct {
	*httptest.Server
	gw                *Gateway
	upstream          string                                     // replaces http://127.0.0.1:3003 in the template
	edit              func(resources map[string]any)             // changes the template
	authorizer, agent func(event map[string]any) (Result, error) // default: allow, and 200 {}
	opts              Options
	log               bytes.Buffer

	mu     sync.Mutex
	events map[string][]map[string]any // by function
}

func ok(body string) (Result, error) { return Result{Payload: []byte(body)}, nil }

func functionError(message string) (Result, error) {
	return Result{Payload: fmt.Appendf(nil, `{"errorMessage":%q,"errorType":"errorString"}`, message), FunctionError: true}, nil
}

// policyJSON is an authorizer's answer for the whole API.
func policyJSON(effect, context string) string {
	return fmt.Sprintf(`{"principalId":"user","policyDocument":{"Version":"2012-10-17","Statement":[{"Effect":%q,
		"Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:*:*:*/api/*"}]},"context":%s}`, effect, context)
}

const allowContext = `{"token":"Bearer upstream-token","allowedOrigin":"https://www.example.com","sub":"alice","n":7,"b":true}`

func (f *fixture) invoke(_ context.Context, id string, payload []byte) (Result, error) {
	var event map[string]any
	if err := json.Unmarshal(payload, &event); err != nil {
		panic(err)
	}
	f.mu.Lock()
	f.events[id] = append(f.events[id], event)
	f.mu.Unlock()
	if id == authorizerFn {
		return f.authorizer(event)
	}
	return f.agent(event)
}

func (f *fixture) lastEvent(t *testing.T, id string) map[string]any {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.events[id]) == 0 {
		t.Fatalf("function %s was not invoked", id)
	}
	return f.events[id][len(f.events[id])-1]
}

func (f *fixture) invocations(id string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.events[id])
}

// api loads the fixture's template, edited.
func (f *fixture) api(t *testing.T) *template.API {
	t.Helper()
	tmpl, err := f.load(t)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl.API()
}

// refused is the error of a template that is not served.
func (f *fixture) refused(t *testing.T) error {
	t.Helper()
	tmpl, err := f.load(t)
	if err == nil {
		_, err = New(tmpl.API(), Options{Invoke: f.invoke})
	}
	return err
}

func (f *fixture) load(t *testing.T) (*template.Template, error) {
	t.Helper()
	dir := t.TempDir()
	src := "../template/testdata"
	raw, err := os.ReadFile(filepath.Join(src, "Fixture.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	if f.upstream != "" {
		raw = bytes.ReplaceAll(raw, []byte("http://127.0.0.1:3003"), []byte(f.upstream))
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	if f.edit != nil {
		f.edit(doc["Resources"].(map[string]any))
	}
	raw, err = json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	assets, err := os.ReadFile(filepath.Join(src, "Fixture.assets.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"Fixture.template.json": raw, "Fixture.assets.json": assets} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var manifest struct {
		Files map[string]struct {
			Source struct{ Path, Packaging string }
		}
	}
	if err := json.Unmarshal(assets, &manifest); err != nil {
		t.Fatal(err)
	}
	for _, a := range manifest.Files {
		if a.Source.Packaging == "zip" {
			if err := os.Mkdir(filepath.Join(dir, a.Source.Path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, a.Source.Path, "bootstrap"), []byte("#!/bin/sh\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	return template.Load(dir, "Fixture", template.Options{})
}

// start serves the fixture.
func (f *fixture) start(t *testing.T) *fixture {
	t.Helper()
	f.events = map[string][]map[string]any{}
	if f.authorizer == nil {
		f.authorizer = func(map[string]any) (Result, error) { return ok(policyJSON("Allow", allowContext)) }
	}
	if f.agent == nil {
		f.agent = func(map[string]any) (Result, error) { return ok(`{"statusCode":200,"body":"{}"}`) }
	}
	f.opts.Invoke = f.invoke
	f.opts.Log = slog.New(slog.NewTextHandler(&f.log, nil))
	gw, err := New(f.api(t), f.opts)
	if err != nil {
		t.Fatal(err)
	}
	f.gw = gw
	f.Server = httptest.NewServer(gw)
	t.Cleanup(f.Close)
	return f
}

// do sends a request; kv are header names and values.
func (f *fixture) do(t *testing.T, method, path, body string, kv ...string) *answer {
	t.Helper()
	req, err := http.NewRequest(method, f.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(kv); i += 2 {
		if kv[i] == "Host" {
			req.Host = kv[i+1]
			continue
		}
		req.Header[kv[i]] = append(req.Header[kv[i]], kv[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &answer{res.StatusCode, res.Header, string(got)}
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a *answer) want(t *testing.T, status int, body string) {
	t.Helper()
	if a.status != status || body != "" && a.body != body {
		t.Errorf("got %d %s; want %d %s", a.status, a.body, status, body)
	}
}

func (a *answer) wantHeader(t *testing.T, name, value string) {
	t.Helper()
	if got := strings.Join(a.header.Values(name), "|"); got != value {
		t.Errorf("%s: got %q; want %q", name, got, value)
	}
}

// properties returns the properties of the resource whose construct path ends so.
func properties(resources map[string]any, pathSuffix string) map[string]any {
	for _, r := range resources {
		m := r.(map[string]any)
		if meta, isMap := m["Metadata"].(map[string]any); isMap {
			if p, _ := meta["aws:cdk:path"].(string); strings.HasSuffix(p, pathSuffix) {
				return m["Properties"].(map[string]any)
			}
		}
	}
	panic("no resource " + pathSuffix)
}

func integration(resources map[string]any, pathSuffix string) map[string]any {
	return properties(resources, pathSuffix)["Integration"].(map[string]any)
}

// gatewayResponseResource adds a gateway response to the template.
func gatewayResponseResource(resources map[string]any, typ, status string, headers, templates map[string]any) {
	p := map[string]any{"ResponseType": typ, "RestApiId": map[string]any{"Ref": "ApiF70053CD"}, "ResponseParameters": headers, "ResponseTemplates": templates}
	if status != "" {
		p["StatusCode"] = status
	}
	resources["Extra"+strings.ReplaceAll(typ, "_", "")] = map[string]any{"Type": "AWS::ApiGateway::GatewayResponse", "Properties": p}
}

// upstream records requests and answers with a handler.
type upstream struct {
	*httptest.Server
	mu   sync.Mutex
	last *http.Request
	body string
	hits int
}

func newUpstream(t *testing.T, h http.HandlerFunc) *upstream {
	t.Helper()
	u := &upstream{}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		u.mu.Lock()
		u.last, u.body = r, string(b)
		u.hits++
		u.mu.Unlock()
		if h != nil {
			h(w, r)
		}
	}))
	t.Cleanup(u.Close)
	return u
}

func (u *upstream) got(t *testing.T) (*http.Request, string) {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last == nil {
		t.Fatal("no request reached the upstream")
	}
	return u.last, u.body
}

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

package trace

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestHeader(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"Origin", "https://www.example.com", "https://www.example.com"},
		{"Access-Control-Allow-Headers", "x-a, x-b", "x-a, x-b"},
		{"Authorization", "Bearer eyJhbGciOi.J9", "Bearer •••• (13 bytes)"},
		{"authorization", "eyJhbGciOi.J9", "•••• (13 bytes)"},
		{"AUTHORIZATION", "secretscheme token", "•••• (18 bytes)"},
		{"Cookie", "__Host-th-at=abc; b=; naked", "__Host-th-at=•••• (3 bytes); b=•••• (0 bytes); ••••=•••• (0 bytes)"},
		{"Set-Cookie", "__Host-th-at=abc; Path=/; HttpOnly", "__Host-th-at=•••• (3 bytes); Path=/; HttpOnly"},
		{"X-Th-Csrf", "value", "•••• (5 bytes)"},
		{"DPoP", "proof", "•••• (5 bytes)"},
		{"Location", "https://a.example/?code=x", "•••• (25 bytes)"},
		{"Referer", "https://a.example/?code=x", "•••• (25 bytes)"},
		{"X-Api-Key", "1", "•••• (1 byte)"},
		{"", "anything", "•••• (8 bytes)"},
	} {
		if got := Header(tt.name, tt.value); got != tt.want {
			t.Errorf("%s: %s: got %q, want %q", tt.name, tt.value, got, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	const token = "eyJhbGciOiJSUzI1NiJ9"
	if Param("page") != "page" || Param("filter[name]") != "filter[name]" || Param(token) != hidden {
		t.Error("names of query parameters")
	}
	if got := Endpoint("https://user:pass@upstream.example/{id}?key=secret"); got != "https://upstream.example/{id}" {
		t.Errorf("endpoint: got %q", got)
	}
	if got := Expression("X-Api-Key", "'secret'"); got != "a literal" {
		t.Errorf("expression: got %q", got)
	}
}

// A value that is masked in one place must not show in another.
func TestRecordIsRedacted(t *testing.T) {
	log := NewLog()
	r := log.Begin("1", time.Unix(0, 0))
	r.Secret(`a"token<&>`)
	r.Step(Step{Name: "upstream", Note: `the header Server has a"token<&> in it`})
	r.End()
	if got := string(log.JSON()); strings.Contains(got, "token") || !strings.Contains(got, hidden) {
		t.Errorf("got %s", got)
	}
}

func TestLogIsBounded(t *testing.T) {
	log := NewLog()
	for i := range maxRecords + 50 {
		log.Begin(fmt.Sprint(i), time.Unix(int64(i), 0)).End()
	}
	big := log.Begin("big", time.Unix(1e6, 0))
	for range maxSteps + 5 {
		big.Step(Step{Name: "x", Rows: make([]Row, maxRows+5)})
	}
	big.End()
	if len(big.Steps) != maxSteps || len(big.Steps[0].Rows) != maxRows+1 || len(big.encode()) > maxRecord {
		t.Errorf("got %d steps, %d rows, %d bytes", len(big.Steps), len(big.Steps[0].Rows), len(big.encode()))
	}
	var records []Record
	if err := json.Unmarshal(log.JSON(), &records); err != nil {
		t.Fatal(err)
	}
	if len(records) != maxRecords || records[0].ID != "51" {
		t.Errorf("got %d records, the first %s", len(records), records[0].ID)
	}
	for range maxReaders {
		if _, more := log.subscribe(); more == nil {
			t.Fatal("a page was refused too early")
		}
	}
	if _, more := log.subscribe(); more != nil {
		t.Error("too many pages may be open")
	}
	// Pages that do not read are dropped, not waited for.
	for i := range readerQueue + 1 {
		log.Begin(fmt.Sprint("late", i), time.Now()).End()
	}
	if len(log.readers) != 0 {
		t.Errorf("%d pages that do not read are still served", len(log.readers))
	}
}

func TestNilLogRecordsNothing(t *testing.T) {
	var log *Log
	r := log.Begin("1", time.Now())
	r.Step(Step{})
	r.Secret("x")
	r.Set(func(*Record) { t.Error("called") })
	r.End()
	log.Annotate("1", Step{})
	log.Provider(Step{}, time.Now())
}

func TestAnnotateAfterTheEnd(t *testing.T) {
	log := NewLog()
	log.Begin("1", time.Now()).End()
	_, more := log.subscribe()
	log.Annotate("1", Step{Name: "log"})
	if text := <-more; !strings.Contains(string(text), `"name":"log"`) {
		t.Errorf("got %s", text)
	}
}

func TestProviderCallBelongsToTheOnlyRequest(t *testing.T) {
	log := NewLog()
	a := log.Begin("a", time.Now())
	log.Provider(Step{Title: "POST /token"}, time.Now())
	b := log.Begin("b", time.Now())
	log.Provider(Step{Title: "GET /jwks"}, time.Now())
	a.End()
	b.End()
	if len(a.Steps) != 1 || len(b.Steps) != 0 || len(log.kept) != 3 || log.kept[0].Kind != "provider" {
		t.Errorf("got %v, %v, %d records", a.Steps, b.Steps, len(log.kept))
	}
}

func TestHandlerRefusesOthers(t *testing.T) {
	h := NewLog().Handler(3005)
	for _, tt := range []struct {
		name, method, target, host string
		header                     http.Header
		want                       int
	}{
		{"a program", "GET", "/records", "127.0.0.1:3005", nil, 200},
		{"IPv6", "GET", "/", "[::1]:3005", nil, 200},
		{"the page", "GET", "/records", "localhost:3005", http.Header{"Sec-Fetch-Site": {"same-origin"}}, 200},
		{"the page clears", "POST", "/clear", "localhost:3005", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"http://localhost:3005"}}, 204},
		{"DNS rebinding", "GET", "/records", "evil.example:3005", nil, 421},
		{"another port", "GET", "/records", "127.0.0.1:3000", nil, 421},
		{"no port", "GET", "/records", "127.0.0.1", nil, 421},
		{"another origin", "GET", "/records", "127.0.0.1:3005", http.Header{"Origin": {"https://evil.example"}}, 403},
		{"the sandboxed origin", "GET", "/records", "127.0.0.1:3005", http.Header{"Origin": {"null"}}, 403},
		{"a script of another site", "GET", "/trace.js", "127.0.0.1:3005", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}}, 403},
		{"a frame of another site", "GET", "/", "127.0.0.1:3005", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"iframe"}}, 403},
		{"a link from another site", "GET", "/", "127.0.0.1:3005", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}}, 200},
		{"a link to the records", "GET", "/records", "127.0.0.1:3005", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}}, 403},
		{"a form of another site", "POST", "/clear", "127.0.0.1:3005", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{"another method", "PUT", "/", "127.0.0.1:3005", nil, 405},
		{"another file", "GET", "/page/index.html", "127.0.0.1:3005", nil, 404},
	} {
		r := httptest.NewRequest(tt.method, tt.target, nil)
		r.Host = tt.host
		for name, values := range tt.header {
			r.Header[name] = values
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, w.Code, tt.want)
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: got headers %v", tt.name, w.Header())
		}
	}
}

func TestCORS(t *testing.T) {
	const page = "https://www.example.com"
	ok := CORS{Origin: page, Credentialed: true, AllowOrigin: []string{page}, AllowCredential: "true", Vary: "Origin"}
	preflight := ok
	preflight.Preflight, preflight.WantMethod, preflight.AllowMethods = true, "PUT", "GET,PUT"
	preflight.WantHeaders, preflight.AllowHeaders = "x-th-csrf,content-type", "Content-Type,X-Th-Csrf"
	with := func(c CORS, change func(*CORS)) CORS { change(&c); return c }
	for _, tt := range []struct {
		name         string
		c            CORS
		result, note string
	}{
		{"readable", ok, "ok", "may read"},
		{"no origin", CORS{}, "info", "no Origin"},
		{"no Vary", with(ok, func(c *CORS) { c.Vary = "Accept" }), "ok", "Vary: Origin is missing"},
		{"missing", with(ok, func(c *CORS) { c.AllowOrigin = nil }), "refused", "is not trusted"},
		{"before the authorizer", with(ok, func(c *CORS) { c.AllowOrigin, c.Early = nil, true }), "refused", "before the authorizer"},
		{"twice", with(ok, func(c *CORS) { c.AllowOrigin = []string{page, page} }), "refused", "more than once"},
		{"star", with(ok, func(c *CORS) { c.AllowOrigin = []string{"*"} }), "refused", "is *"},
		{"star without cookies", CORS{Origin: page, AllowOrigin: []string{"*"}}, "ok", "may read"},
		{"another", with(ok, func(c *CORS) { c.AllowOrigin = []string{"https://a.example"} }), "refused", "the page is at"},
		{"no credentials", with(ok, func(c *CORS) { c.AllowCredential = "" }), "refused", "Allow-Credentials"},
		{"preflight", preflight, "ok", "may send"},
		{"preflight of a stranger", with(preflight, func(c *CORS) { c.AllowOrigin = nil }), "refused", "does not know"},
		{"preflight without the method", with(preflight, func(c *CORS) { c.AllowMethods = "GET" }), "refused", "method PUT"},
		{"preflight with the method in another case", with(preflight, func(c *CORS) { c.AllowMethods = "put" }), "refused", "method PUT"},
		{"preflight without a header", with(preflight, func(c *CORS) { c.AllowHeaders = "content-type" }), "refused", "x-th-csrf"},
	} {
		if s := tt.c.Step(); s.Result != tt.result || !strings.Contains(s.Note, tt.note) {
			t.Errorf("%s: got %s, %q; want %s, %q", tt.name, s.Result, s.Note, tt.result, tt.note)
		}
	}
}

func TestCurlHasNoSecret(t *testing.T) {
	got := Curl{URL: "http://api.example.localhost:3001/orders/{id}", Method: "POST", Body: true, Pin: "abc=", Headers: []Row{
		{Name: "cookie", Value: "a=secretvalue"}, {Name: "origin", Value: "http://it's"}, {Name: "x-th-csrf", Value: "secretvalue"},
		{Name: "authorization", Value: "Bearer secretvalue"}, {Name: "Host", Value: "h"},
	}}.String()
	want := `curl -i -X 'POST' 'http://api.example.localhost:3001/orders/{id}' \
  -k --pinnedpubkey 'sha256//abc=' \
  -H "Cookie: $COOKIES" \
  -H 'origin: http://it'\''s' \
  -H "x-th-csrf: $X_TH_CSRF" \
  -H "authorization: $AUTHORIZATION" \
  --data-binary @body`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEveryCodeHasAnExplanation(t *testing.T) {
	for _, code := range []string{"unauthorized_request", "session_expired", "upstream_timeout", "consent_required"} {
		if e := ExplainCode(code); e == nil || e.Meaning == "" || !strings.HasPrefix(e.Link, "https://") {
			t.Errorf("%s: got %+v", code, e)
		}
	}
	if ExplainCode("eyJhbGciOiJSUzI1NiJ9") != nil {
		t.Error("an unknown code is shown")
	}
}

func FuzzHeader(f *testing.F) {
	f.Add("Cookie", "a=secret-value; b")
	f.Add("Set-Cookie", "a=secret-value")
	f.Add("authorization", "Bearer secret-value")
	f.Fuzz(func(t *testing.T, name, value string) {
		got := Header(name, "a=secret-value"+value)
		if strings.Contains(got, "secret-value") && !shown[strings.ToLower(name)] && !strings.HasPrefix(strings.ToLower(name), "access-control-") &&
			!strings.Contains(value, "secret-value") && !(strings.EqualFold(name, "set-cookie") && strings.Contains(value, ";")) {
			t.Errorf("%s: %q shows the value: %q", name, value, got)
		}
	})
}

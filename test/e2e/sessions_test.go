package e2e

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// withTable has every local run of the suite record its sessions in a table:
// E2E_SESSIONS=1 go test ./test/e2e.
var withTable = os.Getenv("E2E_SESSIONS") != ""

const sessionsOn = `sessions={"enabled":true}`

// A stage that records its sessions: one refresh for many, and an end of a
// session takes effect with the next request, also for copies of its cookies.
func TestSessions(t *testing.T) {
	s := start(t, "-c", sessionsOn)
	known := &secrets{}
	t.Run("simultaneous refreshes", func(t *testing.T) { simultaneousRefreshes(t, s, known) })
	t.Run("sign-out", func(t *testing.T) { signOutAtOnce(t, s, known) })
	t.Run("sign-out at the provider", func(t *testing.T) { signOutAtProvider(t, s, known) })
	t.Run("sign-out everywhere", func(t *testing.T) { signOutEverywhere(t, s, known) })
	t.Run("malformed logout tokens", func(t *testing.T) { malformedLogoutTokens(t, s) })
	t.Run("no secret in the table", func(t *testing.T) {
		items := s.table(t, "Scan", `{"TableName":"`+s.tableName(t)+`"}`)
		if !strings.Contains(items, `"pk"`) {
			t.Errorf("the table has no records: %s", items)
		}
		known.check(t, "the table", items, everything)
		if strings.Contains(items, "user-7f3a") {
			t.Error("the table shows a subject")
		}
	})
	t.Run("without DynamoDB", func(t *testing.T) { withoutTable(t, s) })
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	known.check(t, "the output of the run", s.output.String(), everything)
}

// orders returns the status of GET /orders with some cookies.
func (p *person) orders(t *testing.T, cookies map[string]string) (int, map[string]any) {
	t.Helper()
	q := newPerson(p.system, p.classic)
	q.csrf = p.csrf
	q.cookies["api.example.localhost"] = maps.Clone(cookies)
	status, answer, _ := q.call(t, "GET", "/orders", "", q.header())
	return status, answer
}

// The provider rotates refresh tokens and ends the session if one is used twice.
func simultaneousRefreshes(t *testing.T, s *system, known *secrets) {
	p := newPerson(s, false)
	p.signIn(t)
	known.learn(t, s, p)
	before := maps.Clone(p.session())
	var wait sync.WaitGroup
	var mu sync.Mutex
	var got []map[string]string
	for range 12 {
		wait.Go(func() {
			q := newPerson(s, false)
			q.cookies["api.example.localhost"] = maps.Clone(before)
			resp, err := q.do("POST", s.api+"/oauth-agent/refresh", "", q.header())
			if err != nil || resp.StatusCode != 200 {
				t.Errorf("refresh: got %v, %v", resp, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			got = append(got, maps.Clone(q.session()))
		})
	}
	wait.Wait()
	for _, cookies := range got {
		if status, answer := p.orders(t, cookies); status != 200 {
			t.Errorf("GET /orders after a refresh: got %d, %v", status, answer)
		}
	}
	// The answer was lost: the browser has the old cookies and asks again. Then it
	// goes on with what it got.
	for i := range 3 {
		if status, answer, _ := p.call(t, "POST", "/oauth-agent/refresh", "", p.header()); status != 200 {
			t.Errorf("refresh %d: got %d, %v", i+1, status, answer)
		}
		known.learn(t, s, p)
	}
}

func signOutAtOnce(t *testing.T, s *system, known *secrets) {
	p := newPerson(s, false)
	p.signIn(t)
	known.learn(t, s, p)
	copied := maps.Clone(p.session())
	if status, answer, _ := p.call(t, "POST", "/oauth-agent/logout", "", p.header()); status != 200 {
		t.Fatalf("logout: got %d, %v", status, answer)
	}
	p.over(t, copied)
}

// over expects that a session has ended, whoever has its cookies.
func (p *person) over(t *testing.T, cookies map[string]string) {
	t.Helper()
	if status, answer := p.orders(t, cookies); status != 401 || answer["code"] != "unauthorized_request" {
		t.Errorf("GET /orders: got %d, %v; want 401 unauthorized_request", status, answer)
	}
	q := newPerson(p.system, p.classic)
	q.csrf = p.csrf
	q.cookies["api.example.localhost"] = maps.Clone(cookies)
	if status, answer, _ := q.call(t, "POST", "/oauth-agent/refresh", "", q.header()); status != 401 || answer["code"] != "session_expired" {
		t.Errorf("refresh: got %d, %v; want 401 session_expired", status, answer)
	}
	if status, answer, _ := q.call(t, "GET", "/oauth-agent/session", "", q.header()); status != 200 || answer["is_logged_in"] != false {
		t.Errorf("session: got %d, %v", status, answer)
	}
}

// The user of two browsers signs out of one at the provider. The provider tells
// the agent with a logout token (OpenID Connect Back-Channel Logout 1.0).
func signOutAtProvider(t *testing.T, s *system, known *secrets) {
	here, there := newPerson(s, false), newPerson(s, false)
	for _, p := range []*person{here, there} {
		p.signIn(t)
		known.learn(t, s, p)
	}
	page, err := here.do("GET", s.login+"/session/end", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if page, err = here.submit(page, map[string]string{"logout": "yes"}); err != nil || page.StatusCode >= 400 {
		t.Fatalf("signing out at the provider: %v, %v", page, err)
	}
	if strings.Contains(s.output.String(), "backchannel.error") {
		t.Errorf("the provider did not take the agent's answer\n%s", s.output.String())
	}
	here.over(t, here.session())
	if status, answer := there.orders(t, there.session()); status != 200 {
		t.Errorf("the session in the other browser: got %d, %v", status, answer)
	}
}

func signOutEverywhere(t *testing.T, s *system, known *secrets) {
	here, there := newPerson(s, false), newPerson(s, true)
	for _, p := range []*person{here, there} {
		p.signIn(t)
		known.learn(t, s, p)
	}
	status, answer, _ := here.call(t, "POST", "/oauth-agent/logout", "everywhere=true", here.header("Content-Type", "application/x-www-form-urlencoded"))
	if status != 200 {
		t.Fatalf("logout: got %d, %v", status, answer)
	}
	if status, answer := there.orders(t, there.session()); status != 401 {
		t.Errorf("the session in the other browser: got %d, %v", status, answer)
	}
}

// What is wrong with a logout token is told with 400 (section 2.8), and no
// session ends.
func malformedLogoutTokens(t *testing.T, s *system) {
	p := newPerson(s, false)
	p.signIn(t)
	for name, body := range map[string]string{
		"none": "", "two": "logout_token=a&logout_token=b", "no JWT": "logout_token=x", "large": "logout_token=" + strings.Repeat("x", 100_000),
		"unsigned": "logout_token=eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyLTdmM2EifQ.",
	} {
		resp, err := http.Post(s.backChannel+"/oauth-agent/backchannel-logout", "application/x-www-form-urlencoded", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 400 || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got %d, Cache-Control %q; want 400, no-store", name, resp.StatusCode, resp.Header.Get("Cache-Control"))
		}
	}
	if status, answer := p.orders(t, p.session()); status != 200 {
		t.Errorf("GET /orders afterwards: got %d, %v", status, answer)
	}
}

// While the table cannot be asked, no request is allowed and no session is lost.
func withoutTable(t *testing.T, s *system) {
	if runtime.GOOS != "linux" {
		t.Skip("finds dynalite through /proc")
	}
	p := newPerson(s, false)
	p.signIn(t)
	process := dynaliteOf(t, s)
	if err := syscall.Kill(process, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	q := newPerson(s, false)
	q.http.Timeout = 40 * time.Second
	q.cookies = map[string]map[string]string{"api.example.localhost": maps.Clone(p.session())}
	for _, call := range [][2]string{{"GET", "/orders"}, {"GET", "/oauth-agent/session"}, {"POST", "/oauth-agent/refresh"}} {
		status, answer, _ := q.call(t, call[0], call[1], "", q.header())
		if status != 500 || answer["code"] != "server_error" {
			t.Errorf("%s %s: got %d, %v; want 500 server_error", call[0], call[1], status, answer)
		}
	}
	if err := syscall.Kill(process, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if status, answer := p.orders(t, p.session()); status != 200 {
		t.Errorf("GET /orders with DynamoDB again: got %d, %v", status, answer)
	}
	if status, answer, _ := p.call(t, "POST", "/oauth-agent/refresh", "", p.header()); status != 200 {
		t.Errorf("refresh with DynamoDB again: got %d, %v", status, answer)
	}
}

// dynaliteOf returns the process of the run's DynamoDB.
func dynaliteOf(t *testing.T, s *system) int {
	t.Helper()
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(line, []byte("dynalite")) || !bytes.Contains(line, []byte("\x00"+strconv.Itoa(s.tables)+"\x00")) {
			continue
		}
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil {
			return id
		}
	}
	t.Fatal("dynalite does not run")
	return 0
}

// table makes a call of the DynamoDB API and returns the answer.
func (s *system) table(t *testing.T, operation, request string) string {
	t.Helper()
	r, err := http.NewRequest("POST", fmt.Sprintf("http://127.0.0.1:%d/", s.tables), strings.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810." + operation, "X-Amz-Date": "20260101T000000Z",
		"Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=local",
	} {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s: got %d %s, %v", operation, resp.StatusCode, text, err)
	}
	return string(text)
}

func (s *system) tableName(t *testing.T) string {
	t.Helper()
	_, rest, _ := strings.Cut(s.table(t, "ListTables", "{}"), `["`)
	name, _, _ := strings.Cut(rest, `"`)
	return name
}

package sessions

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/dynalitetest"
)

const testKey = "4e4636356d65563e4c73233847503e3b21436e6f7629724950526f4b5e2e4e50"

var id = cookie.SessionID{1, 2, 3}

// world is a table and a clock.
type world struct {
	*Table
	url   string
	clock time.Time
}

func newWorld(t *testing.T, url string) *world {
	t.Helper()
	w := &world{url: url, clock: time.Unix(1_800_000_000, 0)}
	env := dynalitetest.Environment(url)
	table, err := New(Config{Name: "sessions", Key: testKey, Deployment: "https://login.example.com spa", Repeat: time.Minute,
		Env: func(name string) string { return env[name] }, Now: func() time.Time { return w.clock }})
	if err != nil {
		t.Fatal(err)
	}
	w.Table = table
	return w
}

func (w *world) begin(t *testing.T, id cookie.SessionID, subject, sid string) {
	t.Helper()
	if err := w.Begin(t.Context(), Session{ID: id, Subject: subject, SID: sid, Expires: w.clock.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) is(t *testing.T, id cookie.SessionID, want bool) {
	t.Helper()
	if live, err := w.Live(t.Context(), id); err != nil || live != want {
		t.Errorf("session %x: live %v, %v; want %v", id[:2], live, err, want)
	}
}

// The tests share one dynalite. Each test has session ids of its own.
func TestTable(t *testing.T) {
	url := dynalitetest.Start(t, "../../..")
	dynalitetest.CreateTable(t, url, "sessions")
	for name, test := range map[string]func(*testing.T, *world){
		"a session lives until it ends":              lives,
		"sessions end by subject and by sid":         endsBySubject,
		"one of many refreshes is made":              refreshesOnce,
		"a refresh is repeated for a time":           repeats,
		"a claim that was given up":                  releases,
		"a claim of a process that was killed":       killed,
		"a session that ends during a refresh":       endsDuringRefresh,
		"without rotation":                           withoutRotation,
		"clocks that differ":                         clocksDiffer,
		"an id is used once":                         once,
		"the table has no clear text":                hashed,
		"a table that is missing or of another kind": shapes,
	} {
		t.Run(name, func(t *testing.T) { test(t, newWorld(t, url)) })
	}
}

func lives(t *testing.T, w *world) {
	id := cookie.SessionID{10}
	w.is(t, id, false)
	w.begin(t, id, "alice", "")
	w.is(t, id, true)
	w.clock = w.clock.Add(time.Hour)
	w.is(t, id, false) // whether DynamoDB has deleted it or not
	w.clock = w.clock.Add(-time.Minute)
	w.is(t, id, true)
	if err := w.End(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.is(t, id, false)
}

func endsBySubject(t *testing.T, w *world) {
	ids := []cookie.SessionID{{11, 1}, {11, 2}, {11, 3}, {11, 4}}
	w.begin(t, ids[0], "bert", "s1")
	w.begin(t, ids[1], "bert", "s2")
	w.begin(t, ids[2], "carl", "s3")
	w.begin(t, ids[3], "bert", "")
	// A session whose sid is unknown may be the one.
	for _, tt := range []struct {
		sid, subject string
		want         int
	}{{"s2", "carl", 1}, {"s9", "", 0}, {"s9", "bert", 1}} {
		if n, err := w.EndSID(t.Context(), tt.sid, tt.subject); n != tt.want || err != nil {
			t.Errorf("EndSID %s of %q: %d, %v; want %d", tt.sid, tt.subject, n, err, tt.want)
		}
	}
	w.is(t, ids[3], false)
	w.is(t, ids[0], true)
	w.is(t, ids[1], false)
	if n, err := w.EndSubject(t.Context(), "bert"); n != 1 || err != nil {
		t.Errorf("EndSubject: %d, %v", n, err)
	}
	w.is(t, ids[0], false)
	w.is(t, ids[2], true)
	if n, err := w.EndSubject(t.Context(), "nobody"); n != 0 || err != nil {
		t.Errorf("EndSubject of no session: %d, %v", n, err)
	}
}

func refreshesOnce(t *testing.T, w *world) {
	id := cookie.SessionID{12}
	w.begin(t, id, "alice", "")
	var made atomic.Int32
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			r, err := w.Claim(t.Context(), id, "refresh-1")
			if err != nil {
				t.Error(err)
				return
			}
			if r.Answer == "" {
				made.Add(1)
				if err := r.Finish(t.Context(), "answer-1", true, w.clock.Add(time.Hour)); err != nil {
					t.Error(err)
				}
			} else if r.Answer != "answer-1" {
				t.Errorf("got %q", r.Answer)
			}
		})
	}
	wait.Wait()
	if made.Load() != 1 {
		t.Errorf("%d refreshes were made, want 1", made.Load())
	}
}

// refresh makes one and returns its answer.
func (w *world) refresh(t *testing.T, id cookie.SessionID, token, answer string, rotated bool) string {
	t.Helper()
	r, err := w.Claim(t.Context(), id, token)
	if err != nil {
		t.Fatal(err)
	}
	if r.Answer != "" {
		return r.Answer
	}
	if err := r.Finish(t.Context(), answer, rotated, w.clock.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	return answer
}

func repeats(t *testing.T, w *world) {
	id := cookie.SessionID{13}
	w.begin(t, id, "alice", "")
	for _, step := range []struct {
		after         time.Duration
		token, answer string
		want          string
	}{
		{0, "r1", "a1", "a1"},
		{30 * time.Second, "r1", "never", "a1"},
		{0, "r2", "a2", "a2"},
		{20 * time.Second, "r1", "never", "a2"}, // the newest answer, not that to r1
		{30 * time.Second, "r2", "never", "a2"},
		{0, "r1", "late", "late"}, // after its time: the provider's to decide
	} {
		w.clock = w.clock.Add(step.after)
		if got := w.refresh(t, id, step.token, step.answer, true); got != step.want {
			t.Errorf("%s after %s: got %q, want %q", step.token, step.after, got, step.want)
		}
	}
}

func releases(t *testing.T, w *world) {
	id := cookie.SessionID{14}
	w.begin(t, id, "alice", "")
	r, err := w.Claim(t.Context(), id, "r1")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.refresh(t, id, "r1", "a1", true); got != "a1" {
		t.Errorf("got %q", got)
	}
	if err := r.Release(t.Context()); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func killed(t *testing.T, w *world) {
	id := cookie.SessionID{15}
	w.begin(t, id, "alice", "")
	lost, err := w.Claim(t.Context(), id, "r1")
	if err != nil {
		t.Fatal(err)
	}
	w.clock = w.clock.Add(leaseTime)
	if got := w.refresh(t, id, "r1", "a1", true); got != "a1" {
		t.Errorf("got %q", got)
	}
	// It was not killed after all: its answer is not accepted.
	if err := lost.Finish(t.Context(), "late", true, w.clock.Add(time.Hour)); !errors.Is(err, ErrEnded) {
		t.Errorf("got %v, want ErrEnded", err)
	}
	if got := w.refresh(t, id, "r1", "never", true); got != "a1" {
		t.Errorf("got %q", got)
	}
}

func endsDuringRefresh(t *testing.T, w *world) {
	id := cookie.SessionID{16}
	w.begin(t, id, "alice", "")
	r, err := w.Claim(t.Context(), id, "r1")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.End(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := r.Finish(t.Context(), "a1", true, w.clock.Add(time.Hour)); !errors.Is(err, ErrEnded) {
		t.Errorf("Finish: got %v, want ErrEnded", err)
	}
	w.is(t, id, false)
	if _, err := w.Claim(t.Context(), id, "r1"); !errors.Is(err, ErrEnded) {
		t.Errorf("Claim: got %v, want ErrEnded", err)
	}
	if err := r.Release(t.Context()); err != nil {
		t.Errorf("Release: %v", err)
	}
	w.is(t, id, false)
}

// One agent's clock is 30 s behind and the other's 30 s ahead. The second agent
// must not take over the claim of the first.
func clocksDiffer(t *testing.T, w *world) {
	w.clock = time.Now().Add(-30 * time.Second)
	id := cookie.SessionID{18}
	w.begin(t, id, "alice", "")
	ahead := newWorld(t, w.url)
	ahead.clock = w.clock.Add(time.Minute)
	first, err := w.Claim(t.Context(), id, "r1")
	if err != nil || first.Answer != "" {
		t.Fatalf("got %v, %v", first, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if second, err := ahead.Claim(ctx, id, "r1"); !errors.Is(err, ErrBusy) {
		t.Errorf("the second claim: got %v, %v; want ErrBusy", second, err)
	}
	if err := first.Finish(t.Context(), "a1", true, w.clock.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if second, err := ahead.Claim(t.Context(), id, "r1"); err != nil || second.Answer != "a1" {
		t.Errorf("the repetition: got %v, %v", second, err)
	}
}

func withoutRotation(t *testing.T, w *world) {
	id := cookie.SessionID{17}
	w.begin(t, id, "alice", "")
	w.refresh(t, id, "r1", "a1", false)
	if got := w.refresh(t, id, "r1", "a2", false); got != "a1" {
		t.Errorf("at once: got %q", got)
	}
	w.clock = w.clock.Add(unrotated)
	if got := w.refresh(t, id, "r1", "a2", false); got != "a2" {
		t.Errorf("later: got %q", got)
	}
}

func once(t *testing.T, w *world) {
	for i, want := range []bool{true, false, true} {
		if i == 2 {
			if err := w.Forget(t.Context(), "jti"); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := w.Once(t.Context(), "jti", w.clock.Add(time.Minute)); got != want || err != nil {
			t.Errorf("use %d: got %v, %v", i, got, err)
		}
	}
}

func hashed(t *testing.T, w *world) {
	id := cookie.SessionID{'c', 'l', 'e', 'a', 'r'}
	w.begin(t, id, "clear-subject", "clear-sid")
	w.refresh(t, id, "clear-refresh-token", "sealed", true)
	w.Once(t.Context(), "clear-jti", w.clock.Add(time.Hour))
	items := string(dynalitetest.Call(t, w.url, "Scan", map[string]any{"TableName": "sessions"}))
	if strings.Contains(items, "clear") || !strings.Contains(items, "sealed") {
		t.Errorf("the table has %s", items)
	}
}

func shapes(t *testing.T, w *world) {
	w.name = "missing"
	if _, err := w.Live(t.Context(), id); err == nil || !strings.Contains(err.Error(), "table missing") || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("got %v", err)
	}
	dynalitetest.Call(t, w.url, "CreateTable", map[string]any{
		"TableName": "other", "BillingMode": "PAY_PER_REQUEST", "KeySchema": []any{map[string]any{"AttributeName": "id", "KeyType": "HASH"}},
		"AttributeDefinitions": []any{map[string]any{"AttributeName": "id", "AttributeType": "S"}},
	})
	w.name = "other"
	for range 100 { // until it is active
		if _, err := w.Live(t.Context(), id); err != nil && strings.Contains(err.Error(), "does not have the key") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	_, err := w.Live(t.Context(), id)
	t.Errorf("a table of another shape: got %v", err)
}

// Every failure is an error, and no session goes on.
func TestFailsClosed(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"not permitted": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(400)
			fmt.Fprint(w, `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"arn:secret"}`)
		},
		"throttled": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(400)
			fmt.Fprint(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}`)
		},
		"down":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"reset":            func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"not JSON":         func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"redirect":         func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", "/x"); w.WriteHeader(302) },
		"an unknown error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400); fmt.Fprint(w, `{"__type":"<b>"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(answer)
			defer server.Close()
			w := newWorld(t, server.URL)
			live, err := w.Live(t.Context(), id)
			if live || err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "<b>") {
				t.Errorf("Live: got %v, %v", live, err)
			}
			if _, err := w.Claim(t.Context(), id, "r"); err == nil {
				t.Error("Claim: got no error")
			}
			if first, err := w.Once(t.Context(), "x", w.clock); first || err == nil {
				t.Errorf("Once: got %v, %v", first, err)
			}
		})
	}
	// A record without an end, or with a malformed end, does not make a session
	// live.
	for _, record := range []string{`{}`, `{"Item":{"pk":{"S":"x"}}}`, `{"Item":{"e":{"S":"9999999999"}}}`, `{"Item":{"e":{"N":"x"}}}`} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, record) }))
		if live, err := newWorld(t, server.URL).Live(context.Background(), id); live || err != nil {
			t.Errorf("%s: got %v, %v", record, live, err)
		}
		server.Close()
	}
}

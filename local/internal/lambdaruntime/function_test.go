package lambdaruntime

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// assetDir holds the bootstrap built from testdata/function, once for all tests.
var assetDir string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "lambdaruntime-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		if dir, err = filepath.EvalSymlinks(dir); err != nil {
			panic(err)
		}
		build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", filepath.Join(dir, "bootstrap"), "./testdata/function")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the test function: %v\n%s", err, out)
			return 1
		}
		assetDir = dir
		return m.Run()
	}())
}

// lines collects the log of a function.
type lines struct {
	mu   sync.Mutex
	list []string
}

func (l *lines) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, s)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

func start(t *testing.T, change func(*Config)) (*Function, *lines) {
	t.Helper()
	// The go command does not see the files that the build in TestMain reads. Without this it would show cached results.
	if _, err := os.ReadFile("testdata/function/main.go"); err != nil {
		t.Fatal(err)
	}
	log := &lines{}
	cfg := Config{Name: "test", Dir: assetDir, Timeout: 5 * time.Second, Log: log.add}
	if change != nil {
		change(&cfg)
	}
	f, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f, log
}

func invoke(t *testing.T, f *Function, event string) Result {
	t.Helper()
	r, err := f.Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatalf("invoke %.80s: %v", event, err)
	}
	return r
}

type about struct {
	Pid   int
	Env   []string
	Dir   string
	ID    string
	ARN   string
	Left  int64
	Trace string
}

func aboutProcess(t *testing.T, f *Function) about {
	t.Helper()
	var a about
	r := invoke(t, f, `{"do":"about"}`)
	if err := json.Unmarshal(r.Payload, &a); err != nil || r.FunctionError != "" {
		t.Fatalf("about: %v: %s %s", err, r.FunctionError, r.Payload)
	}
	return a
}

func TestInvoke(t *testing.T) {
	f, log := start(t, nil)
	tests := []struct {
		name, event string
		want        string // a pattern of the whole payload
		wantError   string
	}{
		{"echo", `{"do":"echo","text":"Zoë Ångström"}`, `^"Zoë Ångström"$`, ""},
		{"error", `{"do":"unauthorized"}`, `^{"errorMessage":"Unauthorized","errorType":"errorString"}$`, "Unhandled"},
		{"works after an error", `{"do":"echo","text":"a"}`, `^"a"$`, ""},
		{"panic", `{"do":"panic"}`, `^{"errorMessage":"on purpose","errorType":"string","stackTrace":\[.*\]}$`, "Unhandled"},
		{"works after a panic", `{"do":"echo","text":"b"}`, `^"b"$`, ""},
		{"exit", `{"do":"exit"}`, `^{"errorType":"Runtime.ExitError","errorMessage":"RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 7"}$`, "Unhandled"},
		{"works after an exit", `{"do":"echo","text":"c"}`, `^"c"$`, ""},
		{"a reader is sent as it is", `{"do":"stream"}`, `^streamed$`, ""},
		{"error in the trailers", `{"do":"stream-error"}`, `^{"errorMessage":"the source broke","errorType":"errorString"}$`, "Unhandled"},
		{"works after a stream", `{"do":"echo","text":"d"}`, `^"d"$`, ""},
		{"event of the wrong type", `[1,2]`, `"errorType":"UnmarshalTypeError"`, "Unhandled"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := invoke(t, f, tt.event)
			if !regexp.MustCompile(tt.want).Match(r.Payload) || r.FunctionError != tt.wantError {
				t.Errorf("got %q %s; want %q %s\nlog: %q", r.FunctionError, r.Payload, tt.wantError, tt.want, log.all())
			}
		})
	}
}

func TestProcessEnvironment(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "the developer's")
	t.Setenv("AWS_PROFILE", "the developer's")
	t.Setenv("HOME", "/home/developer")
	f, _ := start(t, func(c *Config) {
		c.Name, c.Region, c.MemoryMB, c.Handler = "agent", "eu-north-1", 256, "handler.name"
		c.Environment = map[string]string{"ISSUER": "http://login.example.localhost:3002", "TZ": "UTC"}
	})
	a := aboutProcess(t, f)
	if a.Dir != assetDir {
		t.Errorf("working directory: got %q; want %q", a.Dir, assetDir)
	}
	if want := "arn:aws:lambda:eu-north-1:000000000000:function:agent"; a.ARN != want {
		t.Errorf("ARN: got %q; want %q", a.ARN, want)
	}
	if a.Left < 3000 || a.Left > 5000 {
		t.Errorf("deadline: got %d ms left; want a little under 5000", a.Left)
	}
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(a.ID) {
		t.Errorf("request id: got %q; want a UUID", a.ID)
	}
	if !regexp.MustCompile(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`).MatchString(a.Trace) {
		t.Errorf("trace id: got %q", a.Trace)
	}
	got := map[string]string{}
	for _, v := range a.Env {
		name, value, _ := strings.Cut(v, "=")
		got[name] = value
	}
	for name, want := range map[string]string{
		"ISSUER": "http://login.example.localhost:3002", "TZ": "UTC", "_HANDLER": "handler.name",
		"AWS_REGION": "eu-north-1", "AWS_LAMBDA_FUNCTION_NAME": "agent", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
		"AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "LAMBDA_TASK_ROOT": assetDir, "AWS_SECRET_ACCESS_KEY": "local",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
	} {
		if got[name] != want {
			t.Errorf("%s: got %q; want %q", name, got[name], want)
		}
	}
	for _, name := range []string{"HOME", "AWS_PROFILE", "AWS_EXECUTION_ENV", "_LAMBDA_SERVER_PORT"} {
		if v, ok := got[name]; ok {
			t.Errorf("%s: got %q; want it unset", name, v)
		}
	}
}

func TestConcurrency(t *testing.T) {
	const limit = 3
	f, _ := start(t, func(c *Config) { c.MaxConcurrency, c.Timeout = limit, 20*time.Second })
	var wg sync.WaitGroup
	var mu sync.Mutex
	pids := map[string]int{}
	for range 3 * limit {
		wg.Go(func() {
			r, err := f.Invoke(t.Context(), []byte(`{"do":"sleep","ms":300}`))
			if err != nil || r.FunctionError != "" {
				t.Errorf("got %v %q %s", err, r.FunctionError, r.Payload)
			}
			mu.Lock()
			defer mu.Unlock()
			pids[string(r.Payload)]++
		})
	}
	wg.Wait()
	if len(pids) != limit {
		t.Errorf("got processes %v; want %d of them, each used again", pids, limit)
	}
}

func TestPayloadLimits(t *testing.T) {
	f, _ := start(t, func(c *Config) { c.Timeout = 20 * time.Second })
	event := func(size int) string { // size bytes in all
		const frame = `{"do":"echo","text":""}`
		return strings.Replace(frame, `""`, `"`+strings.Repeat("a", size-len(frame))+`"`, 1)
	}
	if r := invoke(t, f, event(MaxPayload)); r.FunctionError != "" || len(r.Payload) != MaxPayload-len(`{"do":"echo","text":}`) {
		t.Errorf("the largest request: got %q, %d bytes", r.FunctionError, len(r.Payload))
	}
	for name, bad := range map[string]string{"too large": event(MaxPayload + 1), "not JSON": `{"do":`, "empty": ""} {
		if _, err := f.Invoke(t.Context(), []byte(bad)); !errors.Is(err, ErrBadRequest) {
			t.Errorf("%s request: got %v; want ErrBadRequest", name, err)
		}
	}
	if r := invoke(t, f, fmt.Sprintf(`{"do":"large","size":%d}`, MaxPayload-2)); r.FunctionError != "" || len(r.Payload) != MaxPayload {
		t.Errorf("the largest response: got %q, %d bytes", r.FunctionError, len(r.Payload))
	}
	r := invoke(t, f, fmt.Sprintf(`{"do":"large","size":%d}`, MaxPayload+200))
	if !strings.Contains(string(r.Payload), "Function.ResponseSizeTooLarge") || r.FunctionError != "Unhandled" {
		t.Errorf("too large a response: got %q %.200s", r.FunctionError, r.Payload)
	}
	if r := invoke(t, f, `{"do":"echo","text":"after"}`); string(r.Payload) != `"after"` {
		t.Errorf("after too large a response: got %.200s", r.Payload)
	}
}

func TestLogLines(t *testing.T) {
	f, log := start(t, nil)
	invoke(t, f, `{"do":"print"}`)
	f.Close()
	for _, want := range []string{"line one", "line two", "line three"} {
		if !slices.Contains(log.all(), want) {
			t.Errorf("log: got %q; want %q in it", log.all(), want)
		}
	}
}

func BenchmarkInvokeWarm(b *testing.B) {
	f, err := New(Config{Name: "test", Dir: assetDir})
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for b.Loop() {
		if _, err := f.Invoke(b.Context(), []byte(`{"do":"echo","text":"a"}`)); err != nil {
			b.Fatal(err)
		}
	}
}

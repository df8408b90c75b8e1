package lambdaruntime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestProcessStaysWarmAndIsReplaced(t *testing.T) {
	f, _ := start(t, nil)
	first := aboutProcess(t, f).Pid
	for range 20 {
		if pid := aboutProcess(t, f).Pid; pid != first {
			t.Fatalf("sequential invocations: got process %d; want the warm one, %d", pid, first)
		}
	}
	invoke(t, f, `{"do":"unauthorized"}`)
	if pid := aboutProcess(t, f).Pid; pid != first {
		t.Errorf("after an error: got process %d; want %d", pid, first)
	}
	invoke(t, f, `{"do":"panic"}`)
	second := aboutProcess(t, f).Pid
	if second == first {
		t.Error("after a panic: still the same process")
	}
	if err := syscall.Kill(first, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d after its panic: got %v; want it gone", first, err)
	}
	// Ends while idle: the next event must not be lost with it.
	invoke(t, f, `{"do":"die-later"}`)
	time.Sleep(200 * time.Millisecond)
	if pid := aboutProcess(t, f).Pid; pid == second {
		t.Error("after its end while idle: still the same process")
	}
}

func TestTimeout(t *testing.T) {
	f, log := start(t, func(c *Config) { c.Timeout = 1500 * time.Millisecond })
	before := aboutProcess(t, f).Pid
	began := time.Now()
	r := invoke(t, f, `{"do":"sleep","ms":60000}`)
	if took := time.Since(began); took < 1400*time.Millisecond || took > 4*time.Second {
		t.Errorf("took %s; want about 1.5 s", took)
	}
	want := regexp.MustCompile(`^{"errorMessage":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [0-9a-f-]{36} Task timed out after 1\.50 seconds"}$`)
	if !want.Match(r.Payload) || r.FunctionError != "Unhandled" {
		t.Errorf("got %q %s; want %s", r.FunctionError, r.Payload, want)
	}
	if err := syscall.Kill(before, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d after its timeout: got %v; want it killed", before, err)
	}
	if !strings.Contains(strings.Join(log.all(), "\n"), "Task timed out after 1.50 seconds") {
		t.Errorf("log: got %q; want the timeout in it", log.all())
	}
	if aboutProcess(t, f).Pid == before {
		t.Error("the killed process answered")
	}
}

func TestStartFailures(t *testing.T) {
	tests := []struct {
		mode, payload, warm string
	}{
		{"exit", `^{"errorType":"Runtime.ExitError","errorMessage":"RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 3"}$`,
			"exit status 3.*setting ISSUER is missing"},
		{"init-error", `^{"errorMessage":"no config","errorType":"Init.Config"}$`, "exit status 1.*wrote nothing"},
		{"hang", `^{"errorMessage":".* Task timed out after 0\.60 seconds"}$`, "did not ask for work within 600ms"},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			f, log := start(t, func(c *Config) {
				c.Environment = map[string]string{"START": tt.mode, "CLIENT_SECRET": "s3cret-value"}
				c.initTimeout = 600 * time.Millisecond
			})
			err := f.Warm(t.Context())
			if err == nil || !regexp.MustCompile(`(?s)`+tt.warm).MatchString(err.Error()) {
				t.Errorf("warm: got %v; want %s", err, tt.warm)
			}
			r := invoke(t, f, `{"do":"echo"}`)
			if !regexp.MustCompile(tt.payload).Match(r.Payload) || r.FunctionError != "Unhandled" {
				t.Errorf("invoke: got %q %s; want %s", r.FunctionError, r.Payload, tt.payload)
			}
			f.Close()
			if tt.mode == "exit" && !slices.Contains(log.all(), "main: setting ISSUER is missing") {
				t.Errorf("log: got %q; want the line without an end too", log.all())
			}
			for _, text := range append(log.all(), fmt.Sprint(err), fmt.Sprintf("%v %+v %#v", f, f, f), fmt.Sprintf("%v %+v %#v", f.cfg, f.cfg, f.cfg)) {
				if strings.Contains(text, "s3cret-value") {
					t.Errorf("a value of the environment in %q", text)
				}
			}
		})
	}
}

func TestWarmStartsOneProcess(t *testing.T) {
	f, _ := start(t, func(c *Config) { c.Environment = map[string]string{"START": "sigterm"} })
	for range 3 {
		if err := f.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	f.mu.Lock()
	n := len(f.all)
	f.mu.Unlock()
	if n != 1 {
		t.Errorf("got %d processes; want 1", n)
	}
	invoke(t, f, `{"do":"echo"}`)
}

func TestCallerGoes(t *testing.T) {
	f, _ := start(t, func(c *Config) { c.MaxConcurrency = 1 })
	if err := f.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := f.Invoke(ctx, []byte(`{"do":"sleep","ms":600}`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v; want the caller's deadline", err)
	}
	// The invocation runs on and keeps its slot.
	if _, err := f.Invoke(ctx, []byte(`{"do":"echo"}`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while it runs: got %v; want to have waited in vain", err)
	}
	if r := invoke(t, f, `{"do":"echo","text":"x"}`); string(r.Payload) != `"x"` {
		t.Errorf("afterwards: got %s", r.Payload)
	}
}

func TestClose(t *testing.T) {
	f, _ := start(t, func(c *Config) { c.Timeout = time.Minute })
	pid := aboutProcess(t, f).Pid
	result := make(chan error, 1)
	go func() {
		_, err := f.Invoke(t.Context(), []byte(`{"do":"sleep","ms":50000}`))
		result <- err
	}()
	time.Sleep(100 * time.Millisecond)
	f.Close()
	if err := <-result; !errors.Is(err, ErrClosed) {
		t.Errorf("invocation under way: got %v; want ErrClosed", err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d: got %v; want it gone", pid, err)
	}
	if _, err := f.Invoke(t.Context(), []byte(`{}`)); !errors.Is(err, ErrClosed) {
		t.Errorf("invoke: got %v; want ErrClosed", err)
	}
	if err := f.Warm(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("warm: got %v; want ErrClosed", err)
	}
	f.Close()
}

func TestNew(t *testing.T) {
	empty, wrong := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(wrong, "bootstrap"), []byte("\x7fELF of another machine"), 0o755); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("v", maxEnvironment)
	tests := []struct {
		name string
		cfg  Config
		want string
	}{
		{"no name", Config{Dir: assetDir}, "without a name"},
		{"no folder", Config{Name: "f"}, "folder of the asset"},
		{"no bootstrap", Config{Name: "f", Dir: empty}, "no bootstrap in the asset"},
		{"reserved variable", Config{Name: "f", Dir: assetDir, Environment: map[string]string{"AWS_REGION": "x"}}, "AWS_REGION is reserved"},
		{"bad variable", Config{Name: "f", Dir: assetDir, Environment: map[string]string{"A=B": "x"}}, `"A=B": expected letters`},
		{"NUL", Config{Name: "f", Dir: assetDir, Environment: map[string]string{"KEY": "x\x00y"}}, "KEY: its value contains a NUL"},
		{"environment over 4 KB", Config{Name: "f", Dir: assetDir, Environment: map[string]string{"KEY": long}}, "at most 4096 bytes together, got 4099"},
		{"timeout", Config{Name: "f", Dir: assetDir, Timeout: time.Hour}, "at most 15 minutes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.cfg)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v; want %q", err, tt.want)
			}
		})
	}
	if runtime.GOOS == "linux" {
		f, err := New(Config{Name: "f", Dir: wrong})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := f.Warm(t.Context()); err == nil || !strings.Contains(err.Error(), "another system or processor") {
			t.Errorf("wrong machine: got %v", err)
		}
	}
}

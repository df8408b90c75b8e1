package main

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

// The events are still what the Lambdas let through, and each figure is there.
// How large it is, no test says.
func TestRunOnce(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the bootstraps are Linux programs")
	}
	for name, make := range subjects {
		t.Run(name, func(t *testing.T) {
			path, err := build(t.Context(), "../..", t.TempDir(), "./lambda/"+name)
			if err != nil {
				t.Fatal(err)
			}
			subject, err := make()
			if err != nil {
				t.Fatal(err)
			}
			b := bootstrap{name, path, subject.env, subject.event, subject.check}
			s, err := runOnce(t.Context(), b, 100)
			if err != nil {
				t.Fatal(err)
			}
			if s.cold <= s.p50 || s.p50 <= 0 || s.p99 < s.p50 || s.peak < 1<<20 {
				t.Errorf("got %+v", s)
			}

			b.check = func([]byte) error { return errors.New("not this") }
			if _, err := runOnce(t.Context(), b, 1); err == nil || !strings.Contains(err.Error(), "not this") {
				t.Errorf("got %v, want the error of the check", err)
			}
			b.env = nil
			if _, err := runOnce(t.Context(), b, 1); err == nil || !strings.Contains(err.Error(), "ended before it answered") {
				t.Errorf("without settings: got %v", err)
			}
		})
	}
}

func TestFigures(t *testing.T) {
	if got := (figures{1, 2, 9}).in("ms"); got != "2.00 ms (1.00 to 9.00)" {
		t.Errorf("got %s", got)
	}
}

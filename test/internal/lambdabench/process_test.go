package lambdabench

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

// The Lambdas accept the events, and each figure is measured. No test judges its
// size.
func TestRun(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the bootstraps are Linux programs")
	}
	for name, make := range Subjects {
		t.Run(name, func(t *testing.T) {
			path, err := Build(t.Context(), "../../..", t.TempDir(), "./lambda/"+name)
			if err != nil {
				t.Fatal(err)
			}
			b, err := make()
			if err != nil {
				t.Fatal(err)
			}
			b.Name, b.Path = name, path
			s, err := Run(t.Context(), b, 100)
			if err != nil {
				t.Fatal(err)
			}
			if s.Cold <= s.P50 || s.P50 <= 0 || s.P99 < s.P50 || len(s.Warm) != 100 || s.Peak < 1<<20 {
				t.Errorf("got %+v", s)
			}

			b.Check = func([]byte) error { return errors.New("not this") }
			if _, err := Run(t.Context(), b, 1); err == nil || !strings.Contains(err.Error(), "not this") {
				t.Errorf("got %v, want the error of the check", err)
			}
			b.Env = nil
			if _, err := Run(t.Context(), b, 1); err == nil || !strings.Contains(err.Error(), "ended before it answered") {
				t.Errorf("without settings: got %v", err)
			}
		})
	}
}

package calls

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var testTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// The token is nowhere in memory.
func TestRemembersHashes(t *testing.T) {
	const token = "a token that must not be in memory"
	c := New[string](func() time.Time { return testTime })
	ask := func() {
		t.Helper()
		got, err := c.Do(t.Context(), IDOf(token, "question"), func(context.Context) (Answer[string], error) {
			return Answer[string]{Value: "answer", Until: testTime.Add(time.Second)}, nil
		})
		if got != "answer" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	ask()
	ask()
	if text := fmt.Sprintf("%+v", c.yes.entries); strings.Contains(text, token) || len(c.yes.entries) != 1 {
		t.Errorf("got entries %s", text)
	}
}

func TestIDsDiffer(t *testing.T) {
	if IDOf("a", "b") == IDOf("ab", "") || IDOf("a", "b") == IDOf("a", "c") {
		t.Error("two questions have one id")
	}
}

func TestErrorsAreNotRemembered(t *testing.T) {
	c := New[string](func() time.Time { return testTime })
	failure := errors.New("down")
	asked := 0
	for range 2 {
		_, err := c.Do(t.Context(), ID{}, func(context.Context) (Answer[string], error) {
			asked++
			return Answer[string]{Until: testTime.Add(time.Hour)}, failure
		})
		if !errors.Is(err, failure) {
			t.Errorf("got %v", err)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times, want 2", asked)
	}
}

func TestCacheIsBounded(t *testing.T) {
	var kept cache[int]
	for i := range 3 * maxEntries {
		until := testTime.Add(time.Duration(i+1) * time.Second)
		kept.put(ID{byte(i), byte(i >> 8)}, Answer[int]{Until: until}, testTime)
	}
	if len(kept.entries) != maxEntries {
		t.Errorf("the cache has %d entries", len(kept.entries))
	}
	last := 3*maxEntries - 1
	if _, ok := kept.get(ID{byte(last), byte(last >> 8)}, testTime); !ok {
		t.Error("the entry that lasts longest was dropped")
	}
	// All but one have ended.
	kept.put(ID{99, 99}, Answer[int]{Until: testTime.Add(time.Hour)}, testTime.Add(3*maxEntries*time.Second-time.Second))
	if len(kept.entries) > 2 {
		t.Errorf("the cache keeps %d entries that have ended", len(kept.entries))
	}
}

// A caller that finds no remembered answer may reach the flight only after the call
// of another caller has ended: it gets the answer of that call.
func TestBurstMakesOneCall(t *testing.T) {
	for range 500 {
		c := New[int](func() time.Time { return testTime })
		var calls atomic.Int32
		var group sync.WaitGroup
		for range 32 {
			group.Go(func() {
				c.Do(t.Context(), ID{}, func(context.Context) (Answer[int], error) {
					return Answer[int]{Value: int(calls.Add(1)), Until: testTime.Add(time.Hour)}, nil
				})
			})
		}
		group.Wait()
		if n := calls.Load(); n != 1 {
			t.Fatalf("a burst made %d calls", n)
		}
	}
}

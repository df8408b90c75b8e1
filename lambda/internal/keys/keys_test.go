package keys

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
)

func key(n int) string { return fmt.Sprintf("%062x%02x", 0xabc, n) }

// secret is a secret that can be rotated and lost.
type secret struct {
	clock   *clock // nil: its versions have no date
	mu      sync.Mutex
	current int
	created map[int]time.Time
	calls   int
	err     error
	between func() // runs between the reading of the two versions
}

func (s *secret) get(_ context.Context, stage string) (version, error) {
	s.mu.Lock()
	s.calls++
	defer func() {
		between := s.between
		if stage == "AWSCURRENT" {
			s.between = nil
		}
		s.mu.Unlock()
		if stage == "AWSCURRENT" && between != nil {
			between()
		}
	}()
	n := s.current
	if stage == "AWSPREVIOUS" {
		n--
	}
	switch {
	case s.err != nil:
		return version{}, s.err
	case n < 1:
		return version{}, errNoVersion
	}
	return version{fmt.Sprint("v", n), settings.Secret(key(n)), s.created[n]}, nil
}

func (s *secret) rotate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current++
	if s.clock != nil {
		if s.created == nil {
			s.created = map[int]time.Time{}
		}
		s.created[s.current] = s.clock.Now()
	}
}

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }

func newClock() *clock { return &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func start(t *testing.T, s *secret, c *clock) *cookie.Ring {
	t.Helper()
	ring, err := renewing(s.get, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func opens(t *testing.T, ring *cookie.Ring, n int, want bool) {
	t.Helper()
	old, err := cookie.NewRing(key(n))
	if err != nil {
		t.Fatal(err)
	}
	_, err = ring.Open(place, old.Seal(place, cookie.Content{Token: "t"}))
	if opened := err == nil; opened != want {
		t.Errorf("sealed with key %d: opened %t, want %t", n, opened, want)
	}
}

// sealsWith reports which key a ring seals with.
func sealsWith(t *testing.T, ring *cookie.Ring, n int) {
	t.Helper()
	only, err := cookie.NewRing(key(n))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := only.Open(place, ring.Seal(place, cookie.Content{Token: "t"})); err != nil {
		t.Errorf("the ring does not seal with key %d", n)
	}
}

// An unknown key is read when a cookie names it. The previous key still opens.
// The key before it does not.
func TestRotation(t *testing.T) {
	c := newClock()
	s := &secret{clock: c, current: 1}
	ring := start(t, s, c)
	opens(t, ring, 1, true)
	for n := 2; n <= 3; n++ {
		s.rotate()
		opens(t, ring, n-1, true)
		sealsWith(t, ring, n-1) // not known yet
		opens(t, ring, n, true)
		sealsWith(t, ring, n-1) // known, and not settled
		c.pass(settleTime)
		sealsWith(t, ring, n)
		opens(t, ring, n-1, true)
	}
	opens(t, ring, 1, false)
}

// Made-up key ids do not cause calls.
func TestUnknownKeysAreBounded(t *testing.T) {
	s, c := &secret{current: 1}, newClock()
	ring := start(t, s, c)
	for range 100 {
		opens(t, ring, 99, false)
	}
	if limit := 2 * maxTries; s.calls > limit {
		t.Errorf("%d calls, want at most %d", s.calls, limit)
	}
	c.now = c.now.Add(triesIn)
	s.rotate()
	opens(t, ring, 2, true)
	for range 100 {
		c.now = c.now.Add(time.Second)
		opens(t, ring, 99, false)
	}
	if limit := 2 * (maxTries + 1 + maxTries*100/int(triesIn/time.Second) + maxTries); s.calls > limit {
		t.Errorf("%d calls, want at most %d", s.calls, limit)
	}
}

// Without any unknown key, the ring is read again in time.
func TestMaxAge(t *testing.T) {
	s, c := &secret{current: 1}, newClock() // without dates, the new version seals
	ring := start(t, s, c)
	s.rotate()
	c.pass(maxAge - time.Second)
	sealsWith(t, ring, 1)
	calls := s.calls
	c.pass(time.Second)
	sealsWith(t, ring, 2)
	sealsWith(t, ring, 2)
	if s.calls != calls+2 {
		t.Errorf("%d calls to read two versions", s.calls-calls)
	}
}

// It fails closed at start, and afterwards keeps its keys.
func TestUnreachable(t *testing.T) {
	s, c := &secret{current: 1, err: errors.New("keys: away")}, newClock()
	if ring, err := renewing(s.get, c.Now); err == nil || ring != nil {
		t.Fatalf("started without keys: %v", err)
	}
	s.err = nil
	ring := start(t, s, c)
	s.err = errors.New("keys: away")
	s.rotate()
	c.now = c.now.Add(time.Hour)
	opens(t, ring, 1, true)
	calls := s.calls
	opens(t, ring, 1, true)
	if s.calls != calls {
		t.Error("a failure is tried again at once")
	}
	s.err = nil
	c.now = c.now.Add(triesIn)
	sealsWith(t, ring, 2)
}

// A rotation between the reading of the two versions loses neither.
func TestRotationWhileReading(t *testing.T) {
	s, c := &secret{current: 1}, newClock()
	s.between = s.rotate
	ring := start(t, s, c)
	sealsWith(t, ring, 2)
	calls := s.calls
	opens(t, ring, 1, true)
	if s.calls != calls {
		t.Error("the previous key was not read")
	}
}

func TestValuesThatAreNoKeys(t *testing.T) {
	value := func(current, previous string) func(context.Context, string) (version, error) {
		return func(_ context.Context, stage string) (version, error) {
			if stage == "AWSCURRENT" {
				return version{id: "v2", key: settings.Secret(current)}, nil
			}
			return version{id: "v1", key: settings.Secret(previous)}, nil
		}
	}
	for _, bad := range []string{"", "hunter2", strings.Repeat("0", 64), `{"key":"` + key(1) + `"}`} {
		if _, err := renewing(value(bad, key(1)), time.Now); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("current %q: got %v, want an error that does not show it", bad, err)
		}
		ring, err := renewing(value(key(2), bad), time.Now)
		if err != nil {
			t.Fatalf("previous %q: %v", bad, err)
		}
		sealsWith(t, ring, 2)
	}
}

// Without an ARN the key is that of the environment.
func TestRingOfTheEnvironment(t *testing.T) {
	ring, err := Ring(settings.Shared{CookieKey: settings.CookieKey{Key: settings.Secret(key(2))}}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	sealsWith(t, ring, 2)
}

func TestConcurrently(t *testing.T) {
	s, c := &secret{current: 1}, newClock()
	ring := start(t, s, c)
	s.rotate()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { opens(t, ring, 2, true); opens(t, ring, 1, true) })
	}
	group.Wait()
	if s.calls > 2*maxTries {
		t.Errorf("%d calls", s.calls)
	}
}

var place = cookie.NewPlace("at", "https://login.example.com spa", "th", "x", "", "/")

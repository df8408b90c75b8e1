package keys

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/settings"
)

func TestOrder(t *testing.T) {
	now := newClock().now
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for _, tt := range []struct {
		name     string
		current  time.Time
		previous bool
		keys     []int
		until    time.Time
	}{
		{"new", ago(0), true, []int{1, 2}, now.Add(settleTime)},
		{"almost settled", ago(settleTime - 1), true, []int{1, 2}, now.Add(1)},
		{"settled", ago(settleTime), true, []int{2, 1}, time.Time{}},
		{"old", ago(time.Hour), true, []int{2, 1}, time.Time{}},
		{"no date", time.Time{}, true, []int{2, 1}, time.Time{}},
		{"of the future", ago(-time.Hour), true, []int{1, 2}, now.Add(time.Hour + settleTime)},
		{"the first", ago(0), false, []int{2}, time.Time{}},
		{"the first, no date", time.Time{}, false, []int{2}, time.Time{}},
	} {
		v := versions{current: version{"v2", settings.Secret(key(2)), tt.current}}
		if tt.previous {
			v.previous = &version{"v1", settings.Secret(key(1)), ago(24 * time.Hour)}
		}
		var want []string
		for _, n := range tt.keys {
			want = append(want, key(n))
		}
		keys, until := v.order(now, settleTime)
		if diff := cmp.Diff(want, keys); diff != "" || !until.Equal(tt.until) {
			t.Errorf("%s: until %s, want %s\n%s", tt.name, until, tt.until, diff)
		}
	}
}

// The ring is read again when the version settles, though that is no five
// minutes after the last time, and not more often than that.
func TestReadWhenSettled(t *testing.T) {
	c := newClock()
	s := &secret{clock: c, current: 1}
	s.rotate()
	c.pass(7 * time.Minute)
	ring := start(t, s, c)
	sealsWith(t, ring, 1)
	calls := s.calls
	c.pass(3*time.Minute - 1)
	sealsWith(t, ring, 1)
	if s.calls != calls {
		t.Error("read before it was due")
	}
	c.pass(1)
	sealsWith(t, ring, 2)
	c.pass(maxAge - 1)
	sealsWith(t, ring, 2)
	if s.calls != calls+2 {
		t.Errorf("%d calls to read two versions", s.calls-calls)
	}
}

// A version that is about to seal may no longer be current. If the secret
// cannot be read again, that version does not begin to seal.
func TestSettlesOnlyWhenRead(t *testing.T) {
	c := newClock()
	s := &secret{clock: c, current: 1}
	s.rotate()
	ring := start(t, s, c)
	s.err = fmt.Errorf("keys: away")
	c.pass(time.Hour)
	sealsWith(t, ring, 1)
	opens(t, ring, 2, true)
	s.err = nil
	c.pass(triesIn)
	sealsWith(t, ring, 2)
}

// The first key of all seals immediately, because there is no other.
func TestFirstVersion(t *testing.T) {
	c := newClock()
	s := &secret{clock: c}
	s.rotate()
	sealsWith(t, start(t, s, c), 1)
}

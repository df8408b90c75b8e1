package keys

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
)

// region is one with its copy of the secret, and Lambda instances that are
// used now and then.
type region struct {
	*world
	delay     time.Duration // until it has a new version
	own       bool          // the copy has a CreatedDate of its own
	instances [3]*cookie.Ring
}

// world is regions that share a secret, which is rotated in the first.
type world struct {
	*testing.T
	clock     *clock
	settle    time.Duration
	rotations []time.Time // when, in order
	regions   []*region
	random    *rand.Rand
}

func newWorld(t *testing.T, settle, delay time.Duration, own bool) *world {
	w := &world{T: t, clock: newClock(), settle: settle, random: rand.New(rand.NewPCG(1, uint64(delay)))}
	w.regions = []*region{{world: w}, {world: w, delay: delay, own: own}}
	for _, r := range w.regions {
		for i := range r.instances {
			r.instances[i] = r.start()
		}
	}
	return w
}

func (r *region) get(_ context.Context, stage string) (version, error) {
	n := 1 // the first is there since ever
	for _, at := range r.rotations {
		if !at.Add(r.delay).After(r.clock.now) {
			n++
		}
	}
	if stage == "AWSPREVIOUS" {
		n--
	}
	if n == 0 {
		return version{}, errNoVersion
	}
	created := time.Unix(0, 0)
	if n > 1 {
		created = r.rotations[n-2]
		if r.own {
			created = created.Add(r.delay)
		}
	}
	return version{fmt.Sprint("v", n), settings.Secret(key(n)), created}, nil
}

func (r *region) start() *cookie.Ring {
	ring, err := (&source{get: r.get, now: r.clock.Now, settle: r.settle}).start()
	if err != nil {
		r.Fatal(err)
	}
	return ring
}

func (w *world) rotate() { w.rotations = append(w.rotations, w.clock.now) }

// instance is any of any region, one in fifty times a new one.
func (w *world) instance() *cookie.Ring {
	r := w.regions[w.random.IntN(len(w.regions))]
	i := w.random.IntN(len(r.instances))
	if w.random.IntN(50) == 0 {
		r.instances[i] = r.start()
	}
	return r.instances[i]
}

// pass lets some seconds pass, and sometimes minutes.
func (w *world) pass() {
	d := time.Duration(1+w.random.IntN(5000)) * time.Millisecond
	if w.random.IntN(100) == 0 {
		d *= 100
	}
	w.clock.pass(d)
}

// sealed is a cookie and when it was sealed.
type sealed struct {
	value string
	at    time.Time
}

// refused has cookies sealed and opened in all regions, over four rotations
// half an hour apart, and counts the refused cookies of the last quarter of an
// hour.
func (w *world) refused() (refused, opened int) {
	const every, life = 30 * time.Minute, 15 * time.Minute
	began, next := w.clock.now, w.clock.now.Add(every)
	var cookies []sealed
	for w.clock.now.Before(began.Add(5 * every)) {
		if !w.clock.now.Before(next) && len(w.rotations) < 4 {
			w.rotate()
			next = w.clock.now.Add(every)
		}
		cookies = append(cookies, sealed{w.instance().Seal(place, cookie.Content{Token: "t"}), w.clock.now})
		for w.clock.now.Sub(cookies[0].at) > life {
			cookies = cookies[1:]
		}
		for _, newest := range []int{1, 5, len(cookies)} {
			c := cookies[len(cookies)-1-w.random.IntN(min(newest, len(cookies)))]
			if _, err := w.instance().Open(place, c.value); err != nil {
				refused++
			} else {
				opened++
			}
		}
		w.pass()
	}
	return refused, opened
}

// A region accepts the cookies of another region, although its copy of the
// secret gets the new version minutes later.
func TestRegions(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Second, 30 * time.Second, 2 * time.Minute, 4 * time.Minute} {
		for _, own := range []bool{false, true} {
			w := newWorld(t, settleTime, delay, own)
			refused, opened := w.refused()
			t.Logf("replication takes %s, dates of its own %t: %d refused, %d opened", delay, own, refused, opened)
			if refused > 0 || opened < 3000 {
				t.Error("a region refused cookies of another region, or few were tried")
			}
			for _, r := range w.regions {
				for _, ring := range r.instances {
					sealsWith(t, ring, 5)
					opens(t, ring, 3, false)
				}
			}
		}
	}
	// That this would be seen.
	refused, opened := newWorld(t, 0, 4*time.Minute, false).refused()
	t.Logf("with no time to settle: %d refused, %d opened", refused, opened)
	if refused == 0 {
		t.Error("without a time to settle, no region refused a cookie: the test cannot fail")
	}
}

// Two rotations within five minutes end every session, even if it is refreshed
// meanwhile: the key between the two seals no cookie before the first is gone.
// More than ten minutes apart they do not, and a third rotation helps.
func TestRotationsThatEndSessions(t *testing.T) {
	for _, tt := range []struct {
		after []time.Duration // the rotation before
		ends  bool
	}{
		{[]time.Duration{0}, true},
		{[]time.Duration{10 * time.Second}, true},
		{[]time.Duration{time.Minute}, true},
		{[]time.Duration{5 * time.Minute}, true},
		{[]time.Duration{settleTime + maxAge}, false},
		{[]time.Duration{settleTime + maxAge, 5 * time.Minute}, true},
	} {
		for _, delay := range []time.Duration{0, 4 * time.Minute} {
			w := newWorld(t, settleTime, delay, false)
			sessions := make([]string, 20)
			for i := range sessions {
				sessions[i] = w.instance().Seal(place, cookie.Content{Token: "t"})
			}
			w.rotate()
			for _, after := range tt.after {
				w.refresh(sessions, after)
				w.rotate()
			}
			w.refresh(sessions, delay+maxAge)
			if alive := w.alive(sessions); (alive == 0) != tt.ends {
				t.Errorf("rotated again after %s, replication takes %s: %d of %d sessions are alive", tt.after, delay, alive, len(sessions))
			}
		}
	}
}

// refresh has each session sealed anew, for so long, at every second by some
// instance that opens it.
func (w *world) refresh(sessions []string, lasting time.Duration) {
	end := w.clock.now.Add(lasting)
	for w.clock.now.Before(end) {
		for i := range sessions {
			ring := w.instance()
			if content, err := ring.Open(place, sessions[i]); err == nil {
				sessions[i] = ring.Seal(place, content)
			}
		}
		w.clock.pass(time.Second)
	}
}

// alive counts the sessions that some instance opens.
func (w *world) alive(sessions []string) (n int) {
	for _, session := range sessions {
		if slices.ContainsFunc(w.regions, func(r *region) bool {
			return slices.ContainsFunc(r.instances[:], func(ring *cookie.Ring) bool {
				_, err := ring.Open(place, session)
				return err == nil
			})
		}) {
			n++
		}
	}
	return n
}

package sessions

import (
	"net/http"
	"sync/atomic"
	"time"
)

// maxSkew bounds the correction of a clock. AWS refuses signatures that are 15
// minutes off.
const maxSkew = 5 * time.Minute

// clock is the difference between DynamoDB's clock and the agent's. Agents
// whose clocks differ must agree on the end of a claim. If one took over the
// claim of another that still runs, both would use the refresh token.
type clock struct{ ahead atomic.Int64 }

// hear corrects the clock by the Date of a response, which has whole seconds.
func (c *clock) hear(date string, now time.Time) {
	theirs, err := http.ParseTime(date)
	if err != nil {
		return
	}
	switch ahead := theirs.Sub(now); {
	case ahead.Abs() <= 2*time.Second: // the time of a call and the missing fraction
		c.ahead.Store(0)
	case ahead.Abs() <= maxSkew:
		c.ahead.Store(int64(ahead))
	}
}

// time returns the time by DynamoDB's clock.
func (t *Table) time() time.Time { return t.now().Add(time.Duration(t.clock.ahead.Load())) }

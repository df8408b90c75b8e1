package introspection

import (
	"sync"
	"time"
)

// maxEntries bounds a cache: with tokens of at most MaxToken that is 4 MB.
const maxEntries = 512

// cache remembers answers by the hashes of their tokens. The zero value is
// empty.
type cache struct {
	mu      sync.Mutex
	entries map[[32]byte]entry
}

type entry struct {
	result Result
	err    error // nil or ErrForeign
	until  time.Time
}

func (c *cache) get(id [32]byte, now time.Time) (entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[id]
	if !ok || !now.Before(e.until) {
		delete(c.entries, id)
		return entry{}, false
	}
	return e, true
}

func (c *cache) put(id [32]byte, e entry, now time.Time) {
	if !now.Before(e.until) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil {
		c.entries = map[[32]byte]entry{}
	}
	if _, known := c.entries[id]; !known && len(c.entries) >= maxEntries {
		c.makeRoom(now)
	}
	c.entries[id] = e
}

// makeRoom drops the entries that have ended, or else the one that ends first.
func (c *cache) makeRoom(now time.Time) {
	var first [32]byte
	var end time.Time
	for id, e := range c.entries {
		switch {
		case !now.Before(e.until):
			delete(c.entries, id)
		case end.IsZero() || e.until.Before(end):
			first, end = id, e.until
		}
	}
	if len(c.entries) >= maxEntries {
		delete(c.entries, first)
	}
}

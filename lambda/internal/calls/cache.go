package calls

import (
	"sync"
	"time"
)

// maxEntries bounds a cache: with tokens of at most 8 KB that is 4 MB.
const maxEntries = 512

// cache remembers answers by their ids. The zero value is empty.
type cache[T any] struct {
	mu      sync.Mutex
	entries map[ID]Answer[T]
}

func (c *cache[T]) get(id ID, now time.Time) (Answer[T], bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.entries[id]
	if !ok || !now.Before(a.Until) {
		delete(c.entries, id)
		return Answer[T]{}, false
	}
	return a, true
}

func (c *cache[T]) put(id ID, a Answer[T], now time.Time) {
	if !now.Before(a.Until) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil {
		c.entries = map[ID]Answer[T]{}
	}
	if _, known := c.entries[id]; !known && len(c.entries) >= maxEntries {
		c.makeRoom(now)
	}
	c.entries[id] = a
}

// makeRoom drops the entries that have ended, or else the one that ends first.
func (c *cache[T]) makeRoom(now time.Time) {
	var first ID
	var end time.Time
	for id, a := range c.entries {
		switch {
		case !now.Before(a.Until):
			delete(c.entries, id)
		case end.IsZero() || a.Until.Before(end):
			first, end = id, a.Until
		}
	}
	if len(c.entries) >= maxEntries {
		delete(c.entries, first)
	}
}

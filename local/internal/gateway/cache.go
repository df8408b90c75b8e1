package gateway

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// cacheSize bounds the results kept per authorizer; when full, everything is forgotten, which only costs invocations.
const cacheSize = 1000

// cache holds an authorizer's results by identity: all identity source values, "with the order preserved". Keys are
// hashed, so that cookies do not linger in memory. The zero value is empty.
type cache struct {
	mu      sync.Mutex
	entries map[[32]byte]cacheEntry
}

type cacheEntry struct {
	decision *decision
	expires  time.Time
}

func cacheKey(identity []string) [32]byte {
	h := sha256.New()
	var n [8]byte
	for _, v := range identity {
		binary.BigEndian.PutUint64(n[:], uint64(len(v))) // so that ("a","bc") is not ("ab","c")
		h.Write(n[:])
		h.Write([]byte(v))
	}
	return [32]byte(h.Sum(nil))
}

func (c *cache) get(identity []string, now time.Time) (*decision, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[cacheKey(identity)]
	if !ok || !now.Before(e.expires) {
		return nil, false
	}
	return e.decision, true
}

func (c *cache) put(identity []string, d *decision, now time.Time, ttl time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil || len(c.entries) >= cacheSize {
		c.entries = map[[32]byte]cacheEntry{}
	}
	c.entries[cacheKey(identity)] = cacheEntry{d, now.Add(ttl)}
}

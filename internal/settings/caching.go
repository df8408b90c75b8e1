package settings

import (
	"strconv"
	"time"
)

// Caching tells the authorizer that API Gateway keeps its results, and by which
// headers. The two settings go together; without them nothing is kept.
type Caching struct {
	CacheTTL     string `env:"CACHE_TTL" rule:"cachettl" optional:"true" doc:"Seconds for which API Gateway keeps a result of the authorizer, 1 to 60: the authorizer then answers token_expired that much earlier, so that no result outlives its token. Default: nothing is kept."`
	CacheDialect string `env:"CACHE_DIALECT" rule:"cachedialect" optional:"true" doc:"Dialect of all clients, assistant or classic: results are kept by its CSRF header. Needed with CACHE_TTL."`
}

// The dialects of CACHE_DIALECT.
const (
	DialectAssistant = "assistant"
	DialectClassic   = "classic"
)

// MaxCacheTTL bounds CACHE_TTL: a result is not decided anew for so long, whatever
// has happened to the session.
const MaxCacheTTL = time.Minute

// TTL is CACHE_TTL; zero means that nothing is kept.
func (c Caching) TTL() time.Duration {
	ttl, _ := cacheTTL(c.CacheTTL)
	return ttl
}

func cacheTTL(s string) (time.Duration, bool) {
	n, err := strconv.Atoi(s)
	ttl := time.Duration(n) * time.Second
	return ttl, err == nil && s == strconv.Itoa(n) && n >= 1 && ttl <= MaxCacheTTL
}

func isCacheTTL(s string) bool { _, ok := cacheTTL(s); return ok }

func isCacheDialect(s string) bool { return s == DialectAssistant || s == DialectClassic }

// cachingFaults is the part of [Authorizer.Complete] that is about caching.
func (a Authorizer) cachingFaults() []string {
	var faults []string
	fault := func(wrong bool, message string) {
		if wrong {
			faults = append(faults, message)
		}
	}
	fault((a.CacheTTL == "") != (a.CacheDialect == ""), "CACHE_TTL and CACHE_DIALECT: expected both or neither")
	// A caller without cookies has no key and is refused before the authorizer.
	fault(a.CacheTTL != "" && a.AllowToken, "CACHE_TTL is set: expected none with ALLOW_TOKEN")
	// A kept result is used for every path with the same key.
	fault(a.CacheTTL != "" && a.RouteRequirements != "", "CACHE_TTL is set: expected none with ROUTE_REQUIREMENTS")
	return faults
}

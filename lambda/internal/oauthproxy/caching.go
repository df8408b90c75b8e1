package oauthproxy

import (
	"time"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
)

// caching holds what is stricter where API Gateway keeps results and uses them
// again for every request with the same key. The zero value is for a gateway
// that keeps nothing.
//
// All that an Allow rests on must be in the key: the cookies, the origin, the
// site, the CSRF header, the method and the path. The gateway takes one value of each
// header into the key, of several nobody knows which; and a header that is
// missing is no part of it. So a request is allowed here only if each header of
// its key is there once, and none that would have changed the decision is.
type caching struct {
	life    time.Duration // what a token must have left; 0: results are not kept
	dialect settings.Dialect
	csrf    string // header of the double submit
}

// undecided is how long the gateway may wait for a decision: a kept result is
// as old as that when its time begins. It is the authorizer's time limit.
const undecided = 5 * time.Second

func newCaching(s settings.Authorizer) caching {
	c := caching{dialect: s.AuthorizerCaching.Dialect, csrf: s.CSRFHeaderName()}
	if ttl := s.AuthorizerCaching.TTL; ttl > 0 {
		c.life = ttl + undecided
	}
	return c
}

// Messages of a refusal where results are kept.
const (
	messageKey     = "The request has not exactly one Cookie, Origin, Sec-Fetch-Site and CSRF header"
	messageDialect = "The request is not of the dialect that this API is set up for"
)

// refuses returns why a request cannot be decided over by its key, or "".
func (c caching) refuses(method string, header csrf.Header) string {
	if c.life == 0 {
		return ""
	}
	key := []string{"Cookie", "Origin", "Sec-Fetch-Site"}
	switch {
	case c.dialect == settings.DialectAssistant:
		key = append(key, contract.HeaderVersion)
	// This header turns the CSRF check off, and is not in the key.
	case len(header(contract.HeaderVersion)) > 0:
		return messageDialect
	case !csrf.Safe(method):
		key = append(key, c.csrf)
	}
	for _, name := range key {
		if values := header(name); len(values) != 1 || values[0] == "" {
			return messageKey
		}
	}
	return ""
}

// outlives reports whether a result for a token that expires then could be
// used after that: the gateway keeps all results equally long. A token whose
// expiry is not known (the zero time) has none that could be passed; the
// upstream API knows.
func (c caching) outlives(expires, now time.Time) bool {
	return c.life > 0 && !expires.IsZero() && now.Add(c.life).After(expires)
}

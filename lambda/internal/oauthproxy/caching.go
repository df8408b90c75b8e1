package oauthproxy

import (
	"time"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
)

// caching adds the checks that API Gateway's cache of results needs. The gateway
// reuses a result for every request with the same key. The zero value is for a
// gateway without cache.
//
// The key must contain everything that an Allow depends on: the cookies, the
// origin, the site, the CSRF header, the method and the path. Of a header with
// several values the gateway takes one into the key, and AWS does not document
// which; a missing header is not in the key. So a request is allowed only if it has
// each header of its key exactly once, and no other header that could change the
// decision.
type caching struct {
	life    time.Duration // that a token must have left; 0: no cache
	dialect settings.Dialect
	csrf    string // header of the double submit
}

// undecided is the authorizer's time limit. A result can be as old when the gateway
// begins to count its TTL.
const undecided = 5 * time.Second

func newCaching(s settings.Authorizer) caching {
	c := caching{dialect: s.AuthorizerCaching.Dialect, csrf: s.CSRFHeaderName()}
	if ttl := s.AuthorizerCaching.TTL; ttl > 0 {
		c.life = ttl + undecided
	}
	return c
}

// Messages of refusals with a cache.
const (
	messageKey     = "The request has not exactly one Cookie, Origin, Sec-Fetch-Site and CSRF header"
	messageDialect = "The request is not of the dialect that this API is set up for"
)

// refuses returns why the key does not identify a request well enough, or "".
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

// outlives reports whether the gateway could use a result after the token has
// expired: it keeps all results equally long. If the expiry is unknown (the zero
// time), only the upstream API can check it.
func (c caching) outlives(expires, now time.Time) bool {
	return c.life > 0 && !expires.IsZero() && now.Add(c.life).After(expires)
}

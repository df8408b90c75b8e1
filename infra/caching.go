package main

import (
	"time"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

// caching reads the stage's fields about results that API Gateway keeps.
func (s stage) caching() tokenhandler.AuthorizerCaching {
	ttl, _ := time.ParseDuration(s.AuthorizerCacheTTL)
	return tokenhandler.AuthorizerCaching{TTL: ttl, Dialect: tokenhandler.Dialect(s.AuthorizerCacheDialect)}
}

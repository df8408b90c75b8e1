package main

import (
	"fmt"
	"time"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

// caching reads the stage's fields about results that API Gateway keeps; nil
// if it keeps none.
func (s stage) caching() (*tokenhandler.AuthorizerCaching, error) {
	if s.AuthorizerCacheTTL == "" {
		if s.AuthorizerCacheDialect != "" {
			return nil, fmt.Errorf("authorizerCacheDialect is %q: expected none without authorizerCacheTtl", s.AuthorizerCacheDialect)
		}
		return nil, nil
	}
	ttl, err := time.ParseDuration(s.AuthorizerCacheTTL)
	if err != nil {
		return nil, fmt.Errorf("authorizerCacheTtl is %q: expected a duration such as 30s, at most 60s", s.AuthorizerCacheTTL)
	}
	return &tokenhandler.AuthorizerCaching{TTL: ttl, Dialect: tokenhandler.Dialect(s.AuthorizerCacheDialect)}, nil
}

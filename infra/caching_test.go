package main

import (
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

func TestStageCaching(t *testing.T) {
	for _, tt := range []struct {
		ttl, dialect string
		want         *tokenhandler.AuthorizerCaching
		err          string
	}{
		{"", "", nil, ""},
		{"30s", "", &tokenhandler.AuthorizerCaching{TTL: 30 * time.Second}, ""},
		{"1m", "classic", &tokenhandler.AuthorizerCaching{TTL: time.Minute, Dialect: tokenhandler.ClassicDialect}, ""},
		{"60", "", nil, `authorizerCacheTtl is "60": expected a duration such as 30s`},
		{"", "classic", nil, `authorizerCacheDialect is "classic": expected none without authorizerCacheTtl`},
	} {
		got, err := stage{AuthorizerCacheTTL: tt.ttl, AuthorizerCacheDialect: tt.dialect}.caching()
		if tt.err != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.err)) || tt.err == "" && err != nil {
			t.Errorf("%q, %q: got error %v, want %q", tt.ttl, tt.dialect, err, tt.err)
		}
		if (got == nil) != (tt.want == nil) || got != nil && *got != *tt.want {
			t.Errorf("%q, %q: got %v, want %v", tt.ttl, tt.dialect, got, tt.want)
		}
	}
}

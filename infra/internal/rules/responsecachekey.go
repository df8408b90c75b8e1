package rules

import (
	"fmt"
	"slices"
	"strings"
)

// "When a cached method or integration has parameters, which can take the form
// of custom headers, URL paths, or query strings, you can use some or all of the
// parameters to form cache keys" (Amazon API Gateway Developer Guide, "Cache
// settings for REST APIs"). The authorizer still decides about each request, but
// the response is that of whoever asked first.
var responseCacheKey = Rule{
	Name:     "TH-ResponseCacheKey",
	Sentence: "A stage caches responses of a protected method only with the Cookie header in the cache key, and never those of the OAuth agent.",
	api: func(a *API, found found) {
		for _, stage := range a.Stages {
			for _, m := range a.Methods {
				if !stage.caches(m) {
					continue
				}
				switch kind := m.Kind(); {
				case kind == Agent:
					found(stage.Place, nil, fmt.Sprintf("caches responses of %s %s, an endpoint of the OAuth agent: set CachingEnabled to false for it", m.HTTPMethod, m.Path))
				case kind == Protected && !slices.ContainsFunc(m.CacheKey, isCookie):
					found(stage.Place, nil, fmt.Sprintf("caches responses of %s %s, and one user's response would reach another: "+
						"add method.request.header.Cookie to the CacheKeyParameters of its integration, or set CachingEnabled to false for it", m.HTTPMethod, m.Path))
				}
			}
		}
	},
}

func isCookie(parameter string) bool {
	return strings.EqualFold(parameter, "method.request.header.Cookie")
}

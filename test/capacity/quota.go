package main

import (
	"cmp"
	"slices"
)

// quota is a limit of AWS, of the construct or of the provider, and its use in
// the busiest hour, in one region.
type quota struct {
	name   string
	limit  float64
	use    float64
	way    string // how to raise it
	source string
}

// breaksAt is the number of daily users at which the use reaches the limit.
// Use grows in proportion to the users.
func (q quota) breaksAt(users float64) float64 { return users * q.limit / q.use }

const (
	gatewayRate  = 10_000 // requests a second, and a burst of 5,000
	gatewayBurst = 5_000
	// Lambda serves ten requests a second for each unit of the concurrency quota.
	requestsPerConcurrency = 10
	// New environments of a function: 1,000 every 10 seconds.
	scalingPerSecond = 100
	scalingBurst     = 1000
	tableUnits       = 40_000 // read or write units a second, on demand
	headerLimit      = 10_240 // bytes of all request headers
	// Bytes of headers other than cookies that browsers send.
	otherHeaders = 1_500
)

// quotas returns the limits with the one that breaks first in front. busy is
// the mean concurrency.
func (s scenario) quotas(l load, busy float64) []quota {
	rate := l.perSecond
	all := []quota{
		{"throttle of the API stage, requests/s", s.stageRate, rate * l.gateway, "operation.rateLimit, up to 10,000", "internal: the construct's default is 1,000"},
		{"API Gateway in the account, requests/s", gatewayRate, rate * l.gateway, "Service Quotas L-8A5B8E43", "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"},
		{"Lambda concurrency in the account", s.concurrency, busy, "Service Quotas L-B99A9384", "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"},
		{"Lambda requests/s in the account", s.concurrency * requestsPerConcurrency, rate * (l.authorizer + l.agent), "with the concurrency, ten for each", "https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html"},
		{"table reads/s", tableUnits, rate * l.reads, "Service Quotas", "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"},
		{"table writes/s", tableUnits, rate * l.writes * float64(s.regions), "Service Quotas", "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"},
		// The provider is one for all regions.
		{"provider, calls/s", s.providerRate, rate * (l.provider + l.introspects) * float64(s.regions), "the provider; a longer -refresh", "https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html"},
	}
	all = slices.DeleteFunc(all, func(q quota) bool { return q.use == 0 || q.limit == 0 })
	slices.SortStableFunc(all, func(a, b quota) int { return cmp.Compare(b.use/b.limit, a.use/a.limit) })
	return all
}

// headers returns the bytes of request headers with the sealed cookies of a
// session: access token, refresh token, ID token and CSRF value. A sealed
// opaque value grows by four thirds and some 100 bytes; a JWT by 80 bytes
// (docs/cookies.md, "Size").
func (s scenario) headers() float64 {
	jwt := func(n float64) float64 { return n + 80 + 25 }
	opaque := func(n float64) float64 { return n*4/3 + 80 + 25 }
	return otherHeaders + 2*jwt(s.tokenBytes) + opaque(128) + opaque(32)
}

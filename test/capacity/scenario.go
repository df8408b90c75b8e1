package main

import (
	"flag"
	"fmt"
	"time"
)

// scenario describes the users and the deployment. Rates follow from it in
// load.go.
type scenario struct {
	users           float64       // signed-in users a day
	sessions        float64       // sessions of a user a day
	length          time.Duration // of a session
	requests        float64       // API requests in a session
	pages           float64       // page loads in a session; each asks the agent for the session
	preflights      float64       // preflights in a session that the browser's cache does not save
	refresh         time.Duration // interval of refreshes: the lifetime of an access token
	signOut         float64       // share of sessions that end with a sign-out
	busiest         float64       // share of a day's requests in its busiest hour
	tokenBytes      float64       // size of an access token
	responseBytes   float64       // size of a response of the upstream API
	providerLatency time.Duration // median time the provider takes for one call
	cacheTTL        time.Duration // of authorizer results; 0 is off
	phantom         bool          // the authorizer exchanges phantom tokens by introspection
	phantomTTL      time.Duration // time for which an environment remembers an active token
	table           bool          // the sessions table is on
	tableLatency    time.Duration // median time of one call of the table
	regions         int           // that share the load evenly
	memory          int           // of each Lambda, in MB
	stageRate       float64       // throttle of the API stage, requests a second in each region
	stageBurst      float64
	concurrency     float64 // Lambda quota of the account in each region
	providerRate    float64 // token and revocation calls a second that the provider accepts; 0 is no limit
}

// flags registers a flag for each field.
func (s *scenario) flags(f *flag.FlagSet) {
	number := func(v *float64, name string, value float64, usage string) { f.Float64Var(v, name, value, usage) }
	number(&s.sessions, "sessions", 1.5, "sessions of a user a day")
	f.DurationVar(&s.length, "length", 20*time.Minute, "length of a session")
	number(&s.requests, "requests", 60, "API requests in a session")
	number(&s.pages, "pages", 3, "page loads in a session")
	number(&s.preflights, "preflights", 8, "preflights in a session; 0 where page and API share an origin")
	f.DurationVar(&s.refresh, "refresh", 5*time.Minute, "interval of refreshes")
	number(&s.signOut, "sign-out", 0.3, "share of sessions that end with a sign-out")
	number(&s.busiest, "busiest", 0.12, "share of a day's requests in its busiest hour")
	number(&s.tokenBytes, "token", 900, "size of an access token in bytes")
	number(&s.responseBytes, "response", 3000, "size of a response of the upstream API in bytes")
	f.DurationVar(&s.providerLatency, "provider", 150*time.Millisecond, "median latency of the provider")
	f.DurationVar(&s.cacheTTL, "cache", 0, "TTL of the authorizer cache; 0 is off")
	f.BoolVar(&s.phantom, "phantom", false, "exchange phantom tokens")
	f.DurationVar(&s.phantomTTL, "phantom-ttl", 15*time.Second, "time for which an environment remembers an active token")
	f.BoolVar(&s.table, "table", false, "use the sessions table")
	f.DurationVar(&s.tableLatency, "table-latency", 6*time.Millisecond, "median latency of the table")
	f.IntVar(&s.regions, "regions", 1, "regions that share the load")
	f.IntVar(&s.memory, "memory", 256, "memory of each Lambda in MB")
	number(&s.stageRate, "stage-rate", 1000, "throttle of the API stage in requests a second: operation.rateLimit")
	number(&s.stageBurst, "stage-burst", 500, "burst of the API stage: operation.burstLimit")
	number(&s.concurrency, "concurrency", 1000, "Lambda concurrency quota in each region")
	number(&s.providerRate, "provider-rate", 120, "calls a second that the provider accepts; the default is that of Amazon Cognito; 0 is no limit")
}

// check refuses values that are out of range.
func (s scenario) check() error {
	for _, c := range []struct {
		name              string
		value, from, upTo float64
	}{
		{"-users", s.users, 1, 1e9},
		{"-sessions", s.sessions, 0.001, 100},
		{"-length", s.length.Seconds(), 1, 7 * 86400},
		{"-requests", s.requests, 1, 1e5},
		{"-pages", s.pages, 0, 1e4},
		{"-preflights", s.preflights, 0, 1e5},
		{"-refresh", s.refresh.Seconds(), 10, 7 * 86400},
		{"-sign-out", s.signOut, 0, 1},
		{"-busiest", s.busiest, 1.0 / 24, 1},
		{"-token", s.tokenBytes, 1, 7000},
		{"-response", s.responseBytes, 0, 10 << 20},
		{"-provider", s.providerLatency.Seconds(), 0.0001, 15},
		{"-cache", s.cacheTTL.Seconds(), 0, 60},
		{"-phantom-ttl", s.phantomTTL.Seconds(), 0, 3600},
		{"-table-latency", s.tableLatency.Seconds(), 0.0001, 5},
		{"-regions", float64(s.regions), 1, 40},
		{"-memory", float64(s.memory), 128, 10240},
		{"-stage-rate", s.stageRate, 1, 10_000},
		{"-stage-burst", s.stageBurst, 1, 5_000},
		{"-concurrency", s.concurrency, 1, 1e6},
		{"-provider-rate", s.providerRate, 0, 1e6},
	} {
		if !(c.value >= c.from && c.value <= c.upTo) {
			return fmt.Errorf("%s must be %g to %g, got %g", c.name, c.from, c.upTo, c.value)
		}
	}
	return nil
}

// newFlags returns the flags of a scenario.
func newFlags(s *scenario) *flag.FlagSet {
	f := flag.NewFlagSet("capacity", flag.ContinueOnError)
	s.flags(f)
	return f
}

package main

import (
	"math/rand/v2"
	"time"
)

const (
	// A function of 1,769 MB has one vCPU; less memory has a share of it
	// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
	// To stretch every measured time by it is pessimistic: much of it is waiting.
	fullCPU = 1769
	// Assumption: the time Lambda takes to make an environment before it starts
	// the process. AWS publishes no figure.
	platformStart = 150 * time.Millisecond
	// Assumption: Lambda ends an environment that is idle for this long. AWS
	// publishes no figure.
	idleTime = 5 * time.Minute
	// Sigma of the latencies of provider and table: p99 is four times the median.
	spread = 0.6

	authorizerFunction, agentFunction = 0, 1
)

// result of one scenario.
type result struct {
	s      scenario
	l      load
	out    outcome
	quotas []quota
	items  []item
}

func (r result) total() (usd float64) {
	for _, i := range r.items {
		usd += i.usd
	}
	return usd
}

// run simulates the busiest hour of one region and prices a month of all.
func (s scenario) run(times map[string]measured, list priceList, arrivals int, seed uint64) result {
	l := s.load()
	stretch := max(1, fullCPU/float64(s.memory))
	provider, table := lognormal(s.providerLatency, spread), lognormal(s.tableLatency, spread)
	authorizer, agent := empirical(seconds(times["authorizer"].warm), stretch), empirical(seconds(times["agent"].warm), stretch)
	decide, session := authorizer, agent
	call := sum(agent, provider)
	if s.table {
		decide = sum(authorizer, table)
		call = sum(agent, provider, table, table)
	}
	if s.phantom {
		introspected := l.introspects / l.authorizer
		without := decide
		decide = func(r *rand.Rand) float64 {
			seconds := without(r)
			if r.Float64() < introspected {
				seconds += provider(r)
			}
			return seconds
		}
	}
	calls := l.logins + l.refreshes + s.signOut // of the agent that call the provider
	classes := []class{
		{"decision", l.perSecond * l.authorizer, authorizerFunction, decide},
		{"agent without provider", l.perSecond * (l.agent - calls), agentFunction, session},
		{"agent with provider", l.perSecond * calls, agentFunction, call},
		// Preflights, and requests whose decision is in the cache.
		{"gateway only", l.perSecond * (l.gateway - l.agent - l.authorizer), -1, nil},
	}
	out := simulate(classes, limits{
		concurrency: s.concurrency, invocations: s.concurrency * requestsPerConcurrency,
		scaling: scalingPerSecond, scalingBurst: scalingBurst,
		stageRate: s.stageRate, stageBurst: s.stageBurst, accountRate: gatewayRate, accountBurst: gatewayBurst,
		idle: idleTime.Seconds(),
		// An environment starts with the CPU of a full one, so the measured
		// start is not stretched.
		cold: []float64{(times["authorizer"].cold + platformStart).Seconds(), (times["agent"].cold + platformStart).Seconds()},
	}, arrivals, seed)
	d := durations{mean(out.latency[authorizerFunction]), mean(out.latency[agentFunction])}
	// Little's law, for the whole demand: the simulation's own figure leaves
	// out requests that were refused.
	busy := l.perSecond * (l.authorizer*d.authorizer + l.agent*d.agent)
	return result{s, l, out, s.quotas(l, busy), s.bill(l, d, list)}
}

func mean(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	total := 0.0
	for _, v := range values {
		total += v
	}
	return total / float64(len(values))
}

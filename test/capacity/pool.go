package main

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// The model of one region: requests arrive at random (a Poisson process), pass
// two token buckets of API Gateway, and take an execution environment of their
// function. An environment serves one request at a time. The one used last is
// used first. A request that finds no idle environment starts a new one, within
// the account's concurrency and the function's scaling rate, and is throttled
// otherwise. That is a loss system: without cold starts its throttled share is
// Erlang's B formula, which the tests compare.

// class is one kind of request.
type class struct {
	name     string
	rate     float64 // a second
	function int     // index of its function; -1 for requests without one
	service  func(*rand.Rand) float64
}

// limits of one region.
type limits struct {
	concurrency  float64 // environments of all functions
	invocations  float64 // a second, of all functions
	scaling      float64 // new environments a second, of one function
	scalingBurst float64
	stageRate    float64
	stageBurst   float64
	accountRate  float64
	accountBurst float64
	idle         float64   // seconds after which an idle environment ends
	cold         []float64 // seconds that the first request of an environment takes longer, by function
}

// outcome of a simulation.
type outcome struct {
	seconds   float64 // that were counted
	requests  float64
	gateway   float64 // refused by API Gateway's throttles
	throttled float64 // refused by Lambda
	cold      float64
	busy      float64     // mean concurrency
	peakBusy  float64     // highest concurrency
	latency   [][]float64 // by function, sorted, in seconds
}

// environment is an execution environment of a function.
type environment struct {
	function int
	free     float64 // when it ends its request
}

type busyHeap []environment

func (h busyHeap) Len() int           { return len(h) }
func (h busyHeap) Less(i, j int) bool { return h[i].free < h[j].free }
func (h busyHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *busyHeap) Push(x any)        { *h = append(*h, x.(environment)) }
func (h *busyHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

// bucket is a token bucket.
type bucket struct{ rate, burst, tokens, at float64 }

func newBucket(rate, burst float64) *bucket { return &bucket{rate: rate, burst: burst, tokens: burst} }

func (b *bucket) take(now float64) bool {
	b.tokens = math.Min(b.burst, b.tokens+(now-b.at)*b.rate)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// simulate runs arrivals of all classes and counts those after the first third,
// when the environments are there.
func simulate(classes []class, l limits, arrivals int, seed uint64) outcome {
	random := rand.New(rand.NewPCG(seed, 1))
	total, functions := 0.0, len(l.cold)
	for _, c := range classes {
		total += c.rate
	}
	stage, account := newBucket(l.stageRate, l.stageBurst), newBucket(l.accountRate, l.accountBurst)
	invocations := newBucket(l.invocations, l.invocations)
	scaling := make([]*bucket, functions)
	for i := range scaling {
		scaling[i] = newBucket(l.scaling, l.scalingBurst)
	}
	idle := make([][]float64, functions) // since when, oldest first
	var busy busyHeap
	out := outcome{latency: make([][]float64, functions)}
	now, area, from := 0.0, 0.0, 0.0
	for i := range arrivals {
		next := now + random.ExpFloat64()/total
		counting := i >= arrivals/3
		if counting && from == 0 {
			from = next
			now = next
		}
		// Environments that end their request before the next arrival.
		for len(busy) > 0 && busy[0].free <= next {
			e := heap.Pop(&busy).(environment)
			if counting {
				area += math.Max(0, e.free-now) * float64(len(busy)+1)
				now = math.Max(now, e.free)
			}
			idle[e.function] = append(idle[e.function], e.free)
		}
		if counting {
			area += (next - now) * float64(len(busy))
		}
		now = next

		c := classes[len(classes)-1]
		for pick, j := random.Float64()*total, 0; j < len(classes)-1; j++ {
			if pick < classes[j].rate {
				c = classes[j]
				break
			}
			pick -= classes[j].rate
		}
		if counting {
			out.requests++
		}
		if !stage.take(now) || !account.take(now) {
			if counting {
				out.gateway++
			}
			continue
		}
		if c.function < 0 {
			continue
		}
		mine := idle[c.function]
		// Idle environments that ended meanwhile are the oldest ones.
		expired := 0
		for expired < len(mine) && mine[expired] < now-l.idle {
			expired++
		}
		mine = mine[expired:]
		seconds, cold := c.service(random), false
		switch {
		case !invocations.take(now):
			idle[c.function] = mine
			if counting {
				out.throttled++
			}
			continue
		case len(mine) > 0:
			mine = mine[:len(mine)-1]
		case float64(len(busy)) >= l.concurrency || !scaling[c.function].take(now):
			idle[c.function] = mine
			if counting {
				out.throttled++
			}
			continue
		default:
			cold = true
			seconds += l.cold[c.function]
		}
		idle[c.function] = mine
		heap.Push(&busy, environment{c.function, now + seconds})
		if counting {
			if cold {
				out.cold++
			}
			out.peakBusy = math.Max(out.peakBusy, float64(len(busy)))
			out.latency[c.function] = append(out.latency[c.function], seconds)
		}
	}
	out.seconds = now - from
	out.busy = area / out.seconds
	for i := range out.latency {
		slices.Sort(out.latency[i])
	}
	return out
}

// quantile of sorted values; 0 for an empty list.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// erlangB is the share of requests that a loss system with n servers refuses
// at an offered load of a (A. K. Erlang, 1917), by the usual recursion.
func erlangB(n int, a float64) float64 {
	b := 1.0
	for k := 1; k <= n; k++ {
		b = a * b / (float64(k) + a*b)
	}
	return b
}

// empirical draws from measured values, stretched by factor.
func empirical(values []float64, factor float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 { return values[r.IntN(len(values))] * factor }
}

// lognormal has the median and the sigma of the logarithm; 0.6 puts p99 at four
// times the median.
func lognormal(median time.Duration, sigma float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 { return median.Seconds() * math.Exp(sigma*r.NormFloat64()) }
}

// sum adds the durations of the parts.
func sum(parts ...func(*rand.Rand) float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) (total float64) {
		for _, part := range parts {
			total += part(r)
		}
		return total
	}
}

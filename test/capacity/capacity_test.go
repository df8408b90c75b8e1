package main

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func defaults(t *testing.T) scenario {
	t.Helper()
	return with(t, nil)
}

func near(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance*want }

var noLimits = limits{concurrency: 1e9, invocations: 1e9, scaling: 1e9, scalingBurst: 1e9, stageRate: 1e9, stageBurst: 1e9, accountRate: 1e9, accountBurst: 1e9, idle: math.Inf(1), cold: []float64{0}}

// With a full pool and no starts, the simulation is Erlang's loss system, for
// any distribution of service times.
func TestSimulationThrottlesAsErlangB(t *testing.T) {
	exponential := func(r *rand.Rand) float64 { return r.ExpFloat64() * 0.1 }
	constant := func(*rand.Rand) float64 { return 0.1 }
	for name, service := range map[string]func(*rand.Rand) float64{"exponential": exponential, "constant": constant} {
		for _, rate := range []float64{20, 50, 120} {
			l := noLimits
			l.concurrency = 6
			out := simulate([]class{{"x", rate, 0, service}}, l, 600_000, 7)
			blocked := erlangB(6, rate*0.1)
			if got := out.throttled / out.requests; math.Abs(got-blocked) > 0.006 {
				t.Errorf("%s, %g/s: throttled %.4f, want %.4f", name, rate, got, blocked)
			}
			// Little's law for those that are served.
			if want := rate * 0.1 * (1 - blocked); !near(out.busy, want, 0.02) {
				t.Errorf("%s, %g/s: concurrency %.3f, want %.3f", name, rate, out.busy, want)
			}
		}
	}
	if got := erlangB(5, 3); !near(got, 0.1101, 0.001) { // published tables
		t.Errorf("erlangB(5, 3) = %.4f, want 0.1101", got)
	}
}

func TestSimulationLimits(t *testing.T) {
	quick := func(*rand.Rand) float64 { return 0.001 }
	slow := func(*rand.Rand) float64 { return 1 }
	for _, tt := range []struct {
		name    string
		change  func(*limits)
		rate    float64
		service func(*rand.Rand) float64
		gateway float64
		lambda  float64
	}{
		{"no limit", func(*limits) {}, 1000, quick, 0, 0},
		{"stage", func(l *limits) { l.stageRate, l.stageBurst = 250, 10 }, 1000, quick, 0.75, 0},
		{"account of the gateway", func(l *limits) { l.accountRate, l.accountBurst = 500, 10 }, 1000, quick, 0.5, 0},
		{"Lambda invocations", func(l *limits) { l.invocations = 400 }, 1000, quick, 0, 0.6},
		{"environments that may start", func(l *limits) { l.scaling, l.scalingBurst, l.idle = 0, 20, 3600 }, 200, slow, 0, 0.9},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := noLimits
			tt.change(&l)
			out := simulate([]class{{"x", tt.rate, 0, tt.service}}, l, 100_000, 3)
			if got := out.gateway / out.requests; math.Abs(got-tt.gateway) > 0.02 {
				t.Errorf("throttled by the gateway: got %.3f, want %.3f", got, tt.gateway)
			}
			if got := out.throttled / out.requests; math.Abs(got-tt.lambda) > 0.02 {
				t.Errorf("throttled by Lambda: got %.3f, want %.3f", got, tt.lambda)
			}
		})
	}
}

// Rare requests each find that their environment is gone.
func TestSimulationStartsEnvironments(t *testing.T) {
	l := noLimits
	l.idle, l.cold = 1, []float64{5}
	out := simulate([]class{{"x", 0.01, 0, func(*rand.Rand) float64 { return 0.001 }}}, l, 3000, 1)
	if share := out.cold / out.requests; share < 0.97 {
		t.Errorf("cold share %.3f, want nearly 1", share)
	}
	if got := quantile(out.latency[0], 0.5); !near(got, 5.001, 0.001) {
		t.Errorf("median %.3f s, want the start and the request", got)
	}
	l.idle = 3600
	if out := simulate([]class{{"x", 10, 0, func(*rand.Rand) float64 { return 0.001 }}}, l, 3000, 1); out.cold != 0 {
		t.Errorf("%g cold after the warm-up, want 0", out.cold)
	}
}

func TestPrices(t *testing.T) {
	list, err := readPrices(pricesJSON)
	if err != nil {
		t.Fatal(err)
	}
	gateway := list.Prices["gateway request"]
	for amount, want := range map[float64]float64{0: 0, 1e6: 3.50, 333e6: 1165.5, 1000e6: 1165.5 + 667*2.80, 2000e6: 1165.5 + 667*2.80 + 1000*2.38} {
		if got := gateway.of(amount); math.Abs(got-want) > 0.001 {
			t.Errorf("%g requests: got %.2f USD, want %.2f", amount, got, want)
		}
	}
	for name, raw := range map[string]string{
		"no date":         `{"prices":{}}`,
		"unknown field":   `{"date":"2026-01-01","price":{}}`,
		"free":            `{"date":"2026-01-01","prices":{"a":{"source":"s","tiers":[{"usd":0}]}}}`,
		"tiers backwards": `{"date":"2026-01-01","prices":{"a":{"source":"s","tiers":[{"upTo":5,"usd":1},{"upTo":4,"usd":1},{"usd":1}]}}}`,
		"no last tier":    `{"date":"2026-01-01","prices":{"a":{"source":"s","tiers":[{"upTo":5,"usd":1}]}}}`,
		"no source":       `{"date":"2026-01-01","prices":{"a":{"tiers":[{"usd":1}]}}}`,
	} {
		if _, err := readPrices([]byte(raw)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// Every line of the bill has a price, and every price is used.
func TestBillUsesEveryPrice(t *testing.T) {
	list, err := readPrices(pricesJSON)
	if err != nil {
		t.Fatal(err)
	}
	s := defaults(t)
	s.users, s.table = 1e6, true
	full := s.bill(s.load(), durations{0.002, 0.1}, list)
	for _, i := range full {
		if !(i.usd > 0) {
			t.Errorf("%s costs %g USD", i.name, i.usd)
		}
	}
	for name := range list.Prices {
		without := priceList{Prices: map[string]price{}}
		for other, p := range list.Prices {
			if other != name {
				without.Prices[other] = p
			}
		}
		total := func(items []item) (usd float64) {
			for _, i := range items {
				usd += i.usd
			}
			return usd
		}
		if total(s.bill(s.load(), durations{0.002, 0.1}, without)) >= total(full) {
			t.Errorf("no line uses the price %q", name)
		}
	}
}

func TestLoad(t *testing.T) {
	s := defaults(t)
	s.users = 1e6
	base := s.load()
	if base.refreshes != 4 || base.authorizer != s.requests || base.reads != 0 || base.introspects != 0 {
		t.Errorf("got %+v", base)
	}
	if want := 1e6 * 1.5 * 0.12 / 3600; !near(base.perSecond, want, 1e-9) {
		t.Errorf("%g sessions/s, want %g", base.perSecond, want)
	}
	cached := s
	cached.cacheTTL = time.Minute
	// 3 requests a minute in two entries: a miss every 1 + 1.5 requests.
	if got := cached.load().authorizer; !near(got, 60/2.5, 1e-9) {
		t.Errorf("with the cache: %g invocations, want 24", got)
	}
	split := s
	split.regions = 4
	if got := split.load().perSecond; !near(got, base.perSecond/4, 1e-9) {
		t.Errorf("in one of four regions: %g, want a quarter of %g", got, base.perSecond)
	}
}

func TestQuotasExtrapolate(t *testing.T) {
	s := defaults(t)
	s.users = 1e6
	first := s.quotas(s.load(), 5)[0]
	if !strings.HasPrefix(first.name, "throttle of the API stage") {
		t.Fatalf("breaks first: %s", first.name)
	}
	// At that number of users the use is the limit.
	s.users = first.breaksAt(1e6)
	again := s.quotas(s.load(), 5*s.users/1e6)[0]
	if !near(again.use, again.limit, 1e-9) {
		t.Errorf("use %g of %g at %g users", again.use, again.limit, s.users)
	}
}

func TestRefusesArguments(t *testing.T) {
	for _, args := range [][]string{
		{"-users", "many"}, {"-users", "0"}, {"-users", "1e6,NaN"}, {"-users", "Inf"}, {"-cache", "2m"}, {"-memory", "64"}, {"-regions", "0"},
		{"-busiest", "1.5"}, {"-stage-rate", "20000"}, {"-arrivals", "1"}, {"surplus"}, {"-users", "1,2,3,4,5,6,7,8,9,10,11"},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), &out, args); err == nil || out.Len() > 0 {
			t.Errorf("%q: got error %v and output %q", args, err, out.String())
		}
	}
}

// with returns the default scenario with flags set.
func with(t *testing.T, args []string) scenario {
	t.Helper()
	var s scenario
	f := newFlags(&s)
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	return s
}

package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// count prints an amount in a reader's size: 12.3 k, 4.5 M.
func count(v float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, " G"}, {1e6, " M"}, {1e3, " k"}} {
		if v >= unit.size {
			return fmt.Sprintf("%.3g%s", v/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%.3g", v)
}

func milliseconds(seconds float64) string { return fmt.Sprintf("%.1f ms", seconds*1000) }

func percent(part, whole float64) string {
	if whole == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.2g %%", 100*part/whole)
}

// table prints the scenarios side by side.
func table(w io.Writer, results []result) {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	row := func(name string, value func(result) string) {
		fmt.Fprint(t, name+"\t")
		for _, r := range results {
			fmt.Fprint(t, value(r)+"\t")
		}
		fmt.Fprintln(t)
	}
	row("daily users", func(r result) string { return count(r.s.users) })
	row("API Gateway requests/s, busiest hour", func(r result) string { return count(r.l.perSecond * r.l.gateway) })
	row("Lambda requests/s, each region", func(r result) string { return count(r.l.perSecond * (r.l.authorizer + r.l.agent)) })
	row("concurrency of served requests, mean", func(r result) string { return count(r.out.busy) })
	row("concurrency, highest", func(r result) string { return count(r.out.peakBusy) })
	row("new environments, share of requests", func(r result) string { return percent(r.out.cold, r.out.requests) })
	row("throttled by API Gateway", func(r result) string { return percent(r.out.gateway, r.out.requests) })
	row("throttled by Lambda", func(r result) string { return percent(r.out.throttled, r.out.requests) })
	row("latency added by the authorizer, p50", func(r result) string { return milliseconds(quantile(r.out.latency[authorizerFunction], 0.5)) })
	row("p99", func(r result) string { return milliseconds(quantile(r.out.latency[authorizerFunction], 0.99)) })
	row("latency of the agent, p50", func(r result) string { return milliseconds(quantile(r.out.latency[agentFunction], 0.5)) })
	row("p99", func(r result) string { return milliseconds(quantile(r.out.latency[agentFunction], 0.99)) })
	row("provider calls/s, all regions", func(r result) string {
		return count(r.l.perSecond * (r.l.provider + r.l.introspects) * float64(r.s.regions))
	})
	row("table units/s, each region", func(r result) string { return count(r.l.perSecond * (r.l.reads + r.l.writes)) })
	fmt.Fprintln(t, strings.Repeat("\t", len(results)+1))
	for _, i := range results[0].items {
		row(i.name+", USD a month", func(r result) string {
			for _, j := range r.items {
				if j.name == i.name {
					return fmt.Sprintf("%.2f", j.usd)
				}
			}
			return "0.00"
		})
	}
	row("total, USD a month", func(r result) string { return fmt.Sprintf("%.2f", r.total()) })
	row("USD for a thousand daily users", func(r result) string { return fmt.Sprintf("%.2f", r.total()/r.s.users*1000) })
	t.Flush()
}

// breaks prints the quotas of each scenario, the tightest first, with a bar.
func breaks(w io.Writer, results []result) {
	const width = 40
	for _, r := range results {
		fmt.Fprintf(w, "\n%s daily users: use of each limit in the busiest hour\n", count(r.s.users))
		for _, q := range r.quotas {
			share := q.use / q.limit
			mark := " "
			if share > 1 {
				mark = "!"
			}
			fmt.Fprintf(w, "  %-40s %s%-*s %7.1f %%  %s of %s, breaks at %s users\n", q.name, mark, width,
				strings.Repeat("█", int(math.Ceil(min(1, share)*width))), 100*share, count(q.use), count(q.limit), count(q.breaksAt(r.s.users)))
		}
		first := r.quotas[0]
		fmt.Fprintf(w, "  Breaks first: %s, at %s daily users. Way out: %s. (%s)\n", first.name, count(first.breaksAt(r.s.users)), first.way, first.source)
		if h := r.s.headers(); h > headerLimit {
			fmt.Fprintf(w, "  The headers of a request are about %.0f bytes, over API Gateway's %d: sign-in answers session_too_large.\n", h, headerLimit)
		}
	}
}

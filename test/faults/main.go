// Command faults signs in through a real OpenID Provider with rotating refresh
// tokens, breaks something during refreshes and sign-outs, and counts the
// sessions that were lost and those that outlived a sign-out.
//
// It runs the agent and the authorizer as Lambda does, as processes behind the
// Runtime API: five agents, which serve one request each at a time. The provider
// is the certified oidc-provider package. It ends a session whose refresh token
// is used twice, and has no grace period; the last columns are with one that is
// added in front of it. The table is dynalite, an
// implementation of the DynamoDB API. Faults are made by proxies in front of
// both.
//
//	go run ./test/faults             all cases, about seven minutes
//	go run ./test/faults -short      fewer requests and shorter faults
//	go run ./test/faults -case down  the cases whose name contains the text
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
)

func main() {
	short := flag.Bool("short", false, "fewer requests, and faults of a second")
	only := flag.String("case", "", "run the cases whose name contains this `text`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	results, err := run(ctx, *short, *only, func(name string) { fmt.Fprintln(os.Stderr, "running:", name) })
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
	fmt.Print(table(results))
	for _, r := range results {
		if r.recorded && (r.lost > r.expected || r.outlived > 0) {
			os.Exit(1)
		}
	}
}

// result holds the counts of one case.
type result struct {
	name string
	deployment
	requests int // to the agent
	calls    int // of the provider's token endpoint
	sessions int
	lost     int
	outlived int
	expected int // lost with a table
}

var deployments = []deployment{{}, {recorded: true}, {recorded: true, grace: true}}

// run runs the cases in every deployment. In the short form only those of lost
// sessions have a grace period.
func run(ctx context.Context, short bool, only string, began func(name string)) ([]result, error) {
	var results []result
	for _, d := range deployments {
		w, err := newWorld(ctx, d, short)
		if err != nil {
			return nil, err
		}
		for _, c := range cases {
			if !strings.Contains(c.name, only) || c.tableOnly && !d.recorded || c.long && short || d.grace && short && !c.expected {
				continue
			}
			began(c.name)
			r, err := w.run(c)
			if err != nil {
				w.close()
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			results = append(results, r)
		}
		w.close()
	}
	return results, nil
}

// table prints the results as a table in Markdown.
func table(results []result) string {
	var b strings.Builder
	b.WriteString("| Case |" + strings.Repeat(" Requests | Token calls | Lost | Outlived |", len(deployments)) + "\n")
	b.WriteString("| --- |" + strings.Repeat(" --- | --- | --- | --- |", len(deployments)) + "\n")
	for _, c := range cases {
		row := ""
		for _, d := range deployments {
			i := slices.IndexFunc(results, func(r result) bool { return r.name == c.name && r.deployment == d })
			if i < 0 {
				row += "| – | – | – | – "
			} else {
				row += results[i].cells()
			}
		}
		fmt.Fprintf(&b, "| %s %s|\n", c.name, row)
	}
	return b.String()
}

func (r result) cells() string {
	return fmt.Sprintf("| %d | %d | %d of %d | %d ", r.requests, r.calls, r.lost, r.sessions, r.outlived)
}

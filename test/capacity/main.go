// Command capacity simulates a deployment under load and prices it: concurrency,
// throttles, added latency, provider calls, table units, the monthly bill, and
// the limit that breaks first.
//
//	go run ./test/capacity                    10 thousand, 1 million and 10 million daily users
//	go run ./test/capacity -users 250e3 -cache 30s -regions 2
//	go run ./test/capacity -check             compares the model with load on the real Lambdas and the local run
//
// The service times are those of our Lambdas on this machine. The command
// measures them when it starts, and scales them to the share of a CPU that
// their memory has in Lambda. prices.json has the prices. API Gateway's own
// latency, the upstream API and the free tiers are not included. The figures
// were not compared with AWS.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "capacity:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, args []string) error {
	var s scenario
	f := newFlags(&s)
	users := f.String("users", "10e3,1e6,10e6", "daily users; several scenarios separated by commas")
	arrivals := f.Int("arrivals", 1_000_000, "requests to simulate for each scenario")
	seed := f.Uint64("seed", 1, "seed of the simulation")
	check := f.Bool("check", false, "compare the model with load on the real Lambdas and on the local run instead")
	if err := f.Parse(args); err != nil {
		return err
	}
	switch {
	case f.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", f.Arg(0))
	case *arrivals < 1000 || *arrivals > 20_000_000:
		return fmt.Errorf("-arrivals must be 1000 to 20000000, got %d", *arrivals)
	}
	var scenarios []scenario
	for text := range strings.SplitSeq(*users, ",") {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("-users must be numbers separated by commas, got %q", *users)
		}
		s.users = n
		if err := s.check(); err != nil {
			return err
		}
		scenarios = append(scenarios, s)
	}
	if len(scenarios) > 10 {
		return fmt.Errorf("-users must have at most 10 scenarios, got %d", len(scenarios))
	}
	list, err := readPrices(pricesJSON)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "capacity-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if *check {
		return checkModel(ctx, w, dir, *seed)
	}
	times, err := measure(ctx, dir, 5, 500)
	if err != nil {
		return err
	}
	for _, name := range []string{"authorizer", "agent"} {
		m := times[name]
		fmt.Fprintf(w, "%s on this machine: warm p50 %s, p99 %s, start %s\n", name, milliseconds(m.warm[len(m.warm)/2].Seconds()),
			milliseconds(m.warm[len(m.warm)*99/100].Seconds()), milliseconds(m.cold.Seconds()))
	}
	fmt.Fprintf(w, "Prices: %s, %s. %s\n\n", list.Region, list.Date, list.Note)
	var results []result
	for _, s := range scenarios {
		results = append(results, s.run(times, list, *arrivals, *seed))
	}
	table(w, results)
	breaks(w, results)
	fmt.Fprintf(w, "\n%d requests simulated for each scenario, as of %s.\n", *arrivals, time.Now().UTC().Format(time.DateOnly))
	return nil
}

// Command bench measures the Lambdas from the point of view of the Lambda
// service: the time from the start of the process to its first response, warm
// invocations, and peak memory. It serves the Lambda Runtime API and runs two
// bootstraps in turn, so that other load on the machine affects both.
//
//	go run ./test/bench                     the authorizer, then the agent, each against an empty handler
//	go run ./test/bench -pair authorizer -runs 41
//	go run ./test/bench -a old/bootstrap -b new/bootstrap -event event.json
//	go run ./test/bench -synth              cdk synth of the app against that of a bare one
//	go run ./test/bench -size               bytes and resources of templates with 10 to 1,000 mapped methods
//
// It prints figures and does not judge them: they differ between machines. It
// needs Linux, because it reads a process's memory from /proc.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/tokenhandler/aws/test/internal/lambdabench"
)

type options struct {
	pair, a, b, event string
	runs, warm        int
	synth, size       bool
}

func main() {
	var o options
	flag.StringVar(&o.pair, "pair", "authorizer,agent", "which of our Lambdas to measure against the empty handler")
	flag.StringVar(&o.a, "a", "", "`file` to measure instead: a bootstrap of any origin")
	flag.StringVar(&o.b, "b", "", "`file` to measure it against")
	flag.StringVar(&o.event, "event", "", "`file` with the event for -a and -b (default: that of the authorizer)")
	flag.IntVar(&o.runs, "runs", 0, "processes to start of each (default 21, or 5 with -synth)")
	flag.IntVar(&o.warm, "warm", 2000, "invocations of each process after the first")
	flag.BoolVar(&o.synth, "synth", false, "measure cdk synth instead")
	flag.BoolVar(&o.size, "size", false, "measure the templates of large APIs instead")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	switch {
	case runtime.GOOS != "linux":
		return fmt.Errorf("bench needs Linux, got %s: the bootstraps are Linux programs and their memory is read from /proc", runtime.GOOS)
	case flag.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	case o.runs < 0 || o.warm < 1:
		return errors.New("-runs and -warm must be at least 1")
	case (o.a == "") != (o.b == ""):
		return errors.New("-a and -b must be set together")
	}
	if o.runs == 0 {
		o.runs = 21
		if o.synth {
			o.runs = 5
		}
	}
	root, err := lambdabench.ModuleRoot()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	switch {
	case o.size:
		return benchSize(ctx, root, dir)
	case o.synth:
		return benchSynth(ctx, root, dir, o.runs)
	case o.a != "":
		return benchFiles(ctx, o)
	}
	empty, err := lambdabench.Build(ctx, root, dir, "./test/bench/empty")
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(o.pair, ",") {
		s, known := lambdabench.Subjects[name]
		if !known {
			return fmt.Errorf("-pair must be authorizer or agent, got %q", name)
		}
		ours, err := lambdabench.Build(ctx, root, dir, "./lambda/"+name)
		if err != nil {
			return err
		}
		subject, err := s()
		if err != nil {
			return err
		}
		subject.Name, subject.Path = name, ours
		pair := [2]lambdabench.Bootstrap{subject, {Name: "empty handler", Path: empty, Event: subject.Event}}
		if err := measure(ctx, pair, o.runs, o.warm); err != nil {
			return err
		}
	}
	fmt.Println("The decision beside its floor, which is to open one sealed cookie of the same size:")
	fmt.Println("  go test ./lambda/internal/oauthproxy -run '^$' -bench 'Decide|Floor'")
	return nil
}

func benchFiles(ctx context.Context, o options) error {
	subject, err := lambdabench.Subjects["authorizer"]()
	if err != nil {
		return err
	}
	if o.event != "" {
		if subject.Event, err = os.ReadFile(o.event); err != nil {
			return err
		}
	}
	var pair [2]lambdabench.Bootstrap
	for i, path := range []string{o.a, o.b} {
		if path, err = filepath.Abs(path); err != nil {
			return err
		}
		// Our settings are in the environment, after those of the caller.
		pair[i] = lambdabench.Bootstrap{Name: string("ab"[i]), Path: path, Event: subject.Event, Env: append(os.Environ(), subject.Env...)}
	}
	return measure(ctx, pair, o.runs, o.warm)
}

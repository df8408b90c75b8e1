// Command bench measures the Lambdas as the Lambda service sees them: from the
// start of the process to its first answer, warm invocations, and the peak of
// its memory. It plays the Lambda Runtime API and runs two bootstraps side by
// side, one after the other and again, so that whatever else the machine does
// falls on both.
//
//	go run ./test/bench                     the authorizer, then the agent, each against an empty handler
//	go run ./test/bench -pair authorizer -runs 41
//	go run ./test/bench -a old/bootstrap -b new/bootstrap -event event.json
//	go run ./test/bench -synth              cdk synth of the app against that of a bare one
//
// It prints figures and judges none: no figure of one machine is another's.
// It needs Linux, which shows a process's memory in /proc.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
)

type options struct {
	pair, a, b, event string
	runs, warm        int
	synth             bool
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
		return fmt.Errorf("expected Linux, got %s: the bootstraps are Linux programs and their memory is read from /proc", runtime.GOOS)
	case flag.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	case o.runs < 0 || o.warm < 1:
		return errors.New("-runs and -warm: expected at least 1")
	case (o.a == "") != (o.b == ""):
		return errors.New("-a and -b: expected both or neither")
	}
	if o.runs == 0 {
		o.runs = 21
		if o.synth {
			o.runs = 5
		}
	}
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	switch {
	case o.synth:
		return benchSynth(ctx, root, dir, o.runs)
	case o.a != "":
		return benchFiles(ctx, o)
	}
	empty, err := build(ctx, root, dir, "./test/bench/empty")
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(o.pair, ",") {
		s, known := subjects[name]
		if !known {
			return fmt.Errorf("-pair has %q: expected authorizer or agent", name)
		}
		ours, err := build(ctx, root, dir, "./lambda/"+name)
		if err != nil {
			return err
		}
		subject, err := s()
		if err != nil {
			return err
		}
		pair := [2]bootstrap{
			{name: name, path: ours, env: subject.env, event: subject.event, check: subject.check},
			{name: "empty handler", path: empty, event: subject.event},
		}
		if err := measure(ctx, pair, o.runs, o.warm); err != nil {
			return err
		}
	}
	fmt.Println("The decision itself, beside opening one sealed cookie of the same size, which is its floor:")
	fmt.Println("  go test ./lambda/internal/oauthproxy -run '^$' -bench 'Decide|Floor'")
	return nil
}

func benchFiles(ctx context.Context, o options) error {
	subject, err := authorizer()
	if err != nil {
		return err
	}
	if o.event != "" {
		if subject.event, err = os.ReadFile(o.event); err != nil {
			return err
		}
	}
	var pair [2]bootstrap
	for i, path := range []string{o.a, o.b} {
		if path, err = filepath.Abs(path); err != nil {
			return err
		}
		// The settings of ours are in the environment; what else there is needs
		// none or finds its own there.
		pair[i] = bootstrap{name: string("ab"[i]), path: path, event: subject.event, env: append(os.Environ(), subject.env...)}
	}
	return measure(ctx, pair, o.runs, o.warm)
}

func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	file := strings.TrimSpace(string(out))
	if err != nil || filepath.Base(file) != "go.mod" {
		return "", errors.New("expected to run inside the checkout, with go on the PATH")
	}
	return filepath.Dir(file), nil
}

// build compiles a main package for this machine as the construct bundles it
// for Lambda; see infra/tokenhandler/bundle.go.
func build(ctx context.Context, root, dir, pkg string) (string, error) {
	out := filepath.Join(dir, filepath.Base(pkg), "bootstrap")
	cmd := exec.CommandContext(ctx, "go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false",
		"-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", out, pkg)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+runtime.GOARCH, "GOARM64=v8.0", "GOAMD64=v1", "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, output)
	}
	return out, nil
}

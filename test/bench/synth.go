package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// benchSynth measures "cdk synth" of the app's default stage against that of an
// app with one REST API and one method. Both use "go run", in turn. The first
// run of each compiles and bundles, and is not counted.
func benchSynth(ctx context.Context, root, dir string, runs int) error {
	apps := [2]struct{ name, command string }{{"the app", "go run ./infra"}, {"a bare app", "go run ./test/bench/bare"}}
	var taken [2]figures
	for i := range runs + 1 {
		for j, app := range apps {
			if i%2 == 1 {
				j = 1 - j
				app = apps[j]
			}
			cmd := exec.CommandContext(ctx, "node", filepath.Join("node_modules", "aws-cdk", "bin", "cdk"), "synth",
				"--quiet", "--no-notices", "--app", app.command, "--output", filepath.Join(dir, fmt.Sprint("cdk", j)))
			cmd.Dir = root
			cmd.Env = append(os.Environ(), "CI=true", "CDK_DISABLE_CLI_TELEMETRY=true", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20")
			began := time.Now()
			if output, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("cdk synth of %s: %w\n%s", app.name, err, output)
			}
			if i > 0 {
				taken[j] = append(taken[j], time.Since(began).Seconds())
			}
		}
	}
	// Ratios are taken pair by pair: a machine that slows down affects both.
	var ratios figures
	for i := range taken[0] {
		ratios = append(ratios, taken[0][i]/taken[1][i])
	}
	slices.Sort(ratios)
	for j, app := range apps {
		slices.Sort(taken[j])
		fmt.Printf("cdk synth of %-11s %s\n", app.name, taken[j].in("s"))
	}
	fmt.Printf("ratio of the pairs       %s\n", ratios.in(""))
	return nil
}

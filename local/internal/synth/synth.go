// Package synth runs the CDK CLI on this checkout's app, as "npx cdk synth"
// does, for the processor of this machine.
package synth

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Config says what to synthesize.
type Config struct {
	Root  string // the checkout
	Node  string // path of node
	Out   string // folder of the cloud assembly
	Stage string // stage of cdk.json

	// Overrides are fields of the stage to change, each "field=value".
	Overrides []string
}

// Run synthesizes into c.Out. The error holds what the app said.
func Run(ctx context.Context, c Config) error {
	args := []string{
		filepath.Join(c.Root, "node_modules", "aws-cdk", "bin", "cdk"), "synth", "--quiet",
		"--output", c.Out,
		"--no-notices",
		// CloudFormation's own checks take as long as everything else and cannot
		// fail the local run; "cdk synth" in CI runs them.
		"--validation=false",
		"--context", "stage=" + c.Stage,
		"--context", "architecture=" + Architecture(),
	}
	for _, o := range c.Overrides {
		args = append(args, "--context", o)
	}
	cmd := exec.CommandContext(ctx, c.Node, args...)
	cmd.Dir = c.Root
	cmd.Env = append(os.Environ(),
		"CDK_DISABLE_CLI_TELEMETRY=true",
		// jsii warns of Node.js versions past their end of life on every run.
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20",
	)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("synth: cdk synth: %w\n%s", err, explain(string(out)))
	}
	return nil
}

// Architecture is the Lambda name of this machine's processor.
func Architecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// explain keeps of the output what tells a person something: not the stacks of
// goroutines and of Node.js beneath.
func explain(out string) string {
	var lines []string
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "goroutine ") {
			break
		}
		if strings.HasPrefix(line, "\tat ") || strings.HasPrefix(line, "    at ") || strings.TrimSpace(line) == "" {
			continue
		}
		lines = append(lines, line)
	}
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

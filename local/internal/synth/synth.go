// Package synth synthesizes an app, as "npx cdk synth" does, and tells when that
// is not needed.
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

// Config describes a synthesis.
type Config struct {
	Root string // folder of the app, with cdk.json
	Node string // path of node
	Out  string // folder of the cloud assembly

	// CLI is the CDK CLI's script; default: the one in Root's node_modules.
	CLI string

	// Direct starts the app without the CDK CLI, where that gives the same
	// assembly: see direct.go.
	Direct bool

	// Context is passed to the app, each "key=value".
	Context []string

	// Except are folders of Root, relative to it, that the app is not made from.
	Except []string
}

func (c Config) cli() string {
	if c.CLI != "" {
		return c.CLI
	}
	return filepath.Join(c.Root, "node_modules", "aws-cdk", "bin", "cdk")
}

// args are the arguments of node.
func (c Config) args() []string {
	args := []string{
		c.cli(), "synth", "--quiet",
		"--output", c.Out,
		"--no-notices",
		// CloudFormation's own checks take as long as everything else and cannot
		// fail the local run; "cdk synth" in CI runs them.
		"--validation=false",
	}
	for _, o := range c.Context {
		args = append(args, "--context", o)
	}
	return args
}

// ForThisMachine is the context with which this repository's app synthesizes a
// stage for the processor of this machine.
func ForThisMachine(stage string, overrides ...string) []string {
	return append([]string{"stage=" + stage, "architecture=" + Architecture()}, overrides...)
}

// Run synthesizes into c.Out. The error contains the app's message.
func Run(ctx context.Context, c Config) error {
	if c.Direct {
		if done, err := c.runDirectly(ctx); done || err != nil {
			return err
		}
	}
	return run(exec.CommandContext(ctx, c.Node, c.args()...), c.Root)
}

func run(cmd *exec.Cmd, dir string) error {
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append(cmd.Env,
		"CDK_DISABLE_CLI_TELEMETRY=true",
		// jsii warns of Node.js versions past their end of life on every run.
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20",
	)...)
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

// explain keeps the lines for people: not the stacks of
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

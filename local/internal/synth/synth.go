// Package synth synthesizes an app, as "npx cdk synth" does, and tells when that
// is not needed.
package synth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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

	// Direct runs the app without the CDK CLI, which takes longer to start than
	// the app to synthesize, and asks AWS for an account. The app's command in
	// cdk.json must need no shell.
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
		cmd, err := c.app(ctx)
		if err != nil {
			return err
		}
		if err := run(cmd, c.Root); err != nil {
			return err
		}
		if complete, err := c.complete(); err != nil || complete {
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

// app is the app's command, with the variables that the CDK CLI gives it. See
// execProgram in the package @aws-cdk/toolkit-lib, and the variables' names in
// https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.cx_api-readme.html.
func (c Config) app(ctx context.Context) (*exec.Cmd, error) {
	file, err := os.ReadFile(filepath.Join(c.Root, "cdk.json"))
	if err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	var project struct {
		App     string         `json:"app"`
		Context map[string]any `json:"context"`
	}
	if err := json.Unmarshal(file, &project); err != nil {
		return nil, fmt.Errorf("synth: cdk.json: %w", err)
	}
	command := strings.Fields(project.App)
	if len(command) == 0 {
		return nil, errors.New("synth: cdk.json has no app")
	}
	values := map[string]any{
		"aws:cdk:enable-path-metadata":      true,
		"aws:cdk:enable-asset-metadata":     true,
		"aws:cdk:disable-version-reporting": true,
		"aws:cdk:bundling-stacks":           []string{"**"},
	}
	maps.Copy(values, project.Context)
	for _, pair := range c.Context {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	text, err := json.Marshal(values)
	if err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	out, err := filepath.Abs(c.Out)
	if err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = []string{"CDK_OUTDIR=" + out, "CDK_CONTEXT_JSON=" + string(text), "CDK_VALIDATION=false"}
	return cmd, nil
}

// complete reports whether the assembly needs nothing from the CDK CLI: it
// would look up missing context, and fail if the app recorded an error.
func (c Config) complete() (bool, error) {
	manifest, err := os.ReadFile(filepath.Join(c.Out, "manifest.json"))
	if err != nil {
		return false, fmt.Errorf("synth: %w", err)
	}
	var m struct {
		Missing []any `json:"missing"`
	}
	if err := json.Unmarshal(manifest, &m); err != nil {
		return false, fmt.Errorf("synth: manifest.json: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(c.Out, "*.metadata.json"))
	if err != nil {
		return false, fmt.Errorf("synth: %w", err)
	}
	for _, file := range append(files, filepath.Join(c.Out, "manifest.json")) {
		text, err := os.ReadFile(file)
		if err != nil {
			return false, fmt.Errorf("synth: %w", err)
		}
		if bytes.Contains(text, []byte(`"aws:cdk:error"`)) {
			return false, nil
		}
	}
	return len(m.Missing) == 0, nil
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

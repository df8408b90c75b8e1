package synth

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The CDK CLI takes longer to start than this repository's app to synthesize,
// and asks AWS for an account. It gives an app its context and a folder in
// variables. See execProgram in
// https://github.com/aws/aws-cdk-cli/blob/main/packages/aws-cdk/lib/cxapp/exec.ts.
//
// runDirectly does the same for a project that uses no other feature of the CLI.
// It reports false if the CLI must run: the project uses one, or the app left
// work to the CLI.
func (c Config) runDirectly(ctx context.Context) (done bool, err error) {
	cmd := c.app(ctx)
	if cmd == nil {
		return false, nil
	}
	unlock := c.lock()
	if unlock == nil {
		return false, nil
	}
	defer unlock()
	if err := run(cmd, c.Root); err != nil {
		return false, err
	}
	return c.complete(), nil
}

// plainCommand is a command that needs no shell, and that the CLI does not
// complete with an interpreter.
var plainCommand = regexp.MustCompile(`^go run [A-Za-z0-9_./-]+$`)

// known are CDK_APP and variables that do not change the assembly. The CLI reads
// every other CDK_ variable as a flag, such as CDK_PROFILE.
var known = []string{"CDK_APP", "CDK_DISABLE_CLI_TELEMETRY", "CDK_VALIDATION"}

// maxVariables is a size of all variables at which the CLI still passes the
// whole context in one of them, and not in a file. Linux allows 128 KiB.
const maxVariables = 100_000

// app is the app's command with the CLI's variables, or nil.
func (c Config) app(ctx context.Context) *exec.Cmd {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	for _, file := range []string{filepath.Join(c.Root, "cdk.context.json"), filepath.Join(home, ".cdk.json")} {
		if _, err := os.Lstat(file); err == nil {
			return nil
		}
	}
	size := 0
	for _, variable := range os.Environ() {
		size += len(variable)
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "CDK_") && !slices.Contains(known, name) {
			return nil
		}
	}
	file, err := os.ReadFile(filepath.Join(c.Root, "cdk.json"))
	if err != nil {
		return nil
	}
	var project struct {
		App       string                     `json:"app"`
		Reporting *bool                      `json:"versionReporting"`
		Context   map[string]json.RawMessage `json:"context"`
	}
	decoder := json.NewDecoder(bytes.NewReader(file))
	decoder.DisallowUnknownFields()
	if !json.Valid(file) || decoder.Decode(&project) != nil || project.Reporting == nil || *project.Reporting {
		return nil
	}
	command := strings.Fields(project.App)
	if app := os.Getenv("CDK_APP"); isProgram(app) {
		command = []string{app}
	} else if app != "" || !plainCommand.MatchString(project.App) {
		return nil
	}
	values := map[string]json.RawMessage{
		"aws:cdk:enable-path-metadata":      json.RawMessage("true"),
		"aws:cdk:enable-asset-metadata":     json.RawMessage("true"),
		"aws:cdk:disable-version-reporting": json.RawMessage("true"),
		"aws:cdk:bundling-stacks":           json.RawMessage(`["**"]`),
	}
	for name, value := range project.Context {
		if strings.HasPrefix(name, "aws:") || string(value) == "null" {
			return nil
		}
		values[name] = value
	}
	for _, pair := range c.Context {
		name, value, assigned := strings.Cut(pair, "=")
		text, err := json.Marshal(value)
		if strings.HasPrefix(name, "aws:") || !assigned || err != nil {
			return nil
		}
		values[name] = text
	}
	text, err := json.Marshal(values)
	out, absErr := filepath.Abs(c.Out)
	if err != nil || absErr != nil || size+len(text) > maxVariables {
		return nil
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = []string{"CDK_OUTDIR=" + out, "CDK_CONTEXT_JSON=" + string(text), "CDK_VALIDATION=false"}
	return cmd
}

// isProgram reports whether a command is the path of a program, without
// arguments.
func isProgram(command string) bool {
	info, err := os.Stat(command)
	return err == nil && filepath.IsAbs(command) && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// lock keeps other runs and CLIs from writing the assembly, with the CLI's own
// file. It returns nil if there is a lock: the CLI then says whose it is, or
// replaces it. See
// https://github.com/aws/aws-cdk-cli/blob/main/packages/@aws-cdk/toolkit-lib/lib/api/rwlock.ts.
func (c Config) lock() (unlock func()) {
	if os.MkdirAll(c.Out, 0o777) != nil {
		return nil
	}
	if locks, err := filepath.Glob(filepath.Join(c.Out, "*.lock")); err != nil || len(locks) > 0 {
		return nil
	}
	name := filepath.Join(c.Out, "synth.lock")
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return nil
	}
	fmt.Fprint(file, os.Getpid())
	file.Close()
	return func() { os.Remove(name) }
}

// complete reports whether the CLI has no work left. It would look up missing
// context, and fail if the app recorded an error.
func (c Config) complete() bool {
	manifest, err := os.ReadFile(filepath.Join(c.Out, "manifest.json"))
	if err != nil {
		return false
	}
	var m struct {
		Missing []any `json:"missing"`
	}
	if json.Unmarshal(manifest, &m) != nil || len(m.Missing) > 0 {
		return false
	}
	return filepath.WalkDir(c.Out, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), "asset."):
			return fs.SkipDir
		case entry.Name() != "manifest.json" && !strings.HasSuffix(entry.Name(), ".metadata.json"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil && bytes.Contains(text, []byte(`"aws:cdk:error"`)) {
			return fs.ErrInvalid
		}
		return err
	}) == nil
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/setup"
	"github.com/tokenhandler/aws/local/internal/synth"
	"github.com/tokenhandler/aws/local/internal/template"
)

// project is the app that is run.
type project struct {
	home   string // has node_modules, the provider and the sample page
	module string // this module's source
	node   string

	config   *synth.Config // nil: the assembly is given
	out      string        // folder of the assembly
	stack    string        // "": the only one with an OAuth agent
	own      bool          // this checkout's app
	options  template.Options
	external bool // own: the stage has a provider of its own
}

// project finds the app that the flags name.
func (o options) project(ctx context.Context, c *console) (*project, error) {
	p, err := prepare(ctx, c)
	if err != nil {
		return nil, err
	}
	p.stack = o.stackName
	if p.options.Secrets, err = readSecrets(o.secrets); err != nil {
		return nil, err
	}
	p.options.API = o.restAPI
	switch {
	case o.assembly != "":
		p.out, err = filepath.Abs(o.assembly)
	case o.app != "":
		err = o.appProject(p)
	default:
		err = o.ownProject(p)
	}
	if !p.own {
		// Other people's stacks have more in them than an API.
		p.options.IgnoreOthers, p.options.HostRuntimes = true, true
	}
	return p, err
}

func (o options) ownProject(p *project) error {
	p.own, p.out = true, o.outIn(p.home)
	var err error
	if p.external, err = o.external(p.home); err != nil {
		return err
	}
	overrides, err := o.overrides(p.home, p.external)
	if err != nil {
		return err
	}
	var options template.Options
	if p.stack, options, err = o.stack(p.home); err != nil {
		return err
	}
	p.options.AccountID, p.options.Region = options.AccountID, options.Region
	p.config = &synth.Config{Root: p.home, Node: p.node, Out: p.out, Direct: true, Context: synth.ForThisMachine(o.stage, overrides...),
		Except: []string{"docs", "local", "test", "examples", ".ci", ".github"}}
	return nil
}

func (o options) appProject(p *project) error {
	dir, err := filepath.Abs(o.app)
	if err != nil {
		return fmt.Errorf("local: -app: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "cdk.json")); err != nil {
		return fmt.Errorf("local: -app: %s has no cdk.json", dir)
	}
	p.out = o.outIn(dir)
	p.config = &synth.Config{Root: dir, Node: p.node, Out: p.out, CLI: cli(dir, p.home), Context: o.set}
	return nil
}

func (o options) outIn(dir string) string {
	if filepath.IsAbs(o.out) {
		return o.out
	}
	return filepath.Join(dir, o.out)
}

// cli is the CDK CLI that a project installed, or this module's.
func cli(dir, home string) string {
	for folder := dir; ; folder = filepath.Dir(folder) {
		script := filepath.Join(folder, "node_modules", "aws-cdk", "bin", "cdk")
		if _, err := os.Stat(script); err == nil {
			return script
		}
		if folder == filepath.Dir(folder) {
			return filepath.Join(home, "node_modules", "aws-cdk", "bin", "cdk")
		}
	}
}

// synthesize synthesizes unless the inputs are those of the last time.
func (p *project) synthesize(ctx context.Context, fresh bool) (skipped bool, err error) {
	if p.config == nil {
		return true, nil
	}
	fingerprint, err := p.config.Fingerprint(ctx)
	if err == nil && !fresh && p.config.UpToDate(fingerprint) {
		return true, nil
	}
	if err := synth.Run(ctx, *p.config); err != nil {
		return false, err
	}
	if fingerprint == "" {
		return false, nil // it could not be made: synthesize each time
	}
	return false, p.config.Stamp(fingerprint)
}

// load reads the stack's template. Secrets that were generated before keep
// their values.
func (p *project) load(before *template.Template) (*template.Template, string, error) {
	options := p.options
	if before != nil {
		options.Secrets = maps.Clone(options.Secrets)
		if options.Secrets == nil {
			options.Secrets = map[string]string{}
		}
		for id, secret := range before.Secrets() {
			if _, given := options.Secrets[id]; !given {
				options.Secrets[id] = secret.Reveal()
			}
		}
	}
	dir, stack, err := p.find()
	if err != nil {
		return nil, "", err
	}
	t, err := template.Load(dir, stack, options)
	return t, stack, err
}

// artifact is a stack of an assembly.
type artifact struct{ dir, file string }

// find returns the folder and the name of the stack's files.
func (p *project) find() (dir, stack string, err error) {
	if p.own {
		return p.out, p.stack, nil
	}
	stacks, err := artifacts(p.out, 0)
	if err != nil {
		return "", "", err
	}
	names := slices.Sorted(maps.Keys(stacks))
	var candidates []string
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(stacks[name].dir, stacks[name].file))
		switch {
		case err != nil:
			return "", "", fmt.Errorf("local: %w", err)
		case p.stack == "" && strings.Contains(string(content), `"AWS::ApiGateway::RestApi"`) && strings.Contains(string(content), `"REDIRECT_URI"`):
			candidates = append(candidates, name)
		case p.stack == name:
			candidates = []string{name}
		}
	}
	if len(candidates) != 1 {
		if p.stack != "" {
			return "", "", fmt.Errorf("local: the assembly has no stack %s; it has %s", p.stack, list(names))
		}
		if len(candidates) > 1 {
			return "", "", fmt.Errorf("local: several stacks have a token handler: choose one of %s with -stack", list(candidates))
		}
		return "", "", fmt.Errorf("local: no stack of the assembly has a token handler (a REST API and an OAuth agent); it has %s", list(names))
	}
	found := stacks[candidates[0]]
	return found.dir, strings.TrimSuffix(found.file, ".template.json"), nil
}

func list(names []string) string {
	if len(names) == 0 {
		return "no stack"
	}
	return strings.Join(names, ", ")
}

// artifacts returns the stacks of an assembly and of the assemblies in it, by
// name.
func artifacts(dir string, depth int) (map[string]artifact, error) {
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return nil, fmt.Errorf("local: %s is not a cloud assembly (the folder that cdk synth writes): it has no manifest.json", dir)
	}
	var manifest struct {
		Artifacts map[string]struct {
			Type       string `json:"type"`
			Properties struct {
				TemplateFile  string `json:"templateFile"`
				DirectoryName string `json:"directoryName"`
				StackName     string `json:"stackName"`
			} `json:"properties"`
		} `json:"artifacts"`
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return nil, fmt.Errorf("local: %s: %w", filepath.Join(dir, "manifest.json"), err)
	}
	stacks := map[string]artifact{}
	for name, a := range manifest.Artifacts {
		file, folder := a.Properties.TemplateFile, a.Properties.DirectoryName
		switch {
		case a.Type == "aws:cloudformation:stack" && filepath.IsLocal(file) && filepath.Base(file) == file:
			if a.Properties.StackName != "" {
				name = a.Properties.StackName
			}
			stacks[name] = artifact{dir, file}
		case a.Type == "cdk:cloud-assembly" && filepath.IsLocal(folder) && depth < 5:
			inner, err := artifacts(filepath.Join(dir, folder), depth+1)
			if err != nil {
				return nil, err
			}
			maps.Copy(stacks, inner)
		}
	}
	return stacks, nil
}

// leftOut says in one line which resources the run does without.
func leftOut(t *template.Template) string {
	counts := map[string]int{}
	for _, r := range t.Ignored() {
		if r.Reason == template.NotImplemented {
			counts[strings.TrimPrefix(r.Type, "AWS::")]++
		}
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[name]; n > 1 {
			name = fmt.Sprintf("%d %s", n, name)
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, ", ")
}

// home is this module's folder: the checkout that the working folder is in, or
// the module that the working folder's go.mod asks for. A module in the module
// cache is read-only, so that its npm packages get a folder in the user's cache.
func home(ctx context.Context, here string) (home, module string, err error) {
	root, err := setup.Root(here)
	if err == nil {
		return root, root, nil
	}
	cmd := exec.CommandContext(ctx, "go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", setup.Module)
	cmd.Dir = here
	out, listErr := cmd.Output()
	dir := strings.TrimSpace(string(out))
	if listErr != nil || dir == "" {
		return "", "", err
	}
	home, err = setup.Workspace(dir, "local/provider", "spa")
	return home, dir, err
}

package main

import (
	"context"
	"debug/elf"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/tokenhandler/aws/local/internal/synth"
	"github.com/tokenhandler/aws/local/internal/template"
)

// nodeRuntime loads a handler of a Node.js function and serves the Runtime API.
//
//go:embed noderuntime.mjs
var nodeRuntime []byte

// executable returns the folder of a function and the command that runs it.
//
// A Go function's asset is run as it is where this machine can execute it. Our
// own Lambdas are compiled again for other machines.
func (r *runner) executable(ctx context.Context, f template.Function, name string) (dir string, command []string, err error) {
	p := r.project
	if strings.HasPrefix(f.Runtime, "nodejs") {
		script := filepath.Join(p.home, ".local", "noderuntime.mjs")
		if err := os.MkdirAll(filepath.Dir(script), 0o755); err != nil {
			return "", nil, fmt.Errorf("local: %w", err)
		}
		if err := os.WriteFile(script, nodeRuntime, 0o644); err != nil {
			return "", nil, fmt.Errorf("local: %w", err)
		}
		return f.AssetDir, []string{p.node, script}, nil
	}
	if runtime.GOOS == "linux" && executableHere(filepath.Join(f.AssetDir, "bootstrap")) {
		return f.AssetDir, nil, nil
	}
	if !p.own && !ours(f) {
		return "", nil, fmt.Errorf("local: function %s is built for %s, and this machine is %s/%s: synthesize it for this machine, or leave its routes out", f.Name, f.Architecture, runtime.GOOS, synth.Architecture())
	}
	dir, err = compile(ctx, p.module, filepath.Join(p.home, ".local", "host", name), name)
	return dir, nil, err
}

// executableHere reports whether a Linux program is for this processor. A file
// that is not ELF, such as a script, may be.
func executableHere(path string) bool {
	file, err := elf.Open(path)
	if err != nil {
		return true
	}
	defer file.Close()
	return file.Machine == map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[runtime.GOARCH]
}

func compile(ctx context.Context, root, dir, name string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("local: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-mod=readonly", "-trimpath", "-tags", "lambda.norpc", "-o", filepath.Join(dir, "bootstrap"), "./lambda/"+name)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("local: go build ./lambda/%s: %w\n%s", name, err, output)
	}
	return dir, nil
}

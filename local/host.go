package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// hostBinary returns the folder with the bootstrap to run for a function: the
// asset itself on Linux. Other systems cannot execute a Linux binary; for them
// the same main package is compiled again, for this system, into out.
func hostBinary(ctx context.Context, root, out, name, assetDir string) (string, error) {
	if runtime.GOOS == "linux" {
		return assetDir, nil
	}
	return compile(ctx, root, filepath.Join(out, "host", name), name)
}

func compile(ctx context.Context, root, dir, name string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("local: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "lambda.norpc", "-o", filepath.Join(dir, "bootstrap"), "./lambda/"+name)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("local: go build ./lambda/%s: %w\n%s", name, err, output)
	}
	return dir, nil
}

package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// packClient writes the tarball of the client package. npm pack gives all files
// one fixed time, so it is reproducible.
func packClient(ctx context.Context, root, out string) error {
	destination, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", destination)
	cmd.Dir = filepath.Join(root, "spa", "client")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm pack in spa/client: %w\n%s", err, output)
	}
	return nil
}

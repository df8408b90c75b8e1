package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// benchSize prints how much APIs with many mapped methods use of
// CloudFormation's limits, 1,000,000 bytes and 500 resources for each template.
func benchSize(ctx context.Context, root, dir string) error {
	program := filepath.Join(dir, "size")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./test/bench/size")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build ./test/bench/size: %w\n%s", err, output)
	}
	fmt.Println("| methods | templates | bytes in all | in the largest | resources in the fullest | synthesis |")
	fmt.Println("| --- | --- | --- | --- | --- | --- |")
	for _, methods := range []string{"10", "100", "300", "1000"} {
		cmd := exec.CommandContext(ctx, program, methods)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s methods: %w", methods, err)
		}
	}
	return nil
}

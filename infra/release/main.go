// Command release builds the files for teams that do not use Go:
//
//	go run ./infra/release
//
// It writes to dist/, or to the folder of -out:
//
//   - a zip for each Lambda and architecture, such as agent-arm64.zip;
//   - token-handler.template.json, a CloudFormation template that needs no CDK;
//   - the tarball of @tokenhandler/client;
//   - SHA256SUMS, for sha256sum -c.
//
// The same sources and the same versions of Go and npm give the same bytes. It
// publishes no file. docs/without-go.md is the manual.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/setup"
)

func main() {
	out := flag.String("out", "", "`folder` to write to; the files of a former run are replaced (default dist in the checkout)")
	flag.Parse()
	if err := build(context.Background(), *out); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// sums is the file with the checksums. It also marks a folder as ours.
const sums = "SHA256SUMS"

func build(ctx context.Context, out string) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	root, err := setup.Root(dir)
	if err != nil {
		return err
	}
	if out == "" {
		out = filepath.Join(root, "dist")
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	if err := replaceable(out); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	dir, err = os.MkdirTemp(filepath.Dir(out), ".release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := write(ctx, root, dir); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(out), os.Chmod(dir, 0o755)); err != nil {
		return err
	}
	return os.Rename(dir, out)
}

// write writes all files to the folder out.
func write(ctx context.Context, root, out string) error {
	template, err := newTemplate()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, templateName), template, 0o644); err != nil {
		return err
	}
	if err := buildZips(root, out); err != nil {
		return err
	}
	if err := packClient(ctx, root, out); err != nil {
		return err
	}
	return writeSums(out)
}

// replaceable refuses a folder with files that no former run made.
func replaceable(out string) error {
	entries, err := os.ReadDir(out)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0 && !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == sums }):
		return fmt.Errorf("%s is not empty and has no %s: choose another folder with -out", out, sums)
	}
	return nil
}

func writeSums(out string) error {
	entries, err := os.ReadDir(out) // sorted by name
	if err != nil {
		return err
	}
	var lines strings.Builder
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(out, entry.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&lines, "%x  %s\n", sha256.Sum256(content), entry.Name())
		fmt.Printf("%8d %s\n", len(content), entry.Name())
	}
	return os.WriteFile(filepath.Join(out, sums), []byte(lines.String()), 0o644)
}

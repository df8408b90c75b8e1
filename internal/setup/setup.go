// Package setup prepares a machine for the local run and for the tests: it
// finds the checkout, checks Go and Node.js, and installs the npm packages that
// package-lock.json pins. What is there already is left alone.
package setup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// module is the path this checkout must be of.
const module = "github.com/tokenhandler/aws"

// MinimumNode is the oldest Node.js major version that the CDK CLI and the
// OpenID Provider start on. Use one that is still maintained.
const MinimumNode = 20

// Root returns the folder of this module that dir is in.
func Root(dir string) (string, error) {
	for folder := dir; ; folder = filepath.Dir(folder) {
		file, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		if err == nil && strings.HasPrefix(string(file), "module "+module+"\n") {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("setup: %s is not inside a checkout of %s: change into one", dir, module)
		}
	}
}

// Go checks that the go command is there: the app and the Lambdas are compiled
// with it.
func Go() error {
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("setup: the go command is not on the PATH: install Go, then run this again")
	}
	return nil
}

// Node returns the path and the version of Node.js.
func Node(ctx context.Context) (path, version string, err error) {
	path, err = exec.LookPath("node")
	if err != nil {
		return "", "", errors.New("setup: node is not on the PATH: install Node.js 22 or newer, then run this again")
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return "", "", fmt.Errorf("setup: node --version: %w", err)
	}
	version = strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < MinimumNode {
		return "", "", fmt.Errorf("setup: node is version %q, expected %d or newer: install Node.js 22 or newer", version, MinimumNode)
	}
	return path, version, nil
}

// Packages installs the npm packages of root with "npm ci" unless the ones
// that are there came from this very package-lock.json. It reports whether it
// installed anything. Processes that ask at once wait for the first.
func Packages(ctx context.Context, root string) (installed bool, err error) {
	unlock, err := lock(filepath.Join(root, ".local"))
	if err != nil {
		return false, fmt.Errorf("setup: %w", err)
	}
	defer unlock()

	lockfile, err := os.ReadFile(filepath.Join(root, "package-lock.json"))
	if err != nil {
		return false, fmt.Errorf("setup: %w", err)
	}
	sum := sha256.Sum256(lockfile)
	stamp := filepath.Join(root, "node_modules", ".from-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(stamp); err == nil {
		return false, nil
	}

	npm, err := exec.LookPath("npm")
	if err != nil {
		return false, errors.New("setup: npm is not on the PATH: it comes with Node.js; install it, then run this again")
	}
	cmd := exec.CommandContext(ctx, npm, "ci", "--no-audit", "--no-fund")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return false, fmt.Errorf("setup: npm ci: %w\n%s", err, tail(string(out), 10))
	}
	// npm ci empties the folder first, so the stamp is there only after success.
	if err := os.WriteFile(stamp, nil, 0o644); err != nil {
		return false, fmt.Errorf("setup: %w", err)
	}
	return true, nil
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

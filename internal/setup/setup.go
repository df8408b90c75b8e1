// Package setup prepares a machine for the local run and for the tests: it
// finds the checkout, checks Go and Node.js, and installs the npm packages that
// package-lock.json pins, unless they are installed.
package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Module is the path of this module.
const Module = "github.com/tokenhandler/aws"

// MinimumNode is the oldest Node.js major version that the CDK CLI and the
// OpenID Provider start on. Use one that is still maintained.
const MinimumNode = 20

// Root returns the folder of this module that dir is in.
func Root(dir string) (string, error) {
	for folder := dir; ; folder = filepath.Dir(folder) {
		file, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		if err == nil && strings.HasPrefix(string(file), "module "+Module+"\n") {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("setup: %s is not inside a checkout of %s: change into one", dir, Module)
		}
	}
}

// Go checks that the go command exists, which compiles the app and the Lambdas.
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

// Packages installs the npm packages of root with "npm ci", unless the
// installed ones come from the same package-lock.json. It reports whether it
// installed anything. Concurrent calls wait for the first.
func Packages(ctx context.Context, root string) (installed bool, err error) {
	unlock, err := lock(filepath.Join(root, ".local"))
	if err != nil {
		return false, fmt.Errorf("setup: %w", err)
	}
	defer unlock()

	if inPlace, err := inPlace(root); err != nil || inPlace {
		return false, err
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
	return true, nil
}

// inPlace reports whether node_modules matches package-lock.json. npm writes a
// lock file of its own there as its last step, and npm ci empties the folder as
// its first.
func inPlace(root string) (bool, error) {
	want, err := readLock(filepath.Join(root, "package-lock.json"))
	if err != nil {
		return false, fmt.Errorf("setup: %w", err)
	}
	have, err := readLock(filepath.Join(root, "node_modules", ".package-lock.json"))
	if err != nil {
		return false, nil
	}
	for path, w := range want {
		if h, there := have[path]; path != "" && !w.Optional && (!there || h != w) {
			return false, nil
		}
	}
	return true, nil
}

// locked is one package of a lock file.
type locked struct {
	Version   string `json:"version"`
	Integrity string `json:"integrity"`
	Optional  bool   `json:"optional"` // may be for another system
}

func readLock(path string) (map[string]locked, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]locked `json:"packages"`
	}
	if err := json.Unmarshal(file, &lock); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return lock.Packages, nil
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

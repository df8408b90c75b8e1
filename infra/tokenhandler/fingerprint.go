package tokenhandler

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// fingerprint is the same for builds that give the same binary: a hash of all
// that goes into one. Those are the program's files and those of the packages
// of this module that it imports; go.mod and go.sum, which pin all other
// packages by content; the compiler; and the flags. Test files and packages
// that the program does not import make no difference, so that a change of the
// agent is no new authorizer.
func (b *goBuild) fingerprint(toolchain string) (string, error) {
	files, err := b.sources()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	// Lengths stand before what they are of: no two lists are written alike.
	write := func(what string, content []byte) {
		fmt.Fprintf(h, "%d %s %d ", len(what), what, len(content))
		h.Write(content)
	}
	write("package", []byte(b.pkg))
	write("toolchain", []byte(toolchain))
	write("command", []byte(strings.Join(append(b.args(""), b.env()...), "\n")))
	for _, file := range append(files, "go.mod", "go.sum") {
		content, err := os.ReadFile(filepath.Join(b.dir, filepath.FromSlash(file)))
		if err != nil {
			return "", fmt.Errorf("tokenhandler: %w", err)
		}
		write(file, content)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// toolchainIn is the compiler that the go.mod in dir chooses, and what of it the
// user may have chosen besides.
func toolchainIn(dir string) (string, error) {
	cmd := exec.Command("go", "env", "GOVERSION", "GOEXPERIMENT", "GOFIPS140")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "PWD="+dir)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("tokenhandler: go env in %s: %w", dir, err)
	}
	return string(out), nil
}

// sources lists the files of the program's package and of those it imports
// from this module, relative to its root. Build constraints are not looked at:
// a file too many is a build too many at worst.
func (b *goBuild) sources() ([]string, error) {
	var files []string
	pending := []string{path.Clean(b.pkg)}
	for i := 0; i < len(pending); i++ {
		dir := filepath.Join(b.dir, filepath.FromSlash(pending[i]))
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("tokenhandler: %w", err)
		}
		for _, entry := range entries {
			name := entry.Name()
			if entry.IsDir() || strings.HasSuffix(name, "_test.go") {
				continue
			}
			files = append(files, path.Join(pending[i], name))
			if !strings.HasSuffix(name, ".go") {
				continue
			}
			imported, err := importsOf(filepath.Join(dir, name))
			if err != nil {
				return nil, err
			}
			for _, p := range imported {
				if !slices.Contains(pending, p) {
					pending = append(pending, p)
				}
			}
		}
	}
	slices.Sort(files)
	return files, nil
}

// importsOf lists the packages of this module that a file imports.
func importsOf(file string) ([]string, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return nil, fmt.Errorf("tokenhandler: %w", err)
	}
	var packages []string
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("tokenhandler: %s imports %s: %w", file, spec.Path.Value, err)
		}
		if p, ours := strings.CutPrefix(name, modulePath+"/"); ours {
			packages = append(packages, p)
		}
	}
	return packages, nil
}

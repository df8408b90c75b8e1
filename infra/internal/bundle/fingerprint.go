package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// fingerprint is a hash of everything that a binary is made from: the files of
// the program and of the packages of this module that it imports; go.mod and
// go.sum, which pin all other packages by content; the compiler; and the flags.
// Test files and packages that the program does not import make no difference:
// a change of the agent does not deploy the authorizer again.
func (b *goBuild) fingerprint(toolchain string) (string, error) {
	files, err := b.sources()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	// Each value follows its length, so that different lists differ in the hash.
	write := func(name string, content []byte) {
		fmt.Fprintf(h, "%d %s %d ", len(name), name, len(content))
		h.Write(content)
	}
	write("package", []byte(b.pkg))
	write("toolchain", []byte(toolchain))
	write("command", []byte(strings.Join(append(append([]string{"build"}, b.args("")...), b.env()...), "\n")))
	for _, file := range append(files, "go.mod", "go.sum") {
		content, err := os.ReadFile(filepath.Join(b.dir, filepath.FromSlash(file)))
		if err != nil {
			return "", fmt.Errorf("tokenhandler: %w", err)
		}
		write(file, content)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// toolchainIn returns the compiler that the go.mod in dir chooses, and the
// settings of it that the user may have changed.
func toolchainIn(dir string) (string, error) {
	return run(dir, []string{"GOWORK=off"}, "env", "GOVERSION", "GOEXPERIMENT", "GOFIPS140")
}

// sources lists the files of the program's package and of those it imports
// from this module, relative to its root. It ignores build constraints: a file
// too many costs one build too many at worst.
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
		if p, ours := strings.CutPrefix(name, Path+"/"); ours {
			packages = append(packages, p)
		}
	}
	return packages, nil
}

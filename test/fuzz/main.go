// Command fuzz runs the fuzz targets of this module one after the other, each
// for a while: the go command fuzzes only one target at a time.
//
//	go run ./test/fuzz -time 1h
//	go run ./test/fuzz -time 10s -only '^(FuzzOpen|FuzzHandle)$'
//
// A target that fails leaves the input in its testdata/fuzz folder, where every
// later "go test" tries it again: commit it with the mend. The exit status is 1
// then, and the other targets are still run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	each := flag.Duration("time", time.Minute, "`time` for each target")
	only := flag.String("only", "", "regular `expression` of the targets' names (default: all)")
	list := flag.Bool("list", false, "only print the targets")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *each, *only, *list)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

type target struct{ pkg, name string }

func run(ctx context.Context, each time.Duration, only string, list bool) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	targets, err := find(".")
	if err != nil {
		return err
	}
	targets = slices.DeleteFunc(targets, func(t target) bool { return !wanted.MatchString(t.name) })
	if len(targets) == 0 {
		return errors.New("no target: expected to run in the root of the module, and -only to match some")
	}
	var failed []string
	for _, t := range targets {
		fmt.Println(t.pkg, t.name)
		if list {
			continue
		}
		cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", each.String(), t.pkg)
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		out, err := cmd.CombinedOutput()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			fmt.Printf("%s\n", out)
			failed = append(failed, t.name)
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		fmt.Println("  " + lines[max(0, len(lines)-3)]) // the last line of statistics
	}
	if len(failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	return nil
}

// find reads the names of all fuzz targets below a folder.
func find(root string) ([]target, error) {
	var targets []target
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"node_modules", "cdk.out", ".git", ".local", "testdata"}, entry.Name()):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") {
				targets = append(targets, target{"./" + filepath.ToSlash(filepath.Dir(path)), f.Name.Name})
			}
		}
		return nil
	})
	return targets, err
}

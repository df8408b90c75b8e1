package templatecheck

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxTemplate bounds a template; CloudFormation's own limit is 1 MB.
const maxTemplate = 8 << 20

// Files lists the templates at path: the file itself, or below a folder such
// as cdk.out every *.template.json, those of nested stacks among them.
func Files(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("templatecheck: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), "asset."):
			return filepath.SkipDir
		case strings.HasSuffix(file, ".template.json"):
			files = append(files, file)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("templatecheck: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("templatecheck: no *.template.json below %s", path)
	}
	slices.Sort(files)
	return files, nil
}

// File is a template that was read.
type File struct {
	Name string
	Template
}

// errNoResources is of a file that may be a template all the same: CDK writes
// one without for a stack with nothing in it.
var errNoResources = errors.New("has no Resources")

// ReadAll reads the templates at paths, as Files finds them, but for those
// without resources.
func ReadAll(paths ...string) ([]File, error) {
	var all []File
	for _, path := range paths {
		names, err := Files(path)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			t, err := Read(name)
			switch {
			case errors.Is(err, errNoResources):
				continue
			case err != nil:
				return nil, err
			}
			all = append(all, File{name, t})
		}
	}
	return all, nil
}

// FunctionsOf lists the OAuth proxies of several templates, for
// Options.Functions: an authorizer may invoke that of another stack.
func FunctionsOf(files []File) map[string]Function {
	found := map[string]Function{}
	for _, f := range files {
		maps.Copy(found, Functions(f.Template))
	}
	return found
}

// Read reads a template in JSON.
func Read(file string) (Template, error) {
	f, err := os.Open(file)
	if err != nil {
		return Template{}, fmt.Errorf("templatecheck: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() > maxTemplate {
		return Template{}, fmt.Errorf("templatecheck: %s: expected a file of at most %d bytes", file, maxTemplate)
	}
	var t Template
	decoder := json.NewDecoder(f)
	decoder.UseNumber()
	if err := decoder.Decode(&t); err != nil {
		return Template{}, fmt.Errorf("templatecheck: %s is not a template in JSON: %w", file, err)
	}
	if t.Resources == nil {
		return Template{}, fmt.Errorf("templatecheck: %s %w", file, errNoResources)
	}
	return t, nil
}

package cloudformation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	manifestFile   = "manifest.json"
	templateSuffix = ".template.json"
	maxStages      = 8 // depth of stages within stages
)

// Files lists templates in alphabetical order. For a file it returns the file
// itself. In a folder with a manifest.json, such as cdk.out, it lists the
// templates of that assembly: those of its stacks, their nested stacks and its
// stages. It ignores templates of earlier runs that the manifest does not name.
// In any other folder it lists every *.template.json below it.
func Files(path string) (files, left []string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil, nil
	}
	all, err := templatesBelow(path)
	if err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(filepath.Join(path, manifestFile)); errors.Is(err, fs.ErrNotExist) {
		files = all
	} else {
		if files, err = assemblyTemplates(path, maxStages); err != nil {
			return nil, nil, err
		}
		left = slices.DeleteFunc(all, func(file string) bool { return slices.Contains(files, file) })
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("%s has no *%s", path, templateSuffix)
	}
	slices.Sort(files)
	return files, left, nil
}

func templatesBelow(folder string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), "asset."):
			return filepath.SkipDir
		case strings.HasSuffix(file, templateSuffix):
			files = append(files, file)
		}
		return nil
	})
	return files, err
}

// manifest is the part of an assembly's manifest.json that names templates.
type manifest struct {
	Artifacts map[string]struct {
		Type       string `json:"type"`
		Properties struct {
			TemplateFile  string `json:"templateFile"`  // of a stack
			DirectoryName string `json:"directoryName"` // of a stage
			File          string `json:"file"`          // of the assets of a stack
		} `json:"properties"`
	} `json:"artifacts"`
}

func assemblyTemplates(folder string, depth int) ([]string, error) {
	var m manifest
	if err := ReadJSON(filepath.Join(folder, manifestFile), &m); err != nil {
		return nil, err
	}
	var files []string
	for id, artifact := range m.Artifacts {
		switch p := artifact.Properties; artifact.Type {
		case "aws:cloudformation:stack":
			file, err := within(folder, p.TemplateFile)
			if err != nil {
				return nil, fmt.Errorf("stack %s: %w", id, err)
			}
			files = append(files, file)
		case "cdk:asset-manifest":
			nested, err := nestedTemplates(folder, p.File)
			if err != nil {
				return nil, fmt.Errorf("assets %s: %w", id, err)
			}
			files = append(files, nested...)
		case "cdk:cloud-assembly":
			stage, err := within(folder, p.DirectoryName)
			if err != nil || depth == 0 {
				return nil, fmt.Errorf("stage %s: %w", id, errors.Join(err, errors.New("cannot be read")))
			}
			below, err := assemblyTemplates(stage, depth-1)
			if err != nil {
				return nil, err
			}
			files = append(files, below...)
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// nestedTemplates lists the templates among the assets of a stack. CDK uploads
// those of nested stacks as assets.
func nestedTemplates(folder, assets string) ([]string, error) {
	file, err := within(folder, assets)
	if err != nil {
		return nil, err
	}
	var m struct {
		Files map[string]struct {
			Source struct {
				Path string `json:"path"`
			} `json:"source"`
		} `json:"files"`
	}
	if err := ReadJSON(file, &m); err != nil {
		return nil, err
	}
	var files []string
	for _, asset := range m.Files {
		if !strings.HasSuffix(asset.Source.Path, templateSuffix) {
			continue
		}
		template, err := within(folder, asset.Source.Path)
		if err != nil {
			return nil, err
		}
		files = append(files, template)
	}
	return files, nil
}

func within(folder, name string) (string, error) {
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("%q is not a path within the assembly", name)
	}
	return filepath.Join(folder, name), nil
}

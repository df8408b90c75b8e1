package main

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"time"

	"github.com/tokenhandler/aws/infra/internal/bundle"
)

// lambdas are the main packages to build.
var lambdas = []string{"agent", "authorizer"}

// architectures are Go's names by those of Lambda.
var architectures = []struct{ lambda, goarch string }{{"arm64", "arm64"}, {"x86_64", "amd64"}}

func buildZips(root, out string) error {
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, name := range lambdas {
		for _, a := range architectures {
			if err := bundle.Build(root, "./lambda/"+name, a.goarch, dir); err != nil {
				return err
			}
			program, err := os.ReadFile(filepath.Join(dir, "bootstrap"))
			if err != nil {
				return err
			}
			archive, err := zipped(program)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(out, name+"-"+a.lambda+".zip"), archive, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// zipped returns a zip with the file bootstrap. The runtime provided.al2023
// starts the file of that name (AWS Lambda Developer Guide, "Building a custom
// runtime").
func zipped(program []byte) ([]byte, error) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	header.SetMode(0o755)
	file, err := w.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := file.Write(program); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}

package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Templates and assets contain no value of the environment during synthesis and
// no secret of the Lambdas' tests. P20, G3.
func TestNoSecretInTheAssembly(t *testing.T) {
	secrets := [][]byte{[]byte(planted), []byte(strings.Repeat("5e", 32)), []byte("4e4636356d65563e4c73233847503e3b")}
	dir := builtAssembly(t)
	hex := regexp.MustCompile(`[0-9a-f]{64}`)
	templates, binaries := 0, 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, secret := range secrets {
			if bytes.Contains(raw, secret) {
				t.Errorf("%s holds a secret", path)
			}
		}
		switch {
		case entry.Name() == "bootstrap":
			binaries++
		case strings.HasSuffix(path, ".template.json"):
			templates++
			for _, run := range hex.FindAllString(string(raw), -1) {
				if !strings.Contains(string(raw), run+".zip") && !strings.Contains(string(raw), run+".json") {
					t.Errorf("%s has 64 hexadecimal digits that are no asset's: %s…", path, run[:8])
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if templates == 0 || binaries < 2 {
		t.Errorf("looked at %d templates and %d binaries", templates, binaries)
	}
}

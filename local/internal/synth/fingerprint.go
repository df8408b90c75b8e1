package synth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// maxInput bounds the files that a fingerprint reads. A larger project is
// synthesized on each run.
const (
	maxFiles = 20_000
	maxInput = 256 << 20
)

var errTooLarge = errors.New("synth: the project is too large for a fingerprint")

// notInputs are folders that no app is made from.
var notInputs = []string{".git", ".local", "node_modules", "cdk.out", ".idea", ".vscode"}

// environmentInputs are the prefixes of variables that change the result
// of synthesis. Credentials are not among them.
var environmentInputs = []string{"CDK_", "GO", "CGO_", "JSII_", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"}

// Fingerprint is a hash of everything that the app is known to be made from:
// its files and those of modules that go.mod replaces by folders, the npm lock
// file, the CDK CLI's version, the Go version, the flags and the environment.
// Two runs with one fingerprint synthesize the same, unless the app reads the
// clock, the network or files elsewhere.
func (c Config) Fingerprint(ctx context.Context) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", c.args())
	for _, v := range slices.Sorted(slices.Values(os.Environ())) {
		if slices.ContainsFunc(environmentInputs, func(prefix string) bool { return strings.HasPrefix(v, prefix) }) {
			fmt.Fprintf(h, "%q\n", v)
		}
	}
	version := exec.CommandContext(ctx, "go", "version")
	version.Dir = c.Root
	out, err := version.Output()
	if err != nil {
		out = []byte("no go") // an app in another language
	}
	h.Write(out)
	if cli, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(c.cli())), "package.json")); err == nil {
		h.Write(cli)
	}
	files, size := 0, int64(0)
	err = c.walk(func(path string) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		content := sha256.New()
		n, err := io.Copy(content, io.LimitReader(f, maxInput))
		if err != nil {
			return err
		}
		if files, size = files+1, size+n; files > maxFiles || size > maxInput {
			return errTooLarge
		}
		fmt.Fprintf(h, "%q %x\n", path, content.Sum(nil))
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// Glance is a cheap hash of the input files' names, sizes and times, to notice
// a change by.
func (c Config) Glance() (string, error) {
	h, files := sha256.New(), 0
	err := c.walk(func(path string) error {
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if files++; files > maxFiles {
			return errTooLarge
		}
		fmt.Fprintf(h, "%q %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// walk visits the regular files that the app may be made from.
func (c Config) walk(visit func(path string) error) error {
	for _, root := range append([]string{c.Root}, replaced(c.Root)...) {
		if err := c.walkFolder(root, visit); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) walkFolder(root string, visit func(path string) error) error {
	out, _ := filepath.Abs(c.Out)
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			relative, _ := filepath.Rel(root, path)
			if path == out || slices.Contains(notInputs, entry.Name()) || slices.Contains(c.Except, relative) {
				return fs.SkipDir
			}
			return nil
		case !entry.Type().IsRegular() || path == c.stampFile():
			return nil
		}
		return visit(path)
	})
}

var replacement = regexp.MustCompile(`(?m)=>\s*(\.\.?(?:/\S*)?|/\S+)\s*$`)

// replaced are the folders that a go.mod file names in place of modules.
func replaced(root string) []string {
	file, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil
	}
	var out []string
	for _, m := range replacement.FindAllStringSubmatch(string(file), -1) {
		folder := m[1]
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(root, folder)
		}
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			out = append(out, folder)
		}
	}
	return out
}

// stamp is written beside an assembly: the fingerprint it was made from, and
// its files with their hashes.
type stamp struct {
	Fingerprint string            `json:"fingerprint"`
	Files       map[string]string `json:"files"`
}

func (c Config) stampFile() string { return filepath.Clean(c.Out) + ".stamp.json" }

// UpToDate reports whether c.Out is the assembly of a fingerprint and has
// not changed since.
func (c Config) UpToDate(fingerprint string) bool {
	file, err := os.ReadFile(c.stampFile())
	if err != nil {
		return false
	}
	var s stamp
	if json.Unmarshal(file, &s) != nil || s.Fingerprint != fingerprint || fingerprint == "" {
		return false
	}
	files, err := assembly(c.Out)
	return err == nil && len(files) == len(s.Files) && !slices.ContainsFunc(sortedKeys(files), func(name string) bool { return files[name] != s.Files[name] })
}

// Stamp records that c.Out was made from a fingerprint.
func (c Config) Stamp(fingerprint string) error {
	files, err := assembly(c.Out)
	if err != nil {
		return fmt.Errorf("synth: %w", err)
	}
	text, err := json.Marshal(stamp{fingerprint, files})
	if err != nil {
		return fmt.Errorf("synth: %w", err)
	}
	return os.WriteFile(c.stampFile(), text, 0o644)
}

// assembly describes the files of an assembly: JSON by its hash, assets, whose
// names are hashes already, by size.
func assembly(dir string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		files[name] = fmt.Sprint(info.Size(), " ", info.Mode())
		if strings.HasSuffix(name, ".json") && !strings.ContainsRune(name, filepath.Separator) {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files[name] = fmt.Sprintf("%x", sha256.Sum256(content))
		}
		return nil
	})
	return files, err
}

func sortedKeys(m map[string]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

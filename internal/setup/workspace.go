package setup

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Workspace returns a writable folder with the npm lock file and some folders
// of a module. That is the module's own folder unless it is read-only, as in
// the module cache; then it is one in the user's cache, named by the module's
// folder and version.
func Workspace(module string, folders ...string) (string, error) {
	if info, err := os.Stat(module); err == nil && info.Mode()&0o200 != 0 {
		return module, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("setup: %w", err)
	}
	hash := sha256.Sum256([]byte(module))
	dir := filepath.Join(cache, "tokenhandler", hex.EncodeToString(hash[:8]))
	unlock, err := lock(filepath.Join(dir, ".local"))
	if err != nil {
		return "", fmt.Errorf("setup: %w", err)
	}
	defer unlock()
	for _, name := range append([]string{"package.json", "package-lock.json"}, folders...) {
		if err := copyTree(filepath.Join(module, name), filepath.Join(dir, name)); err != nil {
			return "", fmt.Errorf("setup: %w", err)
		}
	}
	return dir, nil
}

// copyTree copies a file or a folder. The copies can be written.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		switch {
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		case !entry.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
}

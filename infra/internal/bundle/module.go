package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
)

// later runs f in the background and returns a function that waits for its
// result.
func later[T any](f func() (T, error)) func() (T, error) {
	once := sync.OnceValues(f)
	go once()
	return once
}

// moduleDir finds the sources of this module: the checkout, a replacement, a
// workspace or the module cache, whichever the app itself was built with.
// runtime.Caller would not do: with -trimpath it gives no path.
var moduleDir = sync.OnceValues(func() (string, error) {
	// -mod=readonly: in a vendored module, -mod=vendor would know no directory.
	dir, err := run("", nil, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", Path)
	if dir = strings.TrimSpace(dir); dir != "" {
		return dir, nil
	}
	dir, downloadErr := downloadedDir()
	if dir != "" {
		return dir, nil
	}
	return "", fmt.Errorf("tokenhandler: the sources of %s were not found: run the app in the directory of a Go module that requires it, with go on the PATH\n%w",
		Path, errors.Join(err, downloadErr))
})

// downloadedDir serves a compiled app that runs outside of its module.
func downloadedDir() (string, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", nil
	}
	for _, dep := range info.Deps {
		if dep.Path != Path {
			continue
		}
		if dep.Replace != nil {
			dep = dep.Replace
		}
		out, err := run("", nil, "mod", "download", "-json", dep.Path+"@"+dep.Version)
		if err != nil {
			return "", err
		}
		var module struct{ Dir string }
		err = json.Unmarshal([]byte(out), &module)
		return module.Dir, err
	}
	return "", nil
}

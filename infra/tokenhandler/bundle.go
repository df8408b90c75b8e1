package tokenhandler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/jsii-runtime-go"
)

// modulePath is the module the Lambdas' sources are in: this one, whichever
// module uses the construct.
const modulePath = "github.com/tokenhandler/aws"

// code bundles a main package of this module: go build on this machine, no
// Docker. It compiles only when the stack is synthesized for deployment; cdk ls
// and unit tests skip it. Nor does it compile what the assembly holds already:
// the asset's name tells what it was built from.
func (h *TokenHandler) code(pkg, arch string) awslambda.Code {
	m, err := h.module()
	if err != nil {
		panic(err)
	}
	build := &goBuild{dir: m.dir, pkg: pkg, arch: arch}
	options := &awss3assets.AssetOptions{
		// Where bundling is skipped, CDK then names the asset after the construct,
		// and templates of tests stay the same when a Lambda changes.
		AssetHashType: awscdk.AssetHashType_OUTPUT,
		Bundling: &awscdk.BundlingOptions{
			Image: awscdk.DockerImage_FromRegistry(jsii.String("unused")), // required, never run
			// Never run either, but part of the key of CDK's asset cache, in
			// which Local does not count: without it both functions would get
			// the same binary.
			Command: jsii.Strings("go", "build", arch, pkg),
			Local:   build,
		},
	}
	if h.bundles() {
		fingerprint, err := build.fingerprint(m.toolchain)
		if err != nil {
			panic(err)
		}
		options.AssetHashType, options.AssetHash = awscdk.AssetHashType_CUSTOM, jsii.String(fingerprint)
	}
	return awslambda.Code_FromAsset(jsii.String(m.dir), options)
}

// bundles reports whether CDK will ask for the Lambdas.
func (h *TokenHandler) bundles() bool { return *awscdk.Stack_Of(h).BundlingRequired() }

// module is where the Lambdas' sources are, and what compiles them.
type module struct {
	dir       string
	toolchain string // empty: nothing is compiled
}

// findModule asks the go command, which takes its time: CDK has enough to do
// meanwhile.
func findModule(compiles bool) func() (module, error) {
	find := sync.OnceValues(func() (module, error) {
		dir, err := moduleDir()
		if err != nil || !compiles {
			return module{dir: dir}, err
		}
		toolchain, err := toolchainIn(dir)
		return module{dir, toolchain}, err
	})
	go find()
	return find
}

// goBuild implements awscdk.ILocalBundling.
type goBuild struct{ dir, pkg, arch string }

// TryBundle compiles. It panics when that fails: to return false would make
// CDK try Docker, to return true would ship an empty asset.
func (b *goBuild) TryBundle(outputDir *string, _ *awscdk.BundlingOptions) *bool {
	if err := b.build(*outputDir); err != nil {
		panic(err)
	}
	return jsii.Bool(true)
}

// build is reproducible: no paths (-trimpath), no commit (-buildvcs=false),
// nothing of the caller's environment that changes the code. What of it is not
// set here, fingerprint knows.
func (b *goBuild) build(outputDir string) error {
	cmd := exec.Command("go", b.args(filepath.Join(outputDir, "bootstrap"))...)
	cmd.Dir = b.dir
	cmd.Env = append(append(os.Environ(), b.env()...), "PWD="+b.dir)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("tokenhandler: go build %s in %s: %w\n%s", b.pkg, b.dir, err, bytes.TrimSpace(output.Bytes()))
	}
	return nil
}

func (b *goBuild) args(output string) []string {
	return []string{"build", "-mod=readonly", "-trimpath", "-buildvcs=false",
		"-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", output, b.pkg}
}

func (b *goBuild) env() []string {
	return []string{
		"GOOS=linux", "GOARCH=" + b.arch, "GOARM64=v8.0", "GOAMD64=v1", "CGO_ENABLED=0",
		"GOWORK=off",            // the module's own go.mod decides
		"GOFLAGS=-mod=readonly", // not empty: an empty value would not hide go env -w GOFLAGS
	}
}

// moduleDir finds the sources of this module: the checkout, a replacement, a
// workspace or the module cache, whichever the app itself was built with.
// runtime.Caller would not do: with -trimpath it gives no path.
var moduleDir = sync.OnceValues(func() (string, error) {
	if dir := goListDir(); dir != "" {
		return dir, nil
	}
	if dir := goModDownloadDir(); dir != "" {
		return dir, nil
	}
	return "", fmt.Errorf("tokenhandler: the sources of %s were not found: expected to run in the directory of a Go module that requires it, with go on the PATH", modulePath)
})

func goListDir() string {
	// -mod=readonly: in a vendored module, -mod=vendor would know no directory.
	out, err := exec.Command("go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", modulePath).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// goModDownloadDir serves a compiled app that runs outside of its module.
func goModDownloadDir() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, dep := range info.Deps {
		if dep.Path != modulePath {
			continue
		}
		if dep.Replace != nil {
			dep = dep.Replace
		}
		out, err := exec.Command("go", "mod", "download", "-json", dep.Path+"@"+dep.Version).Output()
		var module struct{ Dir string }
		if err == nil && json.Unmarshal(out, &module) == nil {
			return module.Dir
		}
	}
	return ""
}

// goarch is Go's name of a Lambda architecture, "" if it has none.
func goarch(a awslambda.Architecture) string {
	switch *a.Name() {
	case "arm64":
		return "arm64"
	case "x86_64":
		return "amd64"
	}
	return ""
}

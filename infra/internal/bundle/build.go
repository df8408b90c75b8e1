package bundle

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// goBuild implements awscdk.ILocalBundling.
type goBuild struct{ dir, pkg, arch string }

// TryBundle compiles. It panics when that fails: false would make CDK try
// Docker, true would ship an empty asset.
func (b *goBuild) TryBundle(outputDir *string, _ *awscdk.BundlingOptions) *bool {
	if err := b.build(*outputDir); err != nil {
		panic(err)
	}
	return jsii.Bool(true)
}

// build is reproducible: no paths (-trimpath), no commit (-buildvcs=false), no
// settings of the environment that change the code. The fingerprint covers those
// that are not set here.
func (b *goBuild) build(outputDir string) error {
	output, err := filepath.Abs(filepath.Join(outputDir, "bootstrap"))
	if err != nil {
		return fmt.Errorf("tokenhandler: %w", err)
	}
	_, err = run(b.dir, b.env(), "build", b.args(output)...)
	return err
}

func (b *goBuild) args(output string) []string {
	return []string{"-mod=readonly", "-trimpath", "-buildvcs=false",
		"-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", output, b.pkg}
}

func (b *goBuild) env() []string {
	return []string{
		"GOOS=linux", "GOARCH=" + b.arch, "GOARM64=v8.0", "GOAMD64=v1", "CGO_ENABLED=0",
		"GOWORK=off",            // the module's own go.mod decides
		"GOFLAGS=-mod=readonly", // not empty: an empty value would not hide go env -w GOFLAGS
	}
}

// run runs a go command for the module in dir and returns its output. The
// working directory stays that of the app: version managers such as asdf and mise
// choose the Go version by it, and fail in the module cache. The error has
// the tool's own message.
func run(dir string, env []string, command string, args ...string) (string, error) {
	if dir != "" {
		args = append([]string{"-C", dir}, args...)
	}
	cmd := exec.Command("go", append([]string{command}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("tokenhandler: go %s for the Lambdas in %s: %w\n%s", command, dir, err, bytes.TrimSpace(append(stderr.Bytes(), stdout.Bytes()...)))
	}
	return stdout.String(), nil
}

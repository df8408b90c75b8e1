// Package bundle compiles the Lambdas of this module for a CDK asset: with the go
// command on this machine, without Docker, and only if the assembly does not have
// the same program already.
package bundle

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Path is the module with the Lambdas' sources: this one, whichever module uses
// the construct.
const Path = "github.com/tokenhandler/aws"

// Module holds the Lambdas' sources and the compiler for them.
type Module struct {
	compiles bool
	find     func() (found, error)
}

type found struct {
	dir       string
	toolchain string // empty if synthesis compiles no Lambda
}

// Find begins to look for the sources, for constructs of the stack around scope.
// It asks the go command, which takes its time: CDK has enough to do meanwhile.
func Find(scope constructs.Construct) *Module {
	m := &Module{compiles: *awscdk.Stack_Of(scope).BundlingRequired()}
	m.find = later(func() (found, error) {
		dir, err := moduleDir()
		if err != nil || !m.compiles {
			return found{dir: dir}, err
		}
		toolchain, err := toolchainIn(dir)
		return found{dir, toolchain}, err
	})
	return m
}

// Code bundles a main package of this module. It compiles only when the stack is
// synthesized for deployment; cdk ls and unit tests skip it. It panics if the
// sources are not found.
func (m *Module) Code(pkg, arch string) awslambda.Code {
	at, err := m.find()
	if err != nil {
		panic(err)
	}
	build := &goBuild{dir: at.dir, pkg: pkg, arch: arch}
	options := &awss3assets.AssetOptions{
		// If bundling is skipped, CDK names the asset after the construct, and
		// templates of tests stay the same when a Lambda changes.
		AssetHashType: awscdk.AssetHashType_OUTPUT,
		Bundling: &awscdk.BundlingOptions{
			Image: awscdk.DockerImage_FromRegistry(jsii.String("unused")), // required, never run
			// Never run either, but part of the key of CDK's asset cache, which
			// ignores Local: otherwise both functions would get the same binary.
			Command: jsii.Strings("go", "build", arch, pkg),
			Local:   build,
		},
	}
	if m.compiles {
		fingerprint, err := build.fingerprint(at.toolchain)
		if err != nil {
			panic(err)
		}
		options.AssetHashType, options.AssetHash = awscdk.AssetHashType_CUSTOM, jsii.String(fingerprint)
	}
	return awslambda.Code_FromAsset(jsii.String(at.dir), options)
}

// Build compiles a main package of the module in dir for a Lambda architecture,
// as [Module.Code] does, and writes it to the file bootstrap in outputDir.
func Build(dir, pkg, goarch, outputDir string) error {
	return (&goBuild{dir: dir, pkg: pkg, arch: goarch}).build(outputDir)
}

// GOARCH is Go's name of a Lambda architecture, or "" for an unknown architecture.
func GOARCH(a awslambda.Architecture) string {
	switch *a.Name() {
	case "arm64":
		return "arm64"
	case "x86_64":
		return "amd64"
	}
	return ""
}

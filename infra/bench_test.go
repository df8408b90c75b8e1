package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
)

// bare is the smallest CDK app in Go.
func bare() error {
	app := awscdk.NewApp(nil)
	awss3.NewBucket(awscdk.NewStack(app, jsii.String("Bare"), nil), jsii.String("Bucket"), nil)
	app.Synth(nil)
	return nil
}

// BenchmarkSynth compares "cdk synth" of the default stage with that of a bare
// app, in turns, with everything compiled before. The ratio is the result:
//
//	go test ./infra -run '^$' -bench Synth -benchtime 5x
func BenchmarkSynth(b *testing.B) {
	cli, err := filepath.Abs("../node_modules/aws-cdk/bin/cdk")
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	synth := func(app string) time.Duration {
		cmd := exec.Command("node", cli, "synth", "--quiet", "--no-notices", "--app", os.Args[0], "--output", filepath.Join(dir, app))
		cmd.Dir = ".."
		cmd.Env = append(os.Environ(), asApp+"="+app, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20")
		start := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		return time.Since(start)
	}
	synth("bare")
	synth("sound")
	var least, ours time.Duration
	for b.Loop() {
		least += synth("bare")
		ours += synth("sound")
	}
	b.ReportMetric(least.Seconds()/float64(b.N), "s-bare/op")
	b.ReportMetric(ours.Seconds()/float64(b.N), "s-default/op")
	b.ReportMetric(ours.Seconds()/least.Seconds(), "ratio")
}

// Command infra is the CDK app: one token handler, configured by a stage of
// cdk.json. Run it through the CDK CLI:
//
//	npx cdk synth -c stage=local
//	npx cdk deploy -c stage=example
//
// A single field of the stage is replaced by -c field=value; lists are
// comma-separated, routes are JSON. Without -c stage, the context's own "stage"
// is taken.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/tokenhandler/aws/infra/internal/enforce"
	"github.com/tokenhandler/aws/infra/internal/rules"
)

func main() { os.Exit(report(os.Stderr, func() error { return synth(awscdk.NewApp(nil), nil) })) }

// synth makes the stacks of the app's stage, applies change to each, unless it
// is nil, and synthesizes them.
func synth(app awscdk.App, change func(awscdk.Stack)) error {
	stage, err := readStage(app.Node())
	if err != nil {
		return err
	}
	for _, stack := range newStacks(app, stage) {
		if change != nil {
			change(stack)
		}
	}
	failed := recovered(func() error { app.Synth(nil); return nil })
	findings, err := withdraw(app)
	if failed != nil {
		findings = nil // CDK has printed those of the construct's plugin
	}
	return errors.Join(failed, errors.Join(findings...), err)
}

// withdraw applies the rules to the templates of the app as they were written,
// and removes those with a finding, so that no pipeline deploys them. The
// construct's validation plugin must leave the templates in place.
func withdraw(app awscdk.App) (findings []error, err error) {
	files, err := enforce.Templates(app)
	if err != nil {
		return nil, err
	}
	functions := rules.FunctionsOf(files)
	for _, file := range files {
		found := rules.Check(file.Template, rules.Options{Functions: functions}).Errors()
		for _, finding := range found {
			findings = append(findings, fmt.Errorf("%s: %s", filepath.Base(file.Name), finding))
		}
		if len(found) > 0 {
			err = errors.Join(err, fmt.Errorf("%s is removed, it violates the rules", filepath.Base(file.Name)), os.Remove(file.Name))
		}
	}
	return findings, err
}

// report runs an app, writes its faults to w and returns the exit status.
// Constructs panic with messages for the user of the command line, so report
// prints them without the stack trace.
func report(w io.Writer, app func() error) int {
	err := recovered(app)
	if err == nil {
		return 0
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(w, "infra: "+strings.TrimRight(line, "\n"))
	}
	return 1
}

func recovered(app func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New(fmt.Sprint(r))
		}
	}()
	return app()
}

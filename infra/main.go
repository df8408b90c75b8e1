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
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

func main() { os.Exit(report(os.Stderr, synth)) }

func synth() error {
	app := awscdk.NewApp(nil)
	stage, err := readStage(app.Node())
	if err != nil {
		return err
	}
	newStack(app, stage)
	app.Synth(nil)
	return nil
}

// report runs an app, writes what is wrong to w and returns the exit status.
// What constructs panic with is meant for the person at the command line, the
// stack trace is not.
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
			err = errors.New(inStageWords(fmt.Sprint(r)))
		}
	}()
	return app()
}

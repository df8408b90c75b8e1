package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// every is an app with the stacks of all stages, because validation costs some
// seconds a process and little per stack. Control is a stack that the
// validation must report, or it did not run.
func every() error {
	app := awscdk.NewApp(nil)
	node := app.Node()
	for _, name := range sortedKeys(node.TryGetContext(jsii.String("stages")).(map[string]any)) {
		s, err := decodeStage(func(key string) any {
			if key == "stage" {
				return name
			}
			return node.TryGetContext(jsii.String(key))
		})
		if err != nil {
			return err
		}
		newStacks(app, s)
	}
	awslambda.NewCfnFunction(awscdk.NewStack(app, jsii.String("Control"), nil), jsii.String("Function"), &awslambda.CfnFunctionProps{
		Architectures: jsii.Strings("arm65"), // a warning, not an error
		Code:          &awslambda.CfnFunction_CodeProperty{S3Bucket: jsii.String("bucket"), S3Key: jsii.String("key")},
		Handler:       jsii.String("bootstrap"), Runtime: jsii.String("provided.al2023"), Role: jsii.String("arn:aws:iam::123456789012:role/control"),
	})
	app.Synth(nil)
	findings, err := withdraw(app)
	return errors.Join(append(findings, err)...)
}

// CloudFormation's and CDK's own checks have no warning for any stage of
// cdk.json. "cdk synth --strict" fails on such warnings.
func TestEveryStageIsValid(t *testing.T) {
	outdir := everyStage(t)
	raw, err := os.ReadFile(filepath.Join(outdir, "validation-report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		PluginReports []struct {
			PluginName string
			Violations []struct {
				RuleName, Description, Severity string
				ViolatingConstructs             []struct{ ConstructPath string }
			}
		}
	}
	if err := json.Unmarshal(raw, &report); err != nil {
		t.Fatal(err)
	}
	control := false
	for _, plugin := range report.PluginReports {
		for _, v := range plugin.Violations {
			var at []string
			for _, c := range v.ViolatingConstructs {
				if c.ConstructPath == "Control/Function" {
					control = true
					continue
				}
				at = append(at, c.ConstructPath)
			}
			if len(at) > 0 || len(v.ViolatingConstructs) == 0 {
				t.Errorf("%s: %s %s at %s: %s", plugin.PluginName, v.Severity, v.RuleName, strings.Join(at, ", "), v.Description)
			}
		}
	}
	if !control {
		t.Errorf("the control was not found, so the validation did not run: %s", raw)
	}
	stacks, err := filepath.Glob(filepath.Join(outdir, "*.template.json"))
	if err != nil || len(stacks) <= len(cdkJSON(t)["stages"].(map[string]any)) {
		t.Errorf("%d stacks were looked at, %v", len(stacks), err)
	}
}

// Package examples synthesizes the CDK apps below it.
package examples

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// The apps are run as the CDK CLI runs them, but compile no Lambda.
func TestAppsProtectTheirMethods(t *testing.T) {
	for name, want := range map[string]struct {
		stack     string
		protected []string // methods with a Lambda authorizer
	}{
		"new-api": {"NewAPI", []string{"DELETE", "GET", "GET", "POST", "PUT"}},
		"own-api": {"OwnAPI", []string{"GET", "POST"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, out := t.TempDir(), t.TempDir()
			app := filepath.Join(dir, "app")
			if output, err := exec.Command("go", "build", "-o", app, "./"+name).CombinedOutput(); err != nil {
				t.Fatalf("go build: %v\n%s", err, output)
			}
			cmd := exec.Command(app)
			cmd.Dir = name
			cmd.Env = append(os.Environ(), "CDK_OUTDIR="+out, `CDK_CONTEXT_JSON={"aws:cdk:bundling-stacks":[]}`,
				"CDK_VALIDATION=false", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20")
			if output, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("synthesis: %v\n%s", err, output)
			}
			raw, err := os.ReadFile(filepath.Join(out, want.stack+".template.json"))
			if err != nil {
				t.Fatal(err)
			}
			var template struct {
				Resources map[string]struct {
					Type       string
					Properties struct{ HttpMethod, AuthorizationType string }
				}
			}
			if err := json.Unmarshal(raw, &template); err != nil {
				t.Fatal(err)
			}
			var protected []string
			for _, r := range template.Resources {
				if r.Type == "AWS::ApiGateway::Method" && r.Properties.AuthorizationType == "CUSTOM" {
					protected = append(protected, r.Properties.HttpMethod)
				}
			}
			if slices.Sort(protected); !slices.Equal(protected, want.protected) {
				t.Errorf("protected methods: got %v, want %v", protected, want.protected)
			}
		})
	}
}

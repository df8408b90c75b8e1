package enforce

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/rules"
)

// Plugin applies the rules to the templates as CDK wrote them. They show what
// AddPropertyOverride and the like change. It implements
// awscdk.IPolicyValidationPlugin: its findings end synthesis with an error, but
// the templates stay.
//
// It checks the REST APIs of its stage that are a token handler's or have an
// authorizer that invokes its function: an API that uses the token handler for
// one method uses it for all.
type Plugin struct {
	Stage awscdk.Stage
	// Own lists, by the file name of their template, the token handlers' REST
	// APIs, and the authorizers of functions that another app deploys.
	Own func() (apis, authorizers map[string][]string)
}

// Name, RuleIds and Version implement awscdk.IPolicyValidationPlugin.
func (*Plugin) Name() *string    { return jsii.String("token-handler") }
func (*Plugin) Version() *string { return nil }

func (*Plugin) RuleIds() *[]*string {
	var names []string
	for _, r := range rules.All() {
		names = append(names, r.Name)
	}
	return jsii.Strings(names...)
}

// Validate implements awscdk.IPolicyValidationPlugin.
func (p *Plugin) Validate(awscdk.IPolicyValidationContext) *awscdk.PolicyValidationPluginReport {
	files, _, err := rules.ReadAll(templatesOf(p.Stage)...)
	if err != nil {
		panic(fmt.Errorf("tokenhandler: %w", err)) // CDK reports it as a failure of the plugin
	}
	apis, authorizers := p.Own()
	functions := rules.FunctionsOf(files)
	violations := []*awscdk.PolicyViolation{}
	for _, file := range files {
		name := filepath.Base(file.Name)
		report := rules.Check(file.Template, rules.Options{APIs: apis[name], Authorizers: authorizers[name], OnlyUsers: true, Functions: functions})
		for _, finding := range report.Errors() {
			violations = append(violations, violation(file.Name, finding))
		}
	}
	return &awscdk.PolicyValidationPluginReport{Success: jsii.Bool(len(violations) == 0), Violations: &violations}
}

// templatesOf lists the templates of a stage with those of nested stacks, but
// without those of stages within it. A synthesizer may have written no template.
func templatesOf(stage awscdk.Stage) []string {
	var templates []string
	for _, node := range *stage.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if stack, ok := node.(awscdk.Stack); ok && awscdk.Stage_Of(stack) == stage {
			file := filepath.Join(*stage.Outdir(), *stack.TemplateFile())
			if t, err := os.Stat(file); err == nil && t.Mode().IsRegular() {
				templates = append(templates, file)
			}
		}
	}
	return templates
}

func violation(file string, f rules.Finding) *awscdk.PolicyViolation {
	return &awscdk.PolicyViolation{
		RuleName:    jsii.String(f.Rule),
		Description: jsii.String(f.Text()), // CDK adds the construct path and the logical id
		Severity:    jsii.String("fatal"),  // cannot be acknowledged away
		ViolatingResources: &[]*awscdk.PolicyViolatingResource{{
			ResourceLogicalId: jsii.String(f.LogicalID),
			TemplatePath:      jsii.String(file),
			Locations:         &[]*string{},
		}},
	}
}

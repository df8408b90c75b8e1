package enforce

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/rules"
	"github.com/tokenhandler/aws/internal/cloudformation"
)

// Plugin applies the rules to the templates as CDK wrote them. They include
// changes by AddPropertyOverride and the like. It implements
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
	templates, err := Templates(p.Stage)
	if err != nil {
		panic(fmt.Errorf("tokenhandler: %w", err)) // CDK reports it as a failure of the plugin
	}
	apis, authorizers := p.Own()
	functions := rules.FunctionsOf(templates)
	violations := []*awscdk.PolicyViolation{}
	for _, t := range templates {
		name := filepath.Base(t.Name)
		report := rules.Check(t.Template, rules.Options{APIs: apis[name], Authorizers: authorizers[name], OnlyUsers: true, Functions: functions})
		for _, finding := range report.Errors() {
			violations = append(violations, violation(t, finding))
		}
	}
	return &awscdk.PolicyValidationPluginReport{Success: jsii.Bool(len(violations) == 0), Violations: &violations}
}

// Templates reads the written templates of a stage, nested stacks as part of
// their parents, without those of stages within it. A synthesizer may have
// written no template.
func Templates(stage awscdk.Stage) ([]cloudformation.File, error) {
	var templates []cloudformation.File
	for _, node := range *stage.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		stack, ok := node.(awscdk.Stack)
		if !ok || stack.NestedStackParent() != nil || awscdk.Stage_Of(stack) != stage {
			continue
		}
		file := filepath.Join(*stage.Outdir(), *stack.TemplateFile())
		t, err := cloudformation.ReadWithNested(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		templates = append(templates, cloudformation.File{Name: file, Template: t})
	}
	return templates, nil
}

// violation names a resource of a nested stack as that stack's template does.
func violation(in cloudformation.File, f rules.Finding) *awscdk.PolicyViolation {
	file, id := in.Name, f.LogicalID
	if r := in.Resources[id]; r != nil && r.Origin.File != "" {
		file, id = r.Origin.File, r.Origin.ID
	}
	return &awscdk.PolicyViolation{
		RuleName:    jsii.String(f.Rule),
		Description: jsii.String(f.Text()), // CDK adds the construct path and the logical id
		Severity:    jsii.String("fatal"),  // cannot be acknowledged away
		ViolatingResources: &[]*awscdk.PolicyViolatingResource{{
			ResourceLogicalId: jsii.String(id),
			TemplatePath:      jsii.String(file),
			Locations:         &[]*string{},
		}},
	}
}

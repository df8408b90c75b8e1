package tokenhandler

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/templatecheck"
)

// templateRule applies the rule of Validate once more, to the templates as CDK
// wrote them. There it sees what the construct tree does not show: what
// AddPropertyOverride and the like change, and APIs whose methods are in an
// OpenAPI definition. It implements awscdk.IPolicyValidationPlugin, whose
// findings end synthesis with an error as those of Validate do; the template
// is there by then.
//
// It looks at the REST APIs of its stage that are a token handler's, or have an
// authorizer that invokes its function: an API that uses the token handler
// somewhere uses it everywhere. Other APIs of the app are not its business.
type templateRule struct{ stage awscdk.Stage }

// checkTemplates registers the rule, once in a stage.
func (h *TokenHandler) checkTemplates() {
	if h.props.SkipTemplateRule {
		return
	}
	stage := awscdk.Stage_Of(h)
	if len(handlersOf(stage)) == 1 {
		awscdk.Validations_Of(stage).AddPlugins(&templateRule{stage})
	}
}

// templatesOf lists the files of a stage's templates, those of nested stacks
// among them, but nothing of stages within it. A synthesizer of somebody's own
// may have written none, of which there is nothing to deploy.
func templatesOf(stage awscdk.Stage) []string {
	var templates []string
	for _, node := range *stage.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if stack, ok := node.(awscdk.Stack); ok && awscdk.Stage_Of(stack) == stage {
			file := filepath.Join(*stage.Outdir(), *stack.TemplateFile())
			if _, err := os.Stat(file); err == nil {
				templates = append(templates, file)
			}
		}
	}
	return templates
}

// Name, RuleIds and Version implement awscdk.IPolicyValidationPlugin.
func (*templateRule) Name() *string       { return jsii.String("token-handler") }
func (*templateRule) RuleIds() *[]*string { return jsii.Strings("protected-methods") }
func (*templateRule) Version() *string    { return nil }

// Validate implements awscdk.IPolicyValidationPlugin.
func (r *templateRule) Validate(awscdk.IPolicyValidationContext) *awscdk.PolicyValidationPluginReport {
	files, err := templatecheck.ReadAll(templatesOf(r.stage)...)
	if err != nil {
		misuse("%s", err) // CDK reports it as a failure of the plugin
	}
	own, authorizers := ownParts(handlersOf(r.stage))
	functions := templatecheck.FunctionsOf(files)
	violations := []*awscdk.PolicyViolation{}
	for _, file := range files {
		report := templatecheck.Check(file.Template, templatecheck.Options{
			APIs: own[filepath.Base(file.Name)], Authorizers: authorizers[filepath.Base(file.Name)], OnlyUsers: true, Functions: functions,
		})
		for _, finding := range report.Findings {
			violations = append(violations, violation(file.Name, finding))
		}
	}
	return &awscdk.PolicyValidationPluginReport{Success: jsii.Bool(len(violations) == 0), Violations: &violations}
}

// ownParts lists, by the file of their template, the token handlers' REST APIs,
// and the authorizers of those whose function is of another app.
func ownParts(handlers []*TokenHandler) (apis, authorizers map[string][]string) {
	apis, authorizers = map[string][]string{}, map[string][]string{}
	add := func(to map[string][]string, stack awscdk.Stack, id *string) {
		resolved, _ := stack.Resolve(id).(map[string]any)
		ref, _ := resolved["Ref"].(string)
		if file := *stack.TemplateFile(); ref != "" && !slices.Contains(to[file], ref) {
			to[file] = append(to[file], ref)
		}
	}
	for _, h := range handlers {
		add(apis, h.API.Stack(), h.API.RestApiId())
		for _, spec := range h.specs {
			add(apis, spec.Stack(), spec.RestApiId())
		}
		if h.AuthorizerFunction == nil {
			add(authorizers, awscdk.Stack_Of(h), h.Authorizer.AuthorizerId())
		}
	}
	return apis, authorizers
}

func violation(file string, f templatecheck.Finding) *awscdk.PolicyViolation {
	description := f.Fault // CDK adds the construct's path and the logical id
	if f.Method != "" {
		description = f.Method + " " + f.Path + " " + f.Fault
	}
	return &awscdk.PolicyViolation{
		RuleName:    jsii.String("protected-methods"),
		Description: jsii.String(description),
		// Nothing acknowledges a fatal one away.
		Severity: jsii.String("fatal"),
		ViolatingResources: &[]*awscdk.PolicyViolatingResource{{
			ResourceLogicalId: jsii.String(f.LogicalID),
			TemplatePath:      jsii.String(file),
			Locations:         &[]*string{},
		}},
	}
}

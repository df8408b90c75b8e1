//lint:file-ignore SA1019 assertions.Annotations returns cxapi.SynthesisMessage and no other type.

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/cxapi"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// accepted are the findings of cdk-nag's AwsSolutions rules that stay, each
// with the reason. They are compared and not suppressed: a new finding fails
// the test, and so does an entry that nothing needs any more. No stages are
// all of them.
var accepted = []struct{ rule, stages, path, reason string }{
	{"COG4", "", `/(GET|POST|PUT|DELETE|ANY)/Resource$`, "The sessions are the token handler's, at any OpenID Provider: its Lambda authorizer stands where the rule wants Cognito. infra/check proves that it stands there."},
	{"APIG4", "", `/oauth-agent/`, "The agent's endpoints are where a session begins. The agent checks origin, CSRF and cookies itself."},
	{"APIG2", "", `/Api/Resource$`, "The rule asks for a validator on every method. The agent's endpoints with JSON bodies have one; routes have one on request (RequestSchema, RequiredQueryParameters), otherwise bodies are the upstream API's to judge."},
	{"APIG6", "", `/DeploymentStage`, "Execution logs repeat requests and, at the level the rule wants, what the authorizer gives back. Access logs are the record."},
	{"APIG1", "example fapi", `/DeploymentStage`, "Access logs need a role that belongs to the whole account; the stages that show providers must deploy into an account without one."},
	{"APIG3", "", `/DeploymentStage`, "A web ACL costs money and needs rules of the team's own: operation.webAcl."},
	{"SMG4", "", `/(EncryptionKey|SessionKey)/Resource$`, "A new key signs everyone out, unless the old one is kept beside it: a rotation is planned, not automatic, by default."},
	{"SMG4", "example", `/ClientSecret/Resource$`, "The provider must know a new client secret first."},
	{"IAM5", "cross-origin same-origin multi-region", `/(Agent|Authorizer)FunctionRole/DefaultPolicy/Resource$`, "X-Ray knows no resources: xray:PutTraceSegments and xray:PutTelemetryRecords are on *. operation.tracing switches it off."},
	{"S1", "same-origin", `/Site/Bucket/Resource$`, "Only CloudFront reads the bucket, and its files are public anyway."},
	{"CFR1", "same-origin", `/Site/Distribution/Resource$`, "Where users are is the team's to say."},
	{"CFR2", "same-origin", `/Site/Distribution/Resource$`, "As for APIG3: site.webAcl."},
	{"CFR3", "same-origin", `/Site/Distribution/Resource$`, "CloudFront's logs have the whole query string: the authorization response among them. SiteProps.LogBucket switches them on."},
}

var findingRE = regexp.MustCompile(`^(AwsSolutions-[A-Za-z0-9]+)(\[[^\]]*\])?: ([^\n]*)`)

// Of the stages that differ in nothing but their provider, example stands for
// all.
func TestAwsSolutions(t *testing.T) {
	used := make([]bool, len(accepted))
	for _, name := range []string{"example", "fapi", "cross-origin", "same-origin", "multi-region"} {
		context := cdkJSON(t)
		context["aws:cdk:bundling-stacks"] = []string{}
		context["stage"] = name
		context["@aws-cdk/core:annotationsInValidationReport"] = false // the test reads them itself
		app := awscdk.NewApp(&awscdk.AppProps{Context: &context, Outdir: jsii.String(t.TempDir())})
		s, err := readStage(app.Node())
		if err != nil {
			t.Fatal(err)
		}
		stage := awscdk.NewStage(app, jsii.String("Test"), nil)
		newStacks(stage, s)
		awscdk.Aspects_Of(stage).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Reports: jsii.Bool(false)}), nil)
		var messages []*cxapi.SynthesisMessage
		for _, child := range *stage.Node().Children() {
			stack, ok := child.(awscdk.Stack)
			if !ok {
				continue
			}
			annotations := assertions.Annotations_FromStack(stack)
			messages = append(messages, *annotations.FindError(jsii.String("*"), assertions.Match_AnyValue())...)
			messages = append(messages, *annotations.FindWarning(jsii.String("*"), assertions.Match_AnyValue())...)
		}
		for _, m := range messages {
			found := findingRE.FindStringSubmatch(fmt.Sprint(m.Entry.Data))
			if found == nil {
				continue // not of cdk-nag
			}
			known := false
			for i, a := range accepted {
				if "AwsSolutions-"+a.rule == found[1] && (a.stages == "" || slices.Contains(strings.Fields(a.stages), name)) && regexp.MustCompile(a.path).MatchString(*m.Id) {
					used[i], known = true, true
				}
			}
			if !known {
				t.Errorf("stage %s: %s%s at %s: %s", name, found[1], found[2], *m.Id, found[3])
			}
		}
	}
	for i, a := range accepted {
		if !used[i] {
			t.Errorf("%s at %s is accepted (%s) and not found: remove it", a.rule, a.path, a.reason)
		}
		if strings.TrimSpace(a.reason) == "" {
			t.Errorf("%s at %s has no reason", a.rule, a.path)
		}
	}
}

//lint:file-ignore SA1019 assertions.Annotations returns cxapi.SynthesisMessage and no other type.

package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/cxapi"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

var update = flag.Bool("update", false, "write the generated documentation: docs/settings.md and the table in docs/security.md")

// judged are the stages that the judges see. example represents the stages that
// differ only in their provider.
var judged = []string{"example", "fapi", "cross-origin", "same-origin", "multi-region"}

// accepted are the findings of independent judges that stay, each with its
// reason. They are compared and not suppressed: a new finding fails the test,
// and so does a rule here without a finding.
//
// Rules of cdk-nag are named without their pack: APIG3 is of AwsSolutions,
// LambdaDLQ of HIPAA, NIST 800-53 and PCI. Rules of cfn-guard end in _check. No
// stages means all of them.
var accepted = []struct{ rules, stages, path, at, reason string }{
	{"COG4", "", `/(GET|POST|PUT|DELETE|ANY)/Resource$`, "methods", "The sessions are those of the token handler, at any OpenID Provider: its Lambda authorizer is where the rule expects Cognito. infra/check proves that it is there."},
	{"APIG4", "", `/oauth-agent/`, "methods of the agent", "A session begins at the agent. It checks origin, CSRF and cookies itself."},
	{"APIG2", "", `/Api/Resource$`, "API", "The rule asks for a validator on every method. The agent's methods with JSON bodies have one; routes have one on request (RequestSchema, RequiredQueryParameters). Otherwise the upstream API judges its bodies."},
	{"APIG6 APIGWExecutionLoggingEnabled api_gw_v1_execution_logging_enabled_check", "", `/DeploymentStage`, "API stage", "Execution logs contain the request and, at the level the rules ask for, the authorizer's result with the token. Access logs are the record."},
	{"APIG1", "example fapi", `/DeploymentStage`, "API stage", "Access logs need a role that belongs to the whole account. The stages that show providers must deploy into an account without one."},
	{"APIG3 APIGWAssociatedWithWAF", "", `/DeploymentStage`, "API stage", "A web ACL costs money and needs rules of the team: operation.webAcl."},
	{"APIGWCacheEnabledAndEncrypted", "", `/DeploymentStage`, "API stage", "A response cache can give the answer of one user to another. It stays off."},
	{"APIGWSSLEnabled", "", `/DeploymentStage`, "API stage", "A client certificate tells the upstream API who calls. The access token does that here, and the construct does not know whether the upstream API wants one."},
	{"APIGWXrayEnabled api_gw_xray_enabled_check", "example fapi", `/DeploymentStage`, "API stage", "Traces cost money, and their permission is on all resources: operation.tracing."},
	{"LambdaInsideVPC lambda_inside_vpc_check", "", `/(Agent|Authorizer)Function/Resource$`, "Lambdas", "The Lambdas only call the provider on the internet. In a VPC they need a NAT gateway and gain no protection."},
	{"LambdaDLQ", "", `/(Agent|Authorizer)Function/Resource$`, "Lambdas", "Dead-letter queues are for asynchronous invocations. API Gateway invokes synchronously."},
	{"LambdaConcurrency", "", `/(Agent|Authorizer)Function/Resource$`, "Lambdas", "Reserved concurrency takes it from the account's other functions: operation.authorizer and operation.agent, reservedConcurrency."},
	{"lambda_function_public_access_prohibited_check", "", ``, "permissions of API Gateway", "The rule wants a source account. Each permission has the ARN of one API as its source, which is narrower."},
	{"IAMNoInlinePolicy", "", `/(Agent|Authorizer)FunctionRole/DefaultPolicy/Resource$`, "roles", "CDK writes the permissions of a role as its inline policy. No other role can use it, and it goes with the role."},
	{"IAM5", "cross-origin same-origin multi-region", `/(Agent|Authorizer)FunctionRole/DefaultPolicy/Resource$`, "roles", "X-Ray has no resources: xray:PutTraceSegments and xray:PutTelemetryRecords are on *. operation.tracing switches it off."},
	{"kms_create_grant_aws_service_check", "", ``, "KMS key", "CDK's default key policy gives the account's administrators all actions, so that the key cannot be locked out."},
	{"SMG4 SecretsManagerRotationEnabled", "", `/(EncryptionKey|SessionKey)/Resource$`, "cookie key secret", "A rotation without keyRotation signs every user out. It is planned, not automatic, by default."},
	{"SMG4 SecretsManagerRotationEnabled", "example", `/ClientSecret/Resource$`, "client secret", "The provider must know a new client secret first."},
	{"SecretsManagerUsingKMSKey", "", `/(EncryptionKey|ClientSecret)/Resource$`, "secrets", "Secrets Manager encrypts them with the account's own key. A secret with a KMS key of yours can be given."},
	{"CloudWatchAlarmAction cloudwatch_alarm_action_check", "multi-region", `/Alarm[A-Za-z0-9]+/Resource$`, "alarms", "A topic belongs to one region, and the stage is written for all: the team adds actions in each."},
	{"cloudwatch_log_group_retention_period_check", "", ``, "log groups", "The rule wants a year. Logs contain request paths and user ids; how long to keep them is the team's decision: operation.logRetentionDays. Default: a month."},
	{"api_gw_domain_tls_check", "cross-origin multi-region", ``, "domain name", "The rule knows TLS_1_2 only. The policy is stricter: TLS 1.3, or 1.2 with forward secrecy."},
	{"S1 S3BucketLoggingEnabled s3_bucket_logging_enabled_check", "same-origin", `/Site/Bucket/Resource$`, "bucket of the site", "Only CloudFront reads the bucket, and its files are public."},
	{"S3BucketReplicationEnabled S3DefaultEncryptionKMS s3_bucket_default_encryption_kms_check s3_bucket_object_lock_enabled_check s3_event_notifications_enabled_check s3_lifecycle_policy_check s3_version_lifecycle_policy_check", "same-origin", `/Site/Bucket/Resource$`, "bucket of the site", "The bucket holds a copy of the built page. Its source is in the team's repository."},
	{"CFR1", "same-origin", `/Site/Distribution/Resource$`, "distribution", "The construct does not know in which countries users are."},
	{"CFR2", "same-origin", `/Site/Distribution/Resource$`, "distribution", "As for APIG3: site.webAcl."},
	{"CFR3 cloudfront_access_logs_enabled_check", "same-origin", `/Site/Distribution/Resource$`, "distribution", "CloudFront's logs contain the whole query string, and with it the authorization response. SiteProps.LogBucket switches them on."},
	{"cloudfront_origin_failover_enabled_check", "same-origin", ``, "distribution", "The bucket and the API have no second copy in one region."},
}

// verdicts compares findings with the accepted ones.
type verdicts struct {
	used map[string]bool // index and rule
}

// accepts reports whether a finding is accepted. An empty path means that the
// judge does not report it.
func (v *verdicts) accepts(rule, stage, path string) bool {
	found := false
	for i, a := range accepted {
		if !slices.Contains(strings.Fields(a.rules), rule) || a.stages != "" && !slices.Contains(strings.Fields(a.stages), stage) ||
			path != "" && !regexp.MustCompile(a.path).MatchString(path) {
			continue
		}
		v.used[fmt.Sprint(i, " ", rule)] = true
		found = true
	}
	return found
}

// finish reports accepted rules of one judge that had no finding.
func (v *verdicts) finish(t *testing.T, guard bool) {
	t.Helper()
	for i, a := range accepted {
		for _, rule := range strings.Fields(a.rules) {
			if strings.HasSuffix(rule, "_check") == guard && !v.used[fmt.Sprint(i, " ", rule)] {
				t.Errorf("%s at %s is accepted and not found: remove it", rule, a.at)
			}
		}
	}
}

// resourceTypeRE finds types of resources in a rule file of cfn-guard.
var resourceTypeRE = regexp.MustCompile(`AWS::\w+::\w+`)

var findingRE = regexp.MustCompile(`^(?:AwsSolutions|HIPAA\.Security|NIST\.800\.53\.R5|PCI\.DSS\.321)-([A-Za-z0-9]+)(\[[^\]]*\])?: ([^\n]*)`)

// The packs of cdk-nag have no findings except the accepted ones.
func TestCDKNag(t *testing.T) {
	v := &verdicts{map[string]bool{}}
	for _, name := range judged {
		// The test reads annotations itself.
		context := appContext(t, map[string]any{"stage": name, "@aws-cdk/core:annotationsInValidationReport": false})
		app := awscdk.NewApp(&awscdk.AppProps{Context: &context, Outdir: jsii.String(t.TempDir())})
		s, err := readStage(app.Node())
		if err != nil {
			t.Fatal(err)
		}
		stage := awscdk.NewStage(app, jsii.String("Test"), nil)
		newStacks(stage, s)
		props := &cdknag.NagPackProps{Reports: jsii.Bool(false)}
		for _, pack := range []awscdk.IAspect{cdknag.NewAwsSolutionsChecks(props), cdknag.NewHIPAASecurityChecks(props),
			cdknag.NewNIST80053R5Checks(props), cdknag.NewPCIDSS321Checks(props)} {
			awscdk.Aspects_Of(stage).Add(pack, nil)
		}
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
			if found != nil && !v.accepts(found[1], name, *m.Id) {
				t.Errorf("stage %s: %s%s at %s: %s", name, found[1], found[2], *m.Id, found[3])
			}
		}
	}
	v.finish(t, false)
}

// The rules of AWS Control Tower, run by cfn-guard, have no findings except the
// accepted ones. CI installs cfn-guard and sets CFN_GUARD. Without it the test
// is skipped.
func TestControlTower(t *testing.T) {
	if os.Getenv("CFN_GUARD") == "" {
		t.Skip("CFN_GUARD is not set")
	}
	system, processor := map[string]string{"linux": "ubuntu", "darwin": "macos"}[runtime.GOOS], map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	folder := filepath.Join("..", "test", "guard", "node_modules", "@cdklabs", "cdk-validator-cfnguard")
	rules, err := filepath.Glob(filepath.Join(folder, "rules", "control-tower", "cfn-guard", "*", "*.guard"))
	if err != nil || len(rules) == 0 {
		t.Fatalf("no rules: npm ci --prefix test/guard installs them: %v", err)
	}
	kinds := map[string][]string{} // of resources, by rule file
	for _, rule := range rules {
		raw, err := os.ReadFile(rule)
		if err != nil {
			t.Fatal(err)
		}
		kinds[rule] = resourceTypeRE.FindAllString(string(raw), -1)
	}

	// cfn-guard reads only resources that some rule names, and only rules that
	// name one of these resources. With whole templates and all rules it takes
	// a hundred times as long.
	stages, seen, copies := map[string]string{}, map[string]bool{}, t.TempDir()
	for _, name := range judged {
		if name == "fapi" {
			continue // It differs from example only in the provider, which no rule reads.
		}
		outdir := everyStage(t)
		templates, err := filepath.Glob(filepath.Join(outdir, "TokenHandler-"+name+"*.template.json"))
		if err != nil || len(templates) == 0 {
			t.Fatalf("stage %s has no template: %v", name, err)
		}
		for _, template := range templates {
			raw, err := os.ReadFile(template)
			if err != nil {
				t.Fatal(err)
			}
			var judged struct{ Resources map[string]map[string]any }
			if err := json.Unmarshal(raw, &judged); err != nil {
				t.Fatal(err)
			}
			maps.DeleteFunc(judged.Resources, func(_ string, r map[string]any) bool {
				kind := r["Type"].(string)
				for _, of := range kinds {
					if slices.Contains(of, kind) {
						seen[kind] = true
						return false
					}
				}
				return true
			})
			if raw, err = json.Marshal(judged); err != nil {
				t.Fatal(err)
			}
			copied := filepath.Join(copies, filepath.Base(template))
			if err := os.WriteFile(copied, raw, 0o644); err != nil {
				t.Fatal(err)
			}
			stages[copied] = name
		}
	}
	args := []string{"validate", "--output-format", "json", "--show-summary", "none", "--structured", "--rules"}
	for _, rule := range rules {
		if slices.ContainsFunc(kinds[rule], func(kind string) bool { return seen[kind] }) {
			args = append(args, rule)
		}
	}
	args = append(append(args, "--data"), sortedKeys(stages)...)
	output, err := exec.Command(filepath.Join(folder, "bin", system, processor, "cfn-guard"), args...).Output()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 19) { // 19: findings
		t.Fatalf("cfn-guard: %v\n%s", err, output)
	}
	var reports []struct {
		Name         string
		NotCompliant []struct{ Rule struct{ Name string } } `json:"not_compliant"`
	}
	if err := json.Unmarshal(output, &reports); err != nil || len(reports) != len(stages) {
		t.Fatalf("cfn-guard: %d reports of %d templates, %v", len(reports), len(stages), err)
	}
	v := &verdicts{map[string]bool{}}
	for _, report := range reports {
		stage, ok := stages[report.Name]
		if !ok {
			t.Errorf("cfn-guard reports %s", report.Name)
		}
		for _, finding := range report.NotCompliant {
			if !v.accepts(finding.Rule.Name, stage, "") {
				t.Errorf("stage %s: %s", stage, finding.Rule.Name)
			}
		}
	}
	v.finish(t, true)
}

// docs/security.md has the table of accepted findings. To write it: go test
// ./infra -run TestJudgesDocument -update.
func TestJudgesDocument(t *testing.T) {
	const begin, end = "<!-- accepted findings: generated -->\n", "<!-- end of accepted findings -->\n"
	var table strings.Builder
	table.WriteString("| Rules | At | Why it stays |\n| --- | --- | --- |\n")
	for _, a := range accepted {
		if strings.TrimSpace(a.reason) == "" || a.at == "" {
			t.Errorf("%s has no reason or place", a.rules)
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", strings.ReplaceAll(a.rules, " ", ", "), a.at, a.reason)
	}
	file := filepath.Join("..", "docs", "security.md")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(raw), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatal("docs/security.md has no place for the table")
	}
	want := before + begin + table.String() + end + after
	if want == string(raw) {
		return
	}
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Error("docs/security.md has another table of accepted findings: go test ./infra -run TestJudgesDocument -update")
}

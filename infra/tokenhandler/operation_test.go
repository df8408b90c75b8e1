package tokenhandler

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
)

func operated(o Operation) *Props {
	props := oneOrigin()
	props.Operation = o
	return props
}

// one returns the only resource of a type.
func one(t *testing.T, got template, kind string) map[string]any {
	t.Helper()
	found := got.only(kind)
	if len(found) != 1 {
		t.Fatalf("got %d of %s, want 1", len(found), kind)
	}
	for _, r := range found {
		return r.Properties
	}
	return nil
}

// The defaults: limits on requests, no traces, no access log (the account may
// lack the role), logs encrypted and deleted after a time.
func TestOperationDefaults(t *testing.T) {
	got := synth(t, oneOrigin(), nil)
	stage := one(t, got, "AWS::ApiGateway::Stage")
	settings := dig(t, stage, "MethodSettings", 0).(map[string]any)
	if settings["ThrottlingRateLimit"] != 1000.0 || settings["ThrottlingBurstLimit"] != 500.0 || settings["DataTraceEnabled"] != false {
		t.Errorf("the stage's settings are %s", text(settings))
	}
	if stage["AccessLogSetting"] != nil || stage["TracingEnabled"] != nil || settings["LoggingLevel"] != nil {
		t.Errorf("the stage is %s", text(stage))
	}
	for id, group := range got.only("AWS::Logs::LogGroup") {
		if group.Properties["RetentionInDays"] != 30.0 || short(group.Properties["KmsKeyId"]) != "Key.Arn" {
			t.Errorf("%s is %s", id, text(group.Properties))
		}
	}
	policy := text(dig(t, one(t, got, "AWS::KMS::Key"), "KeyPolicy"))
	mustContain(t, policy, `"kms:EncryptionContext:aws:logs:arn"`, `log-group:*`, `"Service":{"Fn::Join":["",["logs.",{"Ref":"AWS::Region"}`)
}

func TestRemovalPolicy(t *testing.T) {
	for policy, want := range map[awscdk.RemovalPolicy][2]string{
		"":                           {"RetainExceptOnCreate", "Retain"},
		awscdk.RemovalPolicy_RETAIN:  {"Retain", "Retain"},
		awscdk.RemovalPolicy_DESTROY: {"Delete", "Delete"},
	} {
		var raw struct {
			Resources map[string]struct{ Type, DeletionPolicy, UpdateReplacePolicy string }
		}
		if err := json.Unmarshal(synth(t, operated(Operation{RemovalPolicy: policy}), nil).raw, &raw); err != nil {
			t.Fatal(err)
		}
		seen := 0
		for id, r := range raw.Resources {
			if slices.Contains([]string{"AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::Logs::LogGroup"}, r.Type) {
				seen++
				if got := [2]string{r.DeletionPolicy, r.UpdateReplacePolicy}; got != want {
					t.Errorf("%s: got %s, want %s", id, got, want)
				}
			}
		}
		if seen != 5 {
			t.Errorf("found %d keys, secrets and log groups, want 5", seen)
		}
	}
}

// Access logs contain no token, no cookie, and no text of a caller: their
// format does not escape.
func TestAccessLogs(t *testing.T) {
	got := synth(t, operated(Operation{AccessLogs: true, Tracing: true, WebACL: "arn:aws:wafv2:eu-north-1:123456789012:regional/webacl/a/b"}), nil)
	stage := one(t, got, "AWS::ApiGateway::Stage")
	var format map[string]string
	if err := json.Unmarshal([]byte(dig(t, stage, "AccessLogSetting", "Format").(string)), &format); err != nil {
		t.Fatal(err)
	}
	if format["principal"] != "$context.authorizer.principalId" || format["status"] != "$context.status" {
		t.Errorf("got %v", format)
	}
	for field, variable := range format {
		for _, unsafe := range []string{"authorizer.token", "authorizer.allowedOrigin", "userAgent", "context.path", "context.requestOverride", "header", "input"} {
			if strings.Contains(variable, unsafe) {
				t.Errorf("%s logs %s", field, variable)
			}
		}
	}
	if stage["TracingEnabled"] != true {
		t.Error("the stage is not traced")
	}
	for id, f := range got.only("AWS::Lambda::Function") {
		if dig(t, f.Properties, "TracingConfig", "Mode") != "Active" {
			t.Errorf("%s is not traced", id)
		}
	}
	if len(got.only("AWS::ApiGateway::Account")) != 0 {
		t.Error("a setting of the whole account is changed")
	}
	mustContain(t, text(one(t, got, "AWS::WAFv2::WebACLAssociation")), "regional/webacl/a/b", "/stages/")
}

func TestConcurrency(t *testing.T) {
	got := synth(t, operated(Operation{
		Authorizer: FunctionOptions{ReservedConcurrency: 100, ProvisionedConcurrency: 2, MemorySize: 512},
		Agent:      FunctionOptions{ProvisionedConcurrency: 1},
	}), nil)
	if n := len(got.only("AWS::Lambda::Alias")); n != 2 {
		t.Errorf("got %d aliases, want 2", n)
	}
	for id, f := range got.only("AWS::Lambda::Function") {
		if strings.Contains(id, "Authorizer") && (f.Properties["ReservedConcurrentExecutions"] != 100.0 || f.Properties["MemorySize"] != 512.0) {
			t.Errorf("%s is %s", id, text(f.Properties))
		}
	}
	mustContain(t, text(one(t, got, "AWS::ApiGateway::Authorizer")), "AuthorizerFunctionLive")
	checkTemplate(t, got, map[string]string{})
}

func TestGivenLogGroups(t *testing.T) {
	stack := newStack(t)
	given := awslogs.LogGroup_FromLogGroupName(stack, jsii.String("Given"), jsii.String("/teams/orders"))
	h := New(stack, "TokenHandler", operated(Operation{AccessLogs: true, AccessLogGroup: given,
		Authorizer: FunctionOptions{LogGroup: given}, Agent: FunctionOptions{LogGroup: given}}))
	h.Protect(orders())
	if n := len(read(t, stack).only("AWS::Logs::LogGroup")); n != 0 {
		t.Errorf("%d log groups are made beside the given", n)
	}
}

func TestOperationIsRefused(t *testing.T) {
	for _, tt := range []struct {
		o    Operation
		want string
	}{
		{Operation{AccessLogGroup: awslogs.LogGroup_FromLogGroupName(newStack(t), jsii.String("G"), jsii.String("g"))}, "Props.Operation.AccessLogGroup requires Props.Operation.AccessLogs"},
		{Operation{Metrics: "EMF"}, `Props.Operation.Metrics must be emf or none, got "EMF"`},
		{Operation{RateLimit: 20_000}, "Props.Operation.RateLimit must be at most 10000, got 20000"},
		{Operation{WebACL: "arn:aws:wafv2:us-east-1:123456789012:global/webacl/a/b"}, `Props.Operation.WebACL must be the ARN of a regional web ACL, got "arn:aws:wafv2:us-east-1:123456789012:global/webacl/a/b"`},
		{Operation{Agent: FunctionOptions{MemorySize: 64}}, "Props.Operation.Agent.MemorySize must be 128 to 10240 (MB), got 64"},
		{Operation{Authorizer: FunctionOptions{ReservedConcurrency: 1, ProvisionedConcurrency: 2}}, "Props.Operation.Authorizer.ProvisionedConcurrency must be at most Props.Operation.Authorizer.ReservedConcurrency, got 2"},
	} {
		mustContain(t, panicOf(func() { New(newStack(t), "TokenHandler", operated(tt.o)) }), "tokenhandler: "+tt.want)
	}
	stack := newStack(t)
	props := operated(Operation{AccessLogs: true})
	props.API = awsapigateway.NewRestApi(stack, jsii.String("Mine"), nil)
	mustContain(t, panicOf(func() { New(stack, "TokenHandler", props) }), "tokenhandler: Props.Operation.AccessLogs cannot be combined with Props.API: it belongs to the stage of that API", "Props.Operation.AccessLogs cannot be combined with Props.API: it belongs to the stage of that API")
}

func TestAlarmsAndDashboard(t *testing.T) {
	got := synth(t, oneOrigin(), func(s awscdk.Stack, h *TokenHandler) {
		h.Protect(orders())
		h.AddDashboard()
		h.AddAlarms(Alarms{Topic: awssns.Topic_FromTopicArn(s, jsii.String("Topic"), jsii.String("arn:aws:sns:eu-north-1:123456789012:alarms"))})
	})
	var names []string
	for id, a := range got.only("AWS::CloudWatch::Alarm") {
		names = append(names, short(map[string]any{"Ref": id}))
		if dig(t, a.Properties, "AlarmActions", 0) != "arn:aws:sns:eu-north-1:123456789012:alarms" || a.Properties["TreatMissingData"] != "notBreaching" {
			t.Errorf("%s is %s", id, text(a.Properties))
		}
	}
	slices.Sort(names)
	want := strings.Fields("AlarmAgent5xx AlarmAgentErrors AlarmAgentSlow AlarmAgentThrottles AlarmApi5xx AlarmApiSlow AlarmAuthorizerErrors " +
		"AlarmAuthorizerSlow AlarmAuthorizerThrottles AlarmProviderErrors AlarmUnopened")
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	// Metrics are found by the function's name, because other stacks of the
	// account write to the same namespace.
	for id, want := range map[string]string{
		"AlarmUnopened": "DecryptionFailures AuthorizerFunction", "AlarmProviderErrors": "ProviderFailures AgentFunction",
		"AlarmAgent5xx": "Failures AgentFunction",
	} {
		for logical, a := range got.only("AWS::CloudWatch::Alarm") {
			if short(map[string]any{"Ref": logical}) != id {
				continue
			}
			p := a.Properties
			if is := fmt.Sprint(p["MetricName"], " ", short(dig(t, p, "Dimensions", 0, "Value"))); is != want || p["Namespace"] != "TokenHandler" ||
				dig(t, p, "Dimensions", 0, "Name") != "Function" || p["Statistic"] != "Sum" {
				t.Errorf("%s is %s, want %s", id, text(p), want)
			}
		}
	}
	dashboard := text(one(t, got, "AWS::CloudWatch::Dashboard"))
	mustContain(t, dashboard,
		`SEARCH('{TokenHandler,Function,Code} MetricName=\\\"Decisions\\\" Function=\\\"",{"Ref":"TokenHandlerAuthorizerFunction`,
		`SEARCH('{TokenHandler,Function,Endpoint,Code} MetricName=\\\"Requests\\\" Function=\\\"",{"Ref":"TokenHandlerAgentFunction`,
		`${PROP('Dim.Endpoint')} ${PROP('Dim.Code')}`)
}

// The functions write metrics by default. Without them, alarms and dashboard
// would stay empty.
func TestMetricsSetting(t *testing.T) {
	for value, want := range map[string]any{"": nil, MetricsEMF: nil, MetricsNone: "none"} {
		got := synth(t, operated(Operation{Metrics: value}), nil)
		for id, f := range got.only("AWS::Lambda::Function") {
			if is := dig(t, f.Properties, "Environment", "Variables").(map[string]any)["METRICS"]; is != want {
				t.Errorf("%q: %s has METRICS %v, want %v", value, id, is, want)
			}
		}
	}
	h := New(newStack(t), "TokenHandler", operated(Operation{Metrics: MetricsNone}))
	mustContain(t, panicOf(func() { h.AddAlarms(Alarms{}) }), `tokenhandler: AddAlarms: expected Props.Operation.Metrics "emf"`)
	mustContain(t, panicOf(func() { h.AddDashboard() }), `tokenhandler: AddDashboard: expected Props.Operation.Metrics "emf"`)
}

// With device binding the dashboard shows how many sessions are bound, and an alarm
// watches requests of bound sessions without their device.
func TestAlarmsOfDeviceBinding(t *testing.T) {
	props := oneOrigin()
	props.DeviceBinding.Mode = "offer"
	got := synth(t, props, func(_ awscdk.Stack, h *TokenHandler) {
		h.Protect(orders())
		h.AddDashboard()
		h.AddAlarms(Alarms{Unproved: 7})
	})
	found := false
	for id, a := range got.only("AWS::CloudWatch::Alarm") {
		if short(map[string]any{"Ref": id}) != "AlarmUnproved" {
			continue
		}
		found = true
		counted := map[string]string{}
		for _, m := range a.Properties["Metrics"].([]any) {
			if query := m.(map[string]any); query["Expression"] == nil {
				metric := dig(t, query, "MetricStat", "Metric")
				counted[short(dig(t, dig(t, metric, "Dimensions").([]any)[0], "Value"))] = text(dig(t, metric, "MetricName"))
			}
		}
		want := map[string]string{"AuthorizerFunction": `"UnprovedSessions"`, "AgentFunction": `"UnprovedSessions"`}
		if diff := cmp.Diff(want, counted); diff != "" || a.Properties["Threshold"] != 7.0 {
			t.Errorf("got %s\n%s", text(a.Properties), diff)
		}
	}
	if !found {
		t.Error("there is no alarm")
	}
	mustContain(t, text(one(t, got, "AWS::CloudWatch::Dashboard")), "BoundSessions", "UnprovedSessions")
}

// Browsers call the device endpoints by themselves: without a preflight and
// without the authorizer. Each is a method of its own, because the stage's limits
// apply to each method ("Per-API, per-stage throttling limits are applied at the
// API method level for a stage", Amazon API Gateway Developer Guide, "Throttle
// requests to your REST APIs"): other requests do not use up theirs.
func TestRoutesOfDeviceBinding(t *testing.T) {
	for mode, want := range map[string][]string{
		"off":   nil,
		"offer": {"POST /oauth-agent/device/refresh", "POST /oauth-agent/device/register"},
	} {
		props := oneOrigin()
		props.DeviceBinding.Mode = mode
		got := synth(t, props, nil)
		var found []string
		for name, method := range got.methods() {
			if strings.Contains(name, "device") {
				found = append(found, name)
				if method["AuthorizationType"] != "NONE" || dig(t, method, "Integration", "Type") != "AWS_PROXY" {
					t.Errorf("%s is %s", name, text(method))
				}
			}
		}
		slices.Sort(found)
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("%s: %s", mode, diff)
		}
		settings := dig(t, one(t, got, "AWS::ApiGateway::Stage"), "MethodSettings").([]any)
		if len(settings) != 1 || dig(t, settings[0], "HttpMethod") != "*" || dig(t, settings[0], "ResourcePath") != "/*" {
			t.Errorf("the limits of the stage are %s", text(settings))
		}
	}
}

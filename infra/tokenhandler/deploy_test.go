package tokenhandler

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// undeployed makes a token handler on a given API with Deploy false.
func undeployed(t *testing.T) (awscdk.Stack, *TokenHandler) {
	t.Helper()
	stack, props := newStack(t), oneOrigin()
	props.API = awsapigateway.NewRestApi(stack, jsii.String("Api"), &awsapigateway.RestApiProps{Deploy: jsii.Bool(false), CloudWatchRole: jsii.Bool(false)})
	h := New(stack, "TokenHandler", props)
	h.Protect(orders())
	return stack, h
}

// deploy makes the deployment and the stage of such an API.
func deploy(stack awscdk.Stack, h *TokenHandler) awsapigateway.Deployment {
	d := awsapigateway.NewDeployment(stack, jsii.String("Deployment"), &awsapigateway.DeploymentProps{Api: h.API})
	h.API.SetDeploymentStage(awsapigateway.NewStage(stack, jsii.String("Live"), &awsapigateway.StageProps{Deployment: d, StageName: jsii.String("live")}))
	return d
}

func TestDeployFalse(t *testing.T) {
	_, h := undeployed(t)
	for caller, call := range map[string]func(){"AddAlarms": func() { h.AddAlarms(Alarms{}) }, "AddDashboard": func() { h.AddDashboard() }} {
		mustContain(t, panicOf(call), "tokenhandler: "+caller+": the API has Deploy false and no stage: give it one with SetDeploymentStage first")
	}

	stack, h := undeployed(t)
	deploy(stack, h).Node().AddDependency(h.API)
	h.AddAlarms(Alarms{})
	checkTemplate(t, read(t, stack), map[string]string{})

	// Nested stacks belong to the API.
	stack, h = undeployed(t)
	for i := range 12 {
		h.Protect(Route{Path: fmt.Sprintf("/r%d", i), Methods: []string{"GET", "PUT", "DELETE"}, Upstream: "https://orders.internal.example/"})
	}
	deploy(stack, h).Node().AddDependency(h.API)
	awscdk.Stage_Of(stack).Synth(nil)
	if found := violations(awscdk.Stage_Of(stack)); len(found) > 0 || h.placement.Stacks() == 0 {
		t.Errorf("%d nested stacks, findings %v", h.placement.Stacks(), found)
	}

	// CloudFormation may deploy before it makes the methods and the errors.
	stack, h = undeployed(t)
	deploy(stack, h)
	awscdk.Stage_Of(stack).Synth(nil)
	found := violations(awscdk.Stage_Of(stack))
	if len(found) != 1 || !strings.Contains(*found[0].Description, "[TH-DeploymentWaits]") || !strings.Contains(*found[0].Description, "AddDependency") {
		t.Errorf("got %v", found)
	}
}

// A function's policy holds 20,480 bytes, about 50 permissions.
func TestFunctionsHaveOnePermissionPerAPI(t *testing.T) {
	template := synth(t, oneOrigin(), func(s awscdk.Stack, h *TokenHandler) {
		f := awslambda.NewFunction(s, jsii.String("Function"), &awslambda.FunctionProps{Runtime: awslambda.Runtime_NODEJS_24_X(), Handler: jsii.String("index.handler"),
			Code: awslambda.Code_FromInline(jsii.String("exports.handler = () => {}"))})
		for i := range 70 {
			h.Protect(Route{Path: fmt.Sprintf("/function%d", i), Methods: []string{"GET"}, Function: f})
		}
	})
	permissions := map[string]int{}
	for _, p := range template.only("AWS::Lambda::Permission") {
		permissions[text(p.Properties["FunctionName"])]++
	}
	if len(permissions) != 3 {
		t.Errorf("got permissions of %v, want those of the authorizer, the agent and the function", permissions)
	}
	for function, n := range permissions {
		if n != 1 {
			t.Errorf("%s has %d permissions", function, n)
		}
	}
}

package tokenhandler

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Service endpoints in policies end in the suffix of the partition, which
// CloudFormation knows.
func TestPoliciesNameNoPartition(t *testing.T) {
	for _, region := range []string{"cn-north-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1"} {
		stack, props := regional(t, region), oneOrigin()
		props.CookieKeyRotation = 24 * time.Hour
		secret := keySecret()
		secret.EncryptionKey = awskms.Key_FromKeyArn(stack, jsii.String("Key"), awscdk.Stack_Of(stack).FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("kms"), Resource: jsii.String("key"), ResourceName: jsii.String("1234abcd-12ab-34cd-56ef-1234567890ab"),
		}))
		props.CookieKeySecret = awssecretsmanager.NewSecret(stack, jsii.String("SessionKey"), secret)
		New(stack, "TokenHandler", props).Protect(orders())
		raw := string(read(t, stack).raw)
		for _, endpoint := range []string{"logs." + region + ".amazonaws", "secretsmanager." + region + ".amazonaws", "arn:aws:"} {
			if strings.Contains(raw, endpoint) {
				t.Errorf("%s: the template contains %s", region, endpoint)
			}
		}
		mustContain(t, raw, `"logs.`+region+`.",{"Ref":"AWS::URLSuffix"}`, `"secretsmanager.`+region+`.",{"Ref":"AWS::URLSuffix"}`)
	}
}

// Metrics of API Gateway tell APIs apart by name only.
func TestEachAPIHasItsOwnName(t *testing.T) {
	stack := newStack(t)
	for _, place := range []string{"Shop", "Back"} {
		scope := constructs.NewConstruct(stack, jsii.String(place))
		New(scope, "TokenHandler", oneOrigin()).Protect(orders())
	}
	names := map[any]bool{}
	for _, api := range read(t, stack).only("AWS::ApiGateway::RestApi") {
		names[api.Properties["Name"]] = true
	}
	if !names["Test-Stack-Shop-TokenHandler"] || !names["Test-Stack-Back-TokenHandler"] {
		t.Errorf("the names are %v", names)
	}
}

func TestLogGroupOfAClassWithoutMetricsIsRefused(t *testing.T) {
	stack, props := newStack(t), oneOrigin()
	props.Operation.Agent.LogGroup = awslogs.NewLogGroup(stack, jsii.String("Rare"), &awslogs.LogGroupProps{LogGroupClass: awslogs.LogGroupClass_INFREQUENT_ACCESS})
	mustContain(t, panicOf(func() { New(stack, "TokenHandler", props) }), "Stack/Rare must be of class STANDARD, got INFREQUENT_ACCESS")
	props.Operation.Metrics = MetricsNone
	New(stack, "Without", props).Protect(orders())
}

func TestAlarmOfTheRotation(t *testing.T) {
	props := oneOrigin()
	props.CookieKeyRotation = 24 * time.Hour
	got := synth(t, props, func(_ awscdk.Stack, h *TokenHandler) {
		h.Protect(orders())
		h.AddAlarms(Alarms{})
	})
	for id, alarm := range got.only("AWS::CloudWatch::Alarm") {
		if strings.Contains(id, "AlarmRotationErrors") {
			mustContain(t, text(alarm.Properties), "RotationFunction", `"MetricName":"Errors"`)
			return
		}
	}
	t.Error("there is no alarm of the rotation function")
}

// CloudFormation deletes no bucket that has objects.
func TestDestroyTakesTheSiteAway(t *testing.T) {
	stack, props := newStack(t), oneOrigin()
	props.Operation.RemovalPolicy = awscdk.RemovalPolicy_DESTROY
	h := New(stack, "TokenHandler", props)
	h.Protect(Route{Path: "/api/orders", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/orders"})
	NewSite(stack, "Site", &SiteProps{Handler: h, Name: "www.example.com", Certificate: certificate(stack, usEast1)})
	if got := read(t, stack).only("Custom::S3AutoDeleteObjects"); len(got) != 1 {
		t.Errorf("%d resources empty the bucket, want 1", len(got))
	}
}

// A secret given by name is referred to by name, and not where Secrets Manager
// would take its name for a complete ARN.
func TestSecretGivenByName(t *testing.T) {
	stack, props := newStack(t), oneOrigin()
	props.Provider.ClientSecret = awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String("Given"), jsii.String("prod/client-credentials"))
	New(stack, "TokenHandler", props).Protect(orders())
	mustContain(t, string(read(t, stack).raw), `"{{resolve:secretsmanager:prod/client-credentials:SecretString:::}}"`)

	secret := awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String("Lost"), jsii.String("prod/client-secret"))
	for field, props := range map[string]*Props{
		"Props.Provider.ClientSecret": func() *Props { p := oneOrigin(); p.Provider.ClientSecret = secret; return p }(),
		"Props.CookieKeySecret":       func() *Props { p := oneOrigin(); p.CookieKeySecret = secret; return p }(),
	} {
		mustContain(t, panicOf(func() { New(newStack(t), "TokenHandler", props) }), field+` "prod/client-secret" must not end in a hyphen and six characters`)
	}
	mustContain(t, panicOf(func() { NewSessionKey(newStack(t), "Key", &SessionKeyProps{Name: "prod/session-keyabc"}) }), "SessionKeyProps.Name: secret name")
}

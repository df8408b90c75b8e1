package tokenhandler

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
)

// always are the permissions of the two Lambdas that do not depend on the key.
var always = []string{
	`[AgentFunctionRole] may "kms:Decrypt" on Key.Arn`,
	`[AgentFunctionRole] may ["logs:CreateLogStream","logs:PutLogEvents"] on AgentFunctionLogs.Arn`,
	`[AuthorizerFunctionRole] may "kms:Decrypt" on Key.Arn`,
	`[AuthorizerFunctionRole] may ["logs:CreateLogStream","logs:PutLogEvents"] on AuthorizerFunctionLogs.Arn`,
	`AgentFunctionRole is for {"Service":"lambda.amazonaws.com"}`,
	`AuthorizerFunctionRole is for {"Service":"lambda.amazonaws.com"}`,
}

const twoStages = ` if {"StringEquals":{"secretsmanager:VersionStage":["AWSCURRENT","AWSPREVIOUS"]}}`

// checkGrants wants always, and more.
func checkGrants(t *testing.T, got template, more ...string) {
	t.Helper()
	want := slices.Sorted(slices.Values(slices.Concat(always, more)))
	if diff := cmp.Diff(want, grants(t, got)); diff != "" {
		t.Error(diff)
	}
}

// checkReadsKey checks that both Lambdas get the secret's ARN and not the key.
func checkReadsKey(t *testing.T, got template, arn string) {
	t.Helper()
	readers := 0
	for id, r := range got.only("AWS::Lambda::Function") {
		environment, _ := r.Properties["Environment"].(map[string]any)
		variables, _ := environment["Variables"].(map[string]any)
		if variables["ENCRYPTION_KEY"] != nil {
			t.Errorf("%s has the key in its environment", id)
		}
		if variables["ENCRYPTION_KEY_SECRET_ARN"] == nil {
			continue
		}
		readers++
		if named := short(variables["ENCRYPTION_KEY_SECRET_ARN"]); named != arn {
			t.Errorf("%s is told of the secret %s, want %s", id, named, arn)
		}
	}
	if readers != 2 {
		t.Errorf("%d functions are told of the secret, want 2", readers)
	}
}

// The two Lambdas may read two versions of the key; the third function may
// rotate that secret and no other, and only Secrets Manager may invoke it.
func TestKeyRotation(t *testing.T) {
	props := oneOrigin()
	props.CookieKeyRotation = 30 * 24 * time.Hour
	got := synth(t, props, nil)
	checkReadsKey(t, got, "EncryptionKey")
	checkGrants(t, got,
		`[AgentFunctionRole] may "secretsmanager:GetSecretValue" on EncryptionKey`+twoStages,
		`[AuthorizerFunctionRole] may "secretsmanager:GetSecretValue" on EncryptionKey`+twoStages,
		`[RotationFunctionRole] may ["logs:CreateLogStream","logs:PutLogEvents"] on RotationFunctionLogs.Arn`,
		`[RotationFunctionRole] may ["secretsmanager:DescribeSecret","secretsmanager:GetSecretValue","secretsmanager:PutSecretValue","secretsmanager:UpdateSecretVersionStage"] on EncryptionKey`,
		`RotationFunctionRole is for {"Service":"lambda.amazonaws.com"}`)

	schedule := one(t, got, "AWS::SecretsManager::RotationSchedule")
	if short(schedule["SecretId"]) != "EncryptionKey" || short(schedule["RotationLambdaARN"]) != "RotationFunction.Arn" ||
		dig(t, schedule, "RotationRules", "AutomaticallyAfterDays") != 30.0 || schedule["RotateImmediatelyOnUpdate"] != false {
		t.Errorf("the schedule is %s", text(schedule))
	}
	invokers := 0
	for _, r := range got.only("AWS::Lambda::Permission") {
		if short(r.Properties["FunctionName"]) != "RotationFunction.Arn" {
			continue
		}
		invokers++
		if p := r.Properties; p["Principal"] != "secretsmanager.amazonaws.com" || short(p["SourceArn"]) != "EncryptionKey" || short(p["SourceAccount"]) != "AWS::AccountId" {
			t.Errorf("the rotation function may be invoked by %s", text(p))
		}
	}
	if invokers != 1 {
		t.Errorf("%d permissions to invoke the rotation function, want 1", invokers)
	}
}

// Each function may use a key of the team for its own purpose only, and only
// through Secrets Manager.
func TestKeyOfTheRotatedSecret(t *testing.T) {
	const arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	const through = ` if {"StringEquals":{"kms:ViaService":{"Fn::Join":["",["secretsmanager.eu-west-1.",{"Ref":"AWS::URLSuffix"}]]}}}`
	synthWith := func(key func(awscdk.Stack) awskms.IKey) template {
		stack, props := regional(t, "eu-west-1"), oneOrigin()
		props.CookieKeyRotation = 24 * time.Hour
		secret := keySecret()
		secret.EncryptionKey = key(stack)
		props.CookieKeySecret = awssecretsmanager.NewSecret(stack, jsii.String("SessionKey"), secret)
		New(stack, "TokenHandler", props).Protect(orders())
		return read(t, stack)
	}

	var given []string
	for _, grant := range grants(t, synthWith(func(s awscdk.Stack) awskms.IKey {
		return awskms.Key_FromKeyArn(s, jsii.String("Given"), jsii.String(arn))
	})) {
		if strings.Contains(grant, arn) {
			given = append(given, grant)
		}
	}
	want := []string{
		`[AgentFunctionRole] may "kms:Decrypt" on ` + arn + through,
		`[AuthorizerFunctionRole] may "kms:Decrypt" on ` + arn + through,
		`[RotationFunctionRole] may ["kms:Decrypt","kms:GenerateDataKey"] on ` + arn + through,
	}
	if diff := cmp.Diff(want, given); diff != "" {
		t.Error(diff)
	}

	// Of another stack: that one must not come to need this one.
	var elsewhere []string
	for _, grant := range grants(t, synthWith(func(s awscdk.Stack) awskms.IKey {
		keys := awscdk.NewStack(awscdk.Stage_Of(s), jsii.String("Keys"), &awscdk.StackProps{Env: &awscdk.Environment{
			Account: jsii.String("123456789012"), Region: jsii.String("eu-west-1")}})
		return awskms.NewKey(keys, jsii.String("Elsewhere"), nil)
	})) {
		if role, _, found := strings.Cut(grant, " on map["); found && strings.Contains(grant, "Elsewhere") {
			elsewhere = append(elsewhere, role)
		}
	}
	want = []string{`[AgentFunctionRole] may "kms:Decrypt"`, `[AuthorizerFunctionRole] may "kms:Decrypt"`, `[RotationFunctionRole] may ["kms:Decrypt","kms:GenerateDataKey"]`}
	if diff := cmp.Diff(want, elsewhere); diff != "" {
		t.Error(diff)
	}

	var made []string
	for id, r := range synthWith(func(s awscdk.Stack) awskms.IKey { return awskms.NewKey(s, jsii.String("Made"), nil) }).only("AWS::KMS::Key") {
		if !strings.HasPrefix(id, "Made") {
			continue
		}
		for _, s := range dig(t, r.Properties, "KeyPolicy", "Statement").([]any) {
			s := s.(map[string]any)
			if who := short(dig(t, s, "Principal", "AWS")); strings.Contains(who, "FunctionRole") {
				made = append(made, who+" may "+text(s["Action"])+" if "+text(s["Condition"]))
			}
		}
	}
	slices.Sort(made)
	want = []string{
		`RotationFunctionRole.Arn may ["kms:Decrypt","kms:GenerateDataKey"]` + through,
		`[AgentFunctionRole.Arn AuthorizerFunctionRole.Arn] may "kms:Decrypt"` + through,
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Error(diff)
	}
}

// regional makes a stack in a region.
func regional(t *testing.T, region string) awscdk.Stack {
	t.Helper()
	return awscdk.NewStack(awscdk.Stage_Of(newStack(t)), jsii.String(region), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String("123456789012"), Region: jsii.String(region)}})
}

// A region with a replica reads the key as the first region does, and has no
// rotation.
func TestKeyRotatedElsewhere(t *testing.T) {
	const name, full = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/session-key",
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/session-key-AbCdEf"
	const through = ` if {"StringEquals":{"kms:ViaService":{"Fn::Join":["",["secretsmanager.eu-west-1.",{"Ref":"AWS::URLSuffix"}]]}}}`
	const kms = "arn:aws:kms:eu-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"
	for _, tt := range []struct {
		name   string
		secret func(awscdk.Stack) awssecretsmanager.ISecret
		arn    string
		more   []string
	}{
		{"by name", func(s awscdk.Stack) awssecretsmanager.ISecret {
			return awssecretsmanager.Secret_FromSecretNameV2(s, jsii.String("SessionKey"), jsii.String("prod/session-key"))
		}, name, []string{
			`[AgentFunctionRole] may "secretsmanager:GetSecretValue" on ` + name + "-??????" + twoStages,
			`[AuthorizerFunctionRole] may "secretsmanager:GetSecretValue" on ` + name + "-??????" + twoStages,
		}},
		{"by ARN, with a key of its own", func(s awscdk.Stack) awssecretsmanager.ISecret {
			return awssecretsmanager.Secret_FromSecretAttributes(s, jsii.String("SessionKey"), &awssecretsmanager.SecretAttributes{
				SecretCompleteArn: jsii.String(full), EncryptionKey: awskms.Key_FromKeyArn(s, jsii.String("Replica"), jsii.String(kms))})
		}, full, []string{
			`[AgentFunctionRole] may "secretsmanager:GetSecretValue" on ` + full + twoStages,
			`[AuthorizerFunctionRole] may "secretsmanager:GetSecretValue" on ` + full + twoStages,
			`[AgentFunctionRole] may "kms:Decrypt" on ` + kms + through,
			`[AuthorizerFunctionRole] may "kms:Decrypt" on ` + kms + through,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stack := regional(t, "eu-west-1")
			props := oneOrigin()
			props.CookieKeySecret, props.CookieKeyRotatedElsewhere = tt.secret(stack), true
			New(stack, "TokenHandler", props).Protect(orders())
			got := read(t, stack)
			checkReadsKey(t, got, tt.arn)
			checkGrants(t, got, tt.more...)
			if n := len(got.only("AWS::SecretsManager::RotationSchedule")); n != 0 {
				t.Errorf("%d rotation schedules, want 0: a replica cannot have one", n)
			}
			if n := len(got.only("AWS::Lambda::Function")); n != 2 {
				t.Errorf("%d functions, want 2", n)
			}
			for id, r := range got.only("AWS::Lambda::Permission") {
				if r.Properties["Principal"] != "apigateway.amazonaws.com" {
					t.Errorf("%s: %s", id, text(r.Properties))
				}
			}
		})
	}
}

func TestKeyRotationIsRefused(t *testing.T) {
	secret := func(s awscdk.Stack, region string) awssecretsmanager.ISecret {
		return awssecretsmanager.Secret_FromSecretCompleteArn(s, jsii.String("SessionKey"), jsii.String("arn:aws:secretsmanager:"+region+":123456789012:secret:prod/session-key-AbCdEf"))
	}
	for _, tt := range []struct {
		name   string
		change func(*Props, awscdk.Stack)
		want   string
	}{
		{"no whole days", func(p *Props, _ awscdk.Stack) { p.CookieKeyRotation = 36 * time.Hour }, "Props.CookieKeyRotation must be whole days from 1 to 1000, got 36h0m0s"},
		{"too long", func(p *Props, _ awscdk.Stack) { p.CookieKeyRotation = 1001 * 24 * time.Hour }, "Props.CookieKeyRotation must be whole days from 1 to 1000, got 24024h0m0s"},
		{"here and elsewhere", func(p *Props, s awscdk.Stack) {
			p.CookieKeyRotation, p.CookieKeyRotatedElsewhere, p.CookieKeySecret = 24*time.Hour, true, secret(s, "eu-west-1")
		}, "Props.CookieKeyRotation cannot be combined with Props.CookieKeyRotatedElsewhere, which is for regions that have a replica"},
		{"elsewhere, no secret", func(p *Props, _ awscdk.Stack) { p.CookieKeyRotatedElsewhere = true },
			"Props.CookieKeySecret is required with Props.CookieKeyRotatedElsewhere: it must be this region's replica"},
		{"the primary's ARN", func(p *Props, s awscdk.Stack) {
			p.CookieKeyRotatedElsewhere, p.CookieKeySecret = true, secret(s, "eu-north-1")
		}, "Props.CookieKeySecret is in eu-north-1: expected its replica in eu-west-1"},
		{"the primary", func(p *Props, s awscdk.Stack) {
			north := awscdk.NewStack(awscdk.Stage_Of(s), jsii.String("North"), &awscdk.StackProps{
				Env: &awscdk.Environment{Account: jsii.String("123456789012"), Region: jsii.String("eu-north-1")}})
			p.CookieKeyRotatedElsewhere = true
			p.CookieKeySecret = NewSessionKey(north, "SessionKey", &SessionKeyProps{Name: "prod/session-key", ReplicaRegions: []string{"eu-west-1"}})
		}, "Props.CookieKeySecret is in eu-north-1: expected its replica in eu-west-1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stack, props := regional(t, "eu-west-1"), oneOrigin()
			tt.change(props, stack)
			mustContain(t, panicOf(func() { New(stack, "TokenHandler", props) }), "tokenhandler: "+tt.want)
		})
	}
}

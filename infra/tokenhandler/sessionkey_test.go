package tokenhandler

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
)

// Two regions, one session: the same key by the same name, and a record of
// each region under one name.
func TestTwoRegions(t *testing.T) {
	stage := awscdk.Stage_Of(newStack(t))
	make := func(region string) awscdk.Stack {
		return awscdk.NewStack(stage, jsii.String(region), &awscdk.StackProps{
			Env: &awscdk.Environment{Account: jsii.String("123456789012"), Region: jsii.String(region)}})
	}
	handler := func(stack awscdk.Stack, key awssecretsmanager.ISecret) {
		props := oneOrigin()
		props.CookieKeySecret = key
		props.Provider.ClientSecret = awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String("ClientSecret"), jsii.String("prod/client-credentials"))
		props.Domain = &Domain{Name: "api.example.com", HostedZone: zone(stack), Latency: *stack.Region()}
		New(stack, "TokenHandler", props).Protect(orders())
	}
	north, west := make("eu-north-1"), make("eu-west-1")
	kms := awskms.NewKey(north, jsii.String("MultiRegionKey"), &awskms.KeyProps{MultiRegion: jsii.Bool(true), EnableKeyRotation: jsii.Bool(true)})
	replica := awskms.Key_FromKeyArn(north, jsii.String("Replica"), jsii.String("arn:aws:kms:eu-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"))
	handler(north, NewSessionKey(north, "SessionKey", &SessionKeyProps{Name: "prod/session-key", ReplicaRegions: []string{"eu-west-1"},
		EncryptionKey: kms, ReplicaKeys: map[string]awskms.IKey{"eu-west-1": replica}}))
	handler(west, awssecretsmanager.Secret_FromSecretNameV2(west, jsii.String("SessionKey"), jsii.String("prod/session-key")))

	first, second := read(t, north), read(t, west)
	secret := one(t, first, "AWS::SecretsManager::Secret")
	if secret["Name"] != "prod/session-key" || dig(t, secret, "ReplicaRegions", 0, "Region") != "eu-west-1" || secret["KmsKeyId"] == nil ||
		!strings.Contains(text(secret["ReplicaRegions"]), "mrk-1234abcd") || dig(t, secret, "GenerateSecretString", "ExcludeCharacters") != "ghijklmnopqrstuvwxyz" {
		t.Errorf("the secret is %s", text(secret))
	}
	if n := len(second.only("AWS::SecretsManager::Secret")); n != 0 {
		t.Errorf("the second region has %d secrets of its own", n)
	}
	mustContain(t, string(second.raw), "resolve:secretsmanager:prod/session-key:SecretString:::}}")
	for region, got := range map[string]template{"eu-north-1": first, "eu-west-1": second} {
		record := one(t, got, "AWS::Route53::RecordSet")
		if record["Name"] != "api.example.com." || record["Region"] != region || record["SetIdentifier"] != region {
			t.Errorf("the record of %s is %s", region, text(record))
		}
	}
}

func TestSessionKeyIsRefused(t *testing.T) {
	stack := awscdk.NewStack(awscdk.Stage_Of(newStack(t)), jsii.String("North"), &awscdk.StackProps{Env: &awscdk.Environment{Region: jsii.String("eu-north-1")}})
	for _, tt := range []struct {
		props *SessionKeyProps
		want  string
	}{
		{nil, "SessionKeyProps.Name is missing"},
		{&SessionKeyProps{Name: "a b"}, `SessionKeyProps.Name: secret name "a b" must be`},
		{&SessionKeyProps{Name: "a", ReplicaRegions: []string{"Ireland"}}, `SessionKeyProps.ReplicaRegions[0] is "Ireland"`},
		{&SessionKeyProps{Name: "a", ReplicaRegions: []string{"eu-north-1"}}, "expected names of other regions"},
		{&SessionKeyProps{Name: "a", ReplicaRegions: []string{"eu-west-1", "eu-west-1"}}, "each once"},
	} {
		mustContain(t, panicOf(func() { NewSessionKey(stack, "Key", tt.props) }), "tokenhandler: ", tt.want)
	}
}

package tokenhandler

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

// Formats of the cookies, see Props.CookieFormat.
const (
	CookieFormatSealed = settings.FormatSealed
	// CookieFormatCurity puts the access token and the CSRF value into the form
	// of Curity's open-source token handler, under names without __Host-. It
	// authenticates neither the cookie's name nor a session, and knows no
	// expiry: whoever can set cookies can exchange the two, and only the
	// upstream API refuses an access token that has expired.
	CookieFormatCurity = settings.FormatCurity
)

const (
	rotationID = "RotationFunction"
	day        = 24 * time.Hour
	// maxRotationDays is the limit of AutomaticallyAfterDays (AWS Secrets
	// Manager API Reference, RotationRulesType).
	maxRotationDays = 1000
)

func checkKeyRotation(c Props) {
	if c.KeyRotation != 0 && (c.KeyRotation < day || c.KeyRotation > maxRotationDays*day || c.KeyRotation%day != 0) {
		misuse("Props.KeyRotation is %s: expected whole days, 1 to %d", c.KeyRotation, maxRotationDays)
	}
}

// keySettings is where the Lambdas have the key from.
func (h *TokenHandler) keySettings(p Props, shared *settings.Shared) {
	if p.KeyRotation == 0 {
		shared.EncryptionKey = reference(h.EncryptionKeySecret)
		return
	}
	shared.EncryptionKeySecretARN = *h.EncryptionKeySecret.SecretArn()
}

// addRotation makes the function that rotates the key, and its schedule, and
// lets the two Lambdas read the key.
func (h *TokenHandler) addRotation(p Props) {
	if p.KeyRotation == 0 {
		return
	}
	secret := h.EncryptionKeySecret
	for _, reader := range []awslambda.Function{h.AuthorizerFunction, h.AgentFunction} {
		reader.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions:   jsii.Strings("secretsmanager:GetSecretValue"),
			Resources: &[]*string{secretPolicyArn(secret)},
			// Not the one in the making.
			Conditions: &map[string]any{"StringEquals": map[string]any{
				"secretsmanager:VersionStage": []string{"AWSCURRENT", "AWSPREVIOUS"},
			}},
		}))
		h.useSecretKey(secret, reader, "kms:Decrypt")
	}

	rotation := h.newFunction(p, lambda{
		id:          rotationID,
		description: "Token handler: rotates the key of the cookies",
		pkg:         "./lambda/rotation",
		timeout:     60,
		settings:    struct{}{}, // none
	})
	// The policy of "Lambda rotation function execution role permissions" (AWS
	// Secrets Manager User Guide), on this secret.
	rotation.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue",
			"secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"),
		Resources: &[]*string{secretPolicyArn(secret)},
	}))
	h.useSecretKey(secret, rotation, "kms:Decrypt", "kms:GenerateDataKey")

	// "If you include the context key aws:SourceArn in your Lambda rotation
	// function policy, the rotation function can only be used to rotate the
	// secret specified by that ARN" (the same guide), which is what we want.
	invoke := awslambda.NewCfnPermission(h, jsii.String("RotationPermission"), &awslambda.CfnPermissionProps{
		Action:        jsii.String("lambda:InvokeFunction"),
		FunctionName:  rotation.FunctionArn(),
		Principal:     jsii.String("secretsmanager.amazonaws.com"),
		SourceAccount: awscdk.Stack_Of(h).Account(),
		SourceArn:     secretPolicyArn(secret),
	})
	schedule := awssecretsmanager.NewCfnRotationSchedule(h, jsii.String("RotationSchedule"), &awssecretsmanager.CfnRotationScheduleProps{
		SecretId:          secret.SecretArn(),
		RotationLambdaArn: rotation.FunctionArn(),
		RotationRules: &awssecretsmanager.CfnRotationSchedule_RotationRulesProperty{
			AutomaticallyAfterDays: jsii.Number(float64(p.KeyRotation / day)),
		},
		// Secrets Manager then only tests the function when the stack is deployed.
		RotateImmediatelyOnUpdate: jsii.Bool(false),
	})
	schedule.Node().AddDependency(invoke, rotation.Role())
}

// secretPolicyArn is the secret's ARN as policies name it: of a secret given by
// its name, the six characters at the end are not known.
func secretPolicyArn(secret awssecretsmanager.ISecret) *string {
	if secret.SecretFullArn() != nil {
		return secret.SecretFullArn()
	}
	return jsii.String(*secret.SecretArn() + "-??????")
}

// useSecretKey lets a function use the KMS key of a secret that has one of its
// own, through Secrets Manager only: by the key's policy, or by the function's
// role where the policy is not ours to change, as of a key given by its ARN.
func (h *TokenHandler) useSecretKey(secret awssecretsmanager.ISecret, function awslambda.Function, actions ...string) {
	key := secret.EncryptionKey()
	if key == nil {
		return
	}
	statement := &awsiam.PolicyStatementProps{
		Actions:   jsii.Strings(actions...),
		Resources: jsii.Strings("*"), // in a key's policy: that key
		Conditions: &map[string]any{"StringEquals": map[string]any{
			"kms:ViaService": "secretsmanager." + *awscdk.Stack_Of(h).Region() + ".amazonaws.com",
		}},
	}
	onKey := *statement
	onKey.Principals = &[]awsiam.IPrincipal{function.GrantPrincipal()}
	if *key.AddToResourcePolicy(awsiam.NewPolicyStatement(&onKey), jsii.Bool(true)).StatementAdded {
		return
	}
	statement.Resources = &[]*string{key.KeyArn()}
	function.AddToRolePolicy(awsiam.NewPolicyStatement(statement))
}

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
	switch {
	case c.KeyRotation != 0 && (c.KeyRotation < day || c.KeyRotation > maxRotationDays*day || c.KeyRotation%day != 0):
		misuse("Props.KeyRotation is %s: expected whole days, 1 to %d", c.KeyRotation, maxRotationDays)
	case c.KeyRotation != 0 && c.KeyRotatedElsewhere:
		misuse("Props.KeyRotation and Props.KeyRotatedElsewhere are both set: expected the one where the key is rotated, the other in regions that have a replica")
	case c.KeyRotatedElsewhere && c.EncryptionKeySecret == nil:
		misuse("Props.KeyRotatedElsewhere is set without EncryptionKeySecret: expected this region's replica of the secret that is rotated")
	}
}

// addRotation makes the function that rotates the key, and its schedule. A
// replica has neither: "If you turn on rotation for your primary secret, Secrets
// Manager rotates the secret in the primary Region, and the new secret value
// propagates to all of the associated replica secrets. You don't have to manage
// rotation individually for all of the replica secrets" (AWS Secrets Manager
// User Guide, "Replicate AWS Secrets Manager secrets across Regions").
func (h *TokenHandler) addRotation(p Props) {
	if p.KeyRotation == 0 {
		return
	}
	secret := h.EncryptionKeySecret
	rotation := h.newFunction(p, lambda{
		id:          rotationID,
		description: "Token handler: rotates the key of the cookies",
		pkg:         "./lambda/rotation",
		timeout:     60,
		settings:    struct{}{}, // none
	})
	h.rotation = rotation
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

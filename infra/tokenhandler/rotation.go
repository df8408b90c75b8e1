package tokenhandler

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

const (
	rotationID = "RotationFunction"
	day        = 24 * time.Hour
	// maxRotationDays is the limit of AutomaticallyAfterDays (AWS Secrets
	// Manager API Reference, RotationRulesType).
	maxRotationDays = 1000
)

func checkCookieKey(c *settings.Checker, p *Props) {
	rotation := p.CookieKeyRotation
	c.Must(rotation == 0 || day <= rotation && rotation <= maxRotationDays*day && rotation%day == 0, &p.CookieKeyRotation, fmt.Sprintf("be whole days from 1 to %d", maxRotationDays))
	c.Refuse(rotation != 0 && p.CookieKeyRotatedElsewhere, &p.CookieKeyRotation, "cannot be combined with %s, which is for regions that have a replica", &p.CookieKeyRotatedElsewhere)
	c.Refuse(p.CookieKeyRotatedElsewhere && p.CookieKeySecret == nil, &p.CookieKeySecret, "is required with %s: it must be this region's replica", &p.CookieKeyRotatedElsewhere)
}

// addRotation makes the function that rotates the key, and its schedule. A
// replica has neither: "If you turn on rotation for your primary secret, Secrets
// Manager rotates the secret in the primary Region, and the new secret value
// propagates to all of the associated replica secrets. You don't have to manage
// rotation individually for all of the replica secrets" (AWS Secrets Manager
// User Guide, "Replicate AWS Secrets Manager secrets across Regions").
func (h *TokenHandler) addRotation(p Props) {
	if p.CookieKeyRotation == 0 {
		return
	}
	secret := h.CookieKeySecret
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
	// secret specified by that ARN" (the same guide). That is intended.
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
			AutomaticallyAfterDays: jsii.Number(float64(p.CookieKeyRotation / day)),
		},
		// Secrets Manager then only tests the function when the stack is deployed.
		RotateImmediatelyOnUpdate: jsii.Bool(false),
	})
	schedule.Node().AddDependency(invoke, rotation.Role())
}

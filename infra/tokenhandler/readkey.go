package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

// keyIsRead reports whether the Lambdas read the key from Secrets Manager when
// they start, because it is rotated; else it is in their environment.
func (p Props) keyIsRead() bool { return p.CookieKeyRotation != 0 || p.CookieKeyRotatedElsewhere }

// cookieKey is how the Lambdas get the key.
func (h *TokenHandler) cookieKey(p Props) settings.CookieKey {
	if !p.keyIsRead() {
		return settings.CookieKey{Key: h.reference(h.CookieKeySecret)}
	}
	return settings.CookieKey{SecretARN: *h.CookieKeySecret.SecretArn()}
}

// allowReadingKey lets the two Lambdas read the key.
func (h *TokenHandler) allowReadingKey(p Props) {
	if !p.keyIsRead() {
		return
	}
	secret := h.CookieKeySecret
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
}

// checkReplica refuses a secret of another region: "The ARN for a replicated
// secret is the same as the primary secret except for the Region" (AWS Secrets
// Manager User Guide), so the primary's is easily given for it. Regions that are
// known only at deployment are not compared.
func (h *TokenHandler) checkReplica(p Props) {
	if !p.CookieKeyRotatedElsewhere {
		return
	}
	of, here := *h.CookieKeySecret.Env().Region, *awscdk.Stack_Of(h).Region()
	if of != here && !isToken(of) && !isToken(here) {
		misuse("Props.CookieKeySecret is in %s: expected its replica in %s, the region of this stack, with CookieKeyRotatedElsewhere", of, here)
	}
}

// secretPolicyArn is the secret's ARN as policies name it: of a secret given by
// its name, the six characters at the end are not known.
func secretPolicyArn(secret awssecretsmanager.ISecret) *string {
	if secret.SecretFullArn() != nil {
		return secret.SecretFullArn()
	}
	return jsii.String(*secret.SecretArn() + "-??????")
}

// viaSecretsManager is the value of kms:ViaService for requests that Secrets
// Manager makes: the service's endpoint, whose suffix is the partition's (AWS
// KMS Developer Guide, "kms:ViaService").
func viaSecretsManager(scope constructs.Construct) string {
	stack := awscdk.Stack_Of(scope)
	return "secretsmanager." + *stack.Region() + "." + *stack.UrlSuffix()
}

// useSecretKey lets a function use the KMS key of a secret that has one of its
// own, through Secrets Manager only: by the key's policy, or by the function's
// role where the policy is not ours to change, as of a key given by its ARN or
// one of another stack. That stack would need this one for its policy, while
// this one needs it for the key.
func (h *TokenHandler) useSecretKey(secret awssecretsmanager.ISecret, function awslambda.Function, actions ...string) {
	key := secret.EncryptionKey()
	if key == nil {
		return
	}
	statement := &awsiam.PolicyStatementProps{
		Actions:   jsii.Strings(actions...),
		Resources: jsii.Strings("*"), // in a key's policy: that key
		Conditions: &map[string]any{"StringEquals": map[string]any{
			"kms:ViaService": viaSecretsManager(h),
		}},
	}
	onKey := *statement
	onKey.Principals = &[]awsiam.IPrincipal{function.GrantPrincipal()}
	if sameStack(key, h) && *key.AddToResourcePolicy(awsiam.NewPolicyStatement(&onKey), jsii.Bool(true)).StatementAdded {
		return
	}
	statement.Resources = &[]*string{key.KeyArn()}
	function.AddToRolePolicy(awsiam.NewPolicyStatement(statement))
}

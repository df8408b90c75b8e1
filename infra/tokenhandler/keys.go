package tokenhandler

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

// addKeys takes or makes the KMS key and the two secrets.
func (h *TokenHandler) addKeys(p Props) {
	h.KMSKey = p.KMSKey
	if h.KMSKey == nil {
		key := kept(h, awskms.NewKey(h, jsii.String("Key"), &awskms.KeyProps{
			Description:       jsii.String("Environment of the token handler's Lambdas"),
			EnableKeyRotation: jsii.Bool(true),
		}))
		h.allowLogs(key)
		h.KMSKey = key
	}
	h.CookieKeySecret = p.CookieKeySecret
	if h.CookieKeySecret == nil {
		h.CookieKeySecret = kept(h, awssecretsmanager.NewSecret(h, jsii.String("EncryptionKey"), keySecret()))
	}
	checkGeneratedKey(h.CookieKeySecret)
	h.ClientSecret = p.Provider.ClientSecret
	if h.ClientSecret == nil && p.Provider.NeedsSecret() {
		h.ClientSecret = h.newSecret("ClientSecret",
			"OAuth client secret of the token handler: register it at the provider", nil, nil)
	}
}

func (h *TokenHandler) newSecret(id, description string, excludeUppercase *bool, exclude *string) awssecretsmanager.Secret {
	return kept(h, awssecretsmanager.NewSecret(h, jsii.String(id), &awssecretsmanager.SecretProps{
		Description: jsii.String(description),
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			PasswordLength:          jsii.Number(64),
			ExcludePunctuation:      jsii.Bool(true),
			IncludeSpace:            jsii.Bool(false),
			RequireEachIncludedType: jsii.Bool(false),
			ExcludeUppercase:        excludeUppercase,
			ExcludeCharacters:       exclude,
		},
	}))
}

// reference is {{resolve:secretsmanager:…}}, which CloudFormation replaces by
// the value when it creates the function: the value is in no template.
//
// A secret given by name is referred to by name, because Secrets Manager does
// not find every secret by an ARN without its random ending. A name works in
// one account and region only: "secret-id: The name or ARN of the secret. To
// access a secret in your AWS account, you need only specify the secret name"
// (AWS CloudFormation User Guide, "Secrets Manager secrets").
func (h *TokenHandler) reference(s awssecretsmanager.ISecret) settings.Secret {
	stack := awscdk.Stack_Of(h)
	if isGivenByName(s) && *s.Env().Account == *stack.Account() && *s.Env().Region == *stack.Region() {
		return settings.Secret(*awscdk.SecretValue_SecretsManager(s.SecretName(), nil).UnsafeUnwrap())
	}
	return settings.Secret(*s.SecretValue().UnsafeUnwrap())
}

// isGivenByName reports whether a secret is known by its name or by an ARN
// without its random ending.
func isGivenByName(s awssecretsmanager.ISecret) bool {
	return s.SecretFullArn() == nil && !isToken(*s.SecretName())
}

// checkSecretNames refuses secrets that Secrets Manager would not find.
func checkSecretNames(c *settings.Checker, p *Props) {
	for _, f := range settings.Fields(p) {
		secret, ok := f.Value.Interface().(awssecretsmanager.ISecret)
		if !ok || !isGivenByName(secret) {
			continue
		}
		fault := settings.SecretNameFault(*secret.SecretName())
		c.Refuse(fault != "", f.Value.Addr().Interface(), fmt.Sprintf("%q %s", *secret.SecretName(), fault))
	}
}

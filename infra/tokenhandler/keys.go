package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

// addKeys takes or makes the KMS key and the two secrets.
func (h *TokenHandler) addKeys(p Props) {
	h.Key = p.Key
	if h.Key == nil {
		key := kept(h, awskms.NewKey(h, jsii.String("Key"), &awskms.KeyProps{
			Description:       jsii.String("Environment of the token handler's Lambdas"),
			EnableKeyRotation: jsii.Bool(true),
		}))
		h.allowLogs(key)
		h.Key = key
	}
	h.EncryptionKeySecret = p.EncryptionKeySecret
	if h.EncryptionKeySecret == nil {
		h.EncryptionKeySecret = kept(h, awssecretsmanager.NewSecret(h, jsii.String("EncryptionKey"), keySecret()))
	}
	checkGeneratedKey(h.EncryptionKeySecret)
	h.ClientSecret = p.Provider.ClientSecret
	if h.ClientSecret == nil && p.Provider.clientSettings().NeedsSecret() {
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
func reference(s awssecretsmanager.ISecret) settings.Secret {
	return settings.Secret(*s.SecretValue().UnsafeUnwrap())
}

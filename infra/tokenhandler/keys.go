package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

// addKeys takes or makes the KMS key and the two secrets.
func (h *TokenHandler) addKeys(p Props) {
	h.checkSecretNames(p)
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
//
// A secret given by name is referred to by name, because Secrets Manager does
// not find every secret by an ARN without its random ending. A name works in
// one account and region only: "secret-id: The name or ARN of the secret. To
// access a secret in your AWS account, you need only specify the secret name"
// (AWS CloudFormation User Guide, "Secrets Manager secrets").
func (h *TokenHandler) reference(s awssecretsmanager.ISecret) settings.Secret {
	stack := awscdk.Stack_Of(h)
	if h.isGivenByName(s) && *s.Env().Account == *stack.Account() && *s.Env().Region == *stack.Region() {
		return settings.Secret(*awscdk.SecretValue_SecretsManager(s.SecretName(), nil).UnsafeUnwrap())
	}
	return settings.Secret(*s.SecretValue().UnsafeUnwrap())
}

// isGivenByName reports whether a secret is known by its name or by an ARN
// without its random ending.
func (h *TokenHandler) isGivenByName(s awssecretsmanager.ISecret) bool {
	return s.SecretFullArn() == nil && !isToken(*s.SecretName())
}

// checkSecretNames panics if Secrets Manager would not find a given secret.
func (h *TokenHandler) checkSecretNames(p Props) {
	given := []struct {
		field  string
		secret awssecretsmanager.ISecret
	}{
		{"EncryptionKeySecret", p.EncryptionKeySecret},
		{"Provider.ClientSecret", p.Provider.ClientSecret},
		{"Provider.Authentication.PrivateKey", p.Provider.Authentication.PrivateKey},
		{"Provider.Authentication.Certificate", p.Provider.Authentication.Certificate},
		{"Provider.Authentication.CertificateKey", p.Provider.Authentication.CertificateKey},
	}
	if p.PhantomToken != nil {
		given = append(given, given[0])
		given[len(given)-1].field, given[len(given)-1].secret = "PhantomToken.ClientSecret", p.PhantomToken.ClientSecret
	}
	for _, g := range given {
		if g.secret == nil || !h.isGivenByName(g.secret) {
			continue
		}
		if fault := settings.SecretNameFault(*g.secret.SecretName()); fault != "" {
			misuse("Props.%s: secret name %q %s", g.field, *g.secret.SecretName(), fault)
		}
	}
}

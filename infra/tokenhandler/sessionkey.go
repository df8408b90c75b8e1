package tokenhandler

import (
	"regexp"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

// SessionKeyProps configure [NewSessionKey].
type SessionKeyProps struct {
	// Name of the secret, the same in every region, such as prod/session-key.
	Name string
	// ReplicaRegions get a copy, which Secrets Manager keeps the same.
	ReplicaRegions []string
	// EncryptionKey encrypts the secret here. Nil: the account's key for
	// Secrets Manager. Copies are encrypted with that of their region, unless
	// ReplicaKeys has one: a replica of a multi-Region key, for instance.
	EncryptionKey awskms.IKey
	ReplicaKeys   map[string]awskms.IKey
	// RemovalPolicy of the secret. Default: RETAIN_ON_UPDATE_OR_DELETE.
	RemovalPolicy awscdk.RemovalPolicy
}

// NewSessionKey makes a secret with the key that seals the cookies, for token
// handlers of several regions: a session that began in one is good in the
// others. It is given to the handler of its region as
// Props.CookieKeySecret; the others name it with
// awssecretsmanager.Secret_FromSecretNameV2. If the handler of this region
// rotates it (Props.CookieKeyRotation), the others need Props.CookieKeyRotatedElsewhere. See
// [Domain.Latency] for the records.
func NewSessionKey(scope constructs.Construct, id string, props *SessionKeyProps) awssecretsmanager.Secret {
	if props == nil || props.Name == "" {
		misuse("SessionKeyProps.Name is missing: expected a name such as prod/session-key, the same in every region")
	}
	if fault := settings.SecretNameFault(props.Name); fault != "" {
		misuse("SessionKeyProps.Name: secret name %q %s", props.Name, fault)
	}
	var replicas []*awssecretsmanager.ReplicaRegion
	for i, region := range props.ReplicaRegions {
		if !regionRE.MatchString(region) || slices.Contains(props.ReplicaRegions[:i], region) || region == *awscdk.Stack_Of(scope).Region() {
			misuse("SessionKeyProps.ReplicaRegions[%d] is %q: expected names of other regions, each once", i, region)
		}
		replicas = append(replicas, &awssecretsmanager.ReplicaRegion{Region: jsii.String(region), EncryptionKey: props.ReplicaKeys[region]})
	}
	secret := keySecret()
	secret.SecretName = jsii.String(props.Name)
	secret.EncryptionKey = props.EncryptionKey
	if len(replicas) > 0 {
		secret.ReplicaRegions = &replicas
	}
	made := awssecretsmanager.NewSecret(scope, jsii.String(id), secret)
	policy := props.RemovalPolicy
	if policy == "" {
		policy = awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE
	}
	made.ApplyRemovalPolicy(policy)
	return made
}

var regionRE = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)

// keySecret generates 64 hexadecimal characters: of the letters and digits that
// remain, only 0-9a-f, which are 32 uniformly random bytes.
func keySecret() *awssecretsmanager.SecretProps {
	return &awssecretsmanager.SecretProps{
		Description: jsii.String("Key that seals the token handler's cookies: 64 hexadecimal characters"),
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			PasswordLength:          jsii.Number(64),
			ExcludePunctuation:      jsii.Bool(true),
			IncludeSpace:            jsii.Bool(false),
			RequireEachIncludedType: jsii.Bool(false),
			ExcludeUppercase:        jsii.Bool(true),
			ExcludeCharacters:       jsii.String("ghijklmnopqrstuvwxyz"),
		},
	}
}

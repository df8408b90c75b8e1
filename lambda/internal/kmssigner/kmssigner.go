// Package kmssigner signs with an asymmetric key of AWS Key Management Service:
// the private key never leaves it, and only a digest is sent there.
package kmssigner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"github.com/tokenhandler/aws/lambda/internal/clientauth"
)

// specs are the signing algorithms of KMS by their JWS names.
var specs = map[string]types.SigningAlgorithmSpec{
	"ES256": types.SigningAlgorithmSpecEcdsaSha256, "ES384": types.SigningAlgorithmSpecEcdsaSha384, "ES512": types.SigningAlgorithmSpecEcdsaSha512,
	"PS256": types.SigningAlgorithmSpecRsassaPssSha256, "PS384": types.SigningAlgorithmSpecRsassaPssSha384, "PS512": types.SigningAlgorithmSpecRsassaPssSha512,
	"RS256": types.SigningAlgorithmSpecRsassaPkcs1V15Sha256, "RS384": types.SigningAlgorithmSpecRsassaPkcs1V15Sha384, "RS512": types.SigningAlgorithmSpecRsassaPkcs1V15Sha512,
}

// Signer implements [clientauth.Signer] with kms:Sign.
type Signer struct {
	client    *kms.Client
	key       string
	algorithm string
	id        string
}

var _ clientauth.Signer = (*Signer)(nil)

// Config says which key signs, and how.
type Config struct {
	// Key is the ARN of an asymmetric key of usage SIGN_VERIFY.
	Key string
	// Algorithm is the JWS name of an algorithm of the key; empty is ES256.
	Algorithm string
	// KeyID is the id under which the provider knows the public key. Optional.
	KeyID string

	Region string
	// Credentials of the Lambda's role. Nil: [Environment].
	Credentials aws.CredentialsProvider
	// Endpoint overrides that of the region. For tests.
	Endpoint string
	// HTTP carries the requests. Nil: the SDK's own.
	HTTP *http.Client
}

// Environment reads the credentials that the Lambda service puts into a
// function's environment (AWS Lambda Developer Guide, "Defined runtime
// environment variables"). No file and no metadata service is
// asked for credentials.
func Environment(context.Context) (aws.Credentials, error) {
	c := aws.Credentials{
		AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken: os.Getenv("AWS_SESSION_TOKEN"), Source: "environment",
	}
	if c.AccessKeyID == "" || c.SecretAccessKey == "" {
		return aws.Credentials{}, errors.New("kmssigner: the environment has no credentials")
	}
	return c, nil
}

// New returns a signer. It does no network call.
func New(c Config) (*Signer, error) {
	if c.Algorithm == "" {
		c.Algorithm = "ES256"
	}
	if _, known := specs[c.Algorithm]; !known || c.Key == "" || c.Region == "" {
		return nil, errors.New("kmssigner: expected a key, a region and an algorithm that KMS signs with")
	}
	if c.Credentials == nil {
		c.Credentials = aws.CredentialsProviderFunc(Environment)
	}
	options := kms.Options{Region: c.Region, Credentials: c.Credentials, RetryMaxAttempts: 2}
	if c.Endpoint != "" {
		options.BaseEndpoint = aws.String(c.Endpoint)
	}
	if c.HTTP != nil {
		options.HTTPClient = c.HTTP
	}
	return &Signer{client: kms.New(options), key: c.Key, algorithm: c.Algorithm, id: c.KeyID}, nil
}

// Algorithm implements [clientauth.Signer].
func (s *Signer) Algorithm() string { return s.algorithm }

// KeyID implements [clientauth.Signer].
func (s *Signer) KeyID() string { return s.id }

// Sign implements [clientauth.Signer]. Its errors show the documented code.
func (s *Signer) Sign(ctx context.Context, input []byte) ([]byte, error) {
	out, err := s.client.Sign(ctx, &kms.SignInput{
		KeyId: aws.String(s.key), SigningAlgorithm: specs[s.algorithm],
		Message: clientauth.Digest(s.algorithm, input), MessageType: types.MessageTypeDigest,
	})
	if err != nil {
		return nil, fmt.Errorf("kmssigner: kms:Sign failed (%s)", code(err))
	}
	if s.algorithm[0] == 'E' {
		return clientauth.Raw(s.algorithm, out.Signature)
	}
	return out.Signature, nil
}

// codes are the errors of kms:Sign (AWS KMS API Reference, "Sign") and the
// common ones that an operator can fix.
var codes = []string{
	"AccessDeniedException", "DependencyTimeoutException", "DisabledException", "InvalidGrantTokenException",
	"InvalidKeyUsageException", "KeyUnavailableException", "KMSInternalException", "KMSInvalidStateException",
	"NotFoundException", "ThrottlingException", "ExpiredTokenException", "UnrecognizedClientException", "ValidationException",
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) && slices.Contains(codes, api.ErrorCode()) {
		return api.ErrorCode()
	}
	return "no answer, or an unknown error"
}

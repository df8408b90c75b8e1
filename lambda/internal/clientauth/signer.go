package clientauth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	// Registered with package crypto, by which they are found.
	_ "crypto/sha256"
	_ "crypto/sha512"

	"github.com/tokenhandler/aws/internal/settings"
)

// Signer signs with the client's private key, wherever that is.
type Signer interface {
	// Algorithm is the signature algorithm (RFC 7518 section 3.1), KeyID the
	// id under which the provider knows the public key, or empty.
	Algorithm() string
	KeyID() string
	// Sign returns the signature of a JWS over its signing input.
	Sign(ctx context.Context, input []byte) ([]byte, error)
}

// Hashes are those of the algorithms that a client may sign with.
var Hashes = map[string]crypto.Hash{
	"ES256": crypto.SHA256, "ES384": crypto.SHA384, "ES512": crypto.SHA512,
	"PS256": crypto.SHA256, "PS384": crypto.SHA384, "PS512": crypto.SHA512,
	"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512,
	"EdDSA": 0, "Ed25519": 0, // two names of one algorithm (RFC 9864 section 2.2)
}

// Sign returns claims as a JWS in compact form (RFC 7515 section 7.1).
func Sign(ctx context.Context, s Signer, typ string, claims map[string]any) (string, error) {
	header := map[string]string{"alg": s.Algorithm(), "typ": typ}
	if s.KeyID() != "" {
		header["kid"] = s.KeyID()
	}
	protected, err := json.Marshal(header)
	if err != nil {
		return "", errors.New("clientauth: the header cannot be written as JSON")
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", errors.New("clientauth: the claims cannot be written as JSON")
	}
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(protected) + "." + encode(payload)
	signature, err := s.Sign(ctx, []byte(input))
	if err != nil {
		return "", err
	}
	return input + "." + encode(signature), nil
}

// Key is a [Signer] with a private key in memory.
type Key struct {
	key       crypto.Signer
	algorithm string
	id        string
}

// ParseKey reads an unencrypted private key in PEM form (PKCS #8, PKCS #1 or
// SEC 1). An empty algorithm is that of the key: ES256, ES384 or ES512 by its
// curve, EdDSA, or PS256. The error never shows the key.
func ParseKey(text settings.Secret, algorithm, id string) (*Key, error) {
	block, rest := pem.Decode([]byte(text.Reveal()))
	if block == nil || len(rest) > 0 && string(rest) != "\n" {
		return nil, errors.New("clientauth: expected one private key in PEM form")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		if key, err = x509.ParseECPrivateKey(block.Bytes); err != nil {
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		}
	}
	if err != nil {
		return nil, errors.New("clientauth: expected an unencrypted private key: PKCS #8, PKCS #1 or SEC 1")
	}
	var fits []string // the first is the default
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		fits = map[int][]string{256: {"ES256"}, 384: {"ES384"}, 521: {"ES512"}}[k.Curve.Params().BitSize]
	case ed25519.PrivateKey:
		fits = []string{"EdDSA", "Ed25519"}
	case *rsa.PrivateKey:
		// RFC 7518 section 3.3: "A key of size 2048 bits or larger MUST be used".
		if k.N.BitLen() >= 2048 {
			fits = []string{"PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}
		}
	}
	if len(fits) == 0 {
		return nil, errors.New("clientauth: expected a key for P-256, P-384, P-521, Ed25519 or RSA with at least 2048 bits")
	}
	for _, fit := range fits {
		if algorithm == "" || algorithm == fit {
			return &Key{key.(crypto.Signer), fit, id}, nil
		}
	}
	return nil, fmt.Errorf("clientauth: the private key does not sign with %s", algorithm)
}

// Algorithm implements [Signer].
func (k *Key) Algorithm() string { return k.algorithm }

// KeyID implements [Signer].
func (k *Key) KeyID() string { return k.id }

// Sign implements [Signer].
func (k *Key) Sign(_ context.Context, input []byte) ([]byte, error) {
	hash := Hashes[k.algorithm]
	digest := input // EdDSA signs the message itself
	var options crypto.SignerOpts = hash
	if hash != 0 {
		digest = Digest(k.algorithm, input)
	}
	if k.algorithm[0] == 'P' {
		// RFC 7518 section 3.5: "The size of the salt value is the same size as
		// the hash function output."
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	signature, err := k.key.Sign(rand.Reader, digest, options)
	if err != nil {
		return nil, errors.New("clientauth: the private key does not sign")
	}
	if k.algorithm[0] == 'E' && hash != 0 {
		return Raw(k.algorithm, signature)
	}
	return signature, nil
}

// Digest hashes a signing input for an algorithm that signs a digest.
func Digest(algorithm string, input []byte) []byte {
	h := Hashes[algorithm].New()
	h.Write(input)
	return h.Sum(nil)
}

// Certificate reads a certificate chain and its private key in PEM form.
func Certificate(chain, key settings.Secret) (*tls.Certificate, error) {
	certificate, err := tls.X509KeyPair([]byte(chain.Reveal()), []byte(key.Reveal()))
	if err != nil {
		return nil, errors.New("clientauth: expected a certificate in PEM form and the private key that belongs to it")
	}
	return &certificate, nil
}

// Package dpop binds access tokens to a key of the session and proves that the
// key is there (RFC 9449, DPoP).
//
// The agent makes a key at login, keeps it in the text of the session's tokens,
// which only travel sealed, and asks for tokens with it. The authorizer takes
// it from there and makes a proof for each request that goes upstream.
//
// # Bound form
//
// A token is kept together with its key as
//
//	"dpop-bound-1-" ‖ base64url(private key, 32 bytes) ‖ token
//
// The 56 characters in front are of the base64url alphabet and a multiple of
// four, so that package cookie goes on packing a JWT as raw bytes. A text of
// this form contains a private key: it is secret, and must not be sent anywhere.
//
// # Not done
//
// Proofs are made and not verified, with ES256 and no other algorithm. There is
// no authorization code binding (section 10): codes are bound by PKCE.
package dpop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"
)

const (
	prefix    = "dpop-bound-1-"
	size      = 32 // of the private key, of its coordinates and of half a signature
	keyLength = 43 // of 32 bytes as base64url
)

// b64 is strict: trailing bits must be zero, or two texts would be one key.
var b64 = base64.RawURLEncoding.Strict()

// Key is the key pair of a session, of the curve P-256.
type Key struct {
	private *ecdsa.PrivateKey
	public  jwk
}

// jwk is a public key as RFC 7518 section 6.2.1 has it. It has no field for
// the private one (RFC 9449 section 4.2: jwk "MUST NOT contain a private key").
type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y"`
}

// NewKey makes a key.
func NewKey() (*Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, errors.New("dpop: a key cannot be made")
	}
	return newKey(private)
}

func newKey(private *ecdsa.PrivateKey) (*Key, error) {
	point, err := private.PublicKey.Bytes() // 0x04 ‖ X ‖ Y
	if err != nil || len(point) != 1+2*size {
		return nil, errors.New("dpop: expected a key of P-256")
	}
	return &Key{private, jwk{"EC", "P-256", b64.EncodeToString(point[1 : 1+size]), b64.EncodeToString(point[1+size:])}}, nil
}

// Thumbprint is that of the public key (RFC 7638 section 3), by which a token is
// bound to it, or "" for no key.
func (k *Key) Thumbprint() string {
	if k == nil {
		return ""
	}
	// "the fields […] ordered lexicographically", without whitespace.
	hash := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + k.public.X + `","y":"` + k.public.Y + `"}`))
	return b64.EncodeToString(hash[:])
}

// Bind returns the bound form of a token. It returns "" for an empty token.
func (k *Key) Bind(token string) string {
	if token == "" {
		return ""
	}
	scalar, err := k.private.Bytes()
	if err != nil || len(scalar) != size {
		panic("dpop: the key is not of P-256") // newKey has seen that it is
	}
	return prefix + b64.EncodeToString(scalar) + token
}

// IsBound reports whether a text begins as the bound form does.
func IsBound(text string) bool { return strings.HasPrefix(text, prefix) }

// Token returns the token of a text that may be of the bound form.
func Token(text string) string {
	if IsBound(text) && len(text) >= len(prefix)+keyLength {
		return text[len(prefix)+keyLength:]
	}
	return text
}

// Open splits the bound form. The error never shows the text.
func Open(text string) (*Key, string, error) {
	malformed := errors.New("dpop: expected a token with its key")
	if !IsBound(text) || len(text) <= len(prefix)+keyLength {
		return nil, "", malformed
	}
	encoded := text[len(prefix) : len(prefix)+keyLength]
	scalar, err := b64.DecodeString(encoded)
	if err != nil || len(scalar) != size { // DecodeString skips line breaks
		return nil, "", malformed
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return nil, "", malformed
	}
	key, err := newKey(private)
	return key, text[len(prefix)+keyLength:], err
}

// Request is the request that a proof is made for.
type Request struct {
	Method string
	// URL is the target of the request. Query and fragment are left out.
	URL string
	// AccessToken is the token that the request carries. It is empty at a token
	// endpoint, before there is one.
	AccessToken string
	// Nonce is the last one that the server demanded, or empty.
	Nonce string
	Now   time.Time
}

type header struct {
	Type      string `json:"typ"`
	Algorithm string `json:"alg"`
	Key       jwk    `json:"jwk"`
}

type claims struct {
	ID              string `json:"jti"`
	Method          string `json:"htm"`
	URL             string `json:"htu"`
	IssuedAt        int64  `json:"iat"`
	AccessTokenHash string `json:"ath,omitempty"`
	Nonce           string `json:"nonce,omitempty"`
}

// Proof returns the DPoP header of one request (RFC 9449 section 4.2). It is
// good for this one: a server may refuse it a second time.
func (k *Key) Proof(r Request) (string, error) {
	target, err := Target(r.URL)
	if err != nil {
		return "", err
	}
	// "jti: […] at least 96 bits of pseudorandom data": rand.Text has 128.
	c := claims{ID: rand.Text(), Method: r.Method, URL: target, IssuedAt: r.Now.Unix(), Nonce: r.Nonce}
	if r.AccessToken != "" {
		// "ath: […] the base64url encoding […] of the SHA-256 hash of the ASCII
		// encoding of the associated access token's value".
		hash := sha256.Sum256([]byte(r.AccessToken))
		c.AccessTokenHash = b64.EncodeToString(hash[:])
	}
	// "typ: a field with the value dpop+jwt".
	protected, err1 := json.Marshal(header{"dpop+jwt", "ES256", k.public})
	payload, err2 := json.Marshal(c)
	if err1 != nil || err2 != nil {
		return "", errors.New("dpop: the proof cannot be written as JSON")
	}
	input := b64.EncodeToString(protected) + "." + b64.EncodeToString(payload)
	digest := sha256.Sum256([]byte(input))
	r1, s1, err := ecdsa.Sign(rand.Reader, k.private, digest[:])
	if err != nil {
		return "", errors.New("dpop: the key does not sign")
	}
	// RFC 7518 section 3.4: R and S as "octet sequences" of 32 bytes each, leading
	// zeros not left out.
	var signature [2 * size]byte
	r1.FillBytes(signature[:size])
	s1.FillBytes(signature[size:])
	return input + "." + b64.EncodeToString(signature[:]), nil
}

// Target returns the htu of a URL: "The HTTP target URI […] without query and
// fragment parts" (RFC 9449 section 4.2).
func Target(text string) (string, error) {
	text, _, _ = strings.Cut(text, "#")
	text, _, _ = strings.Cut(text, "?")
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "", errors.New("dpop: expected an absolute URL without user info")
	}
	if u.Path == "" {
		// The form that is sent (RFC 9110 section 4.2.3: "an empty path
		// component is equivalent to an absolute path of "/"").
		text += "/"
	}
	return text, nil
}

// IsNonce reports whether a server's nonce can be used: 1*NQCHAR (RFC 9449
// section 8.1), of at most 256 characters.
func IsNonce(s string) bool {
	for _, c := range []byte(s) {
		if c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return s != "" && len(s) <= 256
}

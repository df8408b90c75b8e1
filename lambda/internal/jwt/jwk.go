package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

const (
	maxKeys    = 64
	minRSABits = 2048 // RFC 7518 section 3.3: "A key of size 2048 bits or larger MUST be used"
	maxRSABits = 8192 // bounds the work of one verification
)

// key is a public signature key of a set.
type key struct {
	id     string // empty if the key has no id, or one that is not a string
	alg    string // empty: any algorithm of its type
	public crypto.PublicKey
}

var errNoSet = errors.New("answered something other than a JWK set")

// parseKeys returns the public signature keys of a JWK set. It skips each key
// that cannot be used, and fails only if no key is left.
// RFC 7517 section 5: "Implementations SHOULD ignore JWKs within a JWK Set that
// use "kty" (key type) values that are not understood by them, that are missing
// required members, or for which values are out of the supported ranges."
func parseKeys(body []byte) ([]key, error) {
	set, err := strictjson.Members(body)
	if err != nil {
		return nil, errNoSet
	}
	var list []json.RawMessage
	if json.Unmarshal(set["keys"], &list) != nil || list == nil {
		return nil, errNoSet
	}
	if len(list) > maxKeys {
		return nil, fmt.Errorf("answered more than %d keys", maxKeys)
	}
	var keys []key
	for _, raw := range list {
		if k, ok := parseKey(raw); ok {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("answered no public signature key that can be used")
	}
	return keys, nil
}

// parseKey reads a key. Certificates (x5c, x5t and the like) are not looked at:
// the key set's own TLS connection vouches for the key.
func parseKey(raw json.RawMessage) (k key, ok bool) {
	members, err := strictjson.Object(raw)
	if err != nil {
		return key{}, false
	}
	text := func(name string) string { s, _ := strictjson.String(members, name); return s }
	for _, secret := range []string{"d", "k", "priv"} {
		if _, present := members[secret]; present {
			return key{}, false // a secret has no place in a public set
		}
	}
	use, ok1 := strictjson.String(members, "use")
	alg, ok2 := strictjson.String(members, "alg")
	if !ok1 || !ok2 || use != "" && use != "sig" || !mayVerify(members["key_ops"]) {
		return key{}, false
	}
	k = key{id: text("kid"), alg: alg}
	switch text("kty") {
	case "RSA":
		k.public = rsaPublic(number(text("n")), number(text("e")))
	case "EC":
		k.public = ecPublic(text("crv"), number(text("x")), number(text("y")))
	case "OKP":
		if x := number(text("x")); text("crv") == "Ed25519" && len(x) == ed25519.PublicKeySize {
			k.public = ed25519.PublicKey(x)
		}
	}
	return k, k.public != nil
}

// mayVerify reads key_ops (RFC 7517 section 4.3).
func mayVerify(raw json.RawMessage) bool {
	var operations []string
	return raw == nil || json.Unmarshal(raw, &operations) == nil && (operations == nil || slices.Contains(operations, "verify"))
}

// number decodes base64url, also with the padding that some providers write;
// nil if it is malformed.
func number(text string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil
	}
	return b
}

// rsaPublic and ecPublic return nil, without a type, for a key that cannot be used.
func rsaPublic(n, e []byte) crypto.PublicKey {
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if bits := modulus.BitLen(); bits < minRSABits || bits > maxRSABits || modulus.Bit(0) == 0 {
		return nil
	}
	if exponent.BitLen() > 31 || exponent.Int64() < 3 || exponent.Bit(0) == 0 {
		return nil
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}
}

func ecPublic(crv string, x, y []byte) crypto.PublicKey {
	curve, known := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[crv]
	if !known {
		return nil
	}
	size := (curve.Params().BitSize + 7) / 8
	if len(x) > size || len(y) > size {
		return nil
	}
	point := make([]byte, 1+2*size)
	point[0] = 4 // uncompressed
	copy(point[1+size-len(x):], x)
	copy(point[1+2*size-len(y):], y)
	public, err := ecdsa.ParseUncompressedPublicKey(curve, point) // checks that the point is on the curve
	if err != nil {
		return nil
	}
	return public
}

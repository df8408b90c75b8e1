package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"

	// Registered with package crypto, which finds them by name.
	_ "crypto/sha256"
	_ "crypto/sha512"

	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

// algorithm is a JWS signature algorithm (RFC 7518 section 3.1, RFC 8037
// section 3.1, RFC 9864 section 2.2). All are asymmetric: none and shared
// secrets are never accepted (RFC 8725 section 3.1).
type algorithm struct {
	kty, crv string
	hash     crypto.Hash // of the signing input, 0 for Ed25519
	pss      bool
}

var algorithms = map[string]algorithm{
	"RS256": {kty: "RSA", hash: crypto.SHA256}, "RS384": {kty: "RSA", hash: crypto.SHA384}, "RS512": {kty: "RSA", hash: crypto.SHA512},
	"PS256": {kty: "RSA", hash: crypto.SHA256, pss: true}, "PS384": {kty: "RSA", hash: crypto.SHA384, pss: true}, "PS512": {kty: "RSA", hash: crypto.SHA512, pss: true},
	"ES256": {kty: "EC", crv: "P-256", hash: crypto.SHA256}, "ES384": {kty: "EC", crv: "P-384", hash: crypto.SHA384}, "ES512": {kty: "EC", crv: "P-521", hash: crypto.SHA512},
	"EdDSA": {kty: "OKP", crv: "Ed25519"}, "Ed25519": {kty: "OKP", crv: "Ed25519"},
}

// FAPI are the algorithms of the FAPI 2.0 Security Profile, section 5.4.1:
// PS256, ES256 and EdDSA with Ed25519, under both of its names.
var FAPI = []string{"PS256", "ES256", "EdDSA", "Ed25519"}

// b64 is strict: two texts never decode to the same bytes.
var b64 = base64.RawURLEncoding.Strict()

// token is a parsed JWS whose signature is not verified yet.
type token struct {
	alg, kid  string
	typ       string // in lower case, without "application/" (RFC 7515 section 4.1.9)
	payload   []byte
	input     string // the signing input
	signature []byte
}

// parse reads a JWS in compact form (RFC 7515 section 7.1). No error quotes it.
func parse(text string, accepted []string) (*token, error) {
	segments := strings.Split(text, ".")
	if len(segments) != 3 {
		return nil, fmt.Errorf("%w: expected three segments", ErrInvalid)
	}
	var decoded [3][]byte
	for i, s := range segments {
		var err error
		// DecodeString skips line breaks.
		if decoded[i], err = b64.DecodeString(s); err != nil || strings.ContainsAny(s, "\r\n") {
			return nil, fmt.Errorf("%w: expected base64url without padding", ErrInvalid)
		}
	}
	header, err := strictjson.Object(decoded[0])
	if err != nil {
		return nil, fmt.Errorf("%w: expected a header that is a JSON object without duplicate names", ErrInvalid)
	}
	t := &token{payload: decoded[1], signature: decoded[2], input: text[:len(segments[0])+1+len(segments[1])]}
	t.kid, _ = strictjson.String(header, "kid") // a hint
	alg, ok1 := strictjson.String(header, "alg")
	typ, ok2 := strictjson.String(header, "typ")
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("%w: alg and typ must be strings", ErrInvalid)
	}
	t.alg = alg
	// Section 4.1.11: a recipient that does not understand a listed extension
	// must reject the JWS. No extension is understood here.
	if _, present := header["crit"]; present {
		return nil, fmt.Errorf("%w: it has a critical header extension", ErrInvalid)
	}
	if _, known := algorithms[t.alg]; !known || len(accepted) > 0 && !slices.Contains(accepted, t.alg) {
		return nil, fmt.Errorf("%w: expected an accepted asymmetric algorithm", ErrInvalid)
	}
	t.typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	return t, nil
}

// signedBy reports whether the key has made the signature.
func (t *token) signedBy(k key) bool {
	a := algorithms[t.alg]
	if k.alg != "" && k.alg != t.alg && !(a.kty == "OKP" && algorithms[k.alg].kty == "OKP") {
		return false
	}
	digest := []byte(t.input)
	if a.hash != 0 {
		h := a.hash.New()
		h.Write(digest)
		digest = h.Sum(nil)
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		switch {
		case a.kty != "RSA":
			return false
		case a.pss:
			return rsa.VerifyPSS(public, a.hash, digest, t.signature, nil) == nil
		}
		return rsa.VerifyPKCS1v15(public, a.hash, digest, t.signature) == nil
	case *ecdsa.PublicKey:
		// RFC 7518 section 3.4: R and S, each of the size of the curve.
		size := (public.Curve.Params().BitSize + 7) / 8
		if a.crv != public.Curve.Params().Name || len(t.signature) != 2*size {
			return false
		}
		r, s := new(big.Int).SetBytes(t.signature[:size]), new(big.Int).SetBytes(t.signature[size:])
		return ecdsa.Verify(public, digest, r, s)
	case ed25519.PublicKey:
		return a.crv == "Ed25519" && ed25519.Verify(public, digest, t.signature)
	}
	return false
}

// HalfHash returns the value of at_hash for an access token beside an ID token
// that was signed with alg (OpenID Connect Core section 3.1.3.6).
func HalfHash(alg, accessToken string) string {
	hash := algorithms[alg].hash
	if hash == 0 {
		hash = crypto.SHA512 // of Ed25519 itself (RFC 8032 section 5.1)
	}
	h := hash.New()
	h.Write([]byte(accessToken))
	sum := h.Sum(nil)
	return b64.EncodeToString(sum[:len(sum)/2])
}

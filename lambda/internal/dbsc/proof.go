// Package dbsc reads and writes the messages of Device Bound Session
// Credentials (W3C): the browser proves with a key that never leaves the device
// that it is the one that signed in.
//
// It reads the browser's proofs and writes the headers and the JSON that
// instruct the browser. Challenges, cookies and sessions are the agent's.
//
// # Not done
//
// Proofs are signed with ES256 only, which every browser offers. The claims aud
// and iat are neither demanded nor checked: browsers send aud only behind a
// feature, and the challenge, which the agent makes and bounds in time, already
// tells agents and times apart.
package dbsc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"

	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

// Bounds of a proof, in bytes.
const (
	MaxProof     = 4096
	MaxChallenge = 1024
)

const coordinate = 32 // bytes of a coordinate of P-256, and of half a signature

// b64 is strict: trailing bits must be zero, or two texts would be one key.
var b64 = base64.RawURLEncoding.Strict()

// Key is a browser's public key of the curve P-256.
type Key struct{ public *ecdsa.PublicKey }

// ParseKey reads the result of [Key.Bytes]. It fails for points that are not on
// the curve.
func ParseKey(b []byte) (Key, error) {
	if len(b) != 2*coordinate {
		return Key{}, errors.New("dbsc: key must have 64 bytes")
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, b...))
	if err != nil {
		return Key{}, errors.New("dbsc: key must be a point of P-256")
	}
	return Key{public}, nil
}

// Bytes returns the two coordinates, 64 bytes.
func (k Key) Bytes() []byte {
	point, err := k.public.Bytes()
	if err != nil {
		panic("dbsc: internal error: key is not of P-256") // ParseKey has checked it
	}
	return point[1:]
}

func (k Key) equal(other Key) bool { return k.public.Equal(other.public) }

// errProof is the only error of a proof: a caller answers all of them alike,
// and a proof's content is never part of an error.
var errProof = errors.New("dbsc: proof must be a JWT of type dbsc+jwt, signed with ES256 by the session's key")

// Register reads the proof of a registration from the value of the header
// Secure-Session-Response: it brings the public key and is signed with it.
// It returns the key and the challenge that the proof answers.
func Register(header string) (Key, string, error) {
	p, err := parse(header)
	if err != nil {
		return Key{}, "", err
	}
	if p.key == nil || !p.signedBy(*p.key) {
		return Key{}, "", errProof
	}
	return *p.key, p.challenge, nil
}

// Refresh reads the proof of a refresh, signed by the session's key, and returns
// the challenge that it answers. A proof that brings another key is refused.
func Refresh(header string, session Key) (string, error) {
	p, err := parse(header)
	if err != nil {
		return "", err
	}
	if p.key != nil && !p.key.equal(session) || !p.signedBy(session) {
		return "", errProof
	}
	return p.challenge, nil
}

// proof is a well-formed proof whose signature is not verified yet.
type proof struct {
	signed    string // header and claims as they were sent
	signature []byte
	key       *Key // nil without the header jwk
	challenge string
}

func parse(header string) (proof, error) {
	parts := strings.Split(unquoted(header), ".")
	if len(header) > MaxProof || len(parts) != 3 {
		return proof{}, errProof
	}
	head, err1 := object(parts[0])
	claims, err2 := object(parts[1])
	signature, err3 := b64.DecodeString(parts[2])
	if err1 != nil || err2 != nil || err3 != nil || len(signature) != 2*coordinate {
		return proof{}, errProof
	}
	// RFC 8725 section 3.11: "explicit typing" keeps other JWTs out.
	typ, ok1 := strictjson.String(head, "typ")
	alg, ok2 := strictjson.String(head, "alg")
	challenge, ok3 := strictjson.String(claims, "jti")
	// RFC 7515 section 4.1.11: extensions that are not understood must be refused.
	_, critical := head["crit"]
	if !ok1 || !ok2 || !ok3 || typ != "dbsc+jwt" || alg != "ES256" || critical || challenge == "" || len(challenge) > MaxChallenge {
		return proof{}, errProof
	}
	p := proof{signed: parts[0] + "." + parts[1], signature: signature, challenge: challenge}
	if raw, ok := head["jwk"]; ok {
		key, err := parseJWK(raw)
		if err != nil {
			return proof{}, errProof
		}
		p.key = &key
	}
	return p, nil
}

// unquoted accepts both spellings of the header: the specification has a quoted
// string (RFC 8941 section 3.3.3), Chromium 156 sends it without quotes. A JWT
// has no character that a quoted string escapes.
func unquoted(header string) string {
	header = strings.TrimSpace(header)
	if len(header) >= 2 && header[0] == '"' && header[len(header)-1] == '"' {
		return header[1 : len(header)-1]
	}
	return header
}

func object(part string) (map[string]json.RawMessage, error) {
	raw, err := b64.DecodeString(part)
	if err != nil {
		return nil, err
	}
	return strictjson.Object(raw)
}

// parseJWK reads a public key (RFC 7518 section 6.2.1). One with a private part
// is refused: the browser must not have shown it.
func parseJWK(raw json.RawMessage) (Key, error) {
	jwk, err := strictjson.Object(raw)
	if err != nil {
		return Key{}, err
	}
	if _, private := jwk["d"]; private {
		return Key{}, errProof
	}
	kty, ok1 := strictjson.String(jwk, "kty")
	crv, ok2 := strictjson.String(jwk, "crv")
	x, err1 := number(jwk, "x")
	y, err2 := number(jwk, "y")
	if !ok1 || !ok2 || kty != "EC" || crv != "P-256" || err1 != nil || err2 != nil {
		return Key{}, errProof
	}
	return ParseKey(append(x, y...))
}

func number(jwk map[string]json.RawMessage, name string) ([]byte, error) {
	text, ok := strictjson.String(jwk, name)
	b, err := b64.DecodeString(text)
	if !ok || err != nil || len(b) != coordinate {
		return nil, errProof
	}
	return b, nil
}

func (p proof) signedBy(k Key) bool {
	hash := sha256.Sum256([]byte(p.signed))
	r, s := new(big.Int).SetBytes(p.signature[:coordinate]), new(big.Int).SetBytes(p.signature[coordinate:])
	return ecdsa.Verify(k.public, hash[:], r, s)
}

// Package dbsctest is the device's side of Device Bound Session Credentials, for
// tests.
package dbsctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/tokenhandler/aws/lambda/internal/dbsc"
)

// Device has a key and signs proofs with it, as a browser does.
type Device struct{ private *ecdsa.PrivateKey }

// New returns a device with a key of its own.
func New(t testing.TB) Device {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Device{private}
}

// Key returns the public key.
func (d Device) Key() dbsc.Key {
	point, err := d.private.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	key, err := dbsc.ParseKey(point[1:])
	if err != nil {
		panic(err)
	}
	return key
}

// JWK returns the public key as the proof of a registration brings it.
func (d Device) JWK() map[string]any {
	point := d.Key().Bytes()
	return map[string]any{"kty": "EC", "crv": "P-256", "x": encode(point[:32]), "y": encode(point[32:])}
}

// Registration returns the proof of a registration.
func (d Device) Registration(challenge string) string {
	return d.Sign(Header("jwk", d.JWK()), map[string]any{"jti": challenge})
}

// Refresh returns the proof of a refresh.
func (d Device) Refresh(challenge string) string {
	return d.Sign(Header(), map[string]any{"jti": challenge})
}

// Header returns the header of a proof with more members, each a name and a
// value.
func Header(more ...any) map[string]any {
	h := map[string]any{"typ": "dbsc+jwt", "alg": "ES256"}
	for i := 0; i < len(more); i += 2 {
		h[more[i].(string)] = more[i+1]
	}
	return h
}

// Sign returns a JWT of a header and claims, signed with ES256.
func (d Device) Sign(header, claims map[string]any) string {
	h, err1 := json.Marshal(header)
	c, err2 := json.Marshal(claims)
	signed := encode(h) + "." + encode(c)
	hash := sha256.Sum256([]byte(signed))
	r, s, err3 := ecdsa.Sign(rand.Reader, d.private, hash[:])
	if err1 != nil || err2 != nil || err3 != nil {
		panic("dbsctest: a proof cannot be made")
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + encode(signature)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

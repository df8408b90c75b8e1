// Package sealedtest reads and writes sealed cookies from their documented form
// alone, independently of the Lambdas' own code. Tests use it to read the
// tokens inside, and to make cookies that the agent would never set.
package sealedtest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"time"
)

// Sealer opens and seals under one key.
type Sealer struct {
	id   []byte
	aead cipher.AEAD
}

// New makes a sealer of a key in hexadecimal characters.
func New(hexKey string) (*Sealer, error) {
	key, err := hex.DecodeString(hexKey)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256(append([]byte("token handler cookie key id\x00"), key...))
	return &Sealer{id[:4], aead}, nil
}

// Content is the content of a cookie.
type Content struct {
	Session []byte // 16 bytes
	Expires uint64 // Unix seconds; 0 for no expiry
	Token   string
}

var base64url = base64.RawURLEncoding

// Open returns the content of the cookie with this name.
func (s *Sealer) Open(name, value string) (Content, error) {
	raw, err := base64url.DecodeString(value)
	if err != nil || len(raw) < 17 {
		return Content{}, errors.New("sealedtest: not a sealed cookie")
	}
	plain, err := s.aead.Open(nil, raw[5:17], raw[17:], append(raw[:5:5], name...))
	if err != nil {
		return Content{}, err
	}
	c := Content{Session: plain[:16], Expires: binary.BigEndian.Uint64(plain[16:24])}
	if plain[24] == 0 {
		c.Token = string(plain[25:])
		return c, nil
	}
	// A JWT: two segments with their lengths in front, then the signature.
	rest, segments := plain[25:], []string{}
	for range 2 {
		n, size := binary.Uvarint(rest)
		segments = append(segments, base64url.EncodeToString(rest[size:size+int(n)]))
		rest = rest[size+int(n):]
	}
	c.Token = strings.Join(append(segments, base64url.EncodeToString(rest)), ".")
	return c, nil
}

// Seal returns the value of the cookie with this name.
func (s *Sealer) Seal(name string, c Content) string {
	prefix := append([]byte{2}, s.id...)
	nonce := make([]byte, 12)
	rand.Read(nonce)
	plain := binary.BigEndian.AppendUint64(append([]byte{}, c.Session...), c.Expires)
	plain = append(append(plain, 0), c.Token...)
	sealed := s.aead.Seal(append(append([]byte{}, prefix...), nonce...), nonce, plain, append(append([]byte{}, prefix...), name...))
	return base64url.EncodeToString(sealed)
}

// In returns the time from now as Content.Expires wants it.
func In(d time.Duration) uint64 { return uint64(time.Now().Add(d).Unix()) }

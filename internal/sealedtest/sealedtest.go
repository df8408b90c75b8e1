// Package sealedtest reads and writes sealed cookies from their documented form
// alone, independently of the Lambdas' own code. Tests use it to read the
// tokens inside, and to make cookies that the agent would never set.
package sealedtest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"time"
)

// Deployment is the deployment that cookies are sealed for.
type Deployment struct {
	Name             string // the authorizer's DEPLOYMENT
	Prefix           string // empty: th; without __Host- and __Secure-
	Domain, BasePath string // empty: no Domain, and the path /
}

// Sealer opens and seals cookies of one deployment with one key.
type Sealer struct {
	id         []byte
	key        []byte
	deployment Deployment
}

// New makes a sealer of a key in hexadecimal characters.
func New(hexKey string, d Deployment) (*Sealer, error) {
	key, err := hex.DecodeString(hexKey)
	if err != nil || len(key) != 32 {
		return nil, errors.New("sealedtest: not a key")
	}
	if d.Prefix == "" {
		d.Prefix = "th"
	}
	id := sha256.Sum256(append([]byte("token handler cookie key id\x00"), key...))
	return &Sealer{id[:4], key, d}, nil
}

// aead returns the cipher and the additional data of the cookie with this name.
func (s *Sealer) aead(name string) (cipher.AEAD, []byte, error) {
	d := s.deployment
	_, kind, _ := strings.Cut(name, d.Prefix+"-")
	kind, _, _ = strings.Cut(kind, "-")
	path := "/"
	if d.BasePath != "" && (kind == "auth" || kind == "id") {
		path = d.BasePath
	}
	if strings.HasPrefix(name, "__Host-") {
		d.Domain = ""
	}
	info := "token handler cookie\x00" + kind + "\x00" + d.Name + "\x00" + d.Prefix + "\x00"
	derived, err := hkdf.Expand(sha256.New, s.key, info, 32)
	if err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, nil, err
	}
	aead, err := cipher.NewGCM(block)
	return aead, []byte(name + "\x00" + d.Domain + "\x00" + path + "\x00"), err
}

// Content is the content of a cookie.
type Content struct {
	Session []byte // 16 bytes
	Expires uint64 // Unix seconds; 0 for no expiry
	Token   string
	Binding string
}

var base64url = base64.RawURLEncoding

// Open returns the content of the cookie with this name.
func (s *Sealer) Open(name, value string) (Content, error) {
	raw, err := base64url.DecodeString(value)
	if err != nil || len(raw) < 17 || raw[0] != 3 {
		return Content{}, errors.New("sealedtest: not a sealed cookie")
	}
	aead, place, err := s.aead(name)
	if err != nil {
		return Content{}, err
	}
	plain, err := aead.Open(nil, raw[5:17], raw[17:], append(raw[:5:5], place...))
	if err != nil {
		return Content{}, err
	}
	c := Content{Session: plain[:16], Expires: binary.BigEndian.Uint64(plain[16:24])}
	c.Binding = string(plain[25 : 25+int(plain[24])])
	packed := plain[25+int(plain[24]):]
	if packed[0] == 0 {
		c.Token = string(packed[1:])
		return c, nil
	}
	// A JWT: two segments with their lengths in front, then the signature.
	rest, segments := packed[1:], []string{}
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
	aead, place, err := s.aead(name)
	if err != nil {
		panic(err)
	}
	return seal(3, s.id, aead, string(place), c, append([]byte{byte(len(c.Binding))}, c.Binding...))
}

// SealVersion2 returns the value that releases before version 3 gave the
// cookie.
func (s *Sealer) SealVersion2(name string, c Content) string {
	block, err := aes.NewCipher(s.key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return seal(2, s.id, aead, name, c, nil)
}

func seal(version byte, id []byte, aead cipher.AEAD, place string, c Content, binding []byte) string {
	prefix := append([]byte{version}, id...)
	nonce := make([]byte, 12)
	rand.Read(nonce)
	plain := binary.BigEndian.AppendUint64(append([]byte{}, c.Session...), c.Expires)
	plain = append(append(append(plain, binding...), 0), c.Token...)
	sealed := aead.Seal(append(append([]byte{}, prefix...), nonce...), nonce, plain, append(append([]byte{}, prefix...), place...))
	return base64url.EncodeToString(sealed)
}

// In returns the time from now as Content.Expires wants it.
func In(d time.Duration) uint64 { return uint64(time.Now().Add(d).Unix()) }

package cookie

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// version2 is the first byte of the sealed form.
const version2 = 0x02

const (
	keyIDSize   = 4
	nonceSize   = 12
	tagSize     = 16
	prefixSize  = 1 + keyIDSize
	minimumSize = prefixSize + nonceSize + headerSize + 1 + tagSize
)

type keyID [keyIDSize]byte

// key is one AES-256 key with the id that cookies name it by.
type key struct {
	id   keyID
	aead cipher.AEAD
}

// Ring is the key ring: it seals with its first key and opens with any. It is
// safe for use by several goroutines.
type Ring struct {
	keys []key
}

// NewRing makes a ring of the current key and, newest first, the previous
// ones. Each is 64 hexadecimal characters (32 bytes).
func NewRing(current string, previous ...string) (*Ring, error) {
	ring := &Ring{}
	for _, text := range append([]string{current}, previous...) {
		k, err := newKey(text)
		if err != nil {
			return nil, err
		}
		if _, known := ring.find(k.id); !known {
			ring.keys = append(ring.keys, k)
		}
	}
	return ring, nil
}

func newKey(text string) (key, error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 32 {
		// The text itself is never part of an error.
		return key{}, fmt.Errorf("cookie: expected a key of 64 hexadecimal characters, got %d characters", len(text))
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return key{}, fmt.Errorf("cookie: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return key{}, fmt.Errorf("cookie: %w", err)
	}
	// The id is derived from the key, so that every Lambda that was given the
	// same key calls it by the same id. Four bytes of a hash say nothing of a
	// random key of 32.
	sum := sha256.Sum256(append([]byte("token handler cookie key id\x00"), raw...))
	return key{id: keyID(sum[:keyIDSize]), aead: aead}, nil
}

func (r *Ring) find(id keyID) (key, bool) {
	for _, k := range r.keys {
		if k.id == id {
			return k, true
		}
	}
	return key{}, false
}

// Seal returns the value of the cookie with this name.
func (r *Ring) Seal(name string, c Content) string {
	k := r.keys[0]
	plaintext := c.marshal()
	out := make([]byte, 0, prefixSize+nonceSize+len(plaintext)+tagSize)
	out = append(out, version2)
	out = append(out, k.id[:]...)
	nonce := out[prefixSize : prefixSize+nonceSize]
	rand.Read(nonce) // never fails: crypto/rand ends the program instead
	out = out[:prefixSize+nonceSize]
	out = k.aead.Seal(out, nonce, plaintext, additionalData(out[:prefixSize], name))
	return b64.EncodeToString(out)
}

// Open returns the content of the cookie with this name, or [ErrNotOpened].
func (r *Ring) Open(name, value string) (Content, error) {
	// No cookie we set is larger; see Set.
	if len(value) > MaxSize {
		return Content{}, ErrNotOpened
	}
	sealed, err := b64.DecodeString(value)
	if err != nil || len(sealed) < minimumSize || sealed[0] != version2 ||
		len(value) != b64.EncodedLen(len(sealed)) { // DecodeString skips line breaks
		return Content{}, ErrNotOpened
	}
	k, known := r.find(keyID(sealed[1:prefixSize]))
	if !known {
		return Content{}, ErrNotOpened
	}
	nonce, ciphertext := sealed[prefixSize:prefixSize+nonceSize], sealed[prefixSize+nonceSize:]
	plaintext, err := k.aead.Open(ciphertext[:0], nonce, ciphertext, additionalData(sealed[:prefixSize], name))
	if err != nil {
		return Content{}, ErrNotOpened
	}
	c, ok := unmarshal(plaintext)
	if !ok {
		return Content{}, ErrNotOpened
	}
	return c, nil
}

func additionalData(prefix []byte, name string) []byte {
	data := make([]byte, 0, len(prefix)+len(name))
	return append(append(data, prefix...), name...)
}

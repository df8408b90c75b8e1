package cookie

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"sync/atomic"
)

// The first byte of the sealed form: the current version, and the previous
// version, which is only opened.
const (
	version3 = 0x03
	version2 = 0x02
)

const (
	keyIDSize   = 4
	nonceSize   = 12
	tagSize     = 16
	prefixSize  = 1 + keyIDSize
	minimumSize = prefixSize + nonceSize + headerSize + 1 + tagSize // of version 2
)

type keyID [keyIDSize]byte

// key is one key of 32 bytes, with the id that cookies use for it.
type key struct {
	id      keyID
	raw     []byte
	aead    cipher.AEAD // of the raw key: versions 1 and 2
	csrf    []byte      // authenticates the CSRF values of version 1
	derived *sync.Map   // cipher.AEAD of version 3 by Place.info
}

// Ring is the key ring: it seals with its first key and opens with any. It is
// safe for use by several goroutines.
type Ring struct {
	keys  atomic.Pointer[[]key]
	renew func(unknown bool)
}

// NewRing makes a ring of the key that seals and opens, and of other keys that
// only open. Each is 64 hexadecimal characters (32 bytes).
func NewRing(seals string, opens ...string) (*Ring, error) {
	ring := &Ring{}
	return ring, ring.Replace(seals, opens...)
}

// Replace gives the ring other keys, with the parameters of [NewRing]. If it
// fails, the ring keeps its keys.
func (r *Ring) Replace(seals string, opens ...string) error {
	var keys []key
	for _, text := range append([]string{seals}, opens...) {
		k, err := newKey(text)
		if err != nil {
			return err
		}
		if _, known := find(keys, k.id); !known {
			keys = append(keys, k)
		}
	}
	r.keys.Store(&keys)
	return nil
}

// RenewWith makes the ring call renew before each use, and with unknown set if
// the ring does not have the key of a value. renew may call [Ring.Replace].
// RenewWith must be called before the ring is used.
func (r *Ring) RenewWith(renew func(unknown bool)) { r.renew = renew }

// current returns the keys. The first one seals.
func (r *Ring) current() []key {
	if r.renew != nil {
		r.renew(false)
	}
	return *r.keys.Load()
}

// newer returns the ring's keys after old could not open a value. It reports
// whether another attempt makes sense.
func (r *Ring) newer(old []key) ([]key, bool) {
	if r.renew == nil {
		return nil, false
	}
	r.renew(true)
	keys := *r.keys.Load()
	return keys, &keys[0] != &old[0]
}

func newKey(text string) (key, error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 32 {
		// The text itself is never part of an error.
		return key{}, fmt.Errorf("cookie: expected a key of 64 hexadecimal characters, got %d characters", len(text))
	}
	aead, err := newAEAD(raw)
	if err != nil {
		return key{}, fmt.Errorf("cookie: %w", err)
	}
	csrf, err := hkdf.Expand(sha256.New, raw, "token handler CSRF value", sha256.Size)
	if err != nil {
		return key{}, fmt.Errorf("cookie: %w", err)
	}
	// The id is derived from the key, so every Lambda with the same key uses the
	// same id. Four bytes of a hash do not help to guess a random key of 32 bytes.
	sum := sha256.Sum256(append([]byte("token handler cookie key id\x00"), raw...))
	return key{id: keyID(sum[:keyIDSize]), raw: raw, aead: aead, csrf: csrf, derived: &sync.Map{}}, nil
}

func newAEAD(raw []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// of returns the cipher of a place. Every kind of cookie of every deployment
// has a key of its own, derived with HKDF (RFC 5869 section 2.3: "info" binds
// the derived key to its use).
func (k key) of(p Place) cipher.AEAD {
	if aead, known := k.derived.Load(p.info); known {
		return aead.(cipher.AEAD)
	}
	raw, err := hkdf.Expand(sha256.New, k.raw, p.info, 32)
	if err != nil {
		panic("internal error: " + err.Error()) // 32 bytes are within HKDF's limit
	}
	aead, err := newAEAD(raw)
	if err != nil {
		panic("internal error: " + err.Error()) // 32 bytes are an AES-256 key
	}
	k.derived.Store(p.info, aead)
	return aead
}

func find(keys []key, id keyID) (key, bool) {
	for _, k := range keys {
		if k.id == id {
			return k, true
		}
	}
	return key{}, false
}

// Seal returns a value that opens only in this place.
//
// The nonce is random, so one derived key must not seal more than 2^32 values
// (NIST SP 800-38D section 8.3). At 100 sign-ins and refreshes a second that
// takes 497 days; rotate the key before. The limit holds for each kind of
// cookie of each deployment: they share no derived key.
func (r *Ring) Seal(p Place, c Content) string {
	k := r.current()[0]
	plaintext := c.marshal()
	out := make([]byte, 0, prefixSize+nonceSize+len(plaintext)+tagSize)
	out = append(out, version3)
	out = append(out, k.id[:]...)
	nonce := out[prefixSize : prefixSize+nonceSize]
	rand.Read(nonce) // never fails: crypto/rand ends the program instead
	out = out[:prefixSize+nonceSize]
	out = k.of(p).Seal(out, nonce, plaintext, p.additionalData(out[:prefixSize]))
	return b64.EncodeToString(out)
}

// Open returns the content of a value that was sealed for this place, or
// [ErrNotOpened]. It also opens version 2, which binds a value only to its name
// (see [Content.Old]).
func (r *Ring) Open(p Place, value string) (Content, error) {
	sealed, ok := decode(value, minimumSize)
	if !ok || sealed[0] != version3 && sealed[0] != version2 {
		return Content{}, ErrNotOpened
	}
	keys, id := r.current(), keyID(sealed[1:prefixSize])
	k, known := find(keys, id)
	if !known {
		if keys, renewed := r.newer(keys); renewed {
			k, known = find(keys, id)
		}
	}
	if !known {
		return Content{}, ErrNotOpened
	}
	old := sealed[0] == version2
	aead, data := k.aead, p.additionalData2(sealed[:prefixSize])
	if !old {
		aead, data = k.of(p), p.additionalData(sealed[:prefixSize])
	}
	nonce, ciphertext := sealed[prefixSize:prefixSize+nonceSize], sealed[prefixSize+nonceSize:]
	plaintext, err := aead.Open(ciphertext[:0], nonce, ciphertext, data)
	if err != nil {
		return Content{}, ErrNotOpened
	}
	c, ok := unmarshal(plaintext, old)
	if !ok {
		return Content{}, ErrNotOpened
	}
	return c, nil
}

// decode reads a value of at least minimum bytes. It accepts only one text for
// each value.
func decode(value string, minimum int) ([]byte, bool) {
	// No value that we set is larger: see Names.SetSealed.
	if len(value) > MaxParts*MaxSize {
		return nil, false
	}
	raw, err := b64.DecodeString(value)
	// DecodeString skips line breaks, so compare the lengths.
	return raw, err == nil && len(raw) >= minimum && len(value) == b64.EncodedLen(len(raw))
}

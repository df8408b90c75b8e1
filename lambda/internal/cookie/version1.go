package cookie

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// Version 1 is the form of Curity's open-source token handler:
//
//	base64url( 0x01 ‖ nonce (12) ‖ AES-256-GCM ciphertext ‖ tag (16) )
//
// without padding and without additional data. The plaintext is the bare token.
// Version 1 is weaker than version 3. [Names] uses it only for the cookies that
// another implementation must read, and only if the deployment says so:
//
//   - The name is not authenticated. A CSRF cookie opens as an access token and
//     the other way round.
//   - There is no expiry: only the upstream API can tell that the access token
//     has expired.
//   - There is no session: the agent cannot check that an access token and a
//     CSRF value are of the same login.
//
// So the agent shows no content of this form to a browser, except CSRF values
// that [Ring.MadeCSRF] recognises.
const version1 = 0x01

const minimumSize1 = 1 + nonceSize + tagSize

func (r *Ring) sealVersion1(token string) string {
	k := r.current()[0]
	out := make([]byte, 1+nonceSize, 1+nonceSize+len(token)+tagSize)
	out[0] = version1
	rand.Read(out[1:]) // never fails: crypto/rand ends the program instead
	return b64.EncodeToString(k.aead.Seal(out, out[1:], []byte(token), nil))
}

// openVersion1 tries every key: the form has no key id.
func (r *Ring) openVersion1(value string) (Content, error) {
	sealed, ok := decode(value, minimumSize1)
	if !ok || sealed[0] != version1 {
		return Content{}, ErrNotOpened
	}
	keys := r.current()
	for {
		for _, k := range keys {
			// Not in place: a failed attempt would leave zeros to the next key.
			if token, err := k.aead.Open(nil, sealed[1:1+nonceSize], sealed[1+nonceSize:], nil); err == nil {
				return Content{Token: string(token), Unbound: true}, nil
			}
		}
		if keys, ok = r.newer(keys); !ok {
			return Content{}, ErrNotOpened
		}
	}
}

// NewCSRF returns a CSRF value that [Ring.MadeCSRF] recognises: 64 hexadecimal
// digits for 16 random bytes and their authentication code of 16 bytes.
// It has the shape that Curity's proxy and clients know.
func (r *Ring) NewCSRF() string {
	var value [16]byte
	rand.Read(value[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(append(value[:], r.current()[0].csrfCode(value[:])...))
}

// MadeCSRF reports whether value was made by [Ring.NewCSRF] of a ring with one
// of this ring's keys. Other contents of a cookie, such as a token, were not.
func (r *Ring) MadeCSRF(value string) bool {
	raw, err := hex.DecodeString(value)
	return err == nil && len(raw) == 32 && slices.ContainsFunc(r.current(), func(k key) bool {
		return hmac.Equal(raw[16:], k.csrfCode(raw[:16]))
	})
}

func (k key) csrfCode(random []byte) []byte {
	mac := hmac.New(sha256.New, k.csrf)
	mac.Write(random)
	return mac.Sum(nil)[:16]
}

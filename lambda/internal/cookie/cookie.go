// Package cookie seals tokens into the cookies that a browser keeps for the
// token handler, and opens them again.
//
// # Sealed form, version 3
//
//	base64url( 0x03 ‖ key id (4) ‖ nonce (12) ‖ AES-256-GCM ciphertext ‖ tag (16) )
//
// without padding. Browsers tell cookies apart by name, domain and path (RFC
// 6265 section 5.3), but a server sees only the name. So a value opens only in
// the place that it was sealed for:
//
//   - The encryption key is derived from the key of the ring with
//     HKDF-Expand(SHA-256). Its info is "token handler cookie", the kind (at,
//     auth, id, csrf, session or login), the deployment (issuer, a space,
//     client id) and the prefix, each ended by a zero byte.
//   - The additional data is the version byte, the key id, and the name, the
//     Domain and the Path of the cookie, each ended by a zero byte.
//
// The plaintext is
//
//	session id (16) ‖ expiry (8, Unix seconds, big endian, 0: unknown) ‖
//	length of the binding (1) ‖ binding ‖ packed token
//
// See pack.go for the packed token. Version 2 has the byte 0x02, no binding,
// the key of the ring itself, and the version byte, the key id and the name as
// additional data. It opens, but is no longer sealed. See version1.go for
// version 1, which exists only for interoperability.
//
// # Splitting
//
// A value that does not fit in [MaxSize] is sealed as one and then split over
// up to [MaxParts] cookies: <name> contains the number of parts, a dot and the
// first part, such as 2.AkpSWW…; <name>-1 and <name>-2 contain the others. The
// tag covers the whole value, so parts of two values never open together. If a
// value needs fewer parts than the previous one, the remaining parts are
// removed.
//
// # Limits
//
// Opening does not compare the expiry with a clock: see [Content.Expired].
package cookie

import (
	"encoding/binary"
	"errors"
	"time"
)

// SessionID ties the cookies of one login together. It is unique, never a
// secret, and not an identifier of the user. Its maker chooses its bytes.
type SessionID [16]byte

// Content is the content of a cookie.
type Content struct {
	Session SessionID
	// Expires has a resolution of one second. The zero time means that the expiry
	// is unknown.
	Expires time.Time
	Token   string
	// Binding names something else that the session is bound to, such as a key of
	// the device. It has at most 255 bytes. Empty: the session is not bound.
	Binding string
	// Old reports that the content came in version 2. It is not sealed.
	Old bool
	// Unbound reports that the content came in version 1, which authenticates
	// neither the cookie's name nor a session and has no expiry. It is not sealed.
	Unbound bool
}

// Expired reports whether the content has expired at now.
func (c Content) Expired(now time.Time) bool {
	return !c.Expires.IsZero() && !now.Before(c.Expires)
}

// ErrNotOpened is the error of every value that does not open: malformed,
// altered, sealed for another place or with an unknown key. It does not say
// which, so that it cannot serve as an oracle.
var ErrNotOpened = errors.New("cookie: value does not open in this place with this key ring")

const headerSize = 16 + 8

func (c Content) marshal() []byte {
	if len(c.Binding) > 255 {
		panic("internal error: a binding of more than 255 bytes")
	}
	out := make([]byte, 0, headerSize+1+len(c.Binding)+1+len(c.Token))
	out = append(out, c.Session[:]...)
	var expires uint64
	if !c.Expires.IsZero() {
		expires = uint64(c.Expires.Unix())
	}
	out = binary.BigEndian.AppendUint64(out, expires)
	out = append(append(out, byte(len(c.Binding))), c.Binding...)
	return appendPacked(out, c.Token)
}

// unmarshal reads a plaintext of version 3, or with old of version 2, which has
// no binding.
func unmarshal(b []byte, old bool) (Content, bool) {
	if len(b) < headerSize {
		return Content{}, false
	}
	c := Content{Old: old}
	copy(c.Session[:], b)
	// A time beyond the range of int64 never came from marshal.
	switch expires := binary.BigEndian.Uint64(b[16:]); {
	case expires > 1<<40:
		return Content{}, false
	case expires != 0:
		c.Expires = time.Unix(int64(expires), 0)
	}
	b = b[headerSize:]
	if !old {
		if len(b) == 0 || len(b) < 1+int(b[0]) {
			return Content{}, false
		}
		c.Binding, b = string(b[1:1+int(b[0])]), b[1+int(b[0]):]
	}
	token, ok := unpack(b)
	if !ok {
		return Content{}, false
	}
	c.Token = token
	return c, true
}

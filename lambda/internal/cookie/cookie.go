// Package cookie seals tokens into the cookies that a browser keeps for the
// token handler, and opens them again.
//
// # Sealed form, version 2
//
//	base64url( 0x02 ‖ key id (4) ‖ nonce (12) ‖ AES-256-GCM ciphertext ‖ tag (16) )
//
// without padding. The additional data is the version byte, the key id and
// the cookie's name, so that a cookie opened under another name does not open.
// The nonce is random: one key must not seal more than 2^32 values (NIST SP
// 800-38D section 8.3), so rotate it before.
//
// The plaintext is
//
//	session id (16) ‖ expiry (8, Unix seconds, big endian, 0: none) ‖ packed token
//
// See pack.go for the packed token, and version1.go for the other form, which
// is there for interoperability alone.
//
// # Splitting
//
// A value that does not fit in [MaxSize] is sealed as one and then cut over up
// to [MaxParts] cookies: <name> holds the number of parts, a dot and the first
// part, such as 2.AkpSWW…; <name>-1 and <name>-2 hold the others. The tag is
// over the whole, so parts of two values never open together. Where a value
// needs fewer parts than the one before, those left over are removed.
//
// # What is not done
//
// Opening does not compare the expiry with a clock: see [Content.Expired].
package cookie

import (
	"encoding/binary"
	"errors"
	"time"
)

// SessionID ties the cookies of one login together. It is unique, never a
// secret, and not an identifier of the user. What is in it is up to whoever
// makes it.
type SessionID [16]byte

// Content is what a cookie carries.
type Content struct {
	Session SessionID
	// Expires has a resolution of one second. The zero time means that no
	// expiry is known.
	Expires time.Time
	Token   string
	// Unbound tells that the content came in version 1, which authenticates
	// neither the cookie's name nor a session and knows no expiry. It is not
	// sealed.
	Unbound bool
}

// Expired reports whether the content is of no more use at now.
func (c Content) Expired(now time.Time) bool {
	return !c.Expires.IsZero() && !now.Before(c.Expires)
}

// ErrNotOpened is the error of every value that does not open: malformed,
// altered, sealed for another name or with an unknown key. It does not say
// which, so that it cannot serve as an oracle.
var ErrNotOpened = errors.New("cookie: value does not open under this name and key ring")

const headerSize = 16 + 8

func (c Content) marshal() []byte {
	out := make([]byte, 0, headerSize+1+len(c.Token))
	out = append(out, c.Session[:]...)
	var expires uint64
	if !c.Expires.IsZero() {
		expires = uint64(c.Expires.Unix())
	}
	out = binary.BigEndian.AppendUint64(out, expires)
	return appendPacked(out, c.Token)
}

func unmarshal(b []byte) (Content, bool) {
	if len(b) < headerSize {
		return Content{}, false
	}
	var c Content
	copy(c.Session[:], b)
	// A time beyond the range of int64 never came from marshal.
	switch expires := binary.BigEndian.Uint64(b[16:]); {
	case expires > 1<<40:
		return Content{}, false
	case expires != 0:
		c.Expires = time.Unix(int64(expires), 0)
	}
	token, ok := unpack(b[headerSize:])
	c.Token = token
	return c, ok
}

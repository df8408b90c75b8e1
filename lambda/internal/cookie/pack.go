package cookie

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// A packed token is one byte that tells its form, and the form's bytes:
//
//	0x00  the token as it is
//	0x01  a compact JWS: uvarint length of the header ‖ header ‖
//	      uvarint length of the payload ‖ payload ‖ signature
//
// Most tokens are JWTs, which are base64url text already. Packed as raw bytes
// they are not encoded twice and take a quarter less of the cookie. A token is
// packed only if unpacking returns exactly the same text.
const (
	packedPlain = 0x00
	packedJWS   = 0x01
)

// b64 is strict: trailing bits must be zero. Otherwise two texts would unpack
// alike.
var b64 = base64.RawURLEncoding.Strict()

func appendPacked(out []byte, token string) []byte {
	if segments := strings.Split(token, "."); len(segments) == 3 {
		if packed, ok := appendJWS(append(out, packedJWS), segments); ok {
			return packed
		}
	}
	return append(append(out, packedPlain), token...)
}

func appendJWS(out []byte, segments []string) ([]byte, bool) {
	for i, segment := range segments {
		raw, err := b64.DecodeString(segment)
		// DecodeString skips line breaks, so compare.
		if err != nil || b64.EncodeToString(raw) != segment {
			return nil, false
		}
		if i < 2 {
			out = binary.AppendUvarint(out, uint64(len(raw)))
		}
		out = append(out, raw...)
	}
	return out, true
}

func unpack(b []byte) (string, bool) {
	if len(b) == 0 {
		return "", false
	}
	form, b := b[0], b[1:]
	switch form {
	case packedPlain:
		return string(b), true
	case packedJWS:
		return unpackJWS(b)
	}
	return "", false
}

func unpackJWS(b []byte) (string, bool) {
	var segments [2][]byte
	for i := range segments {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return "", false
		}
		segments[i], b = b[size:size+int(n)], b[size+int(n):]
	}
	out := make([]byte, 0, b64.EncodedLen(len(segments[0]))+b64.EncodedLen(len(segments[1]))+b64.EncodedLen(len(b))+2)
	out = b64.AppendEncode(out, segments[0])
	out = append(out, '.')
	out = b64.AppendEncode(out, segments[1])
	out = append(out, '.')
	return string(b64.AppendEncode(out, b)), true
}

package cookie

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

const (
	deviceKeySize         = 64 // the two coordinates of a public key of P-256
	deviceFingerprintSize = 16
)

// DeviceFingerprint returns the fingerprint of the device key in a
// [Content.Binding], or "" for no binding. A binding is the public key itself,
// in the form of package dbsc, or its fingerprint. The refresh token cookie
// contains the key. The access token cookie, which comes with every request,
// contains the fingerprint.
func DeviceFingerprint(binding string) string {
	if len(binding) != deviceKeySize {
		return binding
	}
	hash := sha256.Sum256([]byte("token handler device key\x00" + binding))
	return string(hash[:deviceFingerprintSize])
}

// HeaderSkipped is sent by a browser that could not renew the device cookie of a
// session because of a failure, and keeps the session (W3C Device Bound Session
// Credentials, "Secure-Session-Skipped"). Chromium 156 sends it after a 5xx
// response, and if there is no response within 20 seconds.
const HeaderSkipped = "Secure-Session-Skipped"

// SkipsDevice reports whether values of [HeaderSkipped] name a session. They are
// the client's word: they may change the code of a refusal, and no decision.
func SkipsDevice(values []string, session SessionID) bool {
	name := hex.EncodeToString(session[:])
	return slices.ContainsFunc(values, func(value string) bool { return strings.Contains(value, name) })
}

// IsDeviceKey reports whether a binding is a public key.
func IsDeviceKey(binding string) bool { return len(binding) == deviceKeySize }

package cookie

import "crypto/sha256"

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

// IsDeviceKey reports whether a binding is a public key.
func IsDeviceKey(binding string) bool { return len(binding) == deviceKeySize }

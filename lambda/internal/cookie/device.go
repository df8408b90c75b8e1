package cookie

import "crypto/sha256"

const (
	deviceKeySize         = 64 // the two coordinates of a public key of P-256
	deviceFingerprintSize = 16
)

// DeviceFingerprint names the device key that a [Content.Binding] is of. The
// binding is the public key itself, as package dbsc has it, or its fingerprint:
// the refresh token's cookie holds the key, and the access token's cookie, which
// comes with every request, its fingerprint. It is "" for no binding.
func DeviceFingerprint(binding string) string {
	if len(binding) != deviceKeySize {
		return binding
	}
	hash := sha256.Sum256([]byte("token handler device key\x00" + binding))
	return string(hash[:deviceFingerprintSize])
}

// IsDeviceKey reports whether a binding is a public key.
func IsDeviceKey(binding string) bool { return len(binding) == deviceKeySize }

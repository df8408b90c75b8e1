package settings

import "time"

// DeviceBinding binds sessions to the browser's device, by Device Bound Session
// Credentials (W3C). docs/device-binding.md describes its protection.
type DeviceBinding struct {
	// Mode is off, offer (browsers that support it bind their sessions, others
	// are as before) or required (sessions that are not bound are refused).
	Mode string `env:"DEVICE_BINDING" json:"deviceBinding" rule:"devicebinding" default:"off"`

	// CookieLifetime is how long the device cookie lasts, which only a proof by
	// the device renews: whole seconds from 60 to 3600. Copied cookies work for
	// at most this long.
	CookieLifetime time.Duration `env:"DEVICE_COOKIE_LIFETIME" json:"deviceCookieLifetime" lambda:"agent" rule:"devicecookie" default:"10m0s"`
}

// Values of DeviceBinding.Mode.
const (
	DeviceBindingOff      = "off"
	DeviceBindingOffer    = "offer"
	DeviceBindingRequired = "required"
)

// On reports whether sessions may be bound.
func (d DeviceBinding) On() bool {
	return d.Mode == DeviceBindingOffer || d.Mode == DeviceBindingRequired
}

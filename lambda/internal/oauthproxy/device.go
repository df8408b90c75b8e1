package oauthproxy

import (
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"time"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
)

const (
	messageUnproved       = "The session is bound to a device that has not proved its key"
	messageDeviceSkipped  = "The browser could not renew its proof just now"
	messageDeviceRequired = "The session is not bound to a device"
)

// device decides over sessions that are bound to a device. The zero value accepts
// all sessions.
type device struct {
	ring     *cookie.Ring
	names    cookie.Names
	required bool // also of sessions that are not bound
}

func newDevice(s settings.DeviceBinding, ring *cookie.Ring, names cookie.Names) device {
	if !s.On() {
		return device{}
	}
	return device{ring, names, s.Mode == settings.DeviceBindingRequired}
}

// refuses returns the code and message of a refusal, or "". The session of a
// bound access token counts only beside a device cookie of the same session and
// key that has not ended.
func (d device) refuses(access cookie.Content, received cookie.Received, header csrf.Header, now time.Time) (code, message string) {
	fingerprint := cookie.DeviceFingerprint(access.Binding)
	switch {
	case d.ring == nil, fingerprint == "" && !d.required:
		return "", ""
	case fingerprint == "":
		return contract.CodeDeviceRequired, messageDeviceRequired
	}
	want := []byte(base64.RawURLEncoding.EncodeToString([]byte(fingerprint)))
	proved := slices.ContainsFunc(d.names.All(d.ring, received, d.names.Device), func(c cookie.Content) bool {
		return c.Session == access.Session && !c.Expires.IsZero() && !c.Expired(now) && subtle.ConstantTimeCompare([]byte(c.Token), want) == 1
	})
	switch {
	case proved:
		return "", ""
	case cookie.SkipsDevice(header(cookie.HeaderSkipped), access.Session):
		return contract.CodeDeviceUnavailable, messageDeviceSkipped
	}
	return contract.CodeDeviceProofRequired, messageUnproved
}

// bound reports whether a session is bound to a device, for the metrics. It is nil
// where device binding is off.
func (d device) bound(access cookie.Content) *bool {
	if d.ring == nil {
		return nil
	}
	bound := access.Binding != ""
	return &bound
}

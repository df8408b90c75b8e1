package oauthproxy

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
)

func TestDeviceBinding(t *testing.T) {
	fingerprint := strings.Repeat("f", 16)
	bound, unbound := accessToken(testToken), accessToken(testToken)
	bound.Binding = fingerprint
	withKey := bound
	withKey.Binding = strings.Repeat("k", 64) // of a session without refresh token
	device := func(change func(*cookie.Content)) cookie.Content {
		c := cookie.Content{Session: session, Expires: testTime.Add(time.Minute), Token: base64.RawURLEncoding.EncodeToString([]byte(fingerprint))}
		if change != nil {
			change(&c)
		}
		return c
	}
	none := cookie.Content{}
	for name, tt := range map[string]struct {
		mode           string
		access, device cookie.Content
		skipped        string
		code           string // "" is an Allow
	}{
		"off, bound":                 {"off", bound, none, "", ""},
		"offer, unbound":             {"offer", unbound, none, "", ""},
		"required, unbound":          {"required", unbound, none, "", "device_binding_required"},
		"bound and proved":           {"offer", bound, device(nil), "", ""},
		"required, bound and proved": {"required", bound, device(nil), "", ""},
		"no device cookie":           {"offer", bound, none, "", "device_proof_required"},
		"the browser could not":      {"offer", bound, none, hex.EncodeToString(session[:]), "device_proof_unavailable"},
		"could not for another one":  {"offer", bound, none, strings.Repeat("0", 32), "device_proof_required"},
		"could not, but proved":      {"offer", bound, device(nil), hex.EncodeToString(session[:]), ""},
		"could not, and unbound":     {"required", unbound, none, hex.EncodeToString(session[:]), "device_binding_required"},
		"ended":                      {"offer", bound, device(func(c *cookie.Content) { c.Expires = testTime }), "", "device_proof_required"},
		"without an end":             {"offer", bound, device(func(c *cookie.Content) { c.Expires = time.Time{} }), "", "device_proof_required"},
		"of another session":         {"offer", bound, device(func(c *cookie.Content) { c.Session = cookie.SessionID{9} }), "", "device_proof_required"},
		"of another key": {"offer", bound, device(func(c *cookie.Content) {
			c.Token = base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("g", 16)))
		}), "", "device_proof_required"},
		"key in the access token's cookie": {"offer", withKey, device(func(c *cookie.Content) {
			c.Token = base64.RawURLEncoding.EncodeToString([]byte(cookie.DeviceFingerprint(withKey.Binding)))
		}), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings.Authorizer{Shared: shared()}
			s.DeviceBinding.Mode = tt.mode
			p, err := newWithDefaults(s, func() time.Time { return testTime })
			if err != nil {
				t.Fatal(err)
			}
			jar := p.names.AccessToken + "=" + p.names.Seal(p.ring, p.names.AccessToken, tt.access)
			if tt.device.Token != "" {
				jar += "; " + p.names.Device + "=" + p.names.Seal(p.ring, p.names.Device, tt.device)
			}
			headers := map[string][]string{"Origin": {trusted}, "Cookie": {jar}}
			if tt.skipped != "" {
				headers["Secure-Session-Skipped"] = []string{`unreachable;session_identifier="` + tt.skipped + `"`}
			}
			if d := decide(t, p, get(headers)); d.Allow != (tt.code == "") || d.Code != tt.code {
				t.Errorf("got %t with %q, want %q", d.Allow, d.Code, tt.code)
			} else if want := tt.access.Binding != ""; d.Allow && (d.Bound == nil) != (tt.mode == "off") || d.Bound != nil && *d.Bound != want {
				t.Errorf("the decision tells %v, want %t", d.Bound, want)
			}
		})
	}
}

// BenchmarkDecideBound stands beside BenchmarkDecide: it opens one cookie more.
func BenchmarkDecideBound(b *testing.B) {
	s := settings.Authorizer{Shared: shared()}
	s.DeviceBinding.Mode = settings.DeviceBindingOffer
	p, err := newWithDefaults(s, func() time.Time { return testTime })
	if err != nil {
		b.Fatal(err)
	}
	fingerprint := strings.Repeat("f", 16)
	access := accessToken(strings.Repeat("x", 800))
	access.Binding = fingerprint
	device := cookie.Content{Session: session, Expires: testTime.Add(time.Minute), Token: base64.RawURLEncoding.EncodeToString([]byte(fingerprint))}
	r := readEvent(b, sealed(b, testKey, access, csrfContent())+"; "+names.Device+"="+names.Seal(p.ring, names.Device, device))
	b.ReportAllocs()
	for b.Loop() {
		if d, err := p.Decide(b.Context(), &r); err != nil || !d.Allow || d.Bound == nil || !*d.Bound {
			b.Fatal("refused")
		}
	}
}

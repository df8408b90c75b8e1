package settings

import (
	"strings"
	"testing"
)

func TestCheckSize(t *testing.T) {
	opaque := func(s string) bool { return strings.Contains(s, "${Token[") }
	agent := func(change func(*Agent)) *Agent {
		s := &Agent{}
		s.CookieKey.Key, s.Provider.ClientSecret = "reference", "reference"
		s.Application.TrustedWebOrigins = []string{"https://www.example.com"}
		change(s)
		return s
	}
	for _, tt := range []struct {
		name   string
		change func(*Agent)
		want   string // beginning of the fault
	}{
		{"small", func(*Agent) {}, ""},
		{"long scope", func(s *Agent) { s.Provider.Scope = strings.Repeat("a", 3900) }, "SCOPE takes 3905 bytes of the Lambda's environment, which has 4"},
		{"just fits", func(s *Agent) { s.Provider.Scope = strings.Repeat("a", 3500) }, ""},
		{"references are longer than their tokens", func(s *Agent) {
			s.Provider.Scope = strings.Repeat("a", 3500)
			s.Provider.TokenEndpoint, s.Provider.UserInfoEndpoint = "https://${Token[A.1]}/t", "https://${Token[B.2]}/u"
		}, "SCOPE takes 3505"},
		{"keys in PEM form", func(s *Agent) {
			auth := &s.Provider.Authentication
			auth.PrivateKey, auth.Certificate, auth.CertificateKey = "given", "given", "given"
			s.Provider.Scope = strings.Repeat("a", 900)
		}, "CLIENT_"},
		{"many origins", func(s *Agent) {
			for range 31 {
				s.Application.TrustedWebOrigins = append(s.Application.TrustedWebOrigins, "https://"+strings.Repeat("a", 120)+".example")
			}
		}, "TRUSTED_WEB_ORIGINS takes 4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			faults := CheckSize(agent(tt.change), opaque)
			if got := faults.In(Setting.Variable); (got == "") != (tt.want == "") || !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestIsCertificates(t *testing.T) {
	for _, text := range []string{"", "ca.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"} {
		if isCertificates(text) {
			t.Errorf("%q is accepted", text)
		}
	}
}

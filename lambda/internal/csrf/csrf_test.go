package csrf_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
)

const trusted = "https://www.example.com"

var rules = csrf.Rules{TrustedOrigins: []string{trusted, "https://app.example.com"}, SameOriginReads: true, HeaderName: "x-th-csrf"}

func TestOrigin(t *testing.T) {
	for _, tt := range []struct {
		name   string
		rules  csrf.Rules
		method string
		header http.Header
		want   string
		err    error
	}{
		{"trusted", rules, "POST", http.Header{"Origin": {trusted}}, trusted, nil},
		{"the other trusted one", rules, "GET", http.Header{"Origin": {"https://app.example.com"}}, "https://app.example.com", nil},
		{"same value twice", rules, "GET", http.Header{"Origin": {trusted, trusted}}, trusted, nil},
		{"two values", rules, "GET", http.Header{"Origin": {trusted, "https://evil.example"}}, "", csrf.OriginAmbiguous},
		{"joined values", rules, "GET", http.Header{"Origin": {trusted + ", " + trusted}}, "", csrf.OriginUntrusted},
		{"untrusted", rules, "GET", http.Header{"Origin": {"https://evil.example"}}, "", csrf.OriginUntrusted},
		{"suffix", rules, "GET", http.Header{"Origin": {trusted + ".evil.example"}}, "", csrf.OriginUntrusted},
		{"prefix", rules, "GET", http.Header{"Origin": {"https://www.example"}}, "", csrf.OriginUntrusted},
		{"other scheme", rules, "GET", http.Header{"Origin": {"http://www.example.com"}}, "", csrf.OriginUntrusted},
		{"other case", rules, "GET", http.Header{"Origin": {"https://WWW.example.com"}}, "", csrf.OriginUntrusted},
		{"null", rules, "GET", http.Header{"Origin": {"null"}}, "", csrf.OriginUntrusted},
		{"empty", rules, "GET", http.Header{"Origin": {""}}, "", csrf.OriginUntrusted},
		{"trusted, same-site", rules, "POST", http.Header{"Origin": {trusted}, "Sec-Fetch-Site": {"same-site"}}, trusted, nil},
		{"trusted, same-origin", rules, "POST", http.Header{"Origin": {trusted}, "Sec-Fetch-Site": {"same-origin"}}, trusted, nil},
		{"trusted, but cross-site", rules, "POST", http.Header{"Origin": {trusted}, "Sec-Fetch-Site": {"cross-site"}}, "", csrf.SiteContradicts},
		{"trusted, Sec-Fetch-Site none", rules, "POST", http.Header{"Origin": {trusted}, "Sec-Fetch-Site": {"none"}}, "", csrf.SiteContradicts},
		{"trusted, same-site and cross-site", rules, "POST", http.Header{"Origin": {trusted}, "Sec-Fetch-Site": {"same-site", "cross-site"}}, "", csrf.SiteContradicts},
		{"trusted, joined sites", rules, "POST", http.Header{"Origin": {trusted}, "Sec-Fetch-Site": {"same-site, cross-site"}}, "", csrf.SiteContradicts},
		{"trusted, empty site", rules, "POST", http.Header{"Origin": {trusted}, "Sec-Fetch-Site": {""}}, "", csrf.SiteContradicts},
		{"untrusted, but same-origin", rules, "GET", http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"same-origin"}}, "", csrf.OriginUntrusted},
		{"a page on another host than the application", csrf.Rules{TrustedOrigins: rules.TrustedOrigins}, "GET", http.Header{"Sec-Fetch-Site": {"same-origin"}}, "", csrf.OriginMissing},
		{"P8 same-origin GET", rules, "GET", http.Header{"Sec-Fetch-Site": {"same-origin"}}, "", nil},
		{"same-origin POST always has an Origin", rules, "POST", http.Header{"Sec-Fetch-Site": {"same-origin"}}, "", csrf.OriginMissing},
		{"same-site GET without Origin", rules, "GET", http.Header{"Sec-Fetch-Site": {"same-site"}}, "", csrf.OriginMissing},
		{"navigation", rules, "GET", http.Header{"Sec-Fetch-Site": {"none"}}, "", csrf.OriginMissing},
		{"contradicting Sec-Fetch-Site", rules, "GET", http.Header{"Sec-Fetch-Site": {"same-origin", "cross-site"}}, "", csrf.OriginMissing},
		{"nothing", rules, "GET", http.Header{}, "", csrf.OriginMissing},
		{"P6 an empty list trusts no absent Origin", csrf.Rules{}, "GET", http.Header{}, "", csrf.OriginMissing},
		{"P6 an empty list trusts no empty Origin", csrf.Rules{}, "GET", http.Header{"Origin": {""}}, "", csrf.OriginUntrusted},
		{"P6 an empty list trusts no same-origin GET", csrf.Rules{SameOriginReads: true}, "GET", http.Header{"Sec-Fetch-Site": {"same-origin"}}, "", csrf.OriginMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.rules.Origin(tt.method, csrf.HTTPHeader(tt.header))
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %q, %v; want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestAssistant(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []string
		want   bool
		err    error
	}{
		{"absent", nil, false, nil},
		{"1", []string{"1"}, true, nil},
		{"1 twice", []string{"1", "1"}, true, nil},
		{"2", []string{"2"}, false, csrf.VersionUnknown},
		{"empty", []string{""}, false, csrf.VersionUnknown},
		{"1 and 2", []string{"1", "2"}, false, csrf.VersionUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{http.CanonicalHeaderKey(contract.HeaderVersion): tt.values}
			got, err := csrf.Assistant(csrf.HTTPHeader(h))
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %v, %v; want %v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestDoubleSubmit(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []string
		cookie string
		want   error
	}{
		{"equal", []string{"abc"}, "abc", nil},
		{"different", []string{"abc"}, "abd", csrf.TokenMismatch},
		{"prefix", []string{"ab"}, "abc", csrf.TokenMismatch},
		{"absent", nil, "abc", csrf.TokenMissing},
		{"both empty", []string{""}, "", csrf.TokenMismatch},
		{"no cookie", []string{"abc"}, "", csrf.TokenMismatch},
		{"two values", []string{"abc", "xyz"}, "abc", csrf.TokenAmbiguous},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{"X-Th-Csrf": tt.values}
			if err := rules.DoubleSubmit(csrf.HTTPHeader(h), tt.cookie); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// An origin of a preview is trusted like any other, and the result is the origin
// itself.
func TestPreviewOrigin(t *testing.T) {
	r := csrf.Rules{TrustedOrigins: []string{trusted}, PreviewOrigin: "https://*.preview.example.com", HeaderName: "x-th-csrf"}
	for origin, want := range map[string]error{
		"https://pr-7.preview.example.com": nil, trusted: nil,
		"https://preview.example.com": csrf.OriginUntrusted, "https://a.b.preview.example.com": csrf.OriginUntrusted,
		"http://pr-7.preview.example.com": csrf.OriginUntrusted, "https://pr-7.preview.example.com:8443": csrf.OriginUntrusted,
		"https://*.preview.example.com": csrf.OriginUntrusted, "https://pr-7.preview.example.com.evil.example": csrf.OriginUntrusted,
	} {
		got, err := r.Origin("POST", csrf.HTTPHeader(http.Header{"Origin": {origin}}))
		if err != want || err == nil && got != origin {
			t.Errorf("%s: got %q, %v, want %v", origin, got, err, want)
		}
	}
}

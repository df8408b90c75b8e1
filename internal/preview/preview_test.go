package preview

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

const pattern = "https://*.preview.example.com"

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, origin string
		want            bool
	}{
		{pattern, "https://pr-7.preview.example.com", true},
		{pattern, "https://a.preview.example.com", true},
		{pattern, "https://xn--bcher-kva.preview.example.com", true},
		{pattern, "https://" + strings.Repeat("a", 63) + ".preview.example.com", true},
		{"https://*.preview.example.com:8443", "https://a.preview.example.com:8443", true},
		{"http://*.example.localhost:3000", "http://pr-1.example.localhost:3000", true},

		{pattern, "https://preview.example.com", false},
		{pattern, "https://.preview.example.com", false},
		{pattern, "https://a.b.preview.example.com", false}, // a nested label
		{pattern, "https://*.preview.example.com", false},
		{pattern, "http://a.preview.example.com", false},
		{pattern, "https://a.preview.example.com:8443", false},
		{"https://*.preview.example.com:8443", "https://a.preview.example.com", false},
		{pattern, "https://a.preview.example.com.evil.example", false},
		{pattern, "https://evil.example/.preview.example.com", false},
		{pattern, "https://evil.example#.preview.example.com", false},
		{pattern, "https://evil.example?.preview.example.com", false},
		{pattern, "https://user@a.preview.example.com", false},
		{pattern, "https://a.previewXexample.com", false},
		{pattern, "https://apreview.example.com", false},
		{pattern, "https://A.preview.example.com", false},
		{pattern, "https://-a.preview.example.com", false},
		{pattern, "https://a-.preview.example.com", false},
		{pattern, "https://" + strings.Repeat("a", 64) + ".preview.example.com", false},
		{pattern, "https://a.preview.example.com\n", false},
		{pattern, " https://a.preview.example.com", false},
		{pattern, "https://a.preview.example.com.", false},
		{pattern, "null", false},
		{pattern, "", false},
		{"", "https://a.preview.example.com", false},
		{"", "", false},
		{"https://*.", "https://a.", false},
		{"*", "https://a.example.com", false},
	} {
		if got := Matches(tt.pattern, tt.origin); got != tt.want {
			t.Errorf("Matches(%q, %q) = %t, want %t", tt.pattern, tt.origin, got, tt.want)
		}
		if tt.pattern != "" && Valid(tt.pattern) {
			if got := javaMatches(Regexp(tt.pattern), tt.origin); got != tt.want {
				t.Errorf("%s matches %q: %t, want %t", Regexp(tt.pattern), tt.origin, got, tt.want)
			}
		}
	}
}

// javaMatches is String.matches of Java, which compares the whole string.
func javaMatches(expression, s string) bool {
	return regexp.MustCompile(`\A(?:` + expression + `)\z`).MatchString(s)
}

func TestValid(t *testing.T) {
	for pattern, want := range map[string]bool{
		pattern:                              true,
		"https://*.example.com":              true,
		"https://*.preview.example.com:8443": true,
		"https://*.example.co.uk":            true,
		"https://*.my-team.vercel.app":       true,
		"http://*.example.localhost:3000":    true,

		"":                         false,
		"*":                        false,
		"https://*":                false,
		"https://*.com":            false, // public suffixes
		"https://*.co.uk":          false,
		"https://*.vercel.app":     false,
		"https://*.netlify.app":    false,
		"https://*.pages.dev":      false,
		"https://*.github.io":      false,
		"https://*.amplifyapp.com": false,
		"https://*.cloudfront.net": false,
		"https://*.execute-api.eu-west-1.amazonaws.com": false,
		"https://*.s3.amazonaws.com":                    false,
		"https://*.kawasaki.jp":                         false, // of the rule *.kawasaki.jp
		"https://*.compute.amazonaws.com":               false,
		"https://*.localhost":                           false,
		"https://preview.example.com":                   false,
		"https://a.*.example.com":                       false,
		"https://pr-*.example.com":                      false,
		"https://*.*.example.com":                       false,
		"https://*.preview.example.com/":                false,
		"https://*.preview.example.com:443":             false,
		"https://*.preview.example.com:":                false,
		"https://*.preview.example.com:080":             false,
		"https://*.Preview.example.com":                 false,
		"https://*.preview.example.com.":                false,
		"https://*.user@example.com":                    false,
		"http://*.preview.example.com":                  false,
		"ftp://*.preview.example.com":                   false,
		"https://*.127.0.0.1":                           false,
		"https://*.0x7f":                                false,
		"https://*.1.2":                                 false,
		"https://*.[::1]":                               false,
		"https://*..example.com":                        false,
		`https://*.a"b.example.com`:                     false,
		"https://*.a,b.example.com":                     false,
		"https://*.$a.example.com":                      false,
	} {
		if got := Valid(pattern); got != want {
			t.Errorf("Valid(%q) = %t, want %t", pattern, got, want)
		}
	}
}

func TestPage(t *testing.T) {
	for _, tt := range [][3]string{
		{"https://pr-7.preview.example.com", "https://www.example.com/", "https://pr-7.preview.example.com/"},
		{"https://pr-7.preview.example.com", "https://www.example.com/callback?x=1", "https://pr-7.preview.example.com/callback?x=1"},
		{"https://pr-7.preview.example.com", "https://www.example.com", "https://pr-7.preview.example.com/"},
	} {
		if got := Page(tt[0], tt[1]); got != tt[2] {
			t.Errorf("Page(%q, %q) = %q, want %q", tt[0], tt[1], got, tt[2])
		}
	}
}

// For any pattern and origin, a match of a valid pattern is an origin of
// the pattern's site, one label below its host, and the expression for the
// gateway agrees.
func FuzzMatches(f *testing.F) {
	for _, origin := range []string{"https://pr-7.preview.example.com", "https://a.b.preview.example.com", "https://evil.example", "null", "https://a.preview.example.com:8443"} {
		f.Add(pattern, origin)
		f.Add("https://*.vercel.app", origin)
		f.Add("http://*.example.localhost:3000", origin)
	}
	f.Fuzz(func(t *testing.T, pattern, origin string) {
		if !Valid(pattern) {
			return
		}
		got := Matches(pattern, origin)
		if expected := javaMatches(Regexp(pattern), origin); got != expected {
			t.Fatalf("%q, %q: Matches %t, expression %t", pattern, origin, got, expected)
		}
		if !got {
			return
		}
		u, err := url.Parse(origin)
		if err != nil || u.Scheme+"://"+u.Host != origin {
			t.Fatalf("%q matches %q, which is no origin", pattern, origin)
		}
		_, host, _ := strings.Cut(u.Hostname(), ".")
		if host != Host(pattern) || !SameSite(u.Hostname(), host) || u.Scheme != strings.SplitN(pattern, ":", 2)[0] {
			t.Fatalf("%q matches %q, which is not one label below it", pattern, origin)
		}
	})
}

package csrf

import (
	"net/http"
	"slices"
	"testing"

	"github.com/tokenhandler/aws/internal/contract"
)

// FuzzRules: for all headers, an origin in the result is a trusted one that the
// request named; a missing origin passes only if browsers omit it; and a
// double submit passes with the cookie's value only.
func FuzzRules(f *testing.F) {
	const trusted, value = "https://www.example.com", "the-csrf-value"
	rules := Rules{TrustedOrigins: []string{trusted, "https://admin.example.com"}, HeaderName: "x-th-csrf"}
	f.Add("GET", trusted, "", "same-origin", value, "1")
	f.Add("GET", "", "", "same-origin", "", "")
	f.Add("HEAD", "", "", "same-origin, cross-site", "", "1, 1")
	f.Add("POST", trusted, trusted, "same-origin", value, "")
	f.Add("POST", "", "", "same-origin", value, "")
	f.Add("GET", "null", "", "none", "", "2")
	f.Add("GET", "https://www.example.com.evil.example", "", "", "", "1 ")
	f.Add("GET", trusted, "https://evil.example", "", "", "")
	f.Add("GET", trusted, "https://zzz.example", "", "", "")
	f.Add("GET", trusted, "", "cross-site", "", "")
	f.Fuzz(func(t *testing.T, method, origin, second, site, csrf, version string) {
		h := http.Header{}
		for _, pair := range [][2]string{{"Origin", origin}, {"Origin", second}, {"Sec-Fetch-Site", site}, {"X-Th-Csrf", csrf}, {contract.HeaderVersion, version}} {
			if pair[1] != "" {
				h.Add(pair[0], pair[1])
			}
		}
		header := HTTPHeader(h)

		told, err := rules.Origin(method, header)
		origins := h.Values("Origin")
		switch {
		case err != nil && told != "":
			t.Fatalf("a refusal tells the origin %q", told)
		case err == nil && told != "" && (!slices.Contains(rules.TrustedOrigins, told) || slices.ContainsFunc(origins, func(o string) bool { return o != told })):
			t.Fatalf("told %q of %q", told, origins)
		case err == nil && told != "" && site != "" && site != "same-origin" && site != "same-site":
			t.Fatalf("told %q, Sec-Fetch-Site %q", told, site)
		case err == nil && told == "" && (len(origins) > 0 || method != "GET" && method != "HEAD" || site != "same-origin"):
			t.Fatalf("%s without origin passes: %q, Sec-Fetch-Site %q", method, origins, site)
		}
		if rules.DoubleSubmit(header, value) == nil && csrf != value {
			t.Fatalf("%q passes as %q", csrf, value)
		}
		if rules.DoubleSubmit(header, "") == nil {
			t.Fatal("an empty cookie value passes")
		}
		if assistant, err := Assistant(header); assistant && (err != nil || version != contract.Version) {
			t.Fatalf("%q passes as version", version)
		}
	})
}

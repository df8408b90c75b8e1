package oauthproxy

import (
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
)

// overridesMethod reports whether the request names another method than the one
// that the decision is about.
func overridesMethod(header csrf.Header) bool {
	for _, name := range contract.MethodOverrides {
		if len(header(name)) > 0 {
			return true
		}
	}
	return false
}

// safePath reports whether no path parameter can change where the request goes
// upstream. "REST APIs decode URL-encoded request parameters before passing
// them to backend integrations" (API Gateway developer guide, "Important
// notes"): %2F..%2Fadmin as an id becomes /../admin in the upstream URL. Only a
// greedy parameter may have slashes.
func safePath(r *Request) bool {
	for name, value := range r.PathParameters {
		greedy := strings.Contains(r.Resource, "{"+name+"+}")
		if !safeParameter(value, greedy) {
			return false
		}
	}
	return true
}

func safeParameter(value string, greedy bool) bool {
	if value == "" || !greedy && strings.Contains(value, "/") {
		return false
	}
	for _, c := range value {
		// A percent sign would be decoded once more upstream.
		if c < 0x20 || 0x7f <= c && c <= 0x9f || c == '\\' || c == '?' || c == '#' || c == '%' {
			return false
		}
	}
	for segment := range strings.SplitSeq(value, "/") {
		// RFC 3986 section 5.2.4 removes dot segments. Some servers first drop the
		// part behind a semicolon (section 3.3).
		segment, _, _ = strings.Cut(segment, ";")
		if segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

package settings

import (
	"encoding/hex"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// rule says what a value must look like; expects completes "expected …".
type rule struct {
	expects string
	ok      func(string) bool
}

var rules = map[string]rule{
	"origin":     {"origins such as https://www.example.com: https (http for loopback names only), lower case, no default port, no path, no wildcard", isOrigin},
	"url":        {"an absolute https URL (http for loopback names only) without user info and fragment", isURL},
	"issuer":     {"an absolute https URL (http for loopback names only) without user info, query and fragment", isIssuer},
	"prefix":     {"1 to 32 letters, digits, '-' or '_', not starting with __", isPrefix},
	"csrfheader": {"the name of a custom request header, such as x-th-csrf", isCSRFHeader},
	"key":        {"64 hexadecimal characters (32 bytes), not all the same", isKey},
	"credential": {"1 to 1024 printable ASCII characters", isCredential},
	"scope":      {"scopes separated by single spaces, openid among them", isScope},
	"path":       {"a path such as /oauth-agent: segments of letters, digits, '-', '_' or '.', no trailing slash", isPath},
}

var (
	prefixRE = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)
	headerRE = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	pathRE   = regexp.MustCompile(`^(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}){1,8}$`)
	// RFC 6749 Appendix A.4: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ).
	scopeRE = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*$`)
	hostRE  = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
)

// IsOrigin reports whether s is an origin as a browser serialises it (RFC 6454
// section 6.2), with scheme https, or http on a loopback name.
func IsOrigin(s string) bool { return isOrigin(s) }

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	if err != nil || !secureOrLoopback(u) || u.User != nil {
		return false
	}
	host := u.Hostname()
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Is6() {
			host = "[" + ip.String() + "]"
		}
	} else if !hostRE.MatchString(host) {
		return false
	}
	serialized := u.Scheme + "://" + host
	switch port := u.Port(); {
	case port == "":
	case u.Scheme == "https" && port == "443", u.Scheme == "http" && port == "80":
		return false // browsers leave the default port out
	default:
		serialized += ":" + port
	}
	return s == serialized
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && secureOrLoopback(u) && u.User == nil && u.Fragment == "" && !strings.Contains(s, "#")
}

func isIssuer(s string) bool {
	u, err := url.Parse(s)
	// OpenID Connect Discovery 1.0 section 3: "no query or fragment component".
	return err == nil && isURL(s) && u.RawQuery == "" && !u.ForceQuery
}

// secureOrLoopback implements RFC 9700 section 2.6: no http, except on the
// loopback interface.
func secureOrLoopback(u *url.URL) bool {
	if u.Host == "" || u.Hostname() == "" || u.Opaque != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback()
	}
	// RFC 6761 section 6.3: names below "localhost." resolve to loopback.
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func isPrefix(s string) bool { return prefixRE.MatchString(s) && !strings.HasPrefix(s, "__") }

// isCSRFHeader refuses names a cross-site page may send without a preflight
// (Fetch, "CORS-safelisted request-header"), or that mean something else.
func isCSRFHeader(s string) bool {
	taken := []string{"accept", "accept-language", "content-language", "content-type", "range",
		"authorization", "cookie", "origin", "host", "token-handler-version"}
	return headerRE.MatchString(s) && !slices.Contains(taken, strings.ToLower(s))
}

func isKey(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 64 && strings.Trim(s, s[:1]) != ""
}

func isCredential(s string) bool {
	// RFC 6749 Appendix A.1 and A.2: client-id and client-secret = *VSCHAR.
	for _, c := range []byte(s) {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 1024
}

func isScope(s string) bool {
	// OpenID Connect Core section 3.1.2.1: requests "MUST contain the openid scope value".
	return len(s) <= 1024 && scopeRE.MatchString(s) && slices.Contains(strings.Split(s, " "), "openid")
}

func isPath(s string) bool { return pathRE.MatchString(s) && !strings.Contains(s, "/..") }

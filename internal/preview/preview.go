// Package preview matches the origins of preview deployments, such as
// https://pr-7.preview.example.com, with a pattern that has one wildcard label:
// https://*.preview.example.com.
//
// The authorizer, the agent and the preflights of the gateway use the same
// pattern. A response to a matching origin names this origin, never the pattern.
package preview

import (
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

const wildcard = "*."

// cut splits a pattern into scheme with "://", and the host and port below the
// wildcard with a leading dot.
func cut(pattern string) (scheme, below string, ok bool) {
	scheme, rest, ok := strings.Cut(pattern, "://")
	if !ok || !strings.HasPrefix(rest, wildcard) {
		return "", "", false
	}
	return scheme + "://", rest[1:], true
}

// Matches reports whether an origin, as a browser sends it, is of the pattern: same
// scheme, host and port, with exactly one label in place of the wildcard. An
// empty or malformed pattern matches no origin.
func Matches(pattern, origin string) bool {
	scheme, below, ok := cut(pattern)
	if !ok || below == "." {
		return false
	}
	rest, sameScheme := strings.CutPrefix(origin, scheme)
	label, sameHost := strings.CutSuffix(rest, below)
	return sameScheme && sameHost && isLabel(label)
}

// isLabel reports whether s is a label of a host name as browsers serialise it:
// lower case letters, digits and hyphens (RFC 1123 section 2.1).
func isLabel(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-'
}

// Regexp returns the pattern as a regular expression for String.matches of Java,
// which compares the whole string. It contains no character that Velocity
// interprets.
func Regexp(pattern string) string {
	scheme, below, _ := cut(pattern)
	return scheme + "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?" + strings.ReplaceAll(below, ".", "[.]")
}

// Valid reports whether a pattern is https (http for loopback names only) with a
// wildcard label below a host of at least two labels, whose owner owns all hosts
// below it: the host is not a public suffix such as vercel.app or co.uk.
func Valid(pattern string) bool {
	scheme, below, ok := cut(pattern)
	if !ok {
		return false
	}
	u, err := url.Parse(scheme + below[1:])
	if err != nil || u.Path != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return false
	}
	host, loopback := u.Hostname(), strings.HasSuffix(u.Hostname(), ".localhost")
	secure := u.Scheme == "https" || u.Scheme == "http" && loopback
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !isLabel(label) {
			return false
		}
	}
	// Browsers read a host whose last label is a number as an IPv4 address (URL
	// Standard, "ends in a number checker").
	last := labels[len(labels)-1]
	if _, err := netip.ParseAddr(host); err == nil || strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") {
		return false
	}
	serialized := u.Scheme + "://" + host
	if port := u.Port(); port != "" {
		if port[0] == '0' || len(port) > 5 || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
			return false
		}
		serialized += ":" + port
	}
	return secure && len(labels) >= 2 && u.Scheme+"://"+u.Host == serialized && serialized == scheme+below[1:] && SameSite(host, "a."+host)
}

// SameSite reports whether two hosts have the same registrable domain (Public
// Suffix List, with its private part: hosts of two customers of a hosting service
// are two sites).
func SameSite(a, b string) bool {
	siteA, errA := publicsuffix.EffectiveTLDPlusOne(a)
	siteB, errB := publicsuffix.EffectiveTLDPlusOne(b)
	return errA == nil && errB == nil && siteA == siteB
}

// Host returns the host below the wildcard, without port.
func Host(pattern string) string {
	_, below, ok := cut(pattern)
	if !ok {
		return ""
	}
	host, _, _ := strings.Cut(below[1:], ":")
	return host
}

// Page returns the page of an origin with the path and query of another page.
func Page(origin, page string) string {
	u, err := url.Parse(page)
	if err != nil {
		return ""
	}
	return origin + u.RequestURI()
}

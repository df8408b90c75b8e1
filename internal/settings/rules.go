package settings

import (
	"encoding/hex"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
)

// rule says what a value must look like; expects completes "expected …".
type rule struct {
	expects string
	ok      func(string) bool
}

var rules = map[string]rule{
	"origin":        {"origins such as https://www.example.com: https (http for loopback names only), lower case, no default port, no path, no wildcard", isOrigin},
	"url":           {"an absolute https URL (http for loopback names only) without user info and fragment", isURL},
	"issuer":        {"an absolute https URL (http for loopback names only) without user info, query and fragment", isIssuer},
	"prefix":        {"1 to 32 letters, digits, '-' or '_', not starting with __ (but for __Host- or __Secure- with the format curity)", isPrefix},
	"cookieformat":  {"sealed or curity", isCookieFormat},
	"metrics":       {"emf or none", oneOf(MetricsEMF, MetricsNone)},
	"domain":        {"a domain name such as example.com: lower case, two labels at least, no leading dot, no IP address", isDomain},
	"secretarn":     {"the ARN of a secret in Secrets Manager", isSecretARN},
	"csrfheader":    {"the name of a custom request header, such as x-th-csrf", isCSRFHeader},
	"key":           {"64 hexadecimal characters (32 bytes), not all the same", isKey},
	"credential":    {"1 to 1024 printable ASCII characters", isCredential},
	"scope":         {"scopes separated by single spaces", isScope},
	"duration":      {"a duration of whole seconds such as 30m or 8h, at most 8760h", isDuration},
	"logout":        {"provider or local", func(s string) bool { return s == "provider" || s == "local" }},
	"bool":          {"true or false", func(s string) bool { return s == "true" || s == "false" }},
	"introspection": {"application/jwt, application/token-introspection+jwt or application/json", isIntrospectionMediaType},
	"maxage":        {"seconds from 0 to 300", isMaxAge},
	"audience":      {"audiences of 1 to 256 printable ASCII characters, without commas and spaces", isAudience},
	"requirements":  {"a JSON object of routes, such as {\"GET /orders\":{\"scope\":\"orders.read\"}}", isRequirements},
	"upstreams":     {"a JSON object of URLs by route, such as {\"GET /orders\":\"https://orders.internal.example/orders\"}", isUpstreams},
	"cachettl":      {"seconds from 1 to 60", isCacheTTL},
	"cachedialect":  {"assistant or classic", isCacheDialect},
	"profile":       {"oidc, cognito, github or oauth2", oneOf(Profiles...)},
	"authentication": {"client_secret_basic, client_secret_post, private_key_jwt or tls_client_auth",
		oneOf(ClientSecretBasic, ClientSecretPost, PrivateKeyJWT, TLSClientAuth)},
	"algorithm": {"ES256, ES384, ES512, PS256, PS384, PS512, RS256, RS384, RS512 or EdDSA",
		oneOf("ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA")},
	"assertionaudience": {"issuer or token_endpoint", oneOf("issuer", "token_endpoint")},
	"responsemode":      {"jwt or query.jwt", oneOf("jwt", "query.jwt")},
	"pem":               {"text in PEM form", isPEM},
	"kmskey":            {"the ARN of a KMS key, arn:aws:kms:<region>:<account>:key/<id>", isKMSKey},
	"resource":          {"absolute URIs without fragment and comma, of at most 256 characters", isResource},
	"parameter":         {"names of parameters of the authorization request that a page may choose", isParameter},
	"path":              {"a path such as /oauth-agent: segments of letters, digits, '-', '_' or '.', no trailing slash", isPath},
}

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
	} else if !isHostName(host) {
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

// isCSRFHeader refuses names a cross-site page may send without a preflight
// (Fetch, "CORS-safelisted request-header"), or that mean something else.
func isCSRFHeader(s string) bool {
	taken := []string{"accept", "accept-language", "content-language", "content-type", "range",
		"authorization", "cookie", "origin", "host", contract.HeaderVersion}
	return madeOf(s, 1, 64, "-") && !slices.Contains(taken, strings.ToLower(s))
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
	tokens := strings.Split(s, " ")
	for _, token := range tokens {
		if !isScopeToken(token) {
			return false
		}
	}
	return len(s) <= 1024
}

// isPath accepts one to eight segments, none of which begins with a dot.
func isPath(s string) bool {
	rest, absolute := strings.CutPrefix(s, "/")
	segments := strings.Split(rest, "/")
	for _, segment := range segments {
		if !madeOf(segment, 1, 64, "-_.") || segment[0] == '.' {
			return false
		}
	}
	return absolute && len(segments) <= 8
}

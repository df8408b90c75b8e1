package settings

import (
	"encoding/hex"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/preview"
)

// rule is the form of a value. expects completes "must be …".
type rule struct {
	expects  string
	text     func(string) bool
	duration func(time.Duration) bool
}

var rules = map[string]rule{
	"origin":        text("an origin such as https://www.example.com: https (http for loopback names only), lower case, no default port, no path, no wildcard", isOrigin),
	"preview":       text("an origin with one wildcard label such as https://*.preview.example.com: https (http for loopback names only), lower case, no default port, the host below it at least two labels and not a public suffix such as vercel.app", preview.Valid),
	"url":           text("an absolute https URL (http for loopback names only) without user info and fragment", isURL),
	"issuer":        text("an absolute https URL (http for loopback names only) without user info, query and fragment", isIssuer),
	"prefix":        text("1 to 32 letters, digits, '-' or '_', not starting with __ (except __Host- or __Secure- with the format curity)", isPrefix),
	"cookieformat":  oneOf(FormatSealed, FormatCurity),
	"metrics":       oneOf(MetricsEMF, MetricsNone),
	"domain":        text("a domain name such as example.com: lower case, at least two labels, no leading dot, no IP address", isDomain),
	"deployment":    text("an issuer, a space and a client id", isDeployment),
	"former":        text("a cookie prefix such as th, a domain such as example.com or a path such as /oauth-agent", isFormer),
	"table":         text("the name of a DynamoDB table", func(s string) bool { return madeOf(s, 3, 255, "_-.") }),
	"secretarn":     text("the ARN of a secret in Secrets Manager", isSecretARN),
	"csrfheader":    text("the name of a custom request header, such as x-th-csrf", isCSRFHeader),
	"key":           text("64 hexadecimal characters (32 bytes), not all the same", isKey),
	"credential":    text("1 to 1024 printable ASCII characters", isCredential),
	"scope":         text("scopes separated by single spaces", isScope),
	"devicebinding": oneOf(DeviceBindingOff, DeviceBindingOffer, DeviceBindingRequired),
	"logout":        oneOf(LogoutProvider, LogoutLocal),
	"introspection": oneOf(MediaTypeJWT, MediaTypeSigned, MediaTypeJSON),
	"audience":      text("1 to 256 printable ASCII characters without comma and space", isAudience),
	"dialect":       oneOf(string(DialectAssistant), string(DialectClassic)),
	"profile":       oneOf(Profiles...),
	"algorithm":     oneOf("ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA", "Ed25519"),
	"responsemode":  oneOf("jwt", "query.jwt"),
	"pem":           text("text in PEM form", isPEM),
	"certificates":  text("1 to 10 certificates in PEM form and nothing else", isCertificates),
	"kmskey":        text("the ARN of a KMS key, arn:aws:kms:<region>:<account>:key/<id>", isKMSKey),
	"resource":      text("an absolute URI of at most 256 characters without fragment and comma", isResource),
	"parameter":     text("a parameter of the authorization request that a page may choose", isParameter),
	"path":          text("a path such as /oauth-agent: segments of letters, digits, '-', '_' or '.', no trailing slash", isPath),

	"authentication": oneOf(ClientSecretBasic, ClientSecretPost, PrivateKeyJWT, TLSClientAuth),

	"parameters":   {expects: `a JSON object such as {"access_type":"offline"}, without scope and parameters of the protocol`},
	"claimheaders": {expects: `a JSON object of at most 10 claims by request header, such as {"X-User-Email":"email"}: headers begin with X-, and not with X-Forwarded-, X-Amz or X-Request-Id`},
	"requirements": {expects: `a JSON object of routes, such as {"GET /orders":{"scope":"orders.read"}}`},
	"upstreams":    {expects: `a JSON object of URLs by route, such as {"GET /orders":"https://orders.internal.example/orders"}`},

	"lifetime":     seconds("a duration of whole seconds such as 30m or 8h, at most 8760h", time.Second, maxLifetime),
	"devicecookie": seconds("whole seconds from 60 to 3600", time.Minute, time.Hour),
	"repeat":       seconds("whole seconds from 1 to 300", time.Second, 5*time.Minute),
	"cachettl":     seconds("whole seconds from 1 to 60", time.Second, maxCacheTTL),
	"maxage":       seconds("whole seconds from 0 to 300", None, 5*time.Minute),
}

func text(expects string, ok func(string) bool) rule { return rule{expects: expects, text: ok} }

func oneOf(values ...string) rule {
	last := len(values) - 1
	return text(strings.Join(values[:last], ", ")+" or "+values[last], func(s string) bool { return slices.Contains(values, s) })
}

// seconds accepts whole seconds in a range, and None if the range includes it.
func seconds(expects string, minimum, maximum time.Duration) rule {
	return rule{expects: expects, duration: func(d time.Duration) bool {
		return minimum <= d && d <= maximum && (d == None || d%time.Second == 0)
	}}
}

// IsKey reports whether s is a key that cookies may be sealed with.
func IsKey(s string) bool { return isKey(s) }

// IsURL reports whether s is an absolute URL that may be called: https, or
// http on a loopback name.
func IsURL(s string) bool { return isURL(s) }

// IsScopeToken reports whether s is one scope (RFC 6749 appendix A.4), of at
// most 128 characters.
func IsScopeToken(s string) bool { return isScopeToken(s) && len(s) <= 128 }

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

// isCSRFHeader refuses names that a cross-site page may send without a
// preflight (Fetch, "CORS-safelisted request-header"), and names with another
// meaning.
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

// isPath accepts one to eight segments that do not begin with a dot.
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

func isSecretARN(s string) bool {
	parts := strings.SplitN(s, ":", 7)
	return len(parts) == 7 && parts[0] == "arn" && strings.HasPrefix(parts[1], "aws") && parts[2] == "secretsmanager" &&
		madeOf(parts[3], 1, 32, "-") && madeOf(parts[4], 12, 12, "") && parts[5] == "secret" && madeOf(parts[6], 1, 512, "/_+=.@-")
}

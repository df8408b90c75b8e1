package trace

import (
	"fmt"
	"regexp"
	"strings"
)

// hidden stands for a value that is not shown.
const hidden = "••••"

// shown are the headers whose values are shown. A header that is missing here
// is masked.
var shown = set("accept", "accept-encoding", "accept-language", "allow", "cache-control", "connection", "content-encoding", "content-length",
	"content-security-policy", "content-type", "cross-origin-opener-policy", "cross-origin-resource-policy", "date", "expires", "host", "origin",
	"pragma", "referrer-policy", "retry-after", "server", "strict-transport-security", "token-handler-version", "transfer-encoding",
	"upgrade-insecure-requests", "user-agent", "vary", "x-amz-apigw-id", "x-amzn-apigateway-api-id", "x-amzn-errortype", "x-amzn-requestid", "x-amzn-trace-id",
	"x-content-type-options", "x-forwarded-port", "x-forwarded-proto", "x-frame-options", "x-http-method-override",
	"sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-user", "sec-gpc", "te")

func set(names ...string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	return m
}

var (
	cookieName = regexp.MustCompile(`^((__Host-|__Secure-)[A-Za-z0-9_.-]{1,60}|[A-Za-z0-9_.-]{1,32})$`)
	// paramName excludes digits: a token or code in place of a name has some.
	paramName = regexp.MustCompile(`^[A-Za-z][A-Za-z_.\[\]-]{0,30}$`)
	fieldName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,60}$`)
	schemes   = set("bearer", "dpop", "basic")
)

// Header returns the value of a header as it may be shown.
func Header(name, value string) string {
	lower := strings.ToLower(name)
	switch {
	case lower == "cookie":
		return cookies(value)
	case lower == "set-cookie":
		return setCookie(value)
	case lower == "authorization":
		if scheme, rest, ok := strings.Cut(value, " "); ok && schemes[strings.ToLower(scheme)] {
			return scheme + " " + size(rest)
		}
	case shown[lower], strings.HasPrefix(lower, "access-control-"):
		return cut(value)
	}
	return size(value)
}

// Name returns the name of a header as it may be shown.
func Name(name string) string {
	if fieldName.MatchString(name) {
		return name
	}
	return hidden
}

// Param returns the name of a query parameter as it may be shown.
func Param(name string) string {
	if paramName.MatchString(name) {
		return name
	}
	return hidden
}

// Secrets returns the parts of a masked header that must not show elsewhere.
func Secrets(name, value string) []string {
	lower := strings.ToLower(name)
	if shown[lower] || strings.HasPrefix(lower, "access-control-") {
		return nil
	}
	out := []string{value}
	switch lower {
	case "cookie":
		for pair := range strings.SplitSeq(value, ";") {
			if _, v, ok := strings.Cut(pair, "="); ok {
				out = append(out, strings.TrimSpace(v))
			}
		}
	case "set-cookie":
		pair, _, _ := strings.Cut(value, ";")
		_, v, _ := strings.Cut(pair, "=")
		out = append(out, v)
	case "authorization":
		_, token, _ := strings.Cut(value, " ")
		out = append(out, token)
	}
	return out
}

func size(value string) string { return fmt.Sprintf("%s (%s)", hidden, count(len(value), "byte")) }

func count(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

func cut(value string) string {
	if len(value) > 300 {
		return strings.ToValidUTF8(value[:300], "") + "…"
	}
	return value
}

func cookies(value string) string {
	var out []string
	for pair := range strings.SplitSeq(value, ";") {
		name, v, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if name = strings.TrimSpace(name); !ok || !cookieName.MatchString(name) {
			name = hidden
		}
		out = append(out, name+"="+size(v))
		if len(out) == 30 {
			break
		}
	}
	return strings.Join(out, "; ")
}

// setCookie keeps the attributes, which a browser decides by.
func setCookie(value string) string {
	pair, attributes, more := strings.Cut(value, ";")
	out := cookies(pair)
	if more {
		out += ";" + cut(attributes)
	}
	return out
}

// CookieNames returns the names of a Cookie header's cookies, with repeats.
func CookieNames(value string) []string {
	var out []string
	for pair := range strings.SplitSeq(value, ";") {
		if name, _, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && cookieName.MatchString(name) {
			out = append(out, name)
		}
	}
	return out
}

// Endpoint returns a template's URI without user information and query.
func Endpoint(uri string) string {
	uri, _, _ = strings.Cut(uri, "?")
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return uri
	}
	host, path, _ := strings.Cut(rest, "/")
	if _, after, ok := strings.Cut(host, "@"); ok {
		host = after
	}
	return scheme + "://" + host + "/" + path
}

// Expression returns a mapping expression. The literal of a masked header is
// not shown: it may be an API key.
func Expression(header, expr string) string {
	if strings.HasPrefix(expr, "'") && strings.HasPrefix(Header(header, "x"), hidden) && strings.ToLower(header) != "cookie" {
		return "a literal"
	}
	return expr
}

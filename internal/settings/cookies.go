package settings

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
)

// Cookies holds the names and attributes of the cookies.
type Cookies struct {
	// NamePrefix names the cookies __Host-<prefix>-at, -auth, -id, -csrf and
	// -login-<n>: 1 to 32 letters, digits, '-' or '_'. With Format curity, names
	// are the prefix without __Host-.
	NamePrefix string `env:"COOKIE_NAME_PREFIX,always" json:"cookiePrefix" rule:"prefix" default:"th"`

	// CSRFHeader is the request header of the double submit. Default:
	// x-<prefix>-csrf.
	CSRFHeader string `env:"CSRF_HEADER" json:"csrfHeader" rule:"csrfheader"`

	// Format is sealed, or curity while another implementation must read or
	// write the cookies: the format of Curity's open-source token handler. That
	// format does not authenticate the cookie's name or a session, and has no
	// expiry. An attacker who can set cookies can exchange them, and only the
	// upstream API rejects an expired access token.
	Format string `env:"COOKIE_FORMAT" json:"cookieFormat" rule:"cookieformat" default:"sealed"`

	// Domain is the Domain attribute of the cookies, such as example.com, for an
	// API that is called under several hosts of it. Every host below it receives
	// them and can set cookies of its own. Their names then begin with __Secure-.
	// Default: the API's own host only.
	Domain string `env:"COOKIE_DOMAIN" json:"cookieDomain" rule:"domain"`

	// BasePath is the Path attribute of the refresh token and ID token cookies:
	// the agent's path as browsers see it, such as /api/oauth-agent with the
	// stage api, or /oauth-agent behind a custom domain. Requests to protected
	// routes then do not carry them. Their names then begin with __Secure-.
	// Default: /.
	BasePath string `env:"COOKIE_BASE_PATH" json:"cookieBasePath" rule:"path"`

	// Former are prefixes, domains and paths of earlier configurations, such as
	// th-old, example.org and /v1/oauth-agent. Sign-in and sign-out remove their
	// cookies. Those of the current prefix, and of the domains above the host, are
	// found without it.
	Former []string `env:"FORMER_COOKIES" json:"formerCookies" lambda:"agent" rule:"former"`
}

// isFormer accepts a cookie prefix, a domain or a path. Only a path has a
// slash, and only a domain a dot.
func isFormer(s string) bool {
	switch {
	case strings.HasPrefix(s, "/"):
		return isPath(s)
	case strings.Contains(s, "."):
		return isDomain(s)
	}
	_, prefix := cutNamePrefix(s)
	return isPrefix(s) && prefix == ""
}

// Values of Cookies.Format.
const (
	FormatSealed = "sealed"
	FormatCurity = "curity"
)

// CSRFHeaderName returns the request header of the double submit.
func (c Cookies) CSRFHeaderName() string {
	if c.CSRFHeader != "" {
		return c.CSRFHeader
	}
	return contract.CSRFHeader(c.NamePrefix)
}

// isPrefix accepts __Host- and __Secure-, which only Format curity may have.
func isPrefix(s string) bool {
	name, _ := cutNamePrefix(s)
	return madeOf(s, 1, 32, "-_") && name != "" && !strings.HasPrefix(name, "__")
}

// cutNamePrefix splits off the prefixes that browsers give a meaning (RFC
// 6265bis section 4.1.3). Browsers compare them in any letter case. Any other
// spelling stays a part of the name, where isPrefix rejects it.
func cutNamePrefix(s string) (name, prefix string) {
	for _, prefix := range []string{"__Host-", "__Secure-"} {
		if name, ok := strings.CutPrefix(s, prefix); ok {
			return name, prefix
		}
	}
	return s, ""
}

func isDomain(s string) bool {
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if !madeOf(label, 1, 63, "-") || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	_, err := netip.ParseAddr(s)
	return len(labels) > 1 && len(s) <= 253 && s == strings.ToLower(s) && err != nil
}

// endsIn reports whether cookies with a path reach the agent: browsers see its
// path behind the stage's name or a base path mapping. /api/oauth-agent ends in
// /oauth-agent, /my-oauth-agent does not.
func endsIn(cookiePath, agentPath string) bool {
	tail, segments := strings.Split(agentPath, "/")[1:], strings.Split(cookiePath, "/")
	n := len(segments) - len(tail)
	return cookiePath == "" || n > 0 && slices.Equal(segments[n:], tail)
}

package settings

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
)

// Formats of COOKIE_FORMAT.
const (
	FormatSealed = "sealed"
	FormatCurity = "curity"
)

func isCookieFormat(s string) bool { return s == FormatSealed || s == FormatCurity }

// isPrefix leaves it to Shared.faults whether this deployment may have __.
func isPrefix(s string) bool {
	name, _ := cutNamePrefix(s)
	return madeOf(s, 1, 32, "-_") && name != "" && !strings.HasPrefix(name, "__")
}

// cutNamePrefix splits off what browsers give a meaning (RFC 6265bis section
// 4.1.3). They compare it in any letter case; any other spelling stays a part
// of the name, where isPrefix refuses it.
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

func isSecretARN(s string) bool {
	parts := strings.SplitN(s, ":", 7)
	return len(parts) == 7 && parts[0] == "arn" && strings.HasPrefix(parts[1], "aws") && parts[2] == "secretsmanager" &&
		madeOf(parts[3], 1, 32, "-") && madeOf(parts[4], 12, 12, "") && parts[5] == "secret" && madeOf(parts[6], 1, 512, "/_+=.@-")
}

// contradictions are the faults of settings that are well-formed each. Where
// secrets is false, those that are secrets are not there yet.
func contradictions(s reflect.Value, secrets bool) []error {
	var errs []error
	field := s.FieldByName("Shared")
	if !field.IsValid() {
		return nil
	}
	shared := field.Interface().(Shared)
	errs = append(errs, shared.faults(secrets)...)
	if session := s.FieldByName("Session"); session.IsValid() {
		errs = append(errs, session.Interface().(Session).faults(shared.CookieFormat)...)
	}
	if agentPath := s.FieldByName("BasePath"); agentPath.IsValid() && !endsIn(shared.CookieBasePath, agentPath.String()) {
		errs = append(errs, errors.New("COOKIE_BASE_PATH does not end in AGENT_BASE_PATH: expected the agent's path as browsers see it, or they would never send the cookies there"))
	}
	return errs
}

func (s Shared) faults(secrets bool) []error {
	var errs []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	const dropped = "browsers drop __Host- cookies that have one (RFC 6265bis section 4.1.3.2)"
	_, prefix := cutNamePrefix(s.CookieNamePrefix)
	curity := s.CookieFormat == FormatCurity
	fault(prefix != "" && !curity, "COOKIE_NAME_PREFIX begins with %s: expected it without, which of __Host- and __Secure- applies follows from the other settings", prefix)
	fault(prefix == "__Host-" && curity && s.CookieDomain != "", "COOKIE_DOMAIN is set: expected none with the prefix __Host-, "+dropped)
	fault(prefix == "__Host-" && curity && s.CookieBasePath != "", "COOKIE_BASE_PATH is set: expected none with the prefix __Host-, browsers drop __Host- cookies with a path other than / (RFC 6265bis section 4.1.3.2)")
	fault(curity && s.DPoP, "DPOP is set: expected none with COOKIE_FORMAT curity, whose other readers know no token with a key")

	fromSecret := s.EncryptionKeySecretARN != ""
	fault(secrets && !fromSecret && s.EncryptionKey == "", "ENCRYPTION_KEY is missing: expected %s, or else ENCRYPTION_KEY_SECRET_ARN", rules["key"].expects)
	fault(fromSecret && s.EncryptionKey != "", "ENCRYPTION_KEY is set: expected none with ENCRYPTION_KEY_SECRET_ARN")
	fault(fromSecret && len(s.PreviousEncryptionKeys) > 0, "PREVIOUS_ENCRYPTION_KEYS is set: expected none with ENCRYPTION_KEY_SECRET_ARN, whose version AWSPREVIOUS it is")
	return errs
}

// endsIn reports whether cookies of a path reach the agent: browsers see its
// path behind the stage's name or a base path mapping. /api/oauth-agent ends in
// /oauth-agent, /my-oauth-agent does not.
func endsIn(cookiePath, agentPath string) bool {
	tail, segments := strings.Split(agentPath, "/")[1:], strings.Split(cookiePath, "/")
	n := len(segments) - len(tail)
	return cookiePath == "" || n > 0 && slices.Equal(segments[n:], tail)
}

// IsKey reports whether s is a key that cookies may be sealed with.
func IsKey(s string) bool { return isKey(s) }

// IsURL reports whether s is an absolute URL that may be called: https, or
// http on a loopback name.
func IsURL(s string) bool { return isURL(s) }

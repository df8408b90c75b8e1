package settings

import "strings"

// The rules do not use package regexp: compiling the five expressions would
// cost 0.7 ms and 0.5 MB at every start of a Lambda, a fifth of the time that
// an empty handler needs to start and respond (go run ./test/bench).

// madeOf reports whether s has minimum to maximum bytes, each of them a letter,
// a digit or one of also.
func madeOf(s string, minimum, maximum int, also string) bool {
	for _, c := range []byte(s) {
		if !isAlphanumeric(c) && strings.IndexByte(also, c) < 0 {
			return false
		}
	}
	return minimum <= len(s) && len(s) <= maximum
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// isHostName reports whether s has only characters of lower-case host names.
func isHostName(s string) bool {
	return madeOf(s, 1, 253, ".-") && s == strings.ToLower(s) && isAlphanumeric(s[0]) && isAlphanumeric(s[len(s)-1])
}

// isScopeToken implements RFC 6749 Appendix A.4:
// scope-token = 1*( %x21 / %x23-5B / %x5D-7E ).
func isScopeToken(s string) bool {
	for _, c := range []byte(s) {
		if c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

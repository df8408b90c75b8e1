package oauthproxy

// isBearerToken reports whether a token may stand in an Authorization header:
// visible ASCII (VSCHAR without the space, RFC 6749 Appendix A.12), so that it
// cannot split or add a header. b64token of RFC 6750 section 2.1 is narrower, but
// tokens of some providers contain "|" or ":". The agent accepts the same set at
// login. Otherwise every request after such a login would be refused.
func isBearerToken(token string) bool {
	for _, c := range []byte(token) {
		if c <= 0x20 || c >= 0x7f {
			return false
		}
	}
	return token != ""
}

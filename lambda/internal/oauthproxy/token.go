package oauthproxy

// isBearerToken reports whether a token may stand in an Authorization header:
// visible ASCII (VSCHAR without the space, RFC 6749 Appendix A.12), so that
// nothing can split or add a header. b64token of RFC 6750 section 2.1 is
// narrower, but some providers' tokens have a "|" or ":" in them; the agent
// accepts the same set at login, or a login would end in a refusal each time.
func isBearerToken(token string) bool {
	for _, c := range []byte(token) {
		if c <= 0x20 || c >= 0x7f {
			return false
		}
	}
	return token != ""
}

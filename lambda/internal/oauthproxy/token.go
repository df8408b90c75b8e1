package oauthproxy

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

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

// maxSubject is the limit of the sub claim (OpenID Connect Core section 2: it
// "MUST NOT exceed 255 ASCII characters in length").
const maxSubject = 255

// subjectOf returns the subject of a sealed token that is a JWT. The signature
// needs no check here: the token came sealed from the agent, which had it from
// the provider itself.
func subjectOf(token string) string {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, isJWT := strings.Cut(rest, ".")
	if !isJWT {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return ""
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	if json.Unmarshal(raw, &claims) != nil || len(claims.Subject) > maxSubject {
		return ""
	}
	for _, c := range []byte(claims.Subject) {
		if c < 0x20 || c > 0x7e {
			return ""
		}
	}
	return claims.Subject
}

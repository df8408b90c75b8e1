package oauthproxy

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// isBearerToken reports whether a token may stand in an Authorization header:
// b64token of RFC 6750 section 2.1. Nothing else can split or add a header.
func isBearerToken(token string) bool {
	body := strings.TrimRight(token, "=")
	for _, c := range []byte(body) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("-._~+/", c) >= 0:
		default:
			return false
		}
	}
	return body != ""
}

// maxSubject is the limit of the sub claim (OpenID Connect Core section 2: it
// "MUST NOT exceed 255 ASCII characters in length").
const maxSubject = 255

// subjectOf returns the subject of a token that is a JWT. The signature needs
// no check here: the token came sealed from the agent, which had it from the
// provider itself.
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

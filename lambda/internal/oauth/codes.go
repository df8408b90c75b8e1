package oauth

import "slices"

// tokenErrors are the error codes of the endpoints that a client authenticates
// at: RFC 6749 section 5.2, RFC 8707 section 2, RFC 7009 section 2.2.1, RFC 9101
// section 6 (by RFC 9126 section 2.3), RFC 9449 section 12.2.
var tokenErrors = []string{
	"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
	"invalid_scope", "invalid_target", "unsupported_token_type", "invalid_request_object",
	invalidProof, useNonce,
}

func registered(code string, codes []string) bool { return slices.Contains(codes, code) }

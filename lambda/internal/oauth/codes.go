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

// authorizationErrors are the error codes of authorization endpoints: RFC 6749
// section 4.1.2.1, OpenID Connect Core section 3.1.2.6, RFC 8707 section 2 and
// the OpenID Connect extension for unmet authentication requirements.
var authorizationErrors = []string{
	"invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope",
	"server_error", "temporarily_unavailable",
	"interaction_required", "login_required", "account_selection_required", "consent_required",
	"invalid_request_uri", "invalid_request_object", "request_not_supported", "request_uri_not_supported",
	"registration_not_supported", "invalid_target", "unmet_authentication_requirements",
}

// RegisteredAuthorizationError reports whether code is a registered error code
// of the authorization endpoint. Anything else is somebody's text.
func RegisteredAuthorizationError(code string) bool { return registered(code, authorizationErrors) }

func registered(code string, codes []string) bool { return slices.Contains(codes, code) }

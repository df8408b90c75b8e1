package oauth

import "slices"

// tokenErrors are the error codes of the endpoints that a client authenticates
// at: RFC 6749 section 5.2, RFC 8707 section 2, RFC 7009 section 2.2.1, RFC 9101
// section 6 (by RFC 9126 section 2.3), RFC 9449 section 12.2, RFC 8628 section
// 3.5, RFC 6750 section 3.1, and codes of OpenID Connect Core section 3.1.2.6
// that providers also answer a refresh with. Any other code is text of the
// provider, which never reaches a log.
var tokenErrors = slices.Concat(registrationErrors, passingErrors, []string{
	"invalid_request", "invalid_grant", "invalid_scope", "invalid_target", "unsupported_token_type", "invalid_request_object",
	invalidProof, useNonce,
	"access_denied", "expired_token", "invalid_token", "insufficient_scope", "token_inactive",
	"interaction_required", "login_required", "account_selection_required", "consent_required",
	"unmet_authentication_requirements",
})

// registrationErrors say that this client is registered or configured wrongly.
var registrationErrors = []string{"invalid_client", "unauthorized_client", "unsupported_grant_type"}

// passingErrors say that the provider cannot answer now.
var passingErrors = []string{"server_error", "temporarily_unavailable", "slow_down"}

func registered(code string, codes []string) bool { return slices.Contains(codes, code) }

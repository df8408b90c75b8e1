package oauthagent

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
)

// failure is a response other than success. Code and message are constants or
// registered error codes. The reason goes to the log only.
type failure struct {
	status  int
	code    string
	message string
	reason  string
}

func (f *failure) Error() string { return "oauthagent: " + f.code + ": " + f.message }

// because returns the failure with a reason. It takes the texts of errors that
// never contain a secret.
func (f *failure) because(err error) *failure {
	var refusal csrf.Refusal
	var provider *oauth.Error
	switch {
	case errors.As(err, &refusal):
		return f.with(string(refusal))
	case errors.As(err, &provider):
		return f.with(provider.Reason)
	}
	return f
}

func (f *failure) with(reason string) *failure {
	copied := *f
	copied.reason = reason
	return &copied
}

// refuse returns the failure of a request whose cookies do not make up the
// session that it needs. If a cookie came twice, the reason says so.
func (c *call) refuse(f *failure, reason string) *failure {
	if c.opened.Ambiguous == "" {
		return f.with(reason)
	}
	f = f.with(ambiguous(c.opened.Ambiguous))
	f.message = f.reason
	return f
}

const loginFailedMessage = "Login failed at the Authorization Server"

var (
	unauthorized     = &failure{401, contract.CodeUnauthorizedRequest, contract.MessageUnauthorized, ""}
	tokenExpired     = &failure{401, contract.CodeTokenExpired, "The access token is expired or missing", ""}
	sessionExpired   = &failure{401, contract.CodeSessionExpired, "The session has expired", ""}
	loginRequired    = &failure{401, contract.CodeLoginRequired, "A login is required at the Authorization Server", ""}
	malformed        = &failure{400, contract.CodeInvalidRequest, "The request is malformed", ""}
	unknownLogin     = &failure{400, contract.CodeInvalidRequest, "State parameter mismatch when completing a login", ""}
	invalidIDToken   = &failure{400, contract.CodeInvalidRequest, "ID Token missing or invalid", ""}
	wrongIssuer      = &failure{400, contract.CodeInvalidRequest, "The authorization response is not from the expected issuer", ""}
	badResponse      = &failure{400, contract.CodeInvalidRequest, "The signed authorization response is not valid", ""}
	stepUpFailed     = &failure{400, contract.CodeUnmetRequirements, "The user was not authenticated as it was asked for", ""}
	rejected         = &failure{400, contract.CodeAuthorizationError, "A request sent to the Authorization Server was rejected", ""}
	forbidden        = &failure{403, contract.CodeForbidden, "The request is not one that a browser makes by itself", ""}
	deviceUnproved   = &failure{401, contract.CodeDeviceProofRequired, "The session is bound to a device that has not proved its key", ""}
	deviceSkipped    = &failure{401, contract.CodeDeviceUnavailable, "The browser could not renew its proof just now", ""}
	deviceChallenge  = &failure{403, contract.CodeDeviceProofRequired, "A proof of the device's key is required", ""}
	deviceRequired   = &failure{401, contract.CodeDeviceRequired, "The session is not bound to a device", ""}
	notFound         = &failure{404, contract.CodeNotFound, "There is no such endpoint", ""}
	methodNotAllowed = &failure{405, contract.CodeInvalidRequest, "The endpoint does not have this method", ""}
	tooLarge         = &failure{413, contract.CodeInvalidRequest, "The request body is too large", ""}
	unsupportedType  = &failure{415, contract.CodeInvalidRequest, "The content type must be application/json or application/x-www-form-urlencoded", ""}
	serverError      = &failure{500, contract.CodeServerError, "A technical problem occurred in the OAuth Agent", ""}
	providerError    = &failure{502, contract.CodeProviderError, "A problem occurred with a request to the Authorization Server", ""}
	sessionTooLarge  = &failure{502, contract.CodeSessionTooLarge, "The tokens of the Authorization Server do not fit in cookies", ""}
)

// loginFailed is the failure of an authorization error response. Its code came
// through the browser, so only registered codes are returned.
func loginFailed(code string) *failure {
	switch {
	case code == contract.CodeLoginRequired:
		return loginRequired
	case slices.Contains(contract.AuthorizationErrors, code):
		return &failure{400, code, loginFailedMessage, ""}
	}
	return &failure{400, contract.CodeAuthorizationError, loginFailedMessage, ""}
}

// providerFailure maps the errors of package oauth. A refresh checks for
// InvalidGrant before: there it ends the session.
func providerFailure(err error) *failure {
	var e *oauth.Error
	if !errors.As(err, &e) {
		return serverError
	}
	f := providerError
	switch e.Kind {
	case oauth.Rejected, oauth.InvalidGrant:
		f = rejected
	case oauth.TokenExpired:
		f = tokenExpired
	case oauth.InvalidIDToken:
		f = invalidIDToken
	case oauth.WrongIssuer:
		f = wrongIssuer
	case oauth.Unacceptable:
		f = malformed
	case oauth.BadSignature:
		f = badResponse
	case oauth.StepUpFailed:
		f = stepUpFailed
	}
	return f.because(err)
}

func asFailure(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	return serverError
}

// panicked tells the place of a panic, but not its value, which may quote secrets.
func panicked(p any) *failure {
	return serverError.with(fmt.Sprintf("panic of type %T: %s", p, debug.Stack()))
}

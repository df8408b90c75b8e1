package oauth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// Kind tells errors apart where the agent must.
type Kind int

const (
	// Unavailable: the provider cannot be reached, failed, or sent something
	// that cannot be used; or it refuses this client, which only the operator
	// can mend. Trying again later may help, signing in again will not.
	Unavailable Kind = iota
	// Rejected: the provider refused the request.
	Rejected
	// InvalidGrant: the code or refresh token is of no more use.
	InvalidGrant
	// TokenExpired: the provider no longer accepts the access token.
	TokenExpired
	// InvalidIDToken: the ID token is missing or failed a check.
	InvalidIDToken
	// WrongIssuer: the authorization response is not the provider's.
	WrongIssuer
	// Unacceptable: what the page asks for is not to be asked for.
	Unacceptable
	// BadSignature: a signed response is not the provider's, or not for us.
	BadSignature
	// StepUpFailed: the user was not authenticated as the login demanded it.
	StepUpFailed
)

// Error is the error of every function of this package.
type Error struct {
	Kind Kind
	// Reason is fit for a log, not for the browser.
	Reason string
}

func (e *Error) Error() string { return "oauth: " + e.Reason }

// refused reports whether a status is a lasting refusal. 408 and 429 pass.
func refused(status int) bool {
	return status >= 400 && status < 500 && status != 408 && status != 429
}

// networkReason classifies an error of net/http. Its text is not used, because
// it quotes what the other side sent.
func networkReason(err error) string {
	var timeout interface{ Timeout() bool }
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var op *net.OpError
	var status statusError
	switch {
	case errors.As(err, &status):
		return fmt.Sprintf("answered %d", int(status))
	case errors.Is(err, errNotJSON):
		return "answered something other than JSON"
	case errors.Is(err, context.Canceled):
		return "was given up: the request was cancelled"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "did not answer in time"
	case errors.As(err, &dns):
		return "has a name that does not resolve"
	case errors.As(err, &certificate):
		return "has a certificate that is not trusted"
	case errors.As(err, &op) && op.Op == "dial":
		return "cannot be reached"
	}
	return "answered something that cannot be used, or broke off"
}

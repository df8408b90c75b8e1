package oauth

// Kind tells errors apart for the agent.
type Kind int

const (
	// Unavailable: the provider cannot be reached, failed, or sent something
	// that cannot be used; or it refuses this client, which only the operator
	// can fix. Trying again later may help, signing in again will not.
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
	// Unacceptable: the page asked for something that it must not ask for.
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

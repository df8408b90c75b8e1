// Package csrf holds the rules against cross-site request forgery. Both
// Lambdas apply the same ones, each in front of the cookies it opens.
//
// Two defences stand one behind the other: the Origin header must name a
// trusted origin, and the request must carry a custom header, which a page of
// another origin cannot send without a preflight that we refuse. In the
// classic dialect the header repeats a value sealed in a cookie (double
// submit); in the assistant dialect it is the constant
// "token-handler-version: 1".
package csrf

import (
	"crypto/subtle"
	"net/http"
	"slices"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/preview"
)

// Refusal says why a request was refused: a constant, fit for the browser.
type Refusal string

func (r Refusal) Error() string { return "csrf: " + string(r) }

// The refusals.
const (
	OriginMissing   Refusal = "The request has no Origin header"
	OriginAmbiguous Refusal = "The request has more than one Origin"
	OriginUntrusted Refusal = "The Origin of the request is not trusted"
	SiteContradicts Refusal = "The Sec-Fetch-Site header of the request contradicts its Origin"
	VersionUnknown  Refusal = "The token-handler-version header of the request is not 1"
	TokenMissing    Refusal = "The request has neither a CSRF header nor token-handler-version: 1"
	TokenAmbiguous  Refusal = "The request has more than one CSRF header"
	TokenMismatch   Refusal = "The CSRF header of the request does not match its cookie"
)

// Header returns all values of the request header with a name, in any letter
// case.
type Header func(name string) []string

// HTTPHeader adapts the header of an http.Request.
func HTTPHeader(h http.Header) Header { return h.Values }

// Rules are the rules of one deployment.
type Rules struct {
	// TrustedOrigins are compared exactly, as browsers serialise origins. An
	// empty list trusts no origin.
	TrustedOrigins []string
	// PreviewOrigin is the pattern of further trusted origins, such as
	// https://*.preview.example.com; see package preview. Empty: none.
	PreviewOrigin string
	// SameOriginReads trusts GET and HEAD requests of pages on this host itself.
	SameOriginReads bool
	// HeaderName is the header of the double submit.
	HeaderName string
}

// Origin returns the trusted origin the request comes from. With SameOriginReads
// it is empty where browsers send no Origin and say instead that the request comes
// from the page's own: on GET and HEAD with "Sec-Fetch-Site: same-origin" (Fetch,
// "append a request Origin header"; Fetch Metadata section 2.3). Elsewhere such a
// page is one that an upstream API serves, and no trusted origin.
func (r Rules) Origin(method string, header Header) (string, error) {
	values := distinct(header("Origin"))
	switch {
	case len(values) > 1:
		return "", OriginAmbiguous
	case len(values) == 1 && r.trusts(values[0]):
		if !sameSite(header) {
			return "", SiteContradicts
		}
		return values[0], nil
	case len(values) == 1:
		return "", OriginUntrusted
	case r.SameOriginReads && Safe(method) && len(r.TrustedOrigins) > 0 && slices.Equal(distinct(header("Sec-Fetch-Site")), []string{"same-origin"}):
		return "", nil
	}
	return "", OriginMissing
}

func (r Rules) trusts(origin string) bool {
	return slices.Contains(r.TrustedOrigins, origin) || preview.Matches(r.PreviewOrigin, origin)
}

// sameSite reports whether Sec-Fetch-Site, if the browser sends it, fits a page
// of ours: the page is on the API's site, or the browser would not send its
// cookies (they are SameSite=Strict). Other values are not from a browser, or
// from one with a fault in the Origin.
func sameSite(header Header) bool {
	for _, site := range header("Sec-Fetch-Site") {
		if site != "same-origin" && site != "same-site" {
			return false
		}
	}
	return true
}

// Assistant reports whether the request is of the assistant dialect, which is
// told by the presence of [contract.HeaderVersion]. The header is its CSRF defence.
func Assistant(header Header) (bool, error) {
	values := distinct(header(contract.HeaderVersion))
	switch {
	case len(values) == 0:
		return false, nil
	case len(values) == 1 && values[0] == contract.Version:
		return true, nil
	}
	return false, VersionUnknown
}

// DoubleSubmit checks the CSRF header of a classic request against the value
// that its CSRF cookie carries, in constant time. An empty cookie value never
// matches.
func (r Rules) DoubleSubmit(header Header, cookieValue string) error {
	values := distinct(header(r.HeaderName))
	switch {
	case len(values) == 0:
		return TokenMissing
	case len(values) > 1:
		return TokenAmbiguous
	case cookieValue == "" || subtle.ConstantTimeCompare([]byte(values[0]), []byte(cookieValue)) != 1:
		return TokenMismatch
	}
	return nil
}

// Safe reports whether the method changes no state and needs no CSRF header.
// OPTIONS is not among them: preflights never reach the authorizer.
func Safe(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// distinct drops repetitions: a proxy may send one value twice, but two
// different ones are ambiguous.
func distinct(values []string) []string {
	if len(values) < 2 {
		return values
	}
	values = slices.Clone(values)
	slices.Sort(values)
	return slices.Compact(values)
}

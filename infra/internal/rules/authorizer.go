package rules

import (
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
)

// DefaultTTL applies where an authorizer has no TTL: "The default value is
// 300" (AWS::ApiGateway::Authorizer, AuthorizerResultTtlInSeconds).
const DefaultTTL = 300

// Authorizer is an authorizer of a REST API.
type Authorizer struct {
	// Foreign says why it is not the token handler's; empty if it is.
	Foreign string
	// Known is false for an authorizer that only a name was given of.
	Known bool

	Type    string
	TTL     int // seconds; -1 if it is unreadable
	Sources []string
	// Function is the OAuth proxy that it invokes; nil if that is unknown.
	Function *Function

	// The construct tree also tells these.
	ID       string
	Handler  string // construct path of its token handler
	OnlySafe bool   // its cache is for GET and HEAD
}

// Function is an OAuth proxy: the settings that rules compare with the
// authorizers that invoke it.
type Function struct {
	CSRFHeader   string           // of the double submit
	CacheTTL     string           // seconds; empty: results are not cached
	CacheDialect settings.Dialect // of all clients, if results are cached
	Bound        bool             // tokens are bound to a key (DPoP)
}

// proofHeader is the request header by which clients prove that a request is
// not cross-site; empty for methods that need no proof.
func (f Function) proofHeader(httpMethod string) string {
	switch {
	case f.CacheDialect == settings.DialectAssistant:
		return contract.HeaderVersion
	case isSafe(httpMethod):
		return ""
	}
	return f.CSRFHeader
}

func isSafe(httpMethod string) bool { return httpMethod == "GET" || httpMethod == "HEAD" }

func (a *Authorizer) hasSource(name string) bool {
	return slices.ContainsFunc(a.Sources, func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), name) })
}

// caches reports whether the authorizer is known to cache results.
func (a *Authorizer) caches() bool { return a.Known && a.TTL != 0 }

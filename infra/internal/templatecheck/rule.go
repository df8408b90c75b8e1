// Package templatecheck holds the rule that every method of a REST API is
// behind the token handler, and applies it to synthesized CloudFormation
// templates. The construct applies the same rule to its construct tree.
//
// It reads AWS::ApiGateway::Method resources and OpenAPI bodies of REST APIs
// (AWS::ApiGateway::RestApi). What it cannot read is a finding, not a pass. Not
// looked at: HTTP and WebSocket APIs (AWS::ApiGatewayV2::…), and whatever a
// condition of the template leaves out is taken as present.
package templatecheck

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
)

// TokenSource is where the token comes from.
var TokenSource = contract.FromContext(contract.ContextToken)

// Where the token and the cookies go to.
const (
	AuthorizationTarget = "integration.request.header.Authorization"
	CookieTarget        = "integration.request.header.Cookie"
)

// PublicKey is the metadata of an AWS::ApiGateway::Method that says why the
// method is open to everyone.
const PublicKey = "tokenhandler:public"

// Method is what the rule reads of a method.
type Method struct {
	HTTPMethod    string
	Path          string            // of its resource
	Authorization string            // AuthorizationType
	Ours          bool              // its authorizer is the token handler's
	Agent         bool              // its integration is the OAuth agent, which checks by itself
	Public        string            // why it is open to everyone
	Integration   string            // Type; "none" without one, "unreadable" if not literal
	Parameters    map[string]string // of the request to the integration
	Templates     map[string]string // of the request to the integration
}

// Kind is how a sound method is covered: "agent", "preflight", "public" or
// "protected".
func (m Method) Kind() string {
	switch {
	case m.Agent:
		return "agent"
	case m.HTTPMethod == "OPTIONS" && m.Integration == "MOCK" && m.Authorization == "NONE":
		return "preflight"
	case m.Public != "":
		return "public"
	}
	return "protected"
}

// Fault is the rule: what is wrong with a method and the mend, or "".
func (m Method) Fault() string {
	switch kind := m.Kind(); {
	// API Gateway routes to a resource and method together: a request whose
	// resource lacks the method falls through to a greedy sibling that has it.
	case m.greedy() && m.Authorization == "NONE" && kind != "preflight":
		return "has no authorizer: add it with Protect of the token handler, or give it the token handler's Authorizer; " +
			"a greedy path also serves the methods its siblings lack"
	case kind == "agent" && m.HTTPMethod == "ANY":
		return "gives every method to the OAuth agent: expected the agent's own endpoints"
	case kind == "agent", kind == "preflight":
		return "" // the agent checks by itself; behind a preflight there is nothing
	case kind == "public" && m.Authorization == "NONE":
		return m.publicFault()
	case kind == "public":
		return fmt.Sprintf("is public (%q) and has authorization type %s: expected one or the other", m.Public, m.Authorization)
	case m.HTTPMethod == "OPTIONS" && m.Authorization == "NONE":
		return fmt.Sprintf("has no authorizer and integration %s: a preflight must be MOCK; use AddPreflight of the token handler", m.Integration)
	case m.Authorization == "NONE":
		return "has no authorizer: add it with Protect of the token handler, or give it the token handler's Authorizer"
	case m.Authorization != "CUSTOM":
		return fmt.Sprintf("has authorization type %s: expected CUSTOM with the token handler's Authorizer", m.Authorization)
	case !m.Ours:
		return "has another authorizer: expected the token handler's Authorizer"
	}
	return m.mappingFault()
}

func (m Method) greedy() bool { return strings.Contains(m.Path, "+}") }

// http reports whether the integration is an HTTP upstream, and what is wrong
// if that cannot be told.
func (m Method) http() (bool, string) {
	switch m.Integration {
	case "HTTP", "HTTP_PROXY":
		return true, ""
	case "unreadable":
		return false, "has an integration whose type cannot be read: expected a literal one"
	}
	return false, "" // nothing but the Lambda's own event goes there
}

// publicFault: a public method still must not carry the session upstream.
func (m Method) publicFault() string {
	if isHTTP, fault := m.http(); !isHTTP {
		return fault
	}
	if fault := m.sessionFault(); fault != "" {
		return fault
	}
	for _, target := range []string{AuthorizationTarget, CookieTarget} {
		if m.Integration == "HTTP_PROXY" && !isConstant(m.Parameters[target]) {
			return fmt.Sprintf("passes the session upstream: map %s from a constant such as 'none', or use an HTTP integration without proxy", target)
		}
	}
	return ""
}

// mappingFault looks at what goes upstream of a protected method.
func (m Method) mappingFault() string {
	if isHTTP, fault := m.http(); !isHTTP {
		return fault
	}
	if fault := m.sessionFault(); fault != "" {
		return fault
	}
	if m.Parameters[AuthorizationTarget] != TokenSource {
		return fmt.Sprintf("does not give its integration the token: map %s from %s", AuthorizationTarget, TokenSource)
	}
	// HTTP_PROXY passes on what is not mapped over.
	if m.Integration == "HTTP_PROXY" && !isConstant(m.Parameters[CookieTarget]) {
		return fmt.Sprintf("passes the session cookies upstream: map %s from a constant such as 'none', or use an HTTP integration without proxy", CookieTarget)
	}
	return ""
}

func (m Method) sessionFault() string {
	for _, target := range slices.Sorted(maps.Keys(m.Parameters)) { // for a message that does not change
		source := m.Parameters[target]
		token := target == AuthorizationTarget && source == TokenSource
		if m.Public != "" {
			// Without an authorizer there is no token, and a mapping of nothing
			// leaves the client's own header in place.
			token = target == AuthorizationTarget && isConstant(source)
		}
		switch {
		case strings.EqualFold(target, AuthorizationTarget) && !token && m.Public != "":
			return fmt.Sprintf("is public and maps %s from %s: expected no such mapping, or a constant", target, source)
		case strings.EqualFold(target, AuthorizationTarget) && !token:
			return fmt.Sprintf("maps %s from %s: expected %s from %s and no other", target, source, AuthorizationTarget, TokenSource)
		case isSession(source):
			return fmt.Sprintf("maps %s from %s: cookies and the client's Authorization must not go upstream", target, source)
		}
	}
	for _, contentType := range slices.Sorted(maps.Keys(m.Templates)) {
		// $context.requestOverride.header.* wins over a mapping.
		if strings.Contains(strings.ToLower(m.Templates[contentType]), "requestoverride") {
			return fmt.Sprintf("overrides the request in its template for %s, which cannot be checked: map parameters instead", contentType)
		}
	}
	return ""
}

// isConstant reports whether a mapping writes a literal that is not empty: what
// API Gateway makes of an empty one is not documented.
func isConstant(source string) bool {
	return len(source) > 2 && strings.HasPrefix(source, "'") && strings.HasSuffix(source, "'")
}

// isSession reports whether a mapping reads what must stay at the gateway.
func isSession(source string) bool {
	for _, position := range []string{"header", "multivalueheader"} {
		for _, name := range []string{"cookie", "authorization"} {
			if strings.EqualFold(source, "method.request."+position+"."+name) {
				return true
			}
		}
	}
	return false
}

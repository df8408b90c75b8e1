package rules

import "fmt"

var authorizerOnEveryMethod = Rule{
	Name:     "TH-AuthorizerOnEveryMethod",
	Sentence: "Every method has the token handler's authorizer, except the OAuth agent's endpoints, CORS preflights and methods that are marked as public.",
	method: func(m *Method) []string {
		if m.Kind() != Protected {
			return nil
		}
		switch {
		case m.HTTPMethod == "OPTIONS" && m.Authorization == "NONE":
			return one(fmt.Sprintf("has no authorizer and integration %s: a preflight must be MOCK, add it with AddPreflight of the token handler", m.Integration))
		case m.Authorization == "NONE":
			return one("has no authorizer: " + m.mend())
		case m.Authorization != "CUSTOM":
			return one(fmt.Sprintf("has authorization type %s: it must be CUSTOM with the token handler's Authorizer", m.Authorization))
		case m.Authorizer == nil:
			return one("has another authorizer: it must have the token handler's Authorizer")
		}
		return one(m.Authorizer.Foreign)
	},
}

// mend names the ways out for a method without an authorizer.
func (m *Method) mend() string {
	text, public := "add the route with Protect, or give the method the token handler's Authorizer", "mark it with MarkPublic"
	if m.ResourceID == "" { // of an OpenAPI definition
		text, public = "name the token handler's scheme in its security", "say why in x-tokenhandler-public"
	}
	if m.http() && m.Parameters[AuthorizationTarget] != TokenSource {
		text += ", map " + AuthorizationTarget + " from " + TokenSource
	}
	if m.Integration == "HTTP_PROXY" && !isConstant(m.Parameters[CookieTarget]) {
		text += ", map " + CookieTarget + " from a constant such as 'none'"
	}
	if m.greedy() {
		return text + "; a greedy path cannot be public, it also serves methods that its siblings lack"
	}
	return text + "; if it is open on purpose, " + public
}

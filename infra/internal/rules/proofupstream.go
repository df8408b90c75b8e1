package rules

import "fmt"

// RFC 9449 section 4.2: a proof names the method and the URL of the request.
var proofUpstream = Rule{
	Name:     "TH-ProofUpstream",
	Sentence: "Where access tokens are bound to a key (DPoP), protected methods are mapped HTTP routes that Protect made, and map DPoP from the authorizer's proof.",
	method: func(m *Method) []string {
		if !m.authorized() || m.Authorizer.Function == nil || !m.Authorizer.Function.Bound {
			return nil
		}
		switch {
		case m.Authorizer.Handler != "" && m.Handler == "":
			return one("is not made by Protect: with Props.AccessTokens.DPoP it must be, or the authorizer does not know the URL that its proof must name")
		case m.Integration != "HTTP":
			return one(fmt.Sprintf("has integration %s: with DPoP it must be HTTP, which passes on no DPoP header of the client", m.Integration))
		case m.Parameters[ProofTarget] != ProofSource:
			return one(fmt.Sprintf("does not give its integration the proof: map %s from %s", ProofTarget, ProofSource))
		}
		return nil
	},
}

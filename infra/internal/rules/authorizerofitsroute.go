package rules

import "fmt"

var authorizerOfItsRoute = Rule{
	Name:     "TH-AuthorizerOfItsRoute",
	Sentence: "On an API with several token handlers, a route has the authorizer of the token handler whose Protect made it.",
	method: func(m *Method) []string {
		if !m.authorized() || m.Handler == "" || m.Authorizer.Handler == "" || m.Handler == m.Authorizer.Handler {
			return nil
		}
		return one(fmt.Sprintf("has the authorizer of %s: it must have that of %s, whose Protect made it", m.Authorizer.Handler, m.Handler))
	},
}

package rules

import "fmt"

var requestAuthorizer = Rule{
	Name:     "TH-RequestAuthorizer",
	Sentence: "The token handler's authorizer is of type REQUEST, which sees cookies, origin and CSRF header.",
	method: func(m *Method) []string {
		if !m.authorized() || !m.Authorizer.Known || m.Authorizer.Type == "REQUEST" {
			return nil
		}
		return one(fmt.Sprintf("has an authorizer of type %s: it must be REQUEST, which sees cookies, origin and CSRF header", m.Authorizer.Type))
	},
}

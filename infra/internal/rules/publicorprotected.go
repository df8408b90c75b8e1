package rules

import "fmt"

var publicOrProtected = Rule{
	Name:     "TH-PublicOrProtected",
	Sentence: "A method that is marked as public has no authorizer.",
	method: func(m *Method) []string {
		if m.Public == "" || m.Authorization == "NONE" {
			return nil
		}
		return one(fmt.Sprintf("is public (%q) and has authorization type %s: it must be one or the other", m.Public, m.Authorization))
	},
}

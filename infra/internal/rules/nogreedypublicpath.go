package rules

// API Gateway routes by resource and method together: a request whose resource
// lacks the method goes to a greedy sibling that has it.
var noGreedyPublicPath = Rule{
	Name:     "TH-NoGreedyPublicPath",
	Sentence: "A greedy path ({proxy+}) is never public, because it also serves the methods that its siblings lack.",
	method: func(m *Method) []string {
		if m.Kind() != Public || m.Authorization != "NONE" || !m.greedy() {
			return nil
		}
		return one("is public and has a greedy path, which also serves the methods that its siblings lack: name each public path")
	},
}

package rules

var agentOnItsEndpoints = Rule{
	Name:     "TH-AgentOnItsEndpoints",
	Sentence: "The OAuth agent, which runs without the authorizer, gets its own endpoints only: no ANY method and no greedy path.",
	method: func(m *Method) []string {
		var faults []string
		if m.Kind() == Agent && m.HTTPMethod == "ANY" {
			faults = append(faults, "gives every method to the OAuth agent: expected the agent's own endpoints")
		}
		if m.Kind() == Agent && m.greedy() {
			faults = append(faults, "has no authorizer and gives a greedy path to the OAuth agent: expected the agent's own endpoints")
		}
		return faults
	},
}

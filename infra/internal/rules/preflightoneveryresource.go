package rules

var preflightOnEveryResource = Rule{
	Name:     "TH-PreflightOnEveryResource",
	Sentence: "A resource with a protected method has a CORS preflight (OPTIONS, MOCK), or pages on another origin cannot call it.",
	Advice:   true,
	api: func(a *API, found found) {
		answered := map[string]bool{}
		for _, m := range a.Methods {
			if m.HTTPMethod == "OPTIONS" {
				answered[m.resource()] = true
			}
		}
		for _, m := range a.Methods {
			if m.authorized() && !answered[m.resource()] {
				answered[m.resource()] = true // once per resource
				found(m.Place, m, "has no CORS preflight on its resource: add AddPreflight of the token handler, or pages on another origin cannot call it")
			}
		}
	},
}

// resource identifies the resource of the method within its API.
func (m *Method) resource() string {
	if m.ResourceID != "" {
		return m.ResourceID
	}
	return m.Path
}

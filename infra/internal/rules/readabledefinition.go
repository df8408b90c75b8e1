package rules

var readableDefinition = Rule{
	Name:     "TH-ReadableDefinition",
	Sentence: "The methods of an API stand in the template: no definition in S3, no includes and no transforms.",
	api: func(a *API, found found) {
		for _, fault := range a.Unreadable {
			found(a.Place, nil, fault)
		}
	},
	template: func(m *model, found found) {
		if m.template.Transform != nil && (!m.options.OnlyUsers || len(m.options.APIs) > 0) {
			found(Place{LogicalID: "Transform"}, nil, "the template has a transform: check the template that it gives")
		}
	},
}

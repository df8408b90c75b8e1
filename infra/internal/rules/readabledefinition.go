package rules

var readableDefinition = Rule{
	Name:     "TH-ReadableDefinition",
	Sentence: "The methods of an API stand in the template: no definition in S3, no includes, no transforms and no nested stack from elsewhere.",
	api: func(a *API, found found) {
		for _, fault := range a.Unreadable {
			found(a.Place, nil, fault)
		}
	},
	template: func(m *model, found found) {
		if m.template.Transform != nil && (!m.options.OnlyUsers || len(m.options.APIs) > 0) {
			found(Place{LogicalID: "Transform"}, nil, "the template has a transform: check the template that it gives")
		}
		for _, id := range m.ids {
			// One whose template is at hand is read as part of this template.
			if r := m.template.Resources[id]; r.Type == "AWS::CloudFormation::Stack" && m.concerns(r.Properties["Parameters"]) {
				found(place(r), nil, "is a nested stack that gets the API and whose template is not in the assembly: it may add methods, which cannot be checked")
			}
		}
	},
}

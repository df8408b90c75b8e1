package rules

import "fmt"

// Quotas of CloudFormation for a template: 1 MB, which it counts as "1000000
// bytes" in its error, and 500 resources.
const (
	maxTemplateBytes     = 1_000_000
	maxTemplateResources = 500
)

var templateSize = Rule{
	Name:     "TH-TemplateSize",
	Sentence: "A template has at most 1,000,000 bytes and 500 resources.",
	template: func(m *model, found found) {
		if m.options.OnlyUsers && len(m.apis) == 0 {
			return
		}
		for _, file := range m.template.Files {
			at := Place{LogicalID: "template"}
			if len(m.apis) > 0 {
				at = m.apis[0].Place
			}
			const wayOut = "list the Statuses that the upstream APIs answer, set @aws-cdk/core:suppressTemplateIndentation, or move resources to another stack"
			switch {
			case file.Bytes > maxTemplateBytes:
				found(at, nil, fmt.Sprintf("is in %s with %d bytes, and CloudFormation takes %d: %s", file.Name, file.Bytes, maxTemplateBytes, wayOut))
			case file.Resources > maxTemplateResources:
				found(at, nil, fmt.Sprintf("is in %s with %d resources, and CloudFormation takes %d: %s", file.Name, file.Resources, maxTemplateResources, wayOut))
			}
		}
	},
}

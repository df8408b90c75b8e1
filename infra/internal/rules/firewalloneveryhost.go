package rules

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

var firewallOnEveryHost = Rule{
	Name:     "TH-FirewallOnEveryHost",
	Sentence: "If a distribution with a web ACL serves an API, the API has a web ACL of its own or no execute-api host, which would bypass the firewall.",
	template: func(m *model, found found) {
		guarded := m.guarded()
		for _, id := range m.ids {
			r := m.template.Resources[id]
			distribution := cloudformation.Object(r.Properties["DistributionConfig"])
			if r.Type != "AWS::CloudFront::Distribution" || distribution["WebACLId"] == nil {
				continue
			}
			for _, name := range slices.Sorted(maps.Keys(cloudformation.Mentions(distribution["Origins"]))) {
				api := m.template.Resources[name]
				if api == nil || api.Type != "AWS::ApiGateway::RestApi" || m.api(name) == nil {
					continue
				}
				if isOn(api.Properties["DisableExecuteApiEndpoint"]) || guarded[name] {
					continue
				}
				found(place(api), nil, fmt.Sprintf("is also reached at its execute-api host, where the web ACL of %s does not apply: "+
					"associate a regional web ACL with its stage, or serve it under a custom domain with DisableExecuteApiEndpoint", place(r)))
			}
		}
	},
}

// guarded lists the APIs with a stage that has a web ACL.
func (m *model) guarded() map[string]bool {
	apis := map[string]bool{}
	for _, id := range m.ids {
		if r := m.template.Resources[id]; r.Type == "AWS::WAFv2::WebACLAssociation" {
			for mentioned := range cloudformation.Mentions(r.Properties["ResourceArn"]) {
				apis[mentioned] = true
				if stage := m.template.Resources[mentioned]; stage != nil && stage.Type == "AWS::ApiGateway::Stage" {
					apis[cloudformation.Name(stage.Properties["RestApiId"])] = true
				}
			}
		}
	}
	return apis
}

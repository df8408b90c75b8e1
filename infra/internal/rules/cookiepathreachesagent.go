package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/cloudformation"
	"github.com/tokenhandler/aws/internal/contract"
)

// RFC 6265bis section 5.1.4: browsers send a cookie to paths at and below its
// own. A proxy in front of the API may rewrite paths, so this is advice.
var cookiePathReachesAgent = Rule{
	Name:     "TH-CookiePathReachesAgent",
	Sentence: "COOKIE_BASE_PATH is the path of the OAuth agent as browsers see it, with the base path or the stage in front.",
	Advice:   true,
	template: func(m *model, found found) {
		for _, api := range m.apis {
			for _, method := range api.Methods {
				agentPath, isRefresh := strings.CutSuffix(method.Path, "/"+contract.EndpointRefresh)
				if !method.IsAgent || !isRefresh {
					continue
				}
				agent := m.agent(cloudformation.Object(m.template.Resources[method.LogicalID].Properties["Integration"])["Uri"])
				if agent == nil {
					continue
				}
				cookiePath, literal := variables(agent)["COOKIE_BASE_PATH"].(string)
				if !literal || cookiePath == "" {
					continue
				}
				var seen []string
				for _, prefix := range m.prefixes(api.LogicalID) {
					seen = append(seen, prefix+agentPath)
				}
				if !slices.Contains(seen, cookiePath) {
					found(place(agent), nil, fmt.Sprintf("has COOKIE_BASE_PATH %s, and browsers reach the OAuth agent at %s: they would not send the cookies there",
						cookiePath, strings.Join(seen, " or ")))
				}
			}
		}
	},
}

// prefixes lists the possible prefixes of the paths of an API in the URLs of
// browsers.
func (m *model) prefixes(api string) []string {
	var prefixes []string
	add := func(part string) {
		prefix := "/" + strings.Trim(part, "/")
		if prefix == "/" {
			prefix = ""
		}
		if !slices.Contains(prefixes, prefix) {
			prefixes = append(prefixes, prefix)
		}
	}
	r := m.template.Resources[api]
	execute := r == nil || !isOn(r.Properties["DisableExecuteApiEndpoint"])
	for _, id := range m.ids {
		r := m.template.Resources[id]
		switch {
		case r.Type == "AWS::ApiGateway::BasePathMapping" && cloudformation.Name(r.Properties["RestApiId"]) == api:
			add(cloudformation.String(r.Properties["BasePath"]))
		case r.Type == "AWS::ApiGateway::Stage" && cloudformation.Name(r.Properties["RestApiId"]) == api && execute:
			add(cloudformation.String(r.Properties["StageName"]))
		}
	}
	if execute {
		add("") // behind a distribution
	}
	return prefixes
}

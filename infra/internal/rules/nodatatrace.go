package rules

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

// "We recommend that you don't use Full request and response logs for
// production APIs", since they "can also log sensitive data" (Amazon API Gateway
// Developer Guide, "Set up CloudWatch logging for REST APIs"): here cookies,
// access tokens in the authorizer's context, and the agent's answers.
var noDataTrace = Rule{
	Name:     "TH-NoDataTrace",
	Sentence: "A stage does not trace the data of protected methods or of the OAuth agent: the log would hold tokens and session cookies.",
	template: tracesWebSockets,
	api: func(a *API, found found) {
		for _, stage := range a.Stages {
			for _, setting := range stage.Settings {
				if m := a.sensitive(setting); setting.DataTrace && m != nil {
					found(stage.Place, nil, fmt.Sprintf("has DataTraceEnabled for %s %s, which writes tokens and session cookies into the log: set it to false",
						setting.HTTPMethod, setting.ResourcePath))
				}
			}
		}
	},
}

// tracesWebSockets finds stages of WebSocket APIs with the token handler's
// authorizer that trace data. A value that is not a literal false counts as true.
func tracesWebSockets(m *model, found found) {
	for _, id := range m.ids {
		r := m.template.Resources[id]
		if r.Type != "AWS::ApiGatewayV2::Stage" || !m.opensWebSockets(cloudformation.Name(r.Properties["ApiId"])) {
			continue
		}
		settings := []any{r.Properties["DefaultRouteSettings"]}
		for _, key := range slices.Sorted(maps.Keys(cloudformation.Object(r.Properties["RouteSettings"]))) {
			settings = append(settings, cloudformation.Object(r.Properties["RouteSettings"])[key])
		}
		for _, s := range settings {
			if trace := cloudformation.Object(s)["DataTraceEnabled"]; trace != nil && trace != false && trace != "false" {
				found(place(r), nil, "has DataTraceEnabled, which writes tokens and session cookies of WebSockets into the log: set it to false")
				break
			}
		}
	}
}

// opensWebSockets reports whether an API has an authorizer that invokes an OAuth
// proxy.
func (m *model) opensWebSockets(api string) bool {
	return slices.ContainsFunc(m.ids, func(id string) bool {
		r := m.template.Resources[id]
		_, ours := m.invoked(r.Properties["AuthorizerUri"])
		return r.Type == "AWS::ApiGatewayV2::Authorizer" && ours && cloudformation.Name(r.Properties["ApiId"]) == api
	})
}

// sensitive finds a method of the setting that carries a session.
func (a *API) sensitive(setting MethodSetting) *Method {
	for _, m := range a.Methods {
		if _, ok := setting.matches(m); ok && (m.Kind() == Protected || m.Kind() == Agent) {
			return m
		}
	}
	return nil
}

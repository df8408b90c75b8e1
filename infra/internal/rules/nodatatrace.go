package rules

import "fmt"

// "We recommend that you don't use Full request and response logs for
// production APIs", since they "can also log sensitive data" (Amazon API Gateway
// Developer Guide, "Set up CloudWatch logging for REST APIs"): here cookies,
// access tokens in the authorizer's context, and the agent's answers.
var noDataTrace = Rule{
	Name:     "TH-NoDataTrace",
	Sentence: "A stage does not trace the data of protected methods or of the OAuth agent: the log would hold tokens and session cookies.",
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

// sensitive finds a method of the setting that carries a session.
func (a *API) sensitive(setting MethodSetting) *Method {
	for _, m := range a.Methods {
		if _, ok := setting.matches(m); ok && (m.Kind() == Protected || m.Kind() == Agent) {
			return m
		}
	}
	return nil
}

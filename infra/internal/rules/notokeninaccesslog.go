package rules

import (
	"fmt"
	"regexp"

	"github.com/tokenhandler/aws/internal/contract"
)

var tokenInLogRE = regexp.MustCompile(`context\.authorizer\.(` + contract.ContextToken + `|` + contract.ContextProof + `)\b`)

var noTokenInAccessLog = Rule{
	Name:     "TH-NoTokenInAccessLog",
	Sentence: "The access log of a stage does not contain the token or the proof from the authorizer's context.",
	api: func(a *API, found found) {
		for _, stage := range a.Stages {
			if variable := tokenInLogRE.FindString(stage.AccessLog); variable != "" {
				found(stage.Place, nil, fmt.Sprintf("writes $%s into its access log: remove it from AccessLogSetting.Format", variable))
			}
		}
	},
}

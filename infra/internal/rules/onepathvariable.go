package rules

import (
	"fmt"
	"strings"
)

// API Gateway refuses the second one at deployment: "A sibling ({a}) of this
// resource already has a variable path part -- only one is allowed".
var onePathVariable = Rule{
	Name:     "TH-OnePathVariable",
	Sentence: "A resource has one path variable below it: /users/{id} and /users/{userId}/orders do not go together.",
	api: func(a *API, found found) {
		variables := map[string]string{} // by parent
		for _, r := range a.Resources {
			if !strings.HasPrefix(r.Part, "{") {
				continue
			}
			switch other := variables[r.Parent]; other {
			case "":
				variables[r.Parent] = r.Part
			case r.Part:
			default:
				found(r.Place, nil, fmt.Sprintf("is the path variable %s beside its sibling %s, which API Gateway refuses: give both the same name", r.Part, other))
			}
		}
	},
}

package socket

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// identitySource is one identity source of an authorizer.
type identitySource struct{ kind, name string }

// AWS::ApiGatewayV2::Authorizer: "The identity source can be headers, query string parameters, stage variables, and
// context parameters."
var identityForm = regexp.MustCompile(`^(route\.request\.header|route\.request\.querystring|stageVariables|context)\.([A-Za-z0-9._-]+)$`)

func parseIdentity(expression string) (identitySource, error) {
	found := identityForm.FindStringSubmatch(expression)
	if found == nil {
		return identitySource{}, fmt.Errorf("%q is not an identity source of a WebSocket API", expression)
	}
	return identitySource{found[1], found[2]}, nil
}

// present reports whether the handshake has a value. AWS: the function is invoked if "all of the identity-related request
// parameters are present in the request, not null, and non-empty. … Otherwise, it returns a 401 Unauthorized response
// without calling the Lambda function."
func (i identitySource) present(header http.Header, query url.Values, stage map[string]string, context map[string]any) bool {
	switch i.kind {
	case "route.request.header":
		return slices.ContainsFunc(slices.Collect(maps.Keys(header)), func(name string) bool {
			return strings.EqualFold(name, i.name) && header[name][0] != ""
		})
	case "route.request.querystring":
		return query.Get(i.name) != ""
	case "stageVariables":
		return stage[i.name] != ""
	}
	var value any = context
	for name := range strings.SplitSeq(i.name, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value != nil && value != ""
}

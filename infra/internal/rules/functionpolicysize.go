package rules

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

const (
	// maxPolicy is the quota "Function resource-based policy" of AWS Lambda.
	maxPolicy = 20480
	// statementSize is a statement of a policy without its source ARN: Sid,
	// principal, action, the function's ARN and the condition around the source.
	statementSize = 360
)

var functionPolicySize = Rule{
	Name:     "TH-FunctionPolicySize",
	Sentence: "The permissions of one function fit into the 20,480 bytes of its policy.",
	template: func(m *model, found found) {
		size, number := map[string]int{}, map[string]int{}
		for _, id := range m.ids {
			r := m.template.Resources[id]
			if r.Type != "AWS::Lambda::Permission" || m.options.OnlyUsers && !m.concerns(r.Properties["SourceArn"]) {
				continue
			}
			function, _, _ := strings.Cut(cloudformation.Name(r.Properties["FunctionName"]), ".")
			size[function] += statementSize + deployedSize(r.Properties["SourceArn"])
			number[function]++
		}
		for _, function := range slices.Sorted(maps.Keys(size)) {
			if size[function] <= maxPolicy {
				continue
			}
			at := Place{LogicalID: function}
			if r := m.template.Resources[function]; r != nil {
				at = place(r)
			}
			found(at, nil, fmt.Sprintf("has %d permissions, about %d bytes of policy, and Lambda allows %d: "+
				"give one permission for the whole API (CDK: ScopePermissionToMethod false)", number[function], size[function], maxPolicy))
		}
	},
}

// concerns reports whether a value refers to an API that is checked.
func (m *model) concerns(v any) bool {
	for id := range cloudformation.Mentions(v) {
		if slices.ContainsFunc(m.apis, func(a *API) bool { return a.LogicalID == id }) {
			return true
		}
	}
	return false
}

// deployedSize estimates the length of a value after deployment. A reference
// counts like the id of an API, a region or an account.
func deployedSize(v any) int {
	const reference = 12
	switch v := v.(type) {
	case string:
		return len(v)
	case json.Number:
		return len(v)
	case []any:
		n := 0
		for _, item := range v {
			n += deployedSize(item)
		}
		return n
	case map[string]any:
		if list := cloudformation.List(v["Fn::Join"]); len(list) == 2 {
			return deployedSize(list[1])
		}
		return reference
	}
	return 0
}

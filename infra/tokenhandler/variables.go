package tokenhandler

import (
	"strings"

	"github.com/aws/jsii-runtime-go"
)

// checkVariables panics if a path has a variable beside another variable of the
// API, which API Gateway refuses at deployment: "A sibling ({a}) of this resource
// already has a variable path part -- only one is allowed".
func (h *ProtectedAPI) checkVariables(path string) {
	if !strings.Contains(path, "{") {
		return
	}
	at := h.API.Root()
	for _, part := range segments(path) {
		if strings.HasPrefix(part, "{") {
			for _, child := range *at.Node().Children() {
				if other := *child.Node().Id(); strings.HasPrefix(other, "{") && other != part {
					misuse("Route.Path %q has the variable %s beside %s of the API: use the same name, API Gateway allows one variable per resource", path, part, other)
				}
			}
		}
		if at = at.GetResource(jsii.String(part)); at == nil {
			return
		}
	}
}

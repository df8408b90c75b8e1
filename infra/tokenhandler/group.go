package tokenhandler

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// group lists protected APIs in the order they were made: those of one REST API,
// or those of one stage. It is a construct below the API or the stage, so that
// the construct tree holds the list. To search the tree for token handlers
// instead would pass all of it through the pipe to CDK's process for every route.
type group struct {
	constructs.Construct
	members []*ProtectedAPI
}

// groupOf finds or makes the group of an API or a stage.
func groupOf(scope constructs.Construct) *group {
	const id = "TokenHandlers"
	if g, ok := scope.Node().TryFindChild(jsii.String(id)).(*group); ok {
		return g
	}
	g := &group{}
	constructs.NewConstruct_Override(g, scope, jsii.String(id))
	return g
}

// Add adds a token handler. It is exported for jsii, which takes a struct for a
// construct only if it has an exported method with a pointer receiver.
func (g *group) Add(h *ProtectedAPI) { g.members = append(g.members, h) }

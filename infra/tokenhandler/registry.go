package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
)

// made lists the token handlers of this process in the order they were made.
// The construct tree would tell as well which there are; but to look for them
// there, the whole tree goes through the pipe to CDK's process, and New and
// Protect would do so for every route. CDK is not for use by several goroutines,
// and so neither is this.
var made []*TokenHandler

// place is where a token handler is.
type place struct {
	root  constructs.IConstruct // the App
	stage string                // construct path; empty: the App itself
	api   string                // construct path of the REST API; empty: there is none yet
	apiID string                // of the REST API, as methods name it
}

// register notes that a token handler was made.
func (h *TokenHandler) register() {
	h.place = place{root: h.Node().Root(), stage: *awscdk.Stage_Of(h).Node().Path()}
	made = append(made, h)
}

// siblings are the token handlers of the API, h among them.
func (h *TokenHandler) siblings() []*TokenHandler {
	var found []*TokenHandler
	for _, other := range made {
		if other.place.root == h.place.root && other.place.api != "" && other.place.api == h.place.api {
			found = append(found, other)
		}
	}
	return found
}

// handlersOf lists the token handlers of a stage, without those of stages
// within it.
func handlersOf(stage awscdk.Stage) []*TokenHandler {
	root, path := stage.Node().Root(), *stage.Node().Path()
	var found []*TokenHandler
	for _, h := range made {
		if h.place.root == root && h.place.stage == path {
			found = append(found, h)
		}
	}
	return found
}

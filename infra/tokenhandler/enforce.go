package tokenhandler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

const methodType = "AWS::ApiGateway::Method"

// Validate implements constructs.IValidation: CDK calls it at the end of
// synthesis and writes no template when it returns errors. It looks at every
// method of the API in the whole app, however it was made.
//
// Two things it cannot see: what is added to a method by AddPropertyOverride
// and the like, and methods of another app.
func (h *TokenHandler) Validate() *[]*string {
	faults := []*string{}
	paths := resourcePaths(h.API)
	for _, node := range *h.Node().Root().Node().FindAll(constructs.ConstructOrder_PREORDER) {
		switch node := node.(type) {
		case awsapigateway.CfnMethod:
			if !h.belongs(node) {
				continue
			}
			m := h.method(node, paths)
			if fault := m.fault(); fault != "" {
				faults = append(faults, jsii.String(fmt.Sprintf("%s %s at %s %s", m.httpMethod, m.path, m.construct, fault)))
			}
		case awscdk.CfnResource:
			// Its properties cannot be read.
			if *node.CfnResourceType() == methodType && *node.Stack().Node().Path() == *h.API.Stack().Node().Path() {
				faults = append(faults, jsii.String(fmt.Sprintf(
					"%s is a plain CfnResource of type %s, which cannot be checked: make it an awsapigateway.CfnMethod", *node.Node().Path(), methodType)))
			}
		}
	}
	return &faults
}

// belongs reports whether a method is one of this API: it names it by the same
// reference, or by another that comes to the same within the stack.
func (h *TokenHandler) belongs(m awsapigateway.CfnMethod) bool {
	return h.same(m, *m.RestApiId(), *h.API.RestApiId())
}

func (h *TokenHandler) same(m awsapigateway.CfnMethod, a, b string) bool {
	if a == b {
		return true
	}
	stack := h.API.Stack()
	if *m.Stack().Node().Path() != *stack.Node().Path() {
		return false
	}
	return fmt.Sprint(stack.Resolve(a)) == fmt.Sprint(stack.Resolve(b))
}

// resourcePaths gives the path of every resource of the API by its id.
func resourcePaths(api awsapigateway.RestApi) map[string]string {
	paths := map[string]string{*api.RestApiRootResourceId(): "/"}
	// Parents come before their children in the order of the tree, except
	// where L1 resources were made the other way round.
	pending := []awsapigateway.CfnResource{}
	for _, node := range *api.Node().Root().Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if r, ok := node.(awsapigateway.CfnResource); ok {
			pending = append(pending, r)
		}
	}
	for progress := true; progress; {
		progress = false
		pending = slices.DeleteFunc(pending, func(r awsapigateway.CfnResource) bool {
			parent, ok := paths[*r.ParentId()]
			if ok {
				paths[*r.Ref()] = strings.TrimSuffix(parent, "/") + "/" + *r.PathPart()
				progress = true
			}
			return ok
		})
	}
	return paths
}

// method is what the rule reads of a method.
type method struct {
	construct     string // path in the construct tree
	httpMethod    string
	path          string // of its resource
	agent         bool   // made by addAgent
	authorization string // AuthorizationType
	ours          bool   // AuthorizerId is the token handler's
	integration   string // Type
	parameters    map[string]string
}

func (h *TokenHandler) method(m awsapigateway.CfnMethod, paths map[string]string) method {
	facts := method{construct: *m.Node().Path(), httpMethod: *m.HttpMethod(), authorization: "NONE"}
	facts.path = paths[*m.ResourceId()]
	if facts.path == "" {
		facts.path = "(unknown path)"
	}
	facts.agent = slices.Contains(h.agent, facts.construct)
	if t := m.AuthorizationType(); t != nil {
		facts.authorization = *t
	}
	if id := m.AuthorizerId(); id != nil {
		facts.ours = h.same(m, *id, *h.Authorizer.AuthorizerId())
	}
	facts.integration, facts.parameters = integrationOf(m)
	return facts
}

// integrationOf reads the integration of a method, which is a struct, a map or
// a token, with names as in Go, TypeScript or CloudFormation.
func integrationOf(m awsapigateway.CfnMethod) (kind string, parameters map[string]string) {
	if m.Integration() == nil {
		return "none", nil
	}
	resolved, _ := m.Stack().Resolve(m.Integration()).(map[string]any)
	for key, value := range resolved {
		switch strings.ToLower(key) {
		case "type":
			kind, _ = value.(string)
		case "requestparameters":
			parameters = map[string]string{}
			mappings, _ := value.(map[string]any)
			for target, source := range mappings {
				parameters[target] = fmt.Sprint(source)
			}
		}
	}
	if kind == "" {
		kind = "unreadable"
	}
	return kind, parameters
}

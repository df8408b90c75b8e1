package enforce

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/rules"
)

// method reads a method. Each property takes a round trip to CDK's process, so
// it reads only properties that the rules need for this method. findings
// completes the path of the others.
func (r *reader) method(node awsapigateway.CfnMethod) *rules.Method {
	m := &rules.Method{Place: r.place(node), HTTPMethod: *node.HttpMethod(), ResourceID: *node.ResourceId(), Authorization: "NONE"}
	if t := node.AuthorizationType(); t != nil {
		m.Authorization = *t
	}
	readIntegration(m, node)
	switch {
	case m.Authorization != "NONE":
		m.Public = publicReason(node)
		r.readAuthorizer(m, node)
		return m
	case m.Kind() == rules.Preflight:
		return m
	}
	construct := *node.Node().Path()
	for _, h := range r.handlers {
		if path, ok := h.Agent[construct]; ok {
			m.IsAgent, m.Path = true, path
			return m
		}
	}
	m.Public = publicReason(node)
	r.completePath(m)
	return m
}

func publicReason(node awsapigateway.CfnMethod) string {
	reason, _ := node.GetMetadata(jsii.String(rules.PublicKey)).(string)
	return reason
}

// readAuthorizer finds the authorizer of a method among those of the handlers.
func (r *reader) readAuthorizer(m *rules.Method, node awsapigateway.CfnMethod) {
	id := node.AuthorizerId()
	if id == nil {
		return
	}
	for _, h := range r.handlers {
		for _, a := range h.Authorizers {
			if !r.same(node, *id, a.ID) {
				continue
			}
			facts := a.Authorizer
			facts.ID = a.ID
			m.Authorizer = &facts
			// Otherwise there is one handler, and who made the method does not
			// matter.
			if len(r.handlers) > 1 || h.Bound {
				facts.Handler = h.Path
				m.Handler = r.protectedBy(*node.Node().Path())
			}
			return
		}
	}
}

// protectedBy returns the construct path of the token handler whose Protect made
// a method, "" if it was made otherwise.
func (r *reader) protectedBy(construct string) string {
	for _, h := range r.handlers {
		if slices.Contains(h.Protected, construct) {
			return h.Path
		}
	}
	return ""
}

// readIntegration reads the integration of a method, which is a struct, a map or
// a token, with names as in Go, TypeScript or CloudFormation.
func readIntegration(m *rules.Method, node awsapigateway.CfnMethod) {
	integration := node.Integration()
	if integration == nil {
		m.Integration = "none"
		return
	}
	m.Integration = "unreadable"
	resolved, _ := node.Stack().Resolve(integration).(map[string]any)
	for key, value := range resolved {
		switch strings.ToLower(key) {
		case "type":
			if kind, ok := value.(string); ok {
				m.Integration = kind
			}
		case "requestparameters":
			m.Parameters = printed(value)
		case "requesttemplates":
			m.Templates = printed(value)
		case "cachekeyparameters":
			list, _ := value.([]any)
			for _, parameter := range list {
				m.CacheKey = append(m.CacheKey, fmt.Sprint(parameter))
			}
		}
	}
}

func printed(v any) map[string]string {
	out := map[string]string{}
	mappings, _ := v.(map[string]any)
	for key, value := range mappings {
		out[key] = fmt.Sprint(value)
	}
	return out
}

func (r *reader) completePath(m *rules.Method) {
	if m.Path != "" {
		return
	}
	if r.paths == nil {
		r.paths = resourcePaths(r.api)
	}
	if m.Path = r.paths[m.ResourceID]; m.Path == "" {
		m.Path = "(unknown path)"
	}
}

// resourcePaths returns the path of every resource of the API by its id.
func resourcePaths(api awsapigateway.RestApi) map[string]string {
	paths := map[string]string{*api.RestApiRootResourceId(): "/"}
	var pending []awsapigateway.CfnResource
	for _, node := range *api.Node().Root().Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if r, ok := node.(awsapigateway.CfnResource); ok {
			pending = append(pending, r)
		}
	}
	// Parents come before their children in the tree, but L1 resources may have
	// been made in another order.
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

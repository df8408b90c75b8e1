package tokenhandler

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/templatecheck"
)

const methodType = "AWS::ApiGateway::Method"

// Validate implements constructs.IValidation: CDK calls it at the end of
// synthesis and writes no template when it returns errors. It looks at every
// method of the API in the whole app, however it was made.
//
// What it cannot see is what AddPropertyOverride and the like add to a method.
// That is seen in the template, to which the same rule is applied once CDK has
// written it; synthesis fails then, too. Methods of another app only the
// command infra/check sees, in their own template.
func (h *TokenHandler) Validate() *[]*string {
	faults := h.literalSecrets()
	siblings := h.siblings()
	if siblings[0] != h {
		return &faults // the first speaks for all
	}
	paths := sync.OnceValue(func() map[string]string { return resourcePaths(h.API) })
	for _, node := range *h.Node().Root().Node().FindAll(constructs.ConstructOrder_PREORDER) {
		switch node := node.(type) {
		case awsapigateway.CfnMethod:
			if !h.belongs(node) {
				continue
			}
			m := h.method(node, siblings, paths)
			fault := judgeAmong(siblings, node, &m)
			if fault == "" {
				fault = m.Fault()
			}
			if fault != "" {
				if m.Path == "" {
					m.Path = pathOf(node, paths)
				}
				faults = append(faults, jsii.String(fmt.Sprintf("%s %s at %s %s", m.HTTPMethod, m.Path, *node.Node().Path(), fault)))
			}
		case awsapigateway.CfnRestApi:
			switch defined := node.Body() != nil || node.BodyS3Location() != nil; {
			case !defined:
			case !h.isAPI(node):
				faults = append(faults, specFaults(node, siblings)...)
			default:
				faults = append(faults, jsii.String(*node.Node().Path()+
					" has an OpenAPI definition, whose methods cannot be seen here: add them as methods, or check the template with infra/check"))
			}
		case awscdk.CfnResource:
			// Its properties cannot be read.
			if isPlain(node) && *node.CfnResourceType() == methodType && *node.Stack().Node().Path() == *h.API.Stack().Node().Path() {
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
	return h.same(m, *m.RestApiId(), h.place.apiID)
}

// isPlain reports whether a resource may be of any type: those of the packages
// of services are of the type they are named after.
func isPlain(r awscdk.CfnResource) bool {
	const cdk = "github.com/aws/aws-cdk-go/awscdk/v2/"
	t := reflect.TypeOf(r)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return !strings.HasPrefix(t.PkgPath(), cdk)
}

func (h *TokenHandler) isAPI(api awsapigateway.CfnRestApi) bool {
	own, ok := h.API.Node().DefaultChild().(awsapigateway.CfnRestApi)
	return ok && *own.Node().Path() == *api.Node().Path()
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

// method reads what the rule needs of a method. Every property is asked for
// through the pipe to CDK's process, so what the rule does not look at is not
// read: the path, and a reason to be public, of methods with an authorizer and of
// preflights.
func (h *TokenHandler) method(m awsapigateway.CfnMethod, siblings []*TokenHandler, paths func() map[string]string) templatecheck.Method {
	facts := templatecheck.Method{HTTPMethod: *m.HttpMethod(), Authorization: "NONE"}
	if t := m.AuthorizationType(); t != nil {
		facts.Authorization = *t
	}
	facts.Integration, facts.Parameters, facts.Templates = integrationOf(m)
	switch {
	case facts.Authorization != "NONE":
		facts.Public = publicReason(m)
		return facts
	case facts.Kind() == "preflight":
		return facts
	}
	construct := *m.Node().Path()
	for _, s := range siblings {
		if path, ok := s.agent[construct]; ok {
			facts.Agent, facts.Path = true, path
			return facts
		}
	}
	facts.Path, facts.Public = pathOf(m, paths), publicReason(m)
	return facts
}

func publicReason(m awsapigateway.CfnMethod) string {
	reason, _ := m.GetMetadata(jsii.String(templatecheck.PublicKey)).(string)
	return reason
}

func pathOf(m awsapigateway.CfnMethod, paths func() map[string]string) string {
	if path := paths()[*m.ResourceId()]; path != "" {
		return path
	}
	return "(unknown path)"
}

// integrationOf reads the integration of a method, which is a struct, a map or
// a token, with names as in Go, TypeScript or CloudFormation.
func integrationOf(m awsapigateway.CfnMethod) (kind string, parameters, templates map[string]string) {
	integration := m.Integration()
	if integration == nil {
		return "none", nil, nil
	}
	resolved, _ := m.Stack().Resolve(integration).(map[string]any)
	for key, value := range resolved {
		switch strings.ToLower(key) {
		case "type":
			kind, _ = value.(string)
		case "requestparameters":
			parameters = printed(value)
		case "requesttemplates":
			templates = printed(value)
		}
	}
	if kind == "" {
		kind = "unreadable"
	}
	return kind, parameters, templates
}

func printed(v any) map[string]string {
	out := map[string]string{}
	mappings, _ := v.(map[string]any)
	for key, value := range mappings {
		out[key] = fmt.Sprint(value)
	}
	return out
}

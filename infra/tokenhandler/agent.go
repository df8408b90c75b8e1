package tokenhandler

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/contract"
)

// addAgent adds the agent's endpoints, the only methods besides preflights
// that have no authorizer: the agent makes the same checks itself. They are
// methods of their own and not a {proxy+}: a greedy method without an authorizer
// would also serve the methods that its siblings lack.
func (h *TokenHandler) addAgent(basePath string, allowed []string) {
	integration := awsapigateway.NewLambdaIntegration(h.warm("AgentFunction", h.AgentFunction), &awsapigateway.LambdaIntegrationOptions{
		Proxy:                   jsii.Bool(true),
		ScopePermissionToMethod: jsii.Bool(false), // see functionIntegration
	})
	h.agent = map[string]string{}
	endpoints := contract.Endpoints
	if h.props.Session.TokenMediation {
		endpoints = append(slices.Clip(endpoints), contract.Mediation)
	}
	if h.props.Sessions.Enabled {
		endpoints = append(slices.Clip(endpoints), contract.BackChannel)
	}
	if h.props.DeviceBinding.On() {
		endpoints = slices.Concat(endpoints, contract.Device)
	}
	for _, e := range endpoints {
		resource := h.resource(basePath + "/" + e.Path)
		if h.props.API != nil { // one that was made just now has no method yet
			h.refuseOccupied("Props.Application.AgentPath "+basePath, resource, []string{e.Method, "OPTIONS"})
		}
		options := &awsapigateway.MethodOptions{
			AuthorizationType: awsapigateway.AuthorizationType_NONE,
			ApiKeyRequired:    jsii.Bool(false),
		}
		validated := h.validateAgent(options, e.Path, allowed)
		method := resource.AddMethod(jsii.String(e.Method), integration, options)
		if validated {
			h.validated = append(h.validated, method.Node().DefaultChild().(awsapigateway.CfnMethod))
		}
		h.agent[resourcePathOf(method)] = basePath + "/" + e.Path
		// The provider calls the first, and browsers call the others by themselves, from
		// the origin of the API.
		if e != contract.BackChannel && !slices.Contains(contract.Device, e) {
			h.addPreflight(resource, []string{e.Method}, nil)
		}
	}
}

// resourcePathOf is the construct path of the CfnMethod of a method.
func resourcePathOf(method awsapigateway.Method) string { return *method.Node().Path() + "/Resource" }

// resource finds or makes the resource of an absolute path.
func (h *ProtectedAPI) resource(path string) awsapigateway.IResource {
	if path == "/" {
		return h.API.Root()
	}
	h.checkVariables(path)
	return h.API.Root().ResourceForPath(jsii.String(path))
}

// refuseOccupied panics if resource has one of the methods, or ANY.
func (h *ProtectedAPI) refuseOccupied(what string, resource awsapigateway.IResource, methods []string) {
	for _, m := range slices.Concat(methods, []string{"ANY"}) {
		if resource.Node().TryFindChild(jsii.String(m)) != nil {
			misuse("%s: the API has a method %s %s already", what, m, *resource.Path())
		}
	}
}

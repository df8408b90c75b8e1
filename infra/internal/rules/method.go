package rules

import (
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
)

// Mappings of a request to an integration.
const (
	AuthorizationTarget = "integration.request.header.Authorization"
	CookieTarget        = "integration.request.header.Cookie"
	ProofTarget         = "integration.request.header." + contract.HeaderProof
)

// Sources of the mappings: the authorizer's context.
var (
	TokenSource = contract.FromContext(contract.ContextToken)
	ProofSource = contract.FromContext(contract.ContextProof)
)

// PublicKey is the metadata of an AWS::ApiGateway::Method that says why the
// method is open to everyone.
const PublicKey = "tokenhandler:public"

// Kinds of methods.
const (
	Protected = "protected"
	Agent     = "agent"
	Preflight = "preflight"
	Public    = "public"
)

// API is a REST API.
type API struct {
	Place
	Methods   []*Method
	Resources []Resource
	Stages    []Stage

	// Unreadable says why methods of the API cannot be read.
	Unreadable []string
	// Deployments are those whose dependencies are known.
	Deployments []Deployment
}

// Method is a method of a REST API.
type Method struct {
	Place
	HTTPMethod    string
	Path          string      // of its resource
	ResourceID    string      // of its resource; empty in OpenAPI definitions
	Authorization string      // AuthorizationType; "NONE" without one
	Authorizer    *Authorizer // nil if there is no authorizer or it is unknown
	Public        string      // why it is open to everyone
	IsAgent       bool        // its integration is the OAuth agent, which checks requests itself

	Integration string            // Type; "none" without one, "unreadable" if it is not literal
	Parameters  map[string]string // of the request to the integration
	Templates   map[string]string // of the request to the integration
	CacheKey    []string          // parameters in the key of cached responses

	// Handler is the construct path of the token handler whose Protect made the
	// method. Only the construct tree tells.
	Handler string
}

// Kind is how a sound method is covered.
func (m *Method) Kind() string {
	switch {
	case m.IsAgent:
		return Agent
	case m.HTTPMethod == "OPTIONS" && m.Integration == "MOCK" && m.Authorization == "NONE":
		return Preflight
	case m.Public != "":
		return Public
	}
	return Protected
}

func (m *Method) greedy() bool { return strings.Contains(m.Path, "+}") }

// http reports whether requests go to an HTTP upstream.
func (m *Method) http() bool { return m.Integration == "HTTP" || m.Integration == "HTTP_PROXY" }

// authorized reports whether the method has an authorizer that is the token
// handler's.
func (m *Method) authorized() bool {
	return m.Kind() == Protected && m.Authorization == "CUSTOM" && m.Authorizer != nil && m.Authorizer.Foreign == ""
}

// isConstant reports whether a mapping writes a literal that is not empty. AWS
// does not document an empty one.
func isConstant(source string) bool {
	return len(source) > 2 && strings.HasPrefix(source, "'") && strings.HasSuffix(source, "'")
}

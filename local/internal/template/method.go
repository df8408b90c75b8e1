package template

import (
	"slices"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

func (l *loader) loadMethods(api *API, authorizers map[string]*Authorizer) {
	paths := l.resourcePaths(api)
	validators, models := l.validators(api), l.models(api)
	seen := map[string]bool{}
	for _, id := range l.ofType("AWS::ApiGateway::Method") {
		r := l.Resources[id]
		p := l.read(r)
		if p.str("RestApiId") != api.ID {
			continue
		}
		m := &Method{LogicalID: id, ConstructPath: r.ConstructPath(), HTTPMethod: strings.ToUpper(p.str("HttpMethod")),
			ResourceID: p.str("ResourceId"), RequestParameters: p.boolMap("RequestParameters"),
			Responses: map[string]map[string]bool{}}
		path, ok := paths[m.ResourceID]
		if !ok {
			p.fail("property ResourceId: is not a resource of %s", api.Name)
			continue
		}
		m.Path = path
		if seen[m.HTTPMethod+path] {
			p.fail("%s %s is defined twice", m.HTTPMethod, path)
		}
		seen[m.HTTPMethod+path] = true
		switch t := p.str("AuthorizationType"); t {
		case "NONE":
		case "CUSTOM":
			if m.Authorizer = authorizers[p.str("AuthorizerId")]; m.Authorizer == nil {
				p.fail("property AuthorizerId: is not a usable authorizer of this template")
			}
		default:
			p.fail("property AuthorizationType: %q is not implemented, only NONE and CUSTOM are", t)
		}
		if p.has("RequestValidatorId") {
			v, ok := validators[p.str("RequestValidatorId")]
			if !ok {
				p.fail("property RequestValidatorId: is not a usable validator of this template")
			}
			m.ValidateParameters = v.parameters
			if v.body {
				m.Schemas = p.schemas(models)
			}
		}
		for _, v := range p.list("MethodResponses") {
			mr := p.object("MethodResponses", "AWS::ApiGateway::Method MethodResponse", v)
			m.Responses[mr.str("StatusCode")] = mr.boolMap("ResponseParameters")
		}
		m.Integration = l.integration(p)
		api.Methods = append(api.Methods, m)
	}
	slices.SortFunc(api.Methods, func(a, b *Method) int {
		if c := strings.Compare(a.Path, b.Path); c != 0 {
			return c
		}
		return strings.Compare(a.HTTPMethod, b.HTTPMethod)
	})
}

func (l *loader) integration(method props) Integration {
	p := method.object("Integration", "AWS::ApiGateway::Method Integration", method.m["Integration"])
	in := Integration{Type: p.str("Type"), HTTPMethod: strings.ToUpper(p.str("IntegrationHttpMethod")), URI: p.str("Uri"),
		RequestParameters: p.stringMap("RequestParameters"), RequestTemplates: p.stringMap("RequestTemplates"),
		Passthrough: p.str("PassthroughBehavior"),
		// AWS: "Custom timeout between 50 and 29,000 milliseconds. The default value is 29,000"; Regional APIs may have
		// the maximum raised.
		Timeout: time.Duration(p.integer("TimeoutInMillis", 29000)) * time.Millisecond}
	switch mode := p.str("ResponseTransferMode"); {
	case mode == "" || mode == "BUFFERED":
	case mode == "STREAM" && (in.Type == "HTTP_PROXY" || in.Type == "AWS_PROXY"):
		in.Stream = true
	default:
		// AWS: "You can only use response payload streaming for HTTP_PROXY or AWS_PROXY integration types."
		p.fail("property ResponseTransferMode: %q on a %s integration is not possible", mode, in.Type)
	}
	longest := 5 * time.Minute
	if in.Stream {
		longest = 15 * time.Minute // AWS: "You can stream your response for up to 15 minutes."
	}
	if in.Timeout < 50*time.Millisecond || in.Timeout > longest {
		p.fail("property TimeoutInMillis: %v is out of range", in.Timeout)
	}
	if c := p.str("ConnectionType"); c != "" && c != "INTERNET" {
		p.fail("property ConnectionType: %s is not implemented", c)
	}
	switch in.Passthrough {
	case "":
		in.Passthrough = "WHEN_NO_MATCH"
	case "WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER":
	default:
		p.fail("property PassthroughBehavior: %q is not known", in.Passthrough)
	}
	switch in.Type {
	case "AWS_PROXY":
		in.FunctionID = l.functionOf(p, "Uri", in.Stream)
		if in.HTTPMethod != "POST" {
			p.fail("property IntegrationHttpMethod: Lambda functions are invoked with POST, got %q", in.HTTPMethod)
		}
	case "HTTP", "HTTP_PROXY":
		if in.HTTPMethod == "" {
			p.fail("property IntegrationHttpMethod: is required")
		}
	case "MOCK":
	default:
		p.fail("property Type: %q is not implemented, only AWS_PROXY, HTTP_PROXY, HTTP and MOCK are", in.Type)
	}
	for _, v := range p.list("IntegrationResponses") {
		ir := p.object("IntegrationResponses", "AWS::ApiGateway::Method IntegrationResponse", v)
		in.Responses = append(in.Responses, IntegrationResponse{StatusCode: ir.str("StatusCode"),
			SelectionPattern: ir.str("SelectionPattern"), Parameters: ir.stringMap("ResponseParameters"),
			Templates: ir.stringMap("ResponseTemplates")})
	}
	return in
}

// resourcePaths returns the path template of each resource id, the root included.
func (l *loader) resourcePaths(api *API) map[string]string {
	type node struct{ parent, part, where string }
	root, _ := l.getAtt(api.LogicalID, "RootResourceId", 0)
	nodes := map[string]node{}
	for _, id := range l.ofType("AWS::ApiGateway::Resource") {
		if p := l.read(l.Resources[id]); p.str("RestApiId") == api.ID {
			ref, _ := l.ref(id, 0)
			nodes[ref.(string)] = node{p.str("ParentId"), p.str("PathPart"), p.where}
		}
	}
	out := map[string]string{root.(string): "/"}
	for id, n := range nodes {
		var parts []string
		for at, depth := id, 0; at != root; depth++ {
			next, ok := nodes[at]
			if !ok || depth > cloudformation.MaxDepth || next.part == "" {
				l.fail("%s: property ParentId: does not lead to the root of %s", n.where, api.Name)
				break
			}
			parts = append(parts, next.part)
			at = next.parent
		}
		slices.Reverse(parts)
		out[id] = "/" + strings.Join(parts, "/")
	}
	return out
}

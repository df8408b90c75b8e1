package rules

import (
	"fmt"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

// API Gateway asks the authorizer for the route $connect only. "The $connect route
// protects the other routes, because it is called on every connection" (Amazon API
// Gateway Developer Guide, "Specify Route Request Settings").
var authorizerOnConnect = Rule{
	Name:     "TH-AuthorizerOnConnect",
	Sentence: "The route $connect of a WebSocket API with the token handler's authorizer has this authorizer.",
	template: func(m *model, found found) {
		authorizers := map[string]map[string]bool{} // by API
		for _, id := range m.ids {
			r := m.template.Resources[id]
			if r.Type != "AWS::ApiGatewayV2::Authorizer" {
				continue
			}
			if _, ours := m.invoked(r.Properties["AuthorizerUri"]); !ours {
				continue
			}
			api := cloudformation.Name(r.Properties["ApiId"])
			if authorizers[api] == nil {
				authorizers[api] = map[string]bool{}
			}
			authorizers[api][id] = true
			if of := m.template.Resources[api]; of != nil && cloudformation.String(of.Properties["ProtocolType"]) != "WEBSOCKET" {
				found(place(r), nil, "is an authorizer of an HTTP API, which cannot change the Authorization header: use a REST API")
			}
			if t := cloudformation.String(r.Properties["AuthorizerType"]); t != "REQUEST" {
				found(place(r), nil, fmt.Sprintf("has type %q: it must be REQUEST", t))
			}
		}
		for _, id := range m.ids {
			r := m.template.Resources[id]
			of := authorizers[cloudformation.Name(r.Properties["ApiId"])]
			if r.Type != "AWS::ApiGatewayV2::Route" || of == nil || cloudformation.String(r.Properties["RouteKey"]) != "$connect" {
				continue
			}
			if cloudformation.String(r.Properties["AuthorizationType"]) != "CUSTOM" || !of[cloudformation.Name(r.Properties["AuthorizerId"])] {
				found(place(r), nil, "lacks the token handler's authorizer: add the route with ProtectWebSocket")
			}
		}
	},
}

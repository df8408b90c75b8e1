package rules

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

// API Gateway asks the authorizer for the route $connect only. "The $connect route
// protects the other routes, because it is called on every connection" (Amazon API
// Gateway Developer Guide, "Specify Route Request Settings").
var authorizerOnConnect = Rule{
	Name:     "TH-AuthorizerOnConnect",
	Sentence: "A WebSocket API with the token handler's authorizer has a route $connect, and this route has the authorizer.",
	template: func(m *model, found found) {
		authorizers := map[string]map[string]bool{} // by API
		connects := map[string]bool{}               // APIs with a route $connect
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
			connects[cloudformation.Name(r.Properties["ApiId"])] = true
			if cloudformation.String(r.Properties["AuthorizationType"]) != "CUSTOM" || !of[cloudformation.Name(r.Properties["AuthorizerId"])] {
				found(place(r), nil, "lacks the token handler's authorizer: add the route with ProtectWebSocket")
			}
		}
		for _, api := range slices.Sorted(maps.Keys(authorizers)) {
			if connects[api] {
				continue
			}
			for _, id := range slices.Sorted(maps.Keys(authorizers[api])) {
				found(place(m.template.Resources[id]), nil, "is for an API without a route $connect, which everyone can open: add the route with ProtectWebSocket")
			}
		}
	},
}

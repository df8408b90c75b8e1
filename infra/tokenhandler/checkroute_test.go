package tokenhandler

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/contract"
)

func TestProtectRefusesRoutes(t *testing.T) {
	h := New(newStack(t), "TokenHandler", oneOrigin())
	h.Protect(Route{Path: "/earlier/{id}", Methods: []string{"GET"}, Upstream: "https://api.internal.example/{id}"})
	token := *awscdk.Fn_ImportValue(jsii.String("Upstream"))
	change := func(f func(*Route)) Route { r := orders(); f(&r); return r }
	path := func(p string) Route { return change(func(r *Route) { r.Path = p }) }
	upstream := func(u string) Route { return change(func(r *Route) { r.Upstream = u }) }
	for _, tt := range []struct {
		name  string
		route Route
		want  string
	}{
		{"no path", path(""), "Route.Path is"},
		{"relative path", path("orders"), "Route.Path is"},
		{"trailing slash", path("/orders/"), "Route.Path is"},
		{"empty segment", path("/a//b"), "Route.Path is"},
		{"dots", path("/a/../b"), "Route.Path is"},
		{"greedy", path("/orders/{proxy+}"), "Route.Path is"},
		{"query in path", path("/orders?x=1"), "Route.Path is"},
		{"parameter twice", path("/a/{id}/b/{id}"), "Route.Path is"},
		{"reserved", path("/ping"), "Route.Path is"},
		{"agent's path", path("/oauth-agent"), "Route.Path is"},
		{"below the agent's path", path("/oauth-agent/extra"), "Route.Path is"},
		{"earlier route", path("/earlier/{id}"), `Route.Path "/earlier/{id}" is protected already`},
		{"other parameter than an earlier route", path("/earlier/{name}/x"), `Route.Path "/earlier/{name}/x" has parameter {name} where the earlier route "/earlier/{id}" has {id}`},
		{"no methods", change(func(r *Route) { r.Methods = nil }), "Route.Methods of /orders is empty"},
		{"OPTIONS", change(func(r *Route) { r.Methods = []string{"OPTIONS"} }), `Route.Methods of /orders has "OPTIONS"`},
		{"ANY", change(func(r *Route) { r.Methods = []string{"ANY"} }), `Route.Methods of /orders has "ANY"`},
		{"lower case", change(func(r *Route) { r.Methods = []string{"get"} }), `Route.Methods of /orders has "get"`},
		{"method twice", change(func(r *Route) { r.Methods = []string{"GET", "GET"} }), `Route.Methods of /orders has "GET"`},
		{"no upstream", upstream(""), "Route.Upstream or Route.Function of /orders: expected one of them"},
		{"greedy upstream without its parameter", change(func(r *Route) { r.Path, r.Transparent = "/x/{proxy+}", true }), "Route.Upstream of /x/{proxy+} is"},
		{"G2 greedy parameter continues the host", change(func(r *Route) {
			r.Path, r.Transparent, r.Upstream = "/x/{proxy+}", true, "https://api.example.com{proxy}"
		}), "Route.Upstream of /x/{proxy+} is"},
		{"greedy in the middle", change(func(r *Route) { r.Path, r.Transparent = "/{proxy+}/x", true }), "Route.Path is"},
		{"ANY and another", change(func(r *Route) { r.Transparent, r.Methods = true, []string{"ANY", "GET"} }), `Route.Methods of /orders has "ANY"`},
		{"transparent with a list", change(func(r *Route) { r.Transparent, r.QueryParameters = true, []string{"page"} }), "Route.Path /orders passes on everything: expected neither Route.QueryParameters"},
		{"http upstream", upstream("http://api.example.com/orders"), "Route.Upstream of /orders is"},
		{"other scheme", upstream("ftp://api.example.com/orders"), "Route.Upstream of /orders is"},
		{"user info", upstream("https://u:p@api.example.com/orders"), "Route.Upstream of /orders is"},
		{"query", upstream("https://api.example.com/orders?key=1"), "Route.Upstream of /orders is"},
		{"fragment", upstream("https://api.example.com/orders#x"), "Route.Upstream of /orders is"},
		{"dots upstream", upstream("https://api.example.com/a/../b"), "Route.Upstream of /orders is"},
		{"unknown parameter", upstream("https://api.example.com/{id}"), "Route.Upstream of /orders is"},
		{"stage variable", upstream("https://${stageVariables.host}/orders"), "Route.Upstream of /orders is"},
		{"G2 parameter chooses the host", change(func(r *Route) { r.Path, r.Upstream = "/x/{host}", "https://{host}.example.com/" }), "Route.Upstream of /x/{host} is"},
		{"G2 parameter continues the host", change(func(r *Route) { r.Path, r.Upstream = "/x/{host}", "https://api.example.com{host}" }), "Route.Upstream of /x/{host} is"},
		{"parameter chooses the port", change(func(r *Route) { r.Path, r.Upstream = "/x/{port}", "https://api.example.com:{port}/" }), "Route.Upstream of /x/{port} is"},
		{"greedy upstream", upstream("https://api.example.com/{proxy+}"), "Route.Upstream of /orders is"},
		{"token for the scheme", upstream(token), "Route.Upstream of /orders is"},
		{"http token", upstream("http://" + token), "Route.Upstream of /orders is"},
		{"segment of dots", path("/a/.."), "Route.Path is"},
		{"tilde, which API Gateway refuses", path("/a~b"), "Route.Path is"},
		{"tilde in a parameter", path("/a/{b~c}"), "Route.Path is"},
		{"tilde in a query parameter", change(func(r *Route) { r.QueryParameters = []string{"a~b"} }), `Route.QueryParameters of /orders has "a~b"`},
		{"bracket in a query parameter", change(func(r *Route) { r.QueryParameters = []string{"filter[a]"} }), `Route.QueryParameters of /orders has "filter[a]"`},
		{"dollar in a header", change(func(r *Route) { r.RequestHeaders = []string{"X-$a"} }), `Route.RequestHeaders of /orders has "X-$a"`},
		{"identity header goes up", change(func(r *Route) { r.RequestHeaders = []string{"remote-user"} }), `Route.RequestHeaders of /orders has "Remote-User"`},
		{"routing header goes up", change(func(r *Route) { r.RequestHeaders = []string{"X-ORIGINAL-URL"} }), "Route.RequestHeaders of /orders has"},
		{"client certificate goes up", change(func(r *Route) { r.RequestHeaders = []string{"Client-Cert"} }), "Route.RequestHeaders of /orders has"},
		{"client address goes up", change(func(r *Route) { r.RequestHeaders = []string{"X-Real-IP"} }), "Route.RequestHeaders of /orders has"},
		{"query parameter", change(func(r *Route) { r.QueryParameters = []string{"a b"} }), `Route.QueryParameters of /orders has "a b"`},
		{"mapped stream", change(func(r *Route) { r.Stream = true }), "Route.Stream of /orders: expected Route.Transparent or Route.Function"},
		{"short timeout", change(func(r *Route) { r.Timeout = time.Millisecond }), "Route.Timeout of /orders is 1ms"},
		{"long timeout", change(func(r *Route) { r.Timeout = 6 * time.Minute }), "Route.Timeout of /orders is 6m0s"},
		{"long stream", change(func(r *Route) { r.Transparent, r.Stream, r.Timeout = true, true, 16*time.Minute }), "Route.Timeout of /orders is 16m0s"},
		{"mapped private link", change(func(r *Route) { r.PrivateLink = &PrivateLink{ID: "a", LoadBalancer: "b"} }), "Route.PrivateLink of /orders: expected Route.Transparent and no Route.VPCLink"},
		{"private link to no balancer", change(func(r *Route) { r.Transparent, r.PrivateLink = true, &PrivateLink{ID: "a1", LoadBalancer: "b"} }), "Route.PrivateLink of /orders is"},
		{"cookie goes up", change(func(r *Route) { r.RequestHeaders = []string{"cookie"} }), `Route.RequestHeaders of /orders has "Cookie"`},
		{"C1-15 CSRF header goes up", change(func(r *Route) { r.RequestHeaders = []string{"X-TH-CSRF"} }), `Route.RequestHeaders of /orders has "X-Th-Csrf"`},
		{"client's Authorization goes up", change(func(r *Route) { r.RequestHeaders = []string{"Authorization"} }), "Route.RequestHeaders of /orders has"},
		{"C3-38 forwarded goes up", change(func(r *Route) { r.RequestHeaders = []string{"X-Forwarded-User"} }), "Route.RequestHeaders of /orders has"},
		{"header twice", change(func(r *Route) { r.RequestHeaders = []string{"If-Match", "if-match"} }), "Route.RequestHeaders of /orders has"},
		{"wildcard header", change(func(r *Route) { r.RequestHeaders = []string{"*"} }), "Route.RequestHeaders of /orders has"},
		{"Set-Cookie comes down", change(func(r *Route) { r.ResponseHeaders = []string{"Set-Cookie"} }), "Route.ResponseHeaders of /orders has"},
		{"CORS comes down", change(func(r *Route) { r.ResponseHeaders = []string{"Access-Control-Allow-Origin"} }), "Route.ResponseHeaders of /orders has"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := panicOf(func() { h.Protect(tt.route) })
			if !strings.HasPrefix(got, "tokenhandler: "+tt.want) {
				t.Errorf("got %q, want it to begin with %q", got, "tokenhandler: "+tt.want)
			}
		})
	}
}

func TestProtectAcceptsRoutes(t *testing.T) {
	got := synth(t, oneOrigin(), func(s awscdk.Stack, h *TokenHandler) {
		for _, r := range []Route{
			{Path: "/", Upstream: "https://api.internal.example"},
			{Path: "/earlier/{id}", Upstream: "https://api.internal.example/v1/{id}:cancel"},
			{Path: "/earlier/{id}/items/{item}", Upstream: "https://api.internal.example:8443/{item}/of/{id}"},
			{Path: "/earlier/new", Upstream: "http://127.0.0.1:3003/new"},
			{Path: "/oauth-agents", Upstream: "http://api.example.localhost:3003/"},
			{Path: "/.well-known/x", Upstream: "https://api.internal.example/.well-known/x"},
			{Path: "/a:b/{order-id}/$batch", Upstream: "https://api.internal.example/{order-id}", QueryParameters: []string{"$filter", "a:b", "c_d.e-f"}, RequestHeaders: []string{"X_Tenant"}},
			{Path: "/token", Upstream: "https://" + *awscdk.Fn_ImportValue(jsii.String("Host")) + "/v1"},
		} {
			r.Methods = []string{"GET"}
			h.Protect(r)
		}
	})
	if n := len(got.methods()); n != 2*8+2*len(contract.Endpoints) {
		t.Errorf("got %d methods", n)
	}
	if id := text(got.methods()["GET /earlier/{id}/items/{item}"]["Integration"]); !strings.Contains(id, `"integration.request.path.item":"method.request.path.item"`) {
		t.Errorf("the path parameter does not reach upstream: %s", id)
	}
	odata := text(got.methods()["GET /a:b/{order-id}/$batch"]["Integration"])
	mustContain(t, odata, `"integration.request.path.order-id":"method.request.path.order-id"`,
		`"integration.request.querystring.$filter":"method.request.multivaluequerystring.$filter"`,
		`"integration.request.header.X_Tenant":"method.request.multivalueheader.X_Tenant"`)
}

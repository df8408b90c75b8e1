package oauthproxy

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
)

func parse(text string) (r settings.Requirements) {
	if err := r.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return r
}

const demands = `{"GET /orders":{"scope":"orders.read"},"POST /orders":{"scope":"orders.read orders.write"},` +
	`"ANY /admin/{proxy+}":{"scope":"admin","claims":{"acr":"2"}},"GET /admin/{proxy+}":{"scope":"audit"},"GET /claims":{"claims":{"groups":"staff"}}}`

func TestRequirements(t *testing.T) {
	idp := newProvider(t)
	p := proxyWith(t, func(s *settings.Authorizer) {
		s.AccessTokens.AllowToken = true
		idp.verify(s)
		s.RouteRequirements = parse(demands)
	})
	for _, tt := range []struct {
		name, method, resource string
		claims                 object
		code, scope            string // "" means Allow
	}{
		{"enough", "GET", "/orders", object{"scope": "openid orders.read"}, "", ""},
		{"none", "GET", "/orders", object{"scope": ""}, contract.CodeInsufficientScope, "orders.read"},
		{"another", "GET", "/orders", object{"scope": "orders"}, contract.CodeInsufficientScope, "orders.read"},
		{"a longer one", "GET", "/orders", object{"scope": "orders.read.all"}, contract.CodeInsufficientScope, "orders.read"},
		{"in another case", "GET", "/orders", object{"scope": "Orders.Read"}, contract.CodeInsufficientScope, "orders.read"},
		{"one of two", "POST", "/orders", object{"scope": "orders.write"}, contract.CodeInsufficientScope, "orders.read orders.write"},
		{"both", "POST", "/orders", object{"scope": "orders.write orders.read"}, "", ""},
		{"a method without demands", "PUT", "/orders", object{"scope": ""}, "", ""},
		{"a resource without demands", "GET", "/orders/{id}", object{"scope": ""}, "", ""},
		{"ANY", "DELETE", "/admin/{proxy+}", object{"scope": "admin", "acr": "2"}, "", ""},
		{"ANY, lacking", "DELETE", "/admin/{proxy+}", object{"scope": "orders.read", "acr": "2"}, contract.CodeInsufficientScope, "admin"},
		{"ANY and the method", "GET", "/admin/{proxy+}", object{"scope": "admin audit", "acr": "2"}, "", ""},
		{"ANY and the method, lacking the one", "GET", "/admin/{proxy+}", object{"scope": "audit", "acr": "2"}, contract.CodeInsufficientScope, "admin"},
		{"ANY and the method, lacking the other", "GET", "/admin/{proxy+}", object{"scope": "admin", "acr": "2"}, contract.CodeInsufficientScope, "audit"},
		{"a claim", "GET", "/claims", object{"groups": []string{"staff", "x"}}, "", ""},
		{"no claim", "GET", "/claims", nil, contract.CodeAccessDenied, ""},
		{"another value", "GET", "/claims", object{"groups": "staffing"}, contract.CodeAccessDenied, ""},
		{"a claim of ANY", "POST", "/admin/{proxy+}", object{"scope": "admin", "acr": "1"}, contract.CodeAccessDenied, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := request(tt.method, headers{"Authorization": {"Bearer " + idp.token(t, tt.claims)}})
			// The path has no say, only the resource that was matched.
			r.MethodArn, r.Resource = arnPrefix+tt.method+"/orders/%2e%2e/public", tt.resource
			d := decide(t, p, r)
			if d.Allow != (tt.code == "") || d.Code != tt.code || d.Scope != tt.scope {
				t.Errorf("got allow %v, %q, %q; want %q, %q", d.Allow, d.Code, d.Scope, tt.code, tt.scope)
			}
			if !d.Allow && (d.Token != "" || d.Subject != "") {
				t.Errorf("a refusal carries %+v", d)
			}
		})
	}
}

// An event that does not say which resource was matched cannot be decided
// over: no demand must be missed by that.
func TestRequirementsNeedTheResource(t *testing.T) {
	idp := newProvider(t)
	p := proxyWith(t, func(s *settings.Authorizer) {
		s.AccessTokens.AllowToken = true
		idp.verify(s)
		s.RouteRequirements = parse(demands)
	})
	for name, change := range map[string]func(*Request){
		"missing":       func(r *Request) { r.Resource = "" },
		"no path":       func(r *Request) { r.Resource = "orders" },
		"contradicting": func(r *Request) { r.Resource, r.RequestContext.ResourcePath = "/public", "/orders" },
	} {
		r := get(headers{"Authorization": {"Bearer " + idp.token(t, object{"scope": "everything"})}})
		change(r)
		if d, err := p.Decide(context.Background(), r); err == nil || d.Allow {
			t.Errorf("%s: got allow %v, %v", name, d.Allow, err)
		}
	}
}

// The page is told which scopes it lacks, with a code of its own that no
// client takes for an expired session.
func TestRequirementsInTheContext(t *testing.T) {
	idp := newProvider(t)
	p := proxyWith(t, func(s *settings.Authorizer) { idp.verify(s); s.RouteRequirements = parse(demands) })
	content := accessToken(idp.token(t, object{"scope": "openid"}))
	r := request("POST", headers{"Origin": {trusted}, "token-handler-version": {"1"}, "Cookie": {sealed(t, testKey, content, csrfContent())}})
	r.Resource = "/orders"
	response, err := p.Handle(context.Background(), *r)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"code": "insufficient_scope", "message": messageScope, "scope": "orders.read orders.write", "allowedOrigin": trusted}
	if diff := cmp.Diff(want, response.Context); diff != "" || response.PolicyDocument.Statement[0].Effect != "Deny" {
		t.Error(diff, response.PolicyDocument)
	}
}

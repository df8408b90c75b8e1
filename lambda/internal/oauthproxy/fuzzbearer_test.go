package oauthproxy

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
)

// FuzzBearer: where callers may bring a token of their own, no input without a
// validly signed access token ever yields Allow. The fuzzer knows tokens that
// the provider has signed, but which are expired, of another audience or ID
// tokens; one of another key; and genuine cookies of other names.
func FuzzBearer(f *testing.F) {
	idp := newProvider(f)
	p := proxyWith(f, func(s *settings.Authorizer) { s.AccessTokens.AllowToken = true; idp.verify(s) })
	other, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), []byte("a key of thirty-two bytes, fixed"))
	if err != nil {
		f.Fatal(err)
	}
	tokens := []string{
		idp.token(f, object{"exp": testTime.Unix()}), idp.token(f, object{"aud": "spa-client"}), idp.token(f, object{"aud": []string{audience, agentClient}}),
		signWith(f, other, object{"iss": issuer, "aud": audience, "sub": "admin", "exp": testTime.Unix() + 60}), "junk", "e30.e30.",
	}
	for _, token := range tokens {
		f.Add("GET", "Authorization", "Bearer "+token, "Origin", trusted)
		f.Add("POST", "authorization", "bearer "+token, "Cookie", names.AccessToken+"="+token)
		f.Add("GET", "Authorization", "Bearer "+token, "authorization", "Bearer "+tokens[0])
	}
	f.Fuzz(func(t *testing.T, method, name, value, name2, value2 string) {
		d, err := p.Decide(context.Background(), request(method, headers{name: {value}, name2: {value2}}))
		if err != nil {
			t.Fatal(err) // the key set is there
		}
		if d.Allow || d.Token != "" || d.Subject != "" {
			t.Fatalf("allowed with token %q", d.Token)
		}
		if d.AllowedOrigin != "" && d.AllowedOrigin != trusted {
			t.Fatalf("allowedOrigin is %q", d.AllowedOrigin)
		}
	})
}

// FuzzSession: with a valid session, an allowed request has a trusted Origin, or is a
// safe same-origin request without Origin. Unless it is safe, it has a CSRF header.
func FuzzSession(f *testing.F) {
	p := newProxy(f)
	good := sealed(f, testKey, accessToken(testToken), csrfContent())
	f.Add("GET", "Origin", trusted, "x-th-csrf", csrfValue)
	f.Add("POST", "origin", trusted, "token-handler-version", "1")
	f.Add("HEAD", "Sec-Fetch-Site", "same-origin", "Origin", "null")
	f.Add("DELETE", "Origin", trusted, "X-TH-CSRF", csrfValue)
	f.Fuzz(func(t *testing.T, method, name, value, name2, value2 string) {
		h := headers{name: {value}, name2: {value2}}
		if strings.EqualFold(name, "Cookie") || strings.EqualFold(name2, "Cookie") {
			return
		}
		h["Cookie"] = []string{good}
		d, err := p.Decide(context.Background(), request(method, h))
		if err != nil {
			t.Fatal(err)
		}
		if !d.Allow {
			return
		}
		has := func(wantName, want string) bool {
			return strings.EqualFold(name, wantName) && value == want || strings.EqualFold(name2, wantName) && value2 == want
		}
		safe := method == "GET" || method == "HEAD"
		if !has("Origin", trusted) && !(safe && has("Sec-Fetch-Site", "same-origin")) {
			t.Fatalf("allowed without a trusted Origin: %q %v", method, h)
		}
		if !safe && !has("x-th-csrf", csrfValue) && !has(contract.HeaderVersion, "1") {
			t.Fatalf("allowed without a CSRF header: %q %v", method, h)
		}
		if d.AllowedOrigin != "" && d.AllowedOrigin != trusted {
			t.Fatalf("allowedOrigin is %q", d.AllowedOrigin)
		}
	})
}

// FuzzEvent: an allowed event has no path parameter that changes the path, and meets
// the requirements of the route.
func FuzzEvent(f *testing.F) {
	idp := newProvider(f)
	p := proxyWith(f, func(s *settings.Authorizer) {
		s.AccessTokens.AllowToken = true
		idp.verify(s)
		s.RouteRequirements = parse(demands)
	})
	token := idp.token(f, nil) // has orders.read
	f.Add("GET", "/orders", "id", "7")
	f.Add("POST", "/orders", "id", "..")
	f.Add("GET", "/admin/{proxy+}", "proxy", "a/../b")
	f.Add("GET", "/orders/{id}", "id", "%2e%2e/;")
	f.Fuzz(func(t *testing.T, method, resource, name, value string) {
		r := request(method, headers{"Authorization": {"Bearer " + token}})
		r.Resource, r.PathParameters = resource, map[string]string{name: value}
		// As in the Lambda: through JSON, which replaces bytes that are not UTF-8.
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var event Request
		if err := json.Unmarshal(raw, &event); err != nil {
			t.Fatal(err)
		}
		d, err := p.Decide(context.Background(), &event)
		if err != nil || !d.Allow {
			return
		}
		if strings.ContainsAny(value, "\\?#%\x00\r\n") || value == "" {
			t.Fatalf("allowed the parameter %q", value)
		}
		for part := range strings.SplitSeq(value, "/") {
			if part == "." || part == ".." {
				t.Fatalf("allowed the parameter %q", value)
			}
		}
		if strings.Contains(value, "/") && !strings.Contains(resource, "+}") {
			t.Fatalf("allowed the parameter %q of %q", value, resource)
		}
		if strings.HasPrefix(resource, "/admin/{proxy+}") && len(resource) == len("/admin/{proxy+}") || resource == "/orders" && method == "POST" {
			t.Fatalf("allowed %s %s without its scopes", method, resource)
		}
	})
}

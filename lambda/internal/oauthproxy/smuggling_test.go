package oauthproxy

import (
	"maps"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
)

// One good request with smuggled headers. Without them it is allowed. With them it is
// refused, or handled as the table says.
func TestSmuggling(t *testing.T) {
	good := sealed(t, testKey, accessToken(testToken), csrfContent())
	at, csrfCookie, _ := strings.Cut(good, "; ")
	planted := sealed(t, otherKey, accessToken("planted"), csrfContent())
	plantedAt, _, _ := strings.Cut(planted, "; ")
	second := accessToken("planted")
	second.Session = cookie.SessionID{9}
	secondAt, _, _ := strings.Cut(sealed(t, testKey, second, csrfContent()), "; ")
	base := headers{"Origin": {trusted}, "Cookie": {good}, "x-th-csrf": {csrfValue}}

	for _, tt := range []struct {
		name    string
		change  headers
		message string // "" means Allow
	}{
		{"nothing", nil, ""},

		{"method override", headers{"X-HTTP-Method-Override": {"DELETE"}}, messageOverride},
		{"method override in lower case", headers{"x-http-method-override": {"DELETE"}}, messageOverride},
		{"method override to the same method", headers{"X-Http-Method-Override": {"POST"}}, messageOverride},
		{"empty method override", headers{"X-HTTP-Method-Override": {""}}, messageOverride},
		{"method override of frameworks", headers{"X-HTTP-Method": {"DELETE"}}, messageOverride},
		{"another of frameworks", headers{"x-method-override": {"DELETE"}}, messageOverride},

		{"two Origins", headers{"Origin": {trusted, "https://evil.example"}}, string(csrf.OriginAmbiguous)},
		{"two Origins, ours last", headers{"Origin": {"https://evil.example", trusted}}, string(csrf.OriginAmbiguous)},
		{"two Origins in different case", headers{"origin": {"https://evil.example"}}, string(csrf.OriginAmbiguous)},
		{"an empty second Origin", headers{"ORIGIN": {""}}, string(csrf.OriginAmbiguous)},
		{"two Origins in one value", headers{"Origin": {trusted + ", https://evil.example"}}, string(csrf.OriginUntrusted)},
		{"two Origins by a space", headers{"Origin": {trusted + " https://evil.example"}}, string(csrf.OriginUntrusted)},
		{"the same Origin twice, in different case of the name", headers{"origin": {trusted}}, ""},

		{"Authorization", headers{"Authorization": {"Bearer x"}}, messageAuthorization},
		{"Authorization in lower case", headers{"authorization": {"Bearer x"}}, messageAuthorization},
		{"Authorization in mixed case", headers{"aUTHORIZATION": {"Basic x"}}, messageAuthorization},
		{"two Authorizations in different case", headers{"Authorization": {"Bearer x"}, "authorization": {"Bearer y"}}, messageAuthorization},
		{"empty Authorization", headers{"Authorization": {""}}, messageAuthorization},

		{"two CSRF values", headers{"x-th-csrf": {csrfValue, "guess"}}, string(csrf.TokenAmbiguous)},
		{"two CSRF headers in different case", headers{"X-Th-Csrf": {"guess"}}, string(csrf.TokenAmbiguous)},
		{"two CSRF values in one", headers{"x-th-csrf": {csrfValue + "," + csrfValue}}, string(csrf.TokenMismatch)},
		{"the same CSRF value twice", headers{"X-TH-CSRF": {csrfValue}}, ""},
		{"two dialect versions", headers{"token-handler-version": {"1"}, "Token-Handler-Version": {"2"}}, string(csrf.VersionUnknown)},
		{"another dialect version", headers{"token-handler-version": {"1, 1"}}, string(csrf.VersionUnknown)},

		{"several Cookie headers", headers{"Cookie": {csrfCookie, at}}, ""},
		{"several Cookie headers in different case", headers{"Cookie": {at}, "cookie": {csrfCookie}}, ""},
		{"a foreign cookie beside ours", headers{"cookie": {plantedAt}}, ""},
		{"a foreign cookie before ours", headers{"Cookie": {plantedAt + "; " + good}}, ""},
		{"a second session beside ours", headers{"cookie": {secondAt}}, messageAmbiguous + names.AccessToken},
		{"a second session before ours", headers{"Cookie": {secondAt + "; " + good}}, messageAmbiguous + names.AccessToken},
		{"the same session twice", headers{"cookie": {good}}, ""},
		{"a cookie name in another case", headers{"Cookie": {strings.ToLower(at) + "; " + csrfCookie}}, messageNoSession},
		{"a cookie name in another case beside ours", headers{"cookie": {strings.ToLower(plantedAt)}}, ""},
		{"a cookie without the prefix", headers{"Cookie": {strings.TrimPrefix(at, "__Host-") + "; " + csrfCookie}}, messageNoSession},
		{"a cookie in quotes", headers{"Cookie": {names.AccessToken + "=\"" + strings.TrimPrefix(at, names.AccessToken+"=") + "\"; " + csrfCookie}}, ""},
		{"a cookie that hides in another's value", headers{"Cookie": {"a=\"; " + plantedAt + "\"; " + csrfCookie}}, messageNoSession},

		{"same-site", headers{"Sec-Fetch-Site": {"same-site"}}, ""},
		{"cross-site from a trusted Origin", headers{"Sec-Fetch-Site": {"cross-site"}}, string(csrf.SiteContradicts)},
		{"site none from a trusted Origin", headers{"sec-fetch-site": {"none"}}, string(csrf.SiteContradicts)},
		{"two sites in different case", headers{"Sec-Fetch-Site": {"same-site"}, "sec-fetch-site": {"cross-site"}}, string(csrf.SiteContradicts)},
		{"same-origin from an untrusted Origin", headers{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"same-origin"}}, string(csrf.OriginUntrusted)},
		{"same-origin without an Origin, unsafe method", headers{"Origin": nil, "Sec-Fetch-Site": {"same-origin"}}, string(csrf.OriginMissing)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := maps.Clone(base)
			maps.Copy(h, tt.change)
			maps.DeleteFunc(h, func(_ string, values []string) bool { return values == nil })
			// A map has no order: the decision must not depend on it.
			for range 20 {
				d := decide(t, newProxy(t), request("POST", h))
				if d.Allow != (tt.message == "") || d.Message != tt.message {
					t.Fatalf("got allow %v, %q; want %q", d.Allow, d.Message, tt.message)
				}
			}
		})
	}
}

// G2: no path parameter may move the request upstream.
func TestPathParameters(t *testing.T) {
	good := sealed(t, testKey, accessToken(testToken), csrfContent())
	for _, tt := range []struct {
		resource, name, value string
		allow                 bool
	}{
		{"/orders/{id}", "id", "7", true},
		{"/orders/{id}", "id", "a b:c@d,e;f=g!$&'()*+~_-", true},
		{"/orders/{id}", "id", "Zoë", true},
		{"/orders/{id}", "id", "...", true},
		{"/orders/{id}", "id", ".hidden", true},
		{"/orders/{id}", "id", "a..b", true},
		{"/files/{proxy+}", "proxy", "a/b//c.txt", true},
		{"/files/{proxy+}", "proxy", "a/..b/c", true},

		{"/orders/{id}", "id", "", false},
		{"/orders/{id}", "id", ".", false},
		{"/orders/{id}", "id", "..", false},
		{"/orders/{id}", "id", "..;", false},
		{"/orders/{id}", "id", "..;x=y", false},
		{"/orders/{id}", "id", "a/b", false},
		{"/orders/{id}", "id", "../admin", false},
		{"/orders/{id}", "id", "/", false},
		{"/orders/{id}", "id", `..\admin`, false},
		{"/orders/{id}", "id", "7?admin=true", false},
		{"/orders/{id}", "id", "7#x", false},
		{"/orders/{id}", "id", "%2e%2e", false},
		{"/orders/{id}", "id", "..%2fadmin", false},
		{"/orders/{id}", "id", "7%", false},
		{"/orders/{id}", "id", "7\r\nHost: evil.example", false},
		{"/orders/{id}", "id", "7\x00", false},
		{"/orders/{id}", "id", "7\u0085", false},
		{"/orders/{id}", "id", "7\x7f", false},
		{"/files/{proxy+}", "proxy", "", false},
		{"/files/{proxy+}", "proxy", "..", false},
		{"/files/{proxy+}", "proxy", "../admin", false},
		{"/files/{proxy+}", "proxy", "a/../../admin", false},
		{"/files/{proxy+}", "proxy", "a/.", false},
		{"/files/{proxy+}", "proxy", "a/./b", false},
		{"/files/{proxy+}", "proxy", "a/..;/admin", false},
		{"/files/{proxy+}", "proxy", `a\..\admin`, false},
		{"/files/{proxy+}", "proxy", "a?b", false},
		{"/files/{proxy+}", "proxy", "a/%2e%2e/b", false},
		// Not the parameter that is greedy.
		{"/a/{id}/{proxy+}", "id", "a/b", false},
	} {
		for way, r := range map[string]*Request{
			"session": get(headers{"Origin": {trusted}, "Cookie": {good}}),
			"bearer":  get(headers{"Authorization": {"Bearer x"}}),
		} {
			r.Resource, r.PathParameters = tt.resource, map[string]string{"other": "x", tt.name: tt.value}
			d := decide(t, proxyWith(t, func(s *settings.Authorizer) { s.AccessTokens.AllowToken = true }), r)
			if d.Allow != tt.allow || !d.Allow && (d.Code != contract.CodeInvalidRequest || d.Message != messagePath) {
				t.Errorf("%s, %s=%q, %s: got allow %v, %q", tt.resource, tt.name, tt.value, way, d.Allow, d.Message)
			}
		}
	}
}

package templatecheck

import (
	"strings"
	"testing"
)

// Nothing but the listed exemptions passes without our authorizer.
func TestRule(t *testing.T) {
	for _, httpMethod := range []string{"GET", "POST", "OPTIONS", "ANY"} {
		for _, auth := range []string{"NONE", "AWS_IAM", "COGNITO_USER_POOLS", "CUSTOM"} {
			for _, kind := range []string{"MOCK", "HTTP", "HTTP_PROXY", "AWS", "AWS_PROXY", "none", "unreadable"} {
				for _, ours := range []bool{false, true} {
					m := Method{Path: "/p", HTTPMethod: httpMethod, Authorization: auth, Integration: kind, Ours: ours,
						Parameters: map[string]string{AuthorizationTarget: TokenSource, CookieTarget: "'none'"}}
					preflight := httpMethod == "OPTIONS" && kind == "MOCK" && auth == "NONE"
					protected := auth == "CUSTOM" && ours && kind != "unreadable"
					if sound := m.Fault() == ""; sound != (preflight || protected) {
						t.Errorf("%+v: got sound=%v", m, sound)
					}
				}
			}
		}
	}
}

func TestFault(t *testing.T) {
	token := map[string]string{AuthorizationTarget: TokenSource, CookieTarget: "'none'"}
	constants := map[string]string{AuthorizationTarget: "'none'", CookieTarget: "'none'"}
	protected := func(kind string, parameters map[string]string) Method {
		return Method{HTTPMethod: "GET", Path: "/p", Authorization: "CUSTOM", Ours: true, Integration: kind, Parameters: parameters}
	}
	public := func(path, kind string, parameters map[string]string) Method {
		return Method{HTTPMethod: "GET", Path: path, Authorization: "NONE", Public: "health check", Integration: kind, Parameters: parameters}
	}
	for _, tt := range []struct {
		name string
		m    Method
		want string // "": sound
	}{
		{"mapped", protected("HTTP", token), ""},
		{"transparent", protected("HTTP_PROXY", token), ""},
		{"greedy and protected", Method{HTTPMethod: "ANY", Path: "/api/{proxy+}", Authorization: "CUSTOM", Ours: true, Integration: "HTTP_PROXY", Parameters: token}, ""},
		// What API Gateway makes of an empty literal is not documented.
		{"cookie written over with nothing", protected("HTTP_PROXY", map[string]string{AuthorizationTarget: TokenSource, CookieTarget: "''"}), "passes the session cookies"},
		{"overridden in a template", Method{HTTPMethod: "GET", Path: "/p", Authorization: "CUSTOM", Ours: true, Integration: "HTTP", Parameters: token,
			Templates: map[string]string{"application/json": `#set($context.requestOverride.header.Authorization = "x")`}}, "overrides the request"},

		{"public, mapped", public("/health", "HTTP", nil), ""},
		{"public, MOCK", public("/health", "MOCK", nil), ""},
		{"public, Lambda", public("/health", "AWS_PROXY", nil), ""},
		{"public, transparent, session written over", public("/health", "HTTP_PROXY", constants), ""},
		{"public, transparent", public("/health", "HTTP_PROXY", nil), "passes the session upstream: map integration.request.header.Authorization"},
		{"public with a token", public("/health", "HTTP", token), "is public and maps integration.request.header.Authorization"},
		{"public with a cookie", public("/health", "HTTP", map[string]string{"integration.request.header.X": "method.request.header.Cookie"}), "cookies and the client's Authorization"},
		{"public and greedy", public("/{proxy+}", "HTTP", nil), "has no authorizer: add it with Protect"},
		{"public, unreadable", public("/health", "unreadable", nil), "cannot be read"},
		{"public and protected", Method{HTTPMethod: "GET", Path: "/p", Authorization: "CUSTOM", Ours: true, Public: "why"}, "is public"},

		{"agent", Method{HTTPMethod: "POST", Path: "/a", Authorization: "NONE", Agent: true, Integration: "AWS_PROXY"}, ""},
		{"agent, ANY", Method{HTTPMethod: "ANY", Path: "/a", Authorization: "NONE", Agent: true, Integration: "AWS_PROXY"}, "gives every method to the OAuth agent"},
		{"agent, greedy", Method{HTTPMethod: "POST", Path: "/a/{proxy+}", Authorization: "NONE", Agent: true, Integration: "AWS_PROXY"}, "has no authorizer"},
		{"greedy MOCK preflight", Method{HTTPMethod: "OPTIONS", Path: "/a/{proxy+}", Authorization: "NONE", Integration: "MOCK"}, ""},
	} {
		if got := tt.m.Fault(); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// P4: a cached Allow must not skip what the decision reads.
func TestAuthorizerFault(t *testing.T) {
	all := []string{"method.request.header.Cookie", " method.request.header.Origin", "method.request.header.Sec-Fetch-Site", "context.httpMethod", "context.path"}
	for _, tt := range []struct {
		name string
		a    Authorizer
		want string
	}{
		{"no cache", Authorizer{Type: "REQUEST"}, ""},
		{"safe cache", Authorizer{Type: "REQUEST", TTL: 60, Sources: all}, ""},
		{"cache by cookie", Authorizer{Type: "REQUEST", TTL: 300, Sources: all[:1]}, "caches for 300 s without method.request.header.origin"},
		{"cache without the method", Authorizer{Type: "REQUEST", TTL: 300, Sources: all[:3]}, "without context.httpmethod"},
		{"unreadable TTL", Authorizer{Type: "REQUEST", TTL: -1}, "caches"},
		{"TOKEN", Authorizer{Type: "TOKEN"}, "type TOKEN"},
		{"safe cache that the function knows", Authorizer{Type: "REQUEST", TTL: 60, Sources: all, Function: &Function{CacheTTL: "60"}}, ""},
		{"cache that the function takes for shorter", Authorizer{Type: "REQUEST", TTL: 60, Sources: all, Function: &Function{CacheTTL: "30"}}, `has CACHE_TTL "30"`},
		{"no cache, the function expects one", Authorizer{Type: "REQUEST", Function: &Function{CacheTTL: "30"}}, ""},
	} {
		if got := tt.a.Fault(); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// P4: nor must a request use what was decided for one that is not of its kind.
func TestAuthorizerMethodFault(t *testing.T) {
	safe := []string{"method.request.header.Cookie", "method.request.header.Origin", "method.request.header.Sec-Fetch-Site", "context.httpMethod", "context.path"}
	withCSRF := append([]string{"method.request.header.x-th-csrf"}, safe...)
	for _, tt := range []struct {
		name    string
		ttl     int
		sources []string
		m       Method
		want    string
	}{
		{"no cache", 0, nil, Method{HTTPMethod: "POST", Integration: "HTTP_PROXY"}, ""},
		{"GET", 60, safe, Method{HTTPMethod: "GET", Integration: "HTTP"}, ""},
		{"HEAD", 60, safe, Method{HTTPMethod: "HEAD", Integration: "HTTP"}, ""},
		{"POST", 60, withCSRF, Method{HTTPMethod: "POST", Integration: "HTTP"}, ""},
		{"POST without CSRF header in the key", 60, safe, Method{HTTPMethod: "POST", Integration: "HTTP"}, "without the CSRF header"},
		{"ANY without CSRF header in the key", 60, safe, Method{HTTPMethod: "ANY", Integration: "HTTP"}, "without the CSRF header"},
		{"HTTP_PROXY", 60, withCSRF, Method{HTTPMethod: "GET", Integration: "HTTP_PROXY"}, "hands the client's headers on (HTTP_PROXY)"},
		{"AWS_PROXY", 60, withCSRF, Method{HTTPMethod: "GET", Integration: "AWS_PROXY"}, "hands the client's headers on (AWS_PROXY)"},
	} {
		a := Authorizer{Type: "REQUEST", TTL: tt.ttl, Sources: tt.sources}
		if got := a.MethodFault(tt.m); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Where the function is known, the header is: another one in the key is none.
func TestAuthorizerMethodFaultByFunction(t *testing.T) {
	key := func(more ...string) []string {
		return append(more, "method.request.header.Cookie", "method.request.header.Origin", "method.request.header.Sec-Fetch-Site", "context.httpMethod", "context.path")
	}
	classic, assistant := &Function{CSRFHeader: "x-th-csrf", CacheDialect: "classic"}, &Function{CSRFHeader: "x-th-csrf", CacheDialect: "assistant"}
	for _, tt := range []struct {
		name     string
		function *Function
		sources  []string
		method   string
		want     string
	}{
		{"classic POST", classic, key("method.request.header.X-TH-CSRF"), "POST", ""},
		{"classic POST, another header", classic, key("method.request.header.Accept"), "POST", "without the CSRF header x-th-csrf"},
		{"classic POST, the assistant's", classic, key("method.request.header.token-handler-version"), "POST", "without the CSRF header x-th-csrf"},
		{"classic GET", classic, key(), "GET", ""},
		{"assistant POST", assistant, key("method.request.header.token-handler-version"), "POST", ""},
		{"assistant POST, the classic one", assistant, key("method.request.header.x-th-csrf"), "POST", "without the CSRF header token-handler-version"},
		{"assistant GET", assistant, key(), "GET", "without the CSRF header token-handler-version"},
	} {
		a := Authorizer{Type: "REQUEST", TTL: 60, Sources: tt.sources, Function: tt.function}
		if got := a.MethodFault(Method{HTTPMethod: tt.method, Integration: "HTTP"}); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

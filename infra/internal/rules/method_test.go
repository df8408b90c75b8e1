package rules

import (
	"strings"
	"testing"
)

// faults are the findings about one method that stop synthesis.
func faults(m Method) string {
	api := API{Methods: []*Method{&m}}
	return strings.Join(texts(api.Findings()), "\n")
}

func texts(findings []Finding) []string {
	var out []string
	for _, f := range findings {
		if !f.Advice {
			out = append(out, f.Text())
		}
	}
	return out
}

// ours is an authorizer that is the token handler's.
func ours() *Authorizer { return &Authorizer{} }

// Every method but the listed exemptions needs our authorizer.
func TestOnlyExemptionsPassWithoutAuthorizer(t *testing.T) {
	for _, httpMethod := range []string{"GET", "POST", "OPTIONS", "ANY"} {
		for _, auth := range []string{"NONE", "AWS_IAM", "COGNITO_USER_POOLS", "CUSTOM"} {
			for _, kind := range []string{"MOCK", "HTTP", "HTTP_PROXY", "AWS", "AWS_PROXY", "none", "unreadable"} {
				for _, authorizer := range []*Authorizer{nil, {Foreign: "is another's"}, ours()} {
					m := Method{Path: "/p", HTTPMethod: httpMethod, Authorization: auth, Integration: kind, Authorizer: authorizer,
						Parameters: map[string]string{AuthorizationTarget: TokenSource, CookieTarget: "'none'"}}
					preflight := httpMethod == "OPTIONS" && kind == "MOCK" && auth == "NONE"
					protected := auth == "CUSTOM" && authorizer != nil && authorizer.Foreign == "" && kind != "unreadable"
					if sound := faults(m) == ""; sound != (preflight || protected) {
						t.Errorf("%+v: got sound=%v", m, sound)
					}
				}
			}
		}
	}
}

func TestMethodRules(t *testing.T) {
	token := map[string]string{AuthorizationTarget: TokenSource, CookieTarget: "'none'"}
	constants := map[string]string{AuthorizationTarget: "'none'", CookieTarget: "'none'"}
	protected := func(kind string, parameters map[string]string) Method {
		return Method{HTTPMethod: "GET", Path: "/p", Authorization: "CUSTOM", Authorizer: ours(), Integration: kind, Parameters: parameters}
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
		{"greedy and protected", Method{HTTPMethod: "ANY", Path: "/api/{proxy+}", Authorization: "CUSTOM", Authorizer: ours(), Integration: "HTTP_PROXY", Parameters: token}, ""},
		// AWS does not document an empty literal.
		{"cookie overwritten with an empty literal", protected("HTTP_PROXY", map[string]string{AuthorizationTarget: TokenSource, CookieTarget: "''"}), "passes the session cookies"},
		{"overridden in a template", Method{HTTPMethod: "GET", Path: "/p", Authorization: "CUSTOM", Authorizer: ours(), Integration: "HTTP", Parameters: token,
			Templates: map[string]string{"application/json": `#set($context.requestOverride.header.Authorization = "x")`}}, "overrides the request"},

		{"public, mapped", public("/health", "HTTP", nil), ""},
		{"public, MOCK", public("/health", "MOCK", nil), ""},
		{"public, Lambda", public("/health", "AWS_PROXY", nil), ""},
		{"public, transparent, session written over", public("/health", "HTTP_PROXY", constants), ""},
		{"public, transparent", public("/health", "HTTP_PROXY", nil), "upstream: map integration.request.header.Authorization"},
		{"public with a token", public("/health", "HTTP", token), "is public and maps integration.request.header.Authorization"},
		{"public with a cookie", public("/health", "HTTP", map[string]string{"integration.request.header.X": "method.request.header.Cookie"}), "cookies and the client's Authorization"},
		{"public and greedy", public("/{proxy+}", "HTTP", nil), "[TH-NoGreedyPublicPath]"},
		{"public, unreadable", public("/health", "unreadable", nil), "cannot be read"},
		{"public and protected", Method{HTTPMethod: "GET", Path: "/p", Authorization: "CUSTOM", Authorizer: ours(), Public: "why"}, "is public"},

		{"agent", Method{HTTPMethod: "POST", Path: "/a", Authorization: "NONE", IsAgent: true, Integration: "AWS_PROXY"}, ""},
		{"agent, ANY", Method{HTTPMethod: "ANY", Path: "/a", Authorization: "NONE", IsAgent: true, Integration: "AWS_PROXY"}, "gives every method to the OAuth agent"},
		{"agent, greedy", Method{HTTPMethod: "POST", Path: "/a/{proxy+}", Authorization: "NONE", IsAgent: true, Integration: "AWS_PROXY"}, "gives a greedy path to the OAuth agent"},
		{"greedy MOCK preflight", Method{HTTPMethod: "OPTIONS", Path: "/a/{proxy+}", Authorization: "NONE", Integration: "MOCK"}, ""},
	} {
		if got := faults(tt.m); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// P4: a cached Allow must not skip a check that the decision depends on.
func TestAuthorizerCacheRules(t *testing.T) {
	all := []string{"method.request.header.Cookie", " method.request.header.Origin", "method.request.header.Sec-Fetch-Site", "context.httpMethod", "context.path"}
	withCSRF := append([]string{"method.request.header.X-TH-CSRF"}, all...)
	withVersion := append([]string{"method.request.header.token-handler-version"}, all...)
	classic, assistant := &Function{CSRFHeader: "x-th-csrf", CacheTTL: "60", CacheDialect: "classic"}, &Function{CSRFHeader: "x-th-csrf", CacheTTL: "60", CacheDialect: "assistant"}
	for _, tt := range []struct {
		name        string
		a           Authorizer
		method      string
		integration string
		want        string
	}{
		{"no cache", Authorizer{}, "GET", "HTTP", ""},
		{"no cache, transparent", Authorizer{}, "POST", "AWS_PROXY", ""},
		{"no cache, the function expects one", Authorizer{Function: classic}, "GET", "HTTP", ""},
		{"GET", Authorizer{TTL: 60, Sources: all}, "GET", "HTTP", ""},
		{"HEAD", Authorizer{TTL: 60, Sources: all}, "HEAD", "HTTP", ""},
		{"POST", Authorizer{TTL: 60, Sources: withCSRF}, "POST", "HTTP", ""},
		{"cached by the cookie", Authorizer{TTL: 300, Sources: all[:1]}, "GET", "HTTP", "caches for 300 s without method.request.header.origin"},
		{"cached without the method", Authorizer{TTL: 300, Sources: all[:3]}, "GET", "HTTP", "without context.httpmethod"},
		{"unreadable TTL", Authorizer{TTL: -1}, "GET", "HTTP", "caches"},
		{"TOKEN", Authorizer{Type: "TOKEN"}, "GET", "HTTP", "type TOKEN"},
		{"POST without the CSRF header", Authorizer{TTL: 60, Sources: all}, "POST", "HTTP", "without the CSRF header"},
		{"ANY without the CSRF header", Authorizer{TTL: 60, Sources: all}, "ANY", "HTTP", "without the CSRF header"},
		{"HTTP_PROXY", Authorizer{TTL: 60, Sources: all}, "GET", "HTTP_PROXY", "passes on the client's headers (HTTP_PROXY)"},
		{"AWS_PROXY", Authorizer{TTL: 60, Sources: all}, "GET", "AWS_PROXY", "passes on the client's headers (AWS_PROXY)"},
		{"authorizer for GET on POST", Authorizer{TTL: 60, Sources: withCSRF, OnlySafe: true}, "POST", "HTTP", "has the authorizer for GET and HEAD"},
		// Where the function is known, so is the header.
		{"classic POST", Authorizer{TTL: 60, Sources: withCSRF, Function: classic}, "POST", "HTTP", ""},
		{"classic GET", Authorizer{TTL: 60, Sources: all, Function: classic}, "GET", "HTTP", ""},
		{"classic POST, some header", Authorizer{TTL: 60, Sources: append([]string{"method.request.header.Accept"}, all...), Function: classic}, "POST", "HTTP", "without the CSRF header x-th-csrf"},
		{"classic POST, the assistant's header", Authorizer{TTL: 60, Sources: withVersion, Function: classic}, "POST", "HTTP", "without the CSRF header x-th-csrf"},
		{"assistant POST", Authorizer{TTL: 60, Sources: withVersion, Function: assistant}, "POST", "HTTP", ""},
		{"assistant POST, the classic header", Authorizer{TTL: 60, Sources: withCSRF, Function: assistant}, "POST", "HTTP", "without the CSRF header token-handler-version"},
		{"assistant GET", Authorizer{TTL: 60, Sources: all, Function: assistant}, "GET", "HTTP", "without the CSRF header token-handler-version"},
		{"the function knows a shorter time", Authorizer{TTL: 60, Sources: all, Function: &Function{CacheTTL: "30"}}, "GET", "HTTP", `has CACHE_TTL "30"`},
	} {
		a := tt.a
		a.Known = true
		if a.Type == "" {
			a.Type = "REQUEST"
		}
		m := Method{HTTPMethod: tt.method, Path: "/p", Authorization: "CUSTOM", Authorizer: &a, Integration: tt.integration,
			Parameters: map[string]string{AuthorizationTarget: TokenSource, CookieTarget: "'none'"}}
		if got := faults(m); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A method with several faults is reported with all of them in one run.
func TestEveryFaultOfAMethodIsFound(t *testing.T) {
	m := Method{HTTPMethod: "POST", Path: "/p", Authorization: "CUSTOM", Integration: "HTTP_PROXY",
		Authorizer: &Authorizer{Known: true, Type: "REQUEST", TTL: 60},
		Parameters: map[string]string{"integration.request.header.X": "method.request.header.Cookie"}}
	got := faults(m)
	for _, rule := range []string{"TH-TokenUpstream", "TH-NoSessionUpstream", "TH-AuthorizerCacheKey", "TH-CachedRoutesAreMapped"} {
		if !strings.Contains(got, "["+rule+"]") {
			t.Errorf("got %q, want a finding of %s", got, rule)
		}
	}
	if n := strings.Count(got, "[TH-NoSessionUpstream]"); n != 2 {
		t.Errorf("got %d findings of TH-NoSessionUpstream, want the mapping and the cookie header", n)
	}
}

func TestRulesOfSeveralHandlersAndProofs(t *testing.T) {
	mapped := map[string]string{AuthorizationTarget: TokenSource, ProofTarget: ProofSource}
	for _, tt := range []struct {
		name string
		m    Method
		want string
	}{
		{"own authorizer", Method{Handler: "A", Authorizer: &Authorizer{Handler: "A"}}, ""},
		{"another's authorizer", Method{Handler: "A", Authorizer: &Authorizer{Handler: "B"}}, "has the authorizer of B: it must have that of A"},
		{"not made by Protect", Method{Authorizer: &Authorizer{Handler: "B"}}, ""},
		{"bound", Method{Handler: "A", Parameters: mapped, Authorizer: &Authorizer{Handler: "A", Function: &Function{Bound: true}}}, ""},
		{"bound, in a template", Method{Parameters: mapped, Authorizer: &Authorizer{Function: &Function{Bound: true}}}, ""},
		{"bound, not made by Protect", Method{Parameters: mapped, Authorizer: &Authorizer{Handler: "A", Function: &Function{Bound: true}}}, "is not made by Protect"},
		{"bound, without the proof", Method{Authorizer: &Authorizer{Function: &Function{Bound: true}}}, "does not give its integration the proof"},
		{"bound, Lambda", Method{Integration: "AWS_PROXY", Authorizer: &Authorizer{Function: &Function{Bound: true}}}, "has integration AWS_PROXY: with DPoP it must be HTTP"},
	} {
		m := tt.m
		m.HTTPMethod, m.Path, m.Authorization = "GET", "/p", "CUSTOM"
		if m.Integration == "" {
			m.Integration = "HTTP"
		}
		if m.Parameters == nil {
			m.Parameters = map[string]string{AuthorizationTarget: TokenSource}
		}
		if got := faults(m); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

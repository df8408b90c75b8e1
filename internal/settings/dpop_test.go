package settings_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/settings"
)

func TestUpstreams(t *testing.T) {
	want := settings.Upstreams{"GET /orders/{id}": "https://a.example/o/{id}", "POST /": "http://127.0.0.1:3003"}
	got, err := settings.ParseUpstreams(want.Encode())
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("got %v\n%s", err, diff)
	}
	if settings.Upstreams(nil).Encode() != "" {
		t.Error("no URLs are not the empty text")
	}
	for name, text := range map[string]string{
		"empty": "", "null": "null", "a list": "[]", "two values": `{} {}`, "no method": `{"/orders":"https://a.example/"}`,
		"method in lower case that is none": `{"get! /orders":"https://a.example/"}`, "no resource": `{"GET orders":"https://a.example/"}`,
		"http": `{"GET /orders":"http://a.example/"}`, "no URL": `{"GET /orders":"orders"}`, "user info": `{"GET /orders":"https://u:p@a.example/"}`,
		"query": `{"GET /orders":"https://a.example/?x=1"}`, "fragment": `{"GET /orders":"https://a.example/#x"}`,
	} {
		if _, err := settings.ParseUpstreams(text); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// A proof is of one key, for one request: what contradicts that stops both
// Lambdas at their start.
func TestDPoPStandsAlone(t *testing.T) {
	const upstreams = `{"GET /orders":"https://a.example/"}`
	authorizer := func(change func(*settings.Authorizer)) error {
		s := settings.Authorizer{Shared: settings.Shared{DPoP: true}, Upstreams: upstreams}
		change(&s)
		return s.Complete()
	}
	agent := func(change func(*settings.Agent)) error {
		s := settings.Agent{Shared: settings.Shared{DPoP: true}, ClientID: "x", ClientSecret: "s", Scope: "openid"}
		change(&s)
		return s.Complete(nil)
	}
	curity := agentEnv()
	curity["COOKIE_FORMAT"], curity["DPOP"] = "curity", "true"
	_, curityErr := settings.Load[settings.Agent](func(name string) (string, bool) { v, ok := curity[name]; return v, ok })
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"authorizer", authorizer(func(*settings.Authorizer) {}), ""},
		{"agent", agent(func(*settings.Agent) {}), ""},
		{"URLs without DPoP", authorizer(func(s *settings.Authorizer) { s.DPoP = false }), "UPSTREAMS is set"},
		{"phantom tokens", authorizer(func(s *settings.Authorizer) {
			s.UsePhantomToken, s.IntrospectionURL, s.ClientID, s.ClientSecret = true, "https://a.example/", "x", "s"
		}), "USE_PHANTOM_TOKEN is set: expected none with DPOP"},
		{"bearer tokens", authorizer(func(s *settings.Authorizer) { s.AllowToken = true }), "ALLOW_TOKEN is set: expected none with DPOP"},
		{"caching", authorizer(func(s *settings.Authorizer) { s.CacheTTL, s.CacheDialect = "30", "assistant" }), "CACHE_TTL is set: expected none with DPOP"},
		{"token mediation", agent(func(s *settings.Agent) { s.TokenMediation = true }), "TOKEN_MEDIATION is set: expected none with DPOP"},
		{"github", agent(func(s *settings.Agent) { s.ProviderProfile, s.Scope = "github", "repo" }), "DPOP is set: expected none with this PROVIDER_PROFILE"},
		{"cognito", agent(func(s *settings.Agent) {
			s.ProviderProfile, s.PostLogoutRedirectURI = "cognito", "https://a.example/"
		}), "DPOP is set: expected none with this PROVIDER_PROFILE"},
		{"curity", curityErr, "DPOP is set: expected none with COOKIE_FORMAT curity"},
	} {
		switch {
		case tt.want == "" && tt.err != nil, tt.want != "" && (tt.err == nil || !strings.Contains(tt.err.Error(), tt.want)):
			t.Errorf("%s: got %v, want %q", tt.name, tt.err, tt.want)
		}
	}
}

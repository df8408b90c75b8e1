package main

import (
	"testing"

	"github.com/tokenhandler/aws/internal/settings"
)

func TestDisplayName(t *testing.T) {
	for path, want := range map[string]string{
		"TokenHandler-local/TokenHandler/AgentFunction/Resource":       "agent",
		"TokenHandler-local/TokenHandler/AuthorizerFunction":           "authorizer",
		"TokenHandler-local/admin/TokenHandler/AgentFunction/Resource": "admin agent",
	} {
		if got := displayName(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

// Only clients of the bundled provider are registered there.
func TestRegistrations(t *testing.T) {
	type provider = settings.Provider[settings.Secret, string]
	got := options{}.registrations("http://login.example.localhost:3002", []settings.Agent{
		{Provider: provider{Issuer: "https://elsewhere.example", ClientID: "a"}},
		{
			Shared:   settings.Shared{Application: settings.Application{RedirectURI: "http://www.example.localhost:3000/b/"}},
			Provider: provider{Issuer: "http://login.example.localhost:3002", ClientID: "b"},
		},
	})
	if len(got) != 1 || got[0].ID != "b" || len(got[0].RedirectURIs) != 1 || len(got[0].PostLogoutRedirectURIs) != 0 {
		t.Errorf("got %+v", got)
	}
}

package settings_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/settings"
)

func authorizerEnv(more ...string) map[string]string {
	env := map[string]string{"TRUSTED_WEB_ORIGINS": "https://www.example.com", "ENCRYPTION_KEY": testKey}
	for i := 0; i+1 < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return env
}

func TestLoadAuthorizer(t *testing.T) {
	got, err := settings.Load[settings.Authorizer](lookup(authorizerEnv()))
	if err != nil {
		t.Fatal(err)
	}
	if got.AllowToken || got.UsePhantomToken || got.KnowsScopes() || got.MaxAge() != 60 || got.Complete() != nil {
		t.Errorf("by default something is on: %+v, %v", got, got.Complete())
	}
	for _, tt := range []struct{ variable, value string }{
		{"ALLOW_TOKEN", "yes"}, {"ALLOW_TOKEN", "TRUE"}, {"USE_PHANTOM_TOKEN", "1"},
		{"INTROSPECTION_URL", "http://login.example.com/introspect"}, {"INTROSPECTION_URL", "/introspect"},
		{"INTROSPECTION_MEDIA_TYPE", "text/html"}, {"INTROSPECTION_MAX_AGE", "-1"}, {"INTROSPECTION_MAX_AGE", "301"},
		{"INTROSPECTION_MAX_AGE", "1m"}, {"INTROSPECTION_MAX_AGE", "+5"}, {"CLIENT_SECRET", "a\nb"}, {"ISSUER", "login"},
		{"JWKS_ENDPOINT", "http://login.example.com/jwks"}, {"AUDIENCE", "a b"}, {"AUDIENCE", strings.Repeat("a", 257)},
		{"ROUTE_REQUIREMENTS", "{"}, {"ROUTE_REQUIREMENTS", "null"},
	} {
		_, err := settings.Load[settings.Authorizer](lookup(authorizerEnv(tt.variable, tt.value)))
		if err == nil || !strings.Contains(err.Error(), tt.variable) || strings.Contains(err.Error(), tt.value) && len(tt.value) > 4 {
			t.Errorf("%s=%q: got %v, want an error that names it and does not show it", tt.variable, tt.value, err)
		}
	}
}

func TestAuthorizerComplete(t *testing.T) {
	phantom := settings.Authorizer{UsePhantomToken: true, IntrospectionURL: "https://a.example/", ClientID: "a", ClientSecret: "b"}
	verified := settings.Authorizer{Issuer: "https://a.example", JWKSEndpoint: "https://a.example/jwks", Audience: []string{"x"}}
	for _, tt := range []struct {
		name   string
		s      settings.Authorizer
		change func(*settings.Authorizer)
		want   string // the variable that is wrong; "": none
	}{
		{"nothing on", settings.Authorizer{}, nil, ""},
		{"phantom tokens", phantom, nil, ""},
		{"phantom tokens and an audience", phantom, func(s *settings.Authorizer) { s.Audience = []string{"x"} }, ""},
		{"verification", verified, nil, ""},
		{"demands", verified, func(s *settings.Authorizer) { s.RouteRequirements = "x" }, ""},
		{"no URL", phantom, func(s *settings.Authorizer) { s.IntrospectionURL = "" }, "INTROSPECTION_URL is missing"},
		{"no client", phantom, func(s *settings.Authorizer) { s.ClientID = "" }, "CLIENT_ID is missing"},
		{"P20 no secret", phantom, func(s *settings.Authorizer) { s.ClientSecret = "" }, "CLIENT_SECRET is missing"},
		{"a secret for nothing", phantom, func(s *settings.Authorizer) { s.UsePhantomToken, s.IntrospectionURL = false, "" }, "CLIENT_SECRET is set"},
		{"a URL for nothing", settings.Authorizer{IntrospectionURL: "x"}, nil, "INTROSPECTION_URL is set"},
		{"signed without keys", phantom, func(s *settings.Authorizer) { s.IntrospectionMediaType = settings.MediaTypeSigned }, "JWKS_ENDPOINT is missing"},
		{"no issuer", verified, func(s *settings.Authorizer) { s.Issuer = "" }, "ISSUER is missing"},
		{"no audience", verified, func(s *settings.Authorizer) { s.Audience = nil }, "AUDIENCE is missing"},
		{"audience for nothing", settings.Authorizer{Audience: []string{"x"}}, nil, "AUDIENCE is set"},
		{"demands for nothing", settings.Authorizer{RouteRequirements: "x"}, nil, "ROUTE_REQUIREMENTS is set"},
	} {
		if tt.change != nil {
			tt.change(&tt.s)
		}
		err := tt.s.Complete()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestRequirementsRoundTrip(t *testing.T) {
	want := settings.Requirements{
		settings.RouteKey("GET", "/orders/{id}"): {Scope: "a <b>&c"},
		settings.RouteKey("ANY", "/{proxy+}"):    {Claims: map[string]string{"acr": "2", "Zoë": `"`}},
	}
	text := want.Encode()
	if strings.Contains(text, `\u003c`) {
		t.Errorf("longer than it needs to be: %s", text)
	}
	got, err := settings.ParseRequirements(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s := (settings.Requirements{}).Encode(); s != "" {
		t.Errorf("none: got %q", s)
	}
}

// A demand that is not understood must not count as none.
func TestParseRequirementsRefuses(t *testing.T) {
	for _, text := range []string{
		``, `null`, `[]`, `{`, `{} {}`, `"x"`,
		`{"GET /a":{}}`, `{"GET /a":{"scopes":"x"}}`, `{"GET /a":{"scope":["x"]}}`, `{"GET /a":"x"}`,
		`{"GET /a":{"scope":""}}`, `{"GET /a":{"scope":" x"}}`, `{"GET /a":{"scope":"x  y"}}`, `{"GET /a":{"scope":"x\"y"}}`,
		`{"GET /a":{"scope":"x\\y"}}`, `{"GET /a":{"scope":"Zoë"}}`, `{"GET /a":{"claims":{"":"x"}}}`, `{"GET /a":{"claims":{"x":1}}}`,
		`{"/a":{"scope":"x"}}`, `{"get /a":{"scope":"x"}}`, `{"GET a":{"scope":"x"}}`, `{" /a":{"scope":"x"}}`, `{"*":{"scope":"x"}}`,
	} {
		if got, err := settings.ParseRequirements(text); err == nil {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

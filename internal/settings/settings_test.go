package settings_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/settings"
)

const testKey = "4e4636356d65563e4c73233847503e3b21436e6f7629724950526f4b5e2e4e50"

func agentEnv() map[string]string {
	return map[string]string{
		"TRUSTED_WEB_ORIGINS": "https://www.example.com",
		"ENCRYPTION_KEY":      testKey,
		"ISSUER":              "https://login.example.com",
		"CLIENT_ID":           "spa",
		"CLIENT_SECRET":       "correct horse battery staple",
		"REDIRECT_URI":        "https://www.example.com/",
	}
}

func authorizerEnv(more ...string) map[string]string {
	env := map[string]string{"TRUSTED_WEB_ORIGINS": "https://www.example.com", "ENCRYPTION_KEY": testKey, "DEPLOYMENT": "https://login.example.com spa"}
	for i := 0; i+1 < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return env
}

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

func written(s any) map[string]string {
	env := map[string]string{}
	for _, v := range settings.Variables(s) {
		env[v.Name] = v.Value
	}
	return env
}

func TestLoadDefaults(t *testing.T) {
	agent, err := settings.Load[settings.Agent](lookup(agentEnv()))
	if err != nil {
		t.Fatal(err)
	}
	var want settings.Agent
	want.Application = settings.Application{TrustedWebOrigins: []string{"https://www.example.com"}, RedirectURI: "https://www.example.com/", AgentPath: "/oauth-agent"}
	want.Cookies = settings.Cookies{NamePrefix: "th", Format: "sealed"}
	want.CookieKey.Key = testKey
	want.Operation.Metrics = "emf"
	want.Sessions.Repeat = time.Minute
	want.DeviceBinding = settings.DeviceBinding{Mode: settings.DeviceBindingOff, CookieLifetime: 10 * time.Minute}
	want.Session.Logout = "provider"
	want.Provider.Profile, want.Provider.Issuer, want.Provider.ClientID, want.Provider.Scope = "oidc", "https://login.example.com", "spa", "openid"
	want.Provider.ClientSecret = "correct horse battery staple"
	want.Provider.Requests.ExtraParameters = []string{"ui_locales", "login_hint", "prompt", "acr_values"}
	if diff := cmp.Diff(want, agent); diff != "" {
		t.Error(diff)
	}
	if got := agent.CSRFHeaderName(); got != "x-th-csrf" {
		t.Errorf("CSRF header: got %s", got)
	}

	authorizer, err := settings.Load[settings.Authorizer](lookup(authorizerEnv()))
	if err != nil {
		t.Fatal(err)
	}
	if authorizer.AccessTokens.AllowToken || authorizer.KnowsScopes() || authorizer.PhantomToken.MaxAge != time.Minute || authorizer.AuthorizerCaching.TTL != 0 {
		t.Errorf("a check is switched by default: %+v", authorizer)
	}
}

// "https://a, https://b" trusts both (P7). An empty list trusts no origin (P6).
func TestLoadLists(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        []string
	}{
		{"spaces around items", " https://a.example , https://b.example ", []string{"https://a.example", "https://b.example"}},
		{"empty", "", []string{}},
		{"only commas", " , ,", []string{}},
		{"loopback http", "http://www.example.localhost:3000", []string{"http://www.example.localhost:3000"}},
		{"IPv6", "http://[::1]:3000", []string{"http://[::1]:3000"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := settings.Load[settings.Authorizer](lookup(authorizerEnv("TRUSTED_WEB_ORIGINS", tt.value)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Application.TrustedWebOrigins); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The error names the variable and shows no value.
func TestLoadRefuses(t *testing.T) {
	const missing = "\x00missing"
	env := func(change ...string) []string { return change }
	for _, tt := range []struct {
		agent bool
		env   []string // names and values; the first name is at fault
		want  string   // after the name
	}{
		{true, env("TRUSTED_WEB_ORIGINS", missing), " is missing: it must be an origin"},
		{true, env("ENCRYPTION_KEY", missing), " is missing: it must be 64 hexadecimal characters"},
		{true, env("ENCRYPTION_KEY", ""), " is missing"},
		{true, env("ISSUER", missing), " is missing: it must be an absolute https URL"},
		{true, env("ISSUER", ""), " is missing"},
		{true, env("CLIENT_ID", missing), " is missing: it must be 1 to 1024"},
		{true, env("REDIRECT_URI", missing), " is missing: it must be"},
		{true, env("TRUSTED_WEB_ORIGINS", "*"), " must be an origin"},
		{true, env("TRUSTED_WEB_ORIGINS", "null"), " must be an origin"},
		{true, env("TRUSTED_WEB_ORIGINS", "https://*.example.com"), " must be an origin"},
		{true, env("TRUSTED_WEB_ORIGINS", "http://www.example.com"), " must be an origin"},
		{true, env("TRUSTED_WEB_ORIGINS", "https://www.example.com/"), " must be an origin"},
		{true, env("TRUSTED_WEB_ORIGINS", "https://www.example.com/app"), " must be an origin"},
		{true, env("TRUSTED_WEB_ORIGINS", "https://www.example.com:443"), " must be an origin"},
		{true, env("TRUSTED_WEB_ORIGINS", "https://WWW.example.com"), " must be an origin"},
		{true, env("TRUSTED_WEB_ORIGINS", "https://user@www.example.com"), " must be an origin"},
		{true, env("TRUSTED_WEB_ORIGINS", "https://ok.example,javascript:alert(1)"), " must be an origin"},
		{true, env("TRUSTED_WEB_ORIGINS", "https://"+strings.Repeat("a", 5000)), " must have at most 4096 bytes"},
		{true, env("TRUSTED_WEB_ORIGINS", strings.Repeat("https://a.example,", 40)), " must have at most 32 items, got 40"},
		{true, env("COOKIE_NAME_PREFIX", "a b"), " must be 1 to 32 letters"},
		{true, env("COOKIE_NAME_PREFIX", "a;b"), " must be 1 to 32 letters"},
		{true, env("COOKIE_NAME_PREFIX", "__Host-th"), " must not begin with __Host-"},
		{true, env("COOKIE_NAME_PREFIX", "__host-th"), " must be 1 to 32 letters"},
		{true, env("COOKIE_NAME_PREFIX", strings.Repeat("a", 33)), " must be 1 to 32 letters"},
		{true, env("CSRF_HEADER", "Content-Type"), " must be the name of a custom request header"},
		{true, env("CSRF_HEADER", "x csrf"), " must be the name"},
		{true, env("COOKIE_FORMAT", "other"), " must be sealed or curity"},
		{true, env("COOKIE_DOMAIN", ".example.com"), " must be a domain name"},
		{true, env("COOKIE_DOMAIN", "com"), " must be a domain name"},
		{true, env("COOKIE_DOMAIN", "10.0.0.1"), " must be a domain name"},
		{true, env("COOKIE_BASE_PATH", "/api/my-oauth-agent"), " must end in AGENT_BASE_PATH"},
		{true, env("COOKIE_DOMAIN", "example.com", "COOKIE_FORMAT", "curity", "COOKIE_NAME_PREFIX", "__Host-th"), " cannot be combined with a COOKIE_NAME_PREFIX that begins with __Host-"},
		{true, env("COOKIE_BASE_PATH", "/oauth-agent", "COOKIE_FORMAT", "curity", "COOKIE_NAME_PREFIX", "__Host-th"), " cannot be combined with a COOKIE_NAME_PREFIX that begins with __Host-"},
		{true, env("TOKEN_MEDIATION", "true", "COOKIE_FORMAT", "curity"), " cannot be combined with COOKIE_FORMAT curity"},
		{true, env("ID_TOKEN_HINT", "true", "OMIT_ID_TOKEN", "true"), " cannot be combined with OMIT_ID_TOKEN"},
		{true, env("SESSIONS_KEY", testKey), " requires SESSIONS_TABLE"},
		{true, env("SESSIONS_KEY", missing, "SESSIONS_TABLE", "sessions"), " is required with SESSIONS_TABLE"},
		{true, env("SESSIONS_TABLE", "sessions", "SESSIONS_KEY", testKey, "COOKIE_FORMAT", "curity"), " cannot be combined with COOKIE_FORMAT curity"},
		{true, env("ENCRYPTION_KEY", "abcd"), " must be 64 hexadecimal"},
		{true, env("ENCRYPTION_KEY", strings.Repeat("g", 64)), " must be 64 hexadecimal"},
		{true, env("ENCRYPTION_KEY", strings.Repeat("0", 64)), " must be 64 hexadecimal"},
		{true, env("ENCRYPTION_KEY", testKey+"00"), " must be 64 hexadecimal"},
		{true, env("ENCRYPTION_KEY", testKey, "ENCRYPTION_KEY_SECRET_ARN", "arn:aws:secretsmanager:eu-north-1:123456789012:secret:key-AbCdEf"), " cannot be combined with ENCRYPTION_KEY_SECRET_ARN"},
		{true, env("ENCRYPTION_KEY_SECRET_ARN", "arn:aws:s3:::bucket"), " must be the ARN of a secret"},
		{true, env("ISSUER", "http://login.example.com"), " must be an absolute https URL"},
		{true, env("ISSUER", "https://login.example.com?x=1"), " must be an absolute https URL"},
		{true, env("ISSUER", "login.example.com"), " must be an absolute https URL"},
		{true, env("TOKEN_ENDPOINT", "https://user:pw@login.example.com/token"), " must be an absolute https URL"},
		{true, env("TOKEN_ENDPOINT", "https://login.example.com/token#"), " must be an absolute https URL"},
		{true, env("REDIRECT_URI", "http://www.example.com/"), " must be an absolute https URL"},
		{true, env("REDIRECT_URI", "https://"), " must be an absolute https URL"},
		{true, env("CLIENT_SECRET", "line\nbreak"), " must be 1 to 1024 printable"},
		{true, env("SCOPE", "openid  profile"), " must be scopes"},
		{true, env("SCOPE", "profile"), " must contain openid with PROVIDER_PROFILE oidc"},
		{true, env("AGENT_BASE_PATH", "bff"), " must be a path"},
		{true, env("AGENT_BASE_PATH", "/oauth-agent/"), " must be a path"},
		{true, env("AGENT_BASE_PATH", "/../x"), " must be a path"},
		{true, env("METRICS", "yes"), " must be emf or none"},
		{true, env("SESSION_IDLE_LIFETIME", "30"), " must be a duration"},
		{true, env("SESSION_IDLE_LIFETIME", "0s"), " must be a duration"},
		{true, env("SESSION_IDLE_LIFETIME", "-1h"), " must be a duration"},
		{true, env("SESSION_LIFETIME", "1 day"), " must be a duration"},
		{true, env("SESSION_LIFETIME", "1500ms"), " must be a duration"},
		{true, env("SESSION_LIFETIME", "8761h"), " must be a duration"},
		{true, env("SESSION_LIFETIME", "999999999999h"), " must be a duration"},
		{true, env("SESSION_LIFETIME", "8h", "COOKIE_FORMAT", "curity"), " cannot be combined with COOKIE_FORMAT curity"},
		{true, env("LOGOUT", "none"), " must be provider or local"},
		{true, env("ID_TOKEN_HINT", "yes"), " must be true or false"},
		{true, env("TOKEN_MEDIATION", "TRUE"), " must be true or false"},
		{true, env("TOKEN_MEDIATION", "1"), " must be true or false"},
		{true, env("TOKEN_MEDIATION", "true", "DPOP", "true"), " cannot be combined with DPOP"},
		{true, env("PROVIDER_PROFILE", "google"), " must be oidc, cognito, github or oauth2"},
		{true, env("SCOPE", "openid", "PROVIDER_PROFILE", "github"), " must not contain openid with PROVIDER_PROFILE github"},
		{true, env("POST_LOGOUT_REDIRECT_URI", missing, "PROVIDER_PROFILE", "cognito"), " is required with PROVIDER_PROFILE cognito"},
		{true, env("CLIENT_SECRET", missing), " is required with CLIENT_AUTHENTICATION client_secret_basic"},
		{true, env("CLIENT_SECRET", "x", "CLIENT_AUTHENTICATION", "private_key_jwt", "CLIENT_PRIVATE_KEY", pemText), " cannot be combined with CLIENT_AUTHENTICATION private_key_jwt"},
		{true, env("CLIENT_PRIVATE_KEY", missing, "CLIENT_AUTHENTICATION", "private_key_jwt", "CLIENT_SECRET", missing), " or CLIENT_KMS_KEY_ID is required"},
		{true, env("CLIENT_PRIVATE_KEY", missing, "SIGN_AUTHORIZATION_REQUESTS", "true"), " or CLIENT_KMS_KEY_ID is required"},
		{true, env("CLIENT_PRIVATE_KEY", pemText), " requires CLIENT_AUTHENTICATION private_key_jwt or SIGN_AUTHORIZATION_REQUESTS"},
		{true, env("CLIENT_PRIVATE_KEY", "MIIC"), " must be text in PEM form"},
		{true, env("CLIENT_KMS_KEY_ID", "alias/key"), " must be the ARN of a KMS key"},
		{true, env("CLIENT_KMS_KEY_ID", kmsKey), " requires CLIENT_AUTHENTICATION"},
		{true, env("CLIENT_SIGNING_ALGORITHM", "EdDSA", "CLIENT_KMS_KEY_ID", kmsKey, "SIGN_AUTHORIZATION_REQUESTS", "true"), " EdDSA cannot be combined with CLIENT_KMS_KEY_ID"},
		{true, env("CLIENT_SIGNING_ALGORITHM", "HS256"), " must be ES256"},
		{true, env("CLIENT_ASSERTION_AUDIENCE", "token"), " must be token_endpoint or issuer"},
		{true, env("CLIENT_CERTIFICATE", missing, "CLIENT_AUTHENTICATION", "tls_client_auth", "CLIENT_SECRET", missing, "CLIENT_CERTIFICATE_KEY", pemText), " is required with CLIENT_AUTHENTICATION tls_client_auth"},
		{true, env("CLIENT_CERTIFICATE", pemText), " requires CLIENT_AUTHENTICATION tls_client_auth"},
		{true, env("RESPONSE_MODE", "fragment"), " must be jwt or query.jwt"},
		{true, env("RESOURCES", "https://a.example/#x"), " must be an absolute URI"},
		{true, env("EXTRA_PARAMETERS", "prompt,redirect_uri"), " must be a parameter"},
		{true, env("ESSENTIAL_ACR", "true", "EXTRA_PARAMETERS", "prompt"), " requires acr_values in EXTRA_PARAMETERS"},
		{true, env("EXTRA_PARAMETERS", "max_age", "PROVIDER_PROFILE", "oauth2", "SCOPE", "read"), " must not contain max_age with PROVIDER_PROFILE oauth2"},
		{true, env("DPOP", "true", "COOKIE_FORMAT", "curity"), " cannot be combined with COOKIE_FORMAT curity"},
		{true, env("DPOP", "true", "PROVIDER_PROFILE", "github", "SCOPE", "read"), " cannot be combined with PROVIDER_PROFILE github"},

		{false, env("ALLOW_TOKEN", "yes"), " must be true or false"},
		{false, env("ALLOW_TOKEN", "TRUE"), " must be true or false"},
		{false, env("USE_PHANTOM_TOKEN", "1"), " must be true or false"},
		{false, env("INTROSPECTION_URL", "http://login.example.com/introspect"), " must be an absolute https URL"},
		{false, env("INTROSPECTION_URL", "/introspect"), " must be an absolute https URL"},
		{false, env("INTROSPECTION_URL", "https://a.example/"), " requires USE_PHANTOM_TOKEN"},
		{false, env("INTROSPECTION_URL", missing, "USE_PHANTOM_TOKEN", "true"), " is required with USE_PHANTOM_TOKEN"},
		{false, env("INTROSPECTION_MEDIA_TYPE", "text/html"), " must be application/jwt"},
		{false, env("INTROSPECTION_MAX_AGE", "-1"), " must be whole seconds from 0 to 300"},
		{false, env("INTROSPECTION_MAX_AGE", "301"), " must be whole seconds from 0 to 300"},
		{false, env("INTROSPECTION_MAX_AGE", "1m"), " must be whole seconds from 0 to 300"},
		{false, env("INTROSPECTION_MAX_AGE", "+5"), " must be whole seconds from 0 to 300"},
		{false, env("CLIENT_SECRET", "a\nb"), " must be 1 to 1024"},
		{false, env("CLIENT_SECRET", "abcdef"), " requires USE_PHANTOM_TOKEN"},
		{false, env("ISSUER", "login"), " must be an absolute https URL"},
		{false, env("ISSUER", missing, "JWKS_ENDPOINT", "https://a.example/jwks"), " is required with JWKS_ENDPOINT"},
		{false, env("JWKS_ENDPOINT", "http://login.example.com/jwks"), " must be an absolute https URL"},
		{false, env("AUDIENCE", missing, "JWKS_ENDPOINT", "https://a.example/jwks", "ISSUER", "https://a.example"), " is required with JWKS_ENDPOINT"},
		{false, env("AUDIENCE", "a b"), " must be 1 to 256"},
		{false, env("AUDIENCE", "abcdef"), " requires USE_PHANTOM_TOKEN or JWKS_ENDPOINT"},
		{false, env("AUDIENCE", strings.Repeat("a", 257)), " must be 1 to 256"},
		{false, env("ROUTE_REQUIREMENTS", "{"), " must be a JSON object of routes"},
		{false, env("ROUTE_REQUIREMENTS", "null"), " must be a JSON object of routes"},
		{false, env("ROUTE_REQUIREMENTS", `{"GET /a":{"scope":"x"}}`), " requires USE_PHANTOM_TOKEN or JWKS_ENDPOINT"},
		{false, env("UPSTREAMS", `{"GET /a":"http://a.example/"}`), " must be a JSON object of URLs"},
		{false, env("UPSTREAMS", `{"GET /a":"https://a.example/"}`), " requires DPOP"},
		{false, env("CACHE_TTL", "0"), " must be whole seconds from 1 to 60"},
		{false, env("CACHE_TTL", "61"), " must be whole seconds from 1 to 60"},
		{false, env("CACHE_TTL", "30s"), " must be whole seconds from 1 to 60"},
		{false, env("CACHE_DIALECT", "other", "CACHE_TTL", "30"), " must be assistant or classic"},
		{false, env("CACHE_DIALECT", missing, "CACHE_TTL", "30"), " is required with CACHE_TTL"},
		{false, env("CACHE_DIALECT", "classic"), " requires CACHE_TTL"},
		{false, env("CACHE_TTL", "30", "CACHE_DIALECT", "classic", "ALLOW_TOKEN", "true"), " cannot be combined with ALLOW_TOKEN"},
		{false, env("CACHE_TTL", "30", "CACHE_DIALECT", "classic", "DPOP", "true"), " cannot be combined with DPOP"},
		{false, env("ALLOW_TOKEN", "true", "DPOP", "true"), " cannot be combined with DPOP"},
		{false, env("USE_PHANTOM_TOKEN", "true", "DPOP", "true", "INTROSPECTION_URL", "https://a.example/", "CLIENT_ID", "a", "CLIENT_SECRET", "b"), " cannot be combined with DPOP"},
	} {
		t.Run(strings.Join(tt.env, " ")[:min(len(strings.Join(tt.env, " ")), 60)], func(t *testing.T) {
			variables := authorizerEnv()
			if tt.agent {
				variables = agentEnv()
			}
			for i := 0; i < len(tt.env); i += 2 {
				if variables[tt.env[i]] = tt.env[i+1]; tt.env[i+1] == missing {
					delete(variables, tt.env[i])
				}
			}
			var err error
			if tt.agent {
				_, err = settings.Load[settings.Agent](lookup(variables))
			} else {
				_, err = settings.Load[settings.Authorizer](lookup(variables))
			}
			if want := "settings: " + tt.env[0] + tt.want; err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Fatalf("got %v, want %q", err, want)
			}
			if value := tt.env[1]; len(value) > 7 && strings.Contains(err.Error(), value) {
				t.Errorf("the error shows the value: %v", err)
			}
		})
	}
}

const (
	pemText = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"
	kmsKey  = "arn:aws:kms:eu-north-1:123456789012:key/0b2c"
)

func TestLoadTellsEverythingAtOnce(t *testing.T) {
	_, err := settings.Load[settings.Agent](lookup(nil))
	for _, name := range []string{"TRUSTED_WEB_ORIGINS", "REDIRECT_URI", "ISSUER", "CLIENT_ID"} {
		if err == nil || strings.Count(err.Error(), name+" is missing") != 1 {
			t.Errorf("got %v, want %s in it once", err, name)
		}
	}
}

// Variables writes exactly the settings that Load reads.
func TestVariablesRoundTrip(t *testing.T) {
	agent, authorizer := agentEnv(), authorizerEnv()
	for name, value := range map[string]string{
		"TRUSTED_WEB_ORIGINS": "https://a.example,https://b.example", "COOKIE_NAME_PREFIX": "shop", "CSRF_HEADER": "x-shop", "COOKIE_DOMAIN": "example.com",
		"COOKIE_BASE_PATH": "/api/bff", "DPOP": "true", "METRICS": "none",
		"REDIRECT_URI": "https://a.example/in", "POST_LOGOUT_REDIRECT_URI": "https://a.example/out", "AGENT_BASE_PATH": "/bff",
		"SESSION_IDLE_LIFETIME": "30m0s", "SESSION_LIFETIME": "8h0m0s", "LOGOUT": "local", "ID_TOKEN_HINT": "true",
		"ISSUER": "https://login.example.com", "CLIENT_ID": "spa", "SCOPE": "openid profile", "PAR_ENDPOINT": "https://login.example.com/par",
		"CLIENT_AUTHENTICATION": "private_key_jwt", "CLIENT_PRIVATE_KEY": pemText, "CLIENT_KEY_ID": "k1", "CLIENT_SIGNING_ALGORITHM": "EdDSA",
		"CLIENT_ASSERTION_AUDIENCE": "token_endpoint", "PUSH_AUTHORIZATION_REQUESTS": "true", "RESPONSE_MODE": "jwt", "RESOURCES": "https://x.example/,urn:a",
		"EXTRA_PARAMETERS": "acr_values,scope", "ESSENTIAL_ACR": "true",
	} {
		agent[name] = value
	}
	delete(agent, "CLIENT_SECRET")
	for name, value := range map[string]string{
		"COOKIE_NAME_PREFIX": "shop", "USE_PHANTOM_TOKEN": "true", "INTROSPECTION_URL": "https://a.example/i?t=1", "INTROSPECTION_MEDIA_TYPE": "application/json",
		"INTROSPECTION_MAX_AGE": "0", "CLIENT_ID": "gw", "CLIENT_SECRET": "s", "ISSUER": "https://login.example.com", "JWKS_ENDPOINT": "https://login.example.com/jwks",
		"AUDIENCE": "a,b", "ROUTE_REQUIREMENTS": `{"GET /a":{"scope":"x y"}}`,
	} {
		authorizer[name] = value
	}
	gotAgent, err := settings.Load[settings.Agent](lookup(agent))
	if diff := cmp.Diff(agent, written(&gotAgent)); diff != "" || err != nil {
		t.Errorf("agent: %v\n%s", err, diff)
	}
	gotAuthorizer, err := settings.Load[settings.Authorizer](lookup(authorizer))
	if diff := cmp.Diff(authorizer, written(&gotAuthorizer)); diff != "" || err != nil {
		t.Errorf("authorizer: %v\n%s", err, diff)
	}
}

// The environment has 4 KB, so it omits default values, except three by which
// templates are read.
func TestVariablesLeaveOutDefaults(t *testing.T) {
	agent, err := settings.Load[settings.Agent](lookup(agentEnv()))
	if err != nil {
		t.Fatal(err)
	}
	want := agentEnv()
	want["COOKIE_NAME_PREFIX"], want["AGENT_BASE_PATH"], want["SCOPE"] = "th", "/oauth-agent", "openid"
	if diff := cmp.Diff(want, written(&agent)); diff != "" {
		t.Error(diff)
	}
}

func TestCheckLeavesSecretsAndOpaqueValues(t *testing.T) {
	var s settings.Agent
	settings.SetDefaults(&s)
	s.Application.TrustedWebOrigins, s.Application.RedirectURI = []string{"https://a.example"}, "https://a.example/"
	s.CookieKey.Key, s.Provider.ClientSecret = "{{resolve:…}}", "{{resolve:…}}"
	s.Provider.Issuer, s.Provider.ClientID = "${Token[TOKEN.1]}", "spa"
	opaque := func(v string) bool { return strings.HasPrefix(v, "${Token[") }
	if faults := settings.Check(&s, opaque); len(faults) != 0 {
		t.Errorf("got %v", faults)
	}
	if faults := settings.Check(&s, nil); len(faults) != 1 || !strings.HasPrefix(faults.Error(), "settings: ISSUER must be") {
		t.Errorf("got %v, want an error that names ISSUER", faults)
	}
}

func TestSecretNeverPrints(t *testing.T) {
	s := struct{ Key settings.Secret }{"hunter2"}
	js, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{
		fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q %x %d", s, s, s, s.Key, s.Key, s.Key, s.Key), string(js),
	} {
		if strings.Contains(out, "hunter2") || strings.Contains(out, "68756e74657232") {
			t.Errorf("printed %s", out)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"30d": 720 * time.Hour, "0d": 0, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "1000d": 24000 * time.Hour} {
		if got, err := settings.ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "30", "d", "-1d", "1.5d", "99999999d", "1d12h", "soon"} {
		if got, err := settings.ParseDuration(text); err == nil {
			t.Errorf("%s: got %s", text, got)
		}
	}
}

package settings_test

import (
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/settings"
)

// A setting requires its other half, and a secret that is not needed is refused
// (A3: a missing secret has no fallback).
func TestLoadChecksCombinations(t *testing.T) {
	for _, tt := range []struct {
		name  string
		env   map[string]string // "" removes
		wants string            // "" for complete
	}{
		{"default", nil, ""},
		{"A3 no secret", map[string]string{"CLIENT_SECRET": ""}, "CLIENT_SECRET is required with CLIENT_AUTHENTICATION client_secret_"},
		{"A3 no secret, post", map[string]string{"CLIENT_SECRET": "", "CLIENT_AUTHENTICATION": "client_secret_post"}, "CLIENT_SECRET is required with CLIENT_AUTHENTICATION client_secret_"},
		{"post", map[string]string{"CLIENT_AUTHENTICATION": "client_secret_post"}, ""},
		{"no openid", map[string]string{"SCOPE": "profile"}, "SCOPE must contain openid"},
		{"no openid, cognito", map[string]string{"SCOPE": "profile", "PROVIDER_PROFILE": "cognito", "POST_LOGOUT_REDIRECT_URI": "https://a.example/"}, "SCOPE must contain openid"},
		{"cognito", map[string]string{"PROVIDER_PROFILE": "cognito", "POST_LOGOUT_REDIRECT_URI": "https://a.example/"}, ""},
		{"cognito without the page", map[string]string{"PROVIDER_PROFILE": "cognito"}, "POST_LOGOUT_REDIRECT_URI is required with PROVIDER_PROFILE cognito"},
		{"github", map[string]string{"PROVIDER_PROFILE": "github", "SCOPE": "read:user repo"}, ""},
		{"github with openid", map[string]string{"PROVIDER_PROFILE": "github"}, "SCOPE must not contain openid"},
		{"github with JARM", map[string]string{"PROVIDER_PROFILE": "github", "SCOPE": "repo", "RESPONSE_MODE": "jwt"}, "RESPONSE_MODE cannot be combined with PROVIDER_PROFILE github"},
		{"oauth2 with openid", map[string]string{"PROVIDER_PROFILE": "oauth2", "SCOPE": "openid orders"}, "SCOPE must not contain openid"},
		{"oauth2 with max_age", map[string]string{"PROVIDER_PROFILE": "oauth2", "SCOPE": "orders", "EXTRA_PARAMETERS": "max_age"}, "EXTRA_PARAMETERS must not contain max_age"},
		{"oauth2 with acr", map[string]string{"PROVIDER_PROFILE": "oauth2", "SCOPE": "orders", "ESSENTIAL_ACR": "true"}, "ESSENTIAL_ACR "},
		{"acr that no page may ask for", map[string]string{"EXTRA_PARAMETERS": "prompt", "ESSENTIAL_ACR": "true"}, "ESSENTIAL_ACR "},
		{"acr", map[string]string{"ESSENTIAL_ACR": "true"}, ""},
		{"key", map[string]string{"CLIENT_AUTHENTICATION": "private_key_jwt", "CLIENT_SECRET": "", "CLIENT_PRIVATE_KEY": pemText}, ""},
		{"KMS", map[string]string{"CLIENT_AUTHENTICATION": "private_key_jwt", "CLIENT_SECRET": "", "CLIENT_KMS_KEY_ID": kmsKey}, ""},
		{"no key", map[string]string{"CLIENT_AUTHENTICATION": "private_key_jwt", "CLIENT_SECRET": ""}, "CLIENT_PRIVATE_KEY or CLIENT_KMS_KEY_ID is required"},
		{"two keys", map[string]string{"CLIENT_AUTHENTICATION": "private_key_jwt", "CLIENT_SECRET": "", "CLIENT_PRIVATE_KEY": pemText, "CLIENT_KMS_KEY_ID": kmsKey}, "CLIENT_PRIVATE_KEY cannot be combined with CLIENT_KMS_KEY_ID"},
		{"EdDSA with KMS", map[string]string{"CLIENT_AUTHENTICATION": "private_key_jwt", "CLIENT_SECRET": "", "CLIENT_KMS_KEY_ID": kmsKey, "CLIENT_SIGNING_ALGORITHM": "EdDSA"}, "CLIENT_SIGNING_ALGORITHM EdDSA cannot be combined with CLIENT_KMS_KEY_ID"},
		{"key and secret", map[string]string{"CLIENT_AUTHENTICATION": "private_key_jwt", "CLIENT_PRIVATE_KEY": pemText}, "CLIENT_SECRET cannot be combined with CLIENT_AUTHENTICATION private_key_jwt"},
		{"key for nothing", map[string]string{"CLIENT_PRIVATE_KEY": pemText}, "CLIENT_PRIVATE_KEY requires CLIENT_AUTHENTICATION private_key_jwt or SIGN_AUTHORIZATION_REQUESTS"},
		{"signed requests", map[string]string{"SIGN_AUTHORIZATION_REQUESTS": "true", "CLIENT_PRIVATE_KEY": pemText}, ""},
		{"signed requests without key", map[string]string{"SIGN_AUTHORIZATION_REQUESTS": "true"}, "CLIENT_PRIVATE_KEY or CLIENT_KMS_KEY_ID is required"},
		{"mTLS", map[string]string{"CLIENT_AUTHENTICATION": "tls_client_auth", "CLIENT_SECRET": "", "CLIENT_CERTIFICATE": pemText, "CLIENT_CERTIFICATE_KEY": pemText}, ""},
		{"mTLS without certificate", map[string]string{"CLIENT_AUTHENTICATION": "tls_client_auth", "CLIENT_SECRET": ""}, "CLIENT_CERTIFICATE is required with"},
		{"several tenants", map[string]string{"ISSUER": "https://login.microsoftonline.com/common/v2.0"}, "ISSUER must name one tenant"},
		{"organizations, another cloud", map[string]string{"ISSUER": "https://login.microsoftonline.us/organizations/v2.0"}, "ISSUER must name one tenant"},
		{"consumers", map[string]string{"ISSUER": "https://login.microsoftonline.com/consumers/v2.0"}, "ISSUER must name one tenant"},
		{"one tenant", map[string]string{"ISSUER": "https://login.microsoftonline.com/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0"}, ""},
		{"common elsewhere", map[string]string{"ISSUER": "https://login.example.com/common/v2.0"}, ""},
		{"fixed parameters", map[string]string{"AUTHORIZE_PARAMETERS": `{"access_type":"offline","claims":"{\"id_token\":{}}"}`}, ""},
		{"fixed parameter of the protocol", map[string]string{"AUTHORIZE_PARAMETERS": `{"redirect_uri":"https://evil.example/"}`}, "AUTHORIZE_PARAMETERS must be a JSON object"},
		{"fixed scope", map[string]string{"AUTHORIZE_PARAMETERS": `{"scope":"admin"}`}, "AUTHORIZE_PARAMETERS must be a JSON object"},
		{"fixed parameter with a control character", map[string]string{"AUTHORIZE_PARAMETERS": `{"hd":"a\u000ab"}`}, "AUTHORIZE_PARAMETERS must be a JSON object"},
		{"fixed parameters that are no object", map[string]string{"AUTHORIZE_PARAMETERS": `access_type=offline`}, "AUTHORIZE_PARAMETERS must be a JSON object"},
		{"fixed parameter that is a number", map[string]string{"AUTHORIZE_PARAMETERS": `{"max_age":1}`}, "AUTHORIZE_PARAMETERS must be a JSON object"},
		{"FAPI 2.0 algorithms", map[string]string{"SIGNATURE_ALGORITHMS": "PS256, ES256, EdDSA, Ed25519"}, ""},
		{"symmetric algorithm", map[string]string{"SIGNATURE_ALGORITHMS": "ES256,HS256"}, "SIGNATURE_ALGORITHMS"},
		{"algorithm none", map[string]string{"SIGNATURE_ALGORITHMS": "none"}, "SIGNATURE_ALGORITHMS"},
		{"metadata elsewhere", map[string]string{"METADATA_URL": "https://contoso.b2clogin.com/contoso.onmicrosoft.com/p/v2.0/.well-known/openid-configuration?p=x", "PROVIDER_SENDS_ISS": "true"}, ""},
		{"metadata over http", map[string]string{"METADATA_URL": "http://login.example.com/"}, "METADATA_URL must be"},
		{"certificate for nothing", map[string]string{"CLIENT_CERTIFICATE": pemText}, "CLIENT_CERTIFICATE requires CLIENT_AUTHENTICATION tls_client_auth"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := agentEnv()
			for name, value := range tt.env {
				env[name] = value
				if value == "" {
					delete(env, name)
				}
			}
			_, err := settings.Load[settings.Agent](lookup(env))
			switch {
			case tt.wants == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case tt.wants != "" && (err == nil || !strings.Contains(err.Error(), tt.wants)):
				t.Errorf("got %v, want %q", err, tt.wants)
			case err != nil && (strings.Contains(err.Error(), "correct horse") || strings.Contains(err.Error(), "AAAA")):
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestProviderRefusesMalformed(t *testing.T) {
	for _, tt := range []struct{ variable, value string }{
		{"PROVIDER_PROFILE", "OIDC"},
		{"CLIENT_AUTHENTICATION", "none"},
		{"CLIENT_AUTHENTICATION", "client_secret_jwt"},
		{"CLIENT_PRIVATE_KEY", "leak"},
		{"CLIENT_KMS_KEY_ID", "alias/leak"},
		{"CLIENT_KMS_KEY_ID", "arn:aws:s3:::leak"},
		{"CLIENT_SIGNING_ALGORITHM", "HS256"},
		{"CLIENT_SIGNING_ALGORITHM", "none"},
		{"CLIENT_ASSERTION_AUDIENCE", "both"},
		{"CLIENT_SECRET", "line\nbreak"},
		{"RESPONSE_MODE", "fragment"},
		{"RESPONSE_MODE", "form_post.jwt"},
		{"RESOURCES", "orders"},
		{"RESOURCES", "https://api.example/#leak"},
		{"PUSH_AUTHORIZATION_REQUESTS", "yes"},
		// A6: parameters that no allow-list may contain.
		{"EXTRA_PARAMETERS", "redirect_uri"},
		{"EXTRA_PARAMETERS", "prompt,response_type"},
		{"EXTRA_PARAMETERS", "request"},
		{"EXTRA_PARAMETERS", "client_id"},
		{"EXTRA_PARAMETERS", "code_challenge"},
		{"EXTRA_PARAMETERS", "a b"},
		{"PAR_ENDPOINT", "http://login.example.com/par"},
	} {
		env := agentEnv()
		env[tt.variable] = tt.value
		_, err := settings.Load[settings.Agent](lookup(env))
		if err == nil || !strings.Contains(err.Error(), tt.variable) || strings.Contains(err.Error(), "leak") {
			t.Errorf("%s=%s: got %v", tt.variable, tt.value, err)
		}
	}
}

// The access tokens that the authorizer accepts, and the settings that this
// requires.
func TestAuthorizerChecksTokens(t *testing.T) {
	verify := []string{"ISSUER", "https://login.example.com", "JWKS_ENDPOINT", "https://login.example.com/jwks"}
	for _, tt := range []struct {
		name  string
		more  []string
		wants string
	}{
		{"audience", []string{"AUDIENCE", "api", "AGENT_CLIENT_ID", "spa"}, ""},
		{"no audience", []string{"AGENT_CLIENT_ID", "spa"}, "AUDIENCE is required"},
		{"no audience, cognito", []string{"AGENT_CLIENT_ID", "spa", "PROVIDER_PROFILE", "cognito"}, ""},
		{"no audience and no client, cognito", []string{"PROVIDER_PROFILE", "cognito"}, "AUDIENCE is required"},
		{"the client as audience", []string{"AUDIENCE", "api,spa", "AGENT_CLIENT_ID", "spa"}, "AUDIENCE must not contain the client's id"},
		{"AD FS", []string{"AUDIENCE", "api", "ACCESS_TOKEN_ISSUER", "http://sts.example.com/adfs/services/trust"}, ""},
		{"claims", []string{"AUDIENCE", "api", "CLAIM_HEADERS", `{"X-User-Email":"email","x-roles":"https://example.com/roles"}`}, ""},
		{"claims in a header of the gateway", []string{"AUDIENCE", "api", "CLAIM_HEADERS", `{"X-Forwarded-For":"ip"}`}, "CLAIM_HEADERS must be"},
		{"claims in Authorization", []string{"AUDIENCE", "api", "CLAIM_HEADERS", `{"Authorization":"sub"}`}, "CLAIM_HEADERS must be"},
		{"claims in the request id", []string{"AUDIENCE", "api", "CLAIM_HEADERS", `{"x-request-ID":"sub"}`}, "CLAIM_HEADERS must be"},
		{"one header twice", []string{"AUDIENCE", "api", "CLAIM_HEADERS", `{"X-A":"a","x-a":"b"}`}, "CLAIM_HEADERS must be"},
		{"a claim without a name", []string{"AUDIENCE", "api", "CLAIM_HEADERS", `{"X-A":""}`}, "CLAIM_HEADERS must be"},
		{"the type", []string{"AUDIENCE", "api", "REQUIRE_AT_JWT", "true"}, ""},
	} {
		_, err := settings.Load[settings.Authorizer](lookup(authorizerEnv(append(tt.more, verify...)...)))
		if tt.wants == "" && err != nil || tt.wants != "" && (err == nil || !strings.Contains(err.Error(), tt.wants)) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.wants)
		}
	}
	for _, more := range [][]string{{"CLAIM_HEADERS", `{"X-A":"a"}`}, {"ACCESS_TOKEN_ISSUER", "https://login.example.com"}, {"REQUIRE_AT_JWT", "true"}} {
		if _, err := settings.Load[settings.Authorizer](lookup(authorizerEnv(more...))); err == nil || !strings.Contains(err.Error(), more[0]+" requires") {
			t.Errorf("%s without verification: got %v", more[0], err)
		}
	}
}

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
				t.Errorf("got %v, want none", err)
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
		// A6: what no allow-list may allow.
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

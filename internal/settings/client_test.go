package settings_test

import (
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/settings"
)

const (
	pemKey = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"
	kmsKey = "arn:aws:kms:eu-north-1:123456789012:key/0b2c"
)

// What is switched on needs its other half, and no secret is there for nothing
// (A3: there is no fall-back for one that is missing).
func TestAgentComplete(t *testing.T) {
	for _, tt := range []struct {
		name  string
		env   map[string]string // "" removes
		wants string            // "" for complete
	}{
		{"default", nil, ""},
		{"A3 no secret", map[string]string{"CLIENT_SECRET": ""}, "CLIENT_SECRET is missing"},
		{"A3 no secret, post", map[string]string{"CLIENT_SECRET": "", "CLIENT_AUTHENTICATION": "client_secret_post"}, "CLIENT_SECRET is missing"},
		{"post", map[string]string{"CLIENT_AUTHENTICATION": "client_secret_post"}, ""},
		{"no openid", map[string]string{"SCOPE": "profile"}, "SCOPE lacks openid"},
		{"no openid, cognito", map[string]string{"SCOPE": "profile", "PROVIDER_PROFILE": "cognito", "POST_LOGOUT_REDIRECT_URI": "https://a.example/"}, "SCOPE lacks openid"},
		{"cognito", map[string]string{"PROVIDER_PROFILE": "cognito", "POST_LOGOUT_REDIRECT_URI": "https://a.example/"}, ""},
		{"cognito without the page", map[string]string{"PROVIDER_PROFILE": "cognito"}, "POST_LOGOUT_REDIRECT_URI is missing"},
		{"github", map[string]string{"PROVIDER_PROFILE": "github", "SCOPE": "read:user repo"}, ""},
		{"github with openid", map[string]string{"PROVIDER_PROFILE": "github"}, "SCOPE has openid"},
		{"github with JARM", map[string]string{"PROVIDER_PROFILE": "github", "SCOPE": "repo", "RESPONSE_MODE": "jwt"}, "RESPONSE_MODE is set"},
		{"oauth2 with openid", map[string]string{"PROVIDER_PROFILE": "oauth2", "SCOPE": "openid orders"}, "SCOPE has openid"},
		{"oauth2 with max_age", map[string]string{"PROVIDER_PROFILE": "oauth2", "SCOPE": "orders", "EXTRA_PARAMETERS": "max_age"}, "EXTRA_PARAMETERS has max_age"},
		{"oauth2 with acr", map[string]string{"PROVIDER_PROFILE": "oauth2", "SCOPE": "orders", "ESSENTIAL_ACR": "true"}, "ESSENTIAL_ACR is set"},
		{"acr that no page may ask for", map[string]string{"EXTRA_PARAMETERS": "prompt", "ESSENTIAL_ACR": "true"}, "ESSENTIAL_ACR is set"},
		{"acr", map[string]string{"ESSENTIAL_ACR": "true"}, ""},
		{"key", map[string]string{"CLIENT_AUTHENTICATION": "private_key_jwt", "CLIENT_SECRET": "", "CLIENT_PRIVATE_KEY": pemKey}, ""},
		{"KMS", map[string]string{"CLIENT_AUTHENTICATION": "private_key_jwt", "CLIENT_SECRET": "", "CLIENT_KMS_KEY_ID": kmsKey}, ""},
		{"no key", map[string]string{"CLIENT_AUTHENTICATION": "private_key_jwt", "CLIENT_SECRET": ""}, "CLIENT_PRIVATE_KEY is missing"},
		{"two keys", map[string]string{"CLIENT_AUTHENTICATION": "private_key_jwt", "CLIENT_SECRET": "", "CLIENT_PRIVATE_KEY": pemKey, "CLIENT_KMS_KEY_ID": kmsKey}, "CLIENT_PRIVATE_KEY is set"},
		{"EdDSA with KMS", map[string]string{"CLIENT_AUTHENTICATION": "private_key_jwt", "CLIENT_SECRET": "", "CLIENT_KMS_KEY_ID": kmsKey, "CLIENT_SIGNING_ALGORITHM": "EdDSA"}, "CLIENT_SIGNING_ALGORITHM is EdDSA"},
		{"key and secret", map[string]string{"CLIENT_AUTHENTICATION": "private_key_jwt", "CLIENT_PRIVATE_KEY": pemKey}, "CLIENT_SECRET is set"},
		{"key for nothing", map[string]string{"CLIENT_PRIVATE_KEY": pemKey}, "where nothing is signed"},
		{"signed requests", map[string]string{"SIGN_AUTHORIZATION_REQUESTS": "true", "CLIENT_PRIVATE_KEY": pemKey}, ""},
		{"signed requests without key", map[string]string{"SIGN_AUTHORIZATION_REQUESTS": "true"}, "CLIENT_PRIVATE_KEY is missing"},
		{"mTLS", map[string]string{"CLIENT_AUTHENTICATION": "tls_client_auth", "CLIENT_SECRET": "", "CLIENT_CERTIFICATE": pemKey, "CLIENT_CERTIFICATE_KEY": pemKey}, ""},
		{"mTLS without certificate", map[string]string{"CLIENT_AUTHENTICATION": "tls_client_auth", "CLIENT_SECRET": ""}, "CLIENT_CERTIFICATE is missing"},
		{"certificate for nothing", map[string]string{"CLIENT_CERTIFICATE": pemKey}, "CLIENT_CERTIFICATE or its key is set"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := agentEnv()
			for name, value := range tt.env {
				env[name] = value
				if value == "" {
					delete(env, name)
				}
			}
			a, err := settings.Load[settings.Agent](lookup(env))
			if err != nil {
				t.Fatal(err)
			}
			err = a.Complete(nil)
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

func TestClientRefusesMalformed(t *testing.T) {
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

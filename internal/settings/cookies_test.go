package settings_test

import (
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/settings"
)

const secretARN = "arn:aws:secretsmanager:eu-north-1:123456789012:secret:th/key-AbCdEf"

// Load refuses every wrong name prefix and every contradiction in one sentence
// that names the setting.
func TestCookieSettings(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		want string // begins an error; "" for no error
	}{
		{"default", nil, ""},
		{"domain", map[string]string{"COOKIE_DOMAIN": "example.com"}, ""},
		{"path", map[string]string{"COOKIE_BASE_PATH": "/oauth-agent"}, ""},
		{"path behind a mapping", map[string]string{"COOKIE_BASE_PATH": "/api/oauth-agent", "COOKIE_DOMAIN": "example.com"}, ""},
		{"path of another agent", map[string]string{"COOKIE_BASE_PATH": "/other"}, "COOKIE_BASE_PATH must end in AGENT_BASE_PATH"},
		{"path that only looks like it", map[string]string{"COOKIE_BASE_PATH": "/my-oauth-agent"}, "COOKIE_BASE_PATH must end in AGENT_BASE_PATH"},
		{"path below it", map[string]string{"COOKIE_BASE_PATH": "/oauth-agent/refresh"}, "COOKIE_BASE_PATH must end in AGENT_BASE_PATH"},
		{"path /", map[string]string{"COOKIE_BASE_PATH": "/"}, "COOKIE_BASE_PATH must be a path"},
		{"path with an attribute", map[string]string{"COOKIE_BASE_PATH": "/oauth-agent; Domain=x"}, "COOKIE_BASE_PATH must be a path"},
		{"curity", map[string]string{"COOKIE_FORMAT": "curity", "COOKIE_NAME_PREFIX": "example"}, ""},
		{"another format", map[string]string{"COOKIE_FORMAT": "Curity"}, "COOKIE_FORMAT must be sealed or curity"},
		{"__Host- without curity", map[string]string{"COOKIE_NAME_PREFIX": "__Host-th"}, "COOKIE_NAME_PREFIX must not begin with __Host-"},
		{"__Secure- without curity", map[string]string{"COOKIE_NAME_PREFIX": "__Secure-th"}, "COOKIE_NAME_PREFIX must not begin with __Secure-"},
		{"curity with __Host-", map[string]string{"COOKIE_FORMAT": "curity", "COOKIE_NAME_PREFIX": "__Host-th"}, ""},
		{"curity with __Host- and a domain", map[string]string{"COOKIE_FORMAT": "curity", "COOKIE_NAME_PREFIX": "__Host-th", "COOKIE_DOMAIN": "example.com"}, "COOKIE_DOMAIN cannot be combined with a COOKIE_NAME_PREFIX"},
		{"curity with __Host- and a path", map[string]string{"COOKIE_FORMAT": "curity", "COOKIE_NAME_PREFIX": "__Host-th", "COOKIE_BASE_PATH": "/oauth-agent"}, "COOKIE_BASE_PATH cannot be combined with a COOKIE_NAME_PREFIX"},
		{"curity with __Secure- and both", map[string]string{"COOKIE_FORMAT": "curity", "COOKIE_NAME_PREFIX": "__Secure-th", "COOKIE_BASE_PATH": "/oauth-agent", "COOKIE_DOMAIN": "example.com"}, ""},
		{"__host- in another case", map[string]string{"COOKIE_FORMAT": "curity", "COOKIE_NAME_PREFIX": "__host-th"}, "COOKIE_NAME_PREFIX must be 1 to 32"},
		{"__Host- alone", map[string]string{"COOKIE_FORMAT": "curity", "COOKIE_NAME_PREFIX": "__Host-"}, "COOKIE_NAME_PREFIX must be 1 to 32"},
		{"two prefixes", map[string]string{"COOKIE_FORMAT": "curity", "COOKIE_NAME_PREFIX": "__Host-__Secure-th"}, "COOKIE_NAME_PREFIX must be 1 to 32"},
		{"domain with a dot", map[string]string{"COOKIE_DOMAIN": ".example.com"}, "COOKIE_DOMAIN must be a domain name"},
		{"top-level domain", map[string]string{"COOKIE_DOMAIN": "com"}, "COOKIE_DOMAIN must be a domain name"},
		{"upper case", map[string]string{"COOKIE_DOMAIN": "Example.com"}, "COOKIE_DOMAIN must be a domain name"},
		{"IP address", map[string]string{"COOKIE_DOMAIN": "127.0.0.1"}, "COOKIE_DOMAIN must be a domain name"},
		{"domain with an attribute", map[string]string{"COOKIE_DOMAIN": "example.com; Path=/x"}, "COOKIE_DOMAIN must be a domain name"},
		{"device binding", map[string]string{"DEVICE_BINDING": "offer", "COOKIE_BASE_PATH": "/oauth-agent"}, ""},
		{"device binding, unknown", map[string]string{"DEVICE_BINDING": "Offer"}, "DEVICE_BINDING must be off, offer or required"},
		{"device binding with a domain", map[string]string{"DEVICE_BINDING": "required", "COOKIE_DOMAIN": "example.com"}, "DEVICE_BINDING cannot be combined with COOKIE_DOMAIN"},
		{"device binding with curity", map[string]string{"DEVICE_BINDING": "offer", "COOKIE_FORMAT": "curity", "COOKIE_NAME_PREFIX": "example"}, "DEVICE_BINDING cannot be combined with COOKIE_FORMAT curity"},
		{"device cookie for seconds", map[string]string{"DEVICE_BINDING": "offer", "DEVICE_COOKIE_LIFETIME": "59s"}, "DEVICE_COOKIE_LIFETIME must be whole seconds from 60 to 3600"},
		{"device cookie for a day", map[string]string{"DEVICE_BINDING": "offer", "DEVICE_COOKIE_LIFETIME": "24h"}, "DEVICE_COOKIE_LIFETIME must be whole seconds from 60 to 3600"},
		{"key and secret", map[string]string{"ENCRYPTION_KEY_SECRET_ARN": secretARN}, "ENCRYPTION_KEY cannot be combined with ENCRYPTION_KEY_SECRET_ARN"},
		{"secret", map[string]string{"ENCRYPTION_KEY": "", "ENCRYPTION_KEY_SECRET_ARN": secretARN}, ""},
		{"neither", map[string]string{"ENCRYPTION_KEY": ""}, "ENCRYPTION_KEY is missing: it must be 64"},
		{"the name of a secret", map[string]string{"ENCRYPTION_KEY": "", "ENCRYPTION_KEY_SECRET_ARN": "th/key"}, "ENCRYPTION_KEY_SECRET_ARN must be the ARN"},
		{"the ARN of a parameter", map[string]string{"ENCRYPTION_KEY": "", "ENCRYPTION_KEY_SECRET_ARN": "arn:aws:ssm:eu-north-1:123456789012:parameter:x"}, "ENCRYPTION_KEY_SECRET_ARN must be the ARN"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := agentEnv()
			for name, value := range tt.env {
				env[name] = value
			}
			_, err := settings.Load[settings.Agent](lookup(env))
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v", err)
			case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "settings: "+tt.want) || strings.Contains(err.Error(), "; ")):
				t.Errorf("got %v, want one sentence: %s", err, tt.want)
			}
		})
	}
}

package settings_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/settings"
)

const (
	testKey     = "4e4636356d65563e4c73233847503e3b21436e6f7629724950526f4b5e2e4e50"
	previousKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
)

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

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

func TestLoadDefaults(t *testing.T) {
	got, err := settings.Load[settings.Agent](lookup(agentEnv()))
	if err != nil {
		t.Fatal(err)
	}
	if got.CookieNamePrefix != "th" || got.Scope != "openid" || got.BasePath != "/oauth-agent" || got.CSRFHeaderName() != "x-th-csrf" {
		t.Errorf("defaults: got prefix %q, scope %q, base path %q, CSRF header %q", got.CookieNamePrefix, got.Scope, got.BasePath, got.CSRFHeaderName())
	}
}

// P7: "https://a, https://b" must trust both. P6: an empty list trusts nobody.
func TestLoadLists(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        []string
	}{
		{"P7 trimmed", " https://a.example , https://b.example ", []string{"https://a.example", "https://b.example"}},
		{"P6 empty", "", []string{}},
		{"P6 only commas", " , ,", []string{}},
		{"loopback http", "http://www.example.localhost:3000", []string{"http://www.example.localhost:3000"}},
		{"IPv6", "http://[::1]:3000", []string{"http://[::1]:3000"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := agentEnv()
			env["TRUSTED_WEB_ORIGINS"] = tt.value
			got, err := settings.Load[settings.Authorizer](lookup(env))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.TrustedWebOrigins); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoadRefusesMissing(t *testing.T) {
	for _, name := range []string{"TRUSTED_WEB_ORIGINS", "ENCRYPTION_KEY", "ISSUER", "CLIENT_ID", "REDIRECT_URI"} {
		t.Run(name, func(t *testing.T) {
			env := agentEnv()
			delete(env, name)
			_, err := settings.Load[settings.Agent](lookup(env))
			if err == nil || !strings.HasPrefix(err.Error(), "settings: "+name+" is missing: expected ") {
				t.Errorf("got %v, want an error saying that %s is missing", err, name)
			}
		})
	}
}

func TestLoadRefusesMalformed(t *testing.T) {
	for _, tt := range []struct{ variable, value string }{
		{"TRUSTED_WEB_ORIGINS", "*"},
		{"TRUSTED_WEB_ORIGINS", "null"},
		{"TRUSTED_WEB_ORIGINS", "https://*.example.com"},
		{"TRUSTED_WEB_ORIGINS", "http://www.example.com"},
		{"TRUSTED_WEB_ORIGINS", "https://www.example.com/"},
		{"TRUSTED_WEB_ORIGINS", "https://www.example.com/app"},
		{"TRUSTED_WEB_ORIGINS", "https://www.example.com:443"},
		{"TRUSTED_WEB_ORIGINS", "https://WWW.example.com"},
		{"TRUSTED_WEB_ORIGINS", "https://user@www.example.com"},
		{"TRUSTED_WEB_ORIGINS", "https://ok.example,javascript:alert(1)"},
		{"TRUSTED_WEB_ORIGINS", "https://" + strings.Repeat("a", 5000)},
		{"TRUSTED_WEB_ORIGINS", strings.Repeat("https://a.example,", 40)},
		{"COOKIE_NAME_PREFIX", "a b"},
		{"COOKIE_NAME_PREFIX", "a;b"},
		{"COOKIE_NAME_PREFIX", "__Host-th"},
		{"COOKIE_NAME_PREFIX", strings.Repeat("a", 33)},
		{"CSRF_HEADER", "Content-Type"},
		{"CSRF_HEADER", "x csrf"},
		{"ENCRYPTION_KEY", ""},
		{"ENCRYPTION_KEY", "abcd"},
		{"ENCRYPTION_KEY", strings.Repeat("g", 64)},
		{"ENCRYPTION_KEY", strings.Repeat("0", 64)},
		{"ENCRYPTION_KEY", testKey + "00"},
		{"PREVIOUS_ENCRYPTION_KEYS", previousKey + ",short"},
		{"PREVIOUS_ENCRYPTION_KEYS", strings.TrimSuffix(strings.Repeat(previousKey+",", 5), ",")},
		{"ISSUER", "http://login.example.com"},
		{"ISSUER", "https://login.example.com?x=1"},
		{"ISSUER", "login.example.com"},
		{"TOKEN_ENDPOINT", "https://user:pw@login.example.com/token"},
		{"TOKEN_ENDPOINT", "https://login.example.com/token#"},
		{"REDIRECT_URI", "http://www.example.com/"},
		{"REDIRECT_URI", "https://"},
		{"CLIENT_SECRET", "line\nbreak"},
		{"SCOPE", "openid  profile"},
		{"AGENT_BASE_PATH", "bff"},
		{"AGENT_BASE_PATH", "/oauth-agent/"},
		{"AGENT_BASE_PATH", "/../x"},
	} {
		t.Run(tt.variable+"="+tt.value[:min(len(tt.value), 40)], func(t *testing.T) {
			env := agentEnv()
			env[tt.variable] = tt.value
			_, err := settings.Load[settings.Agent](lookup(env))
			if err == nil || !strings.Contains(err.Error(), tt.variable) {
				t.Fatalf("got error %v, want one that names %s", err, tt.variable)
			}
			if len(tt.value) > 3 && strings.Contains(err.Error(), tt.value) {
				t.Errorf("the error shows the value: %v", err)
			}
		})
	}
}

func TestVariablesRoundTrip(t *testing.T) {
	env := agentEnv()
	env["PREVIOUS_ENCRYPTION_KEYS"] = previousKey
	env["TRUSTED_WEB_ORIGINS"] = "https://a.example,https://b.example"
	want, err := settings.Load[settings.Agent](lookup(env))
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]string{}
	for _, v := range settings.Variables(want) {
		written[v.Name] = v.Value
	}
	got, err := settings.Load[settings.Agent](lookup(written))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCheckLeavesSecretsAndOpaqueValues(t *testing.T) {
	s := settings.Agent{
		Shared:      settings.Shared{TrustedWebOrigins: []string{"https://a.example"}, CookieNamePrefix: "th", EncryptionKey: "{{resolve:…}}"},
		Issuer:      "${Token[TOKEN.1]}",
		ClientID:    "spa",
		RedirectURI: "https://a.example/",
		Scope:       "openid", BasePath: "/oauth-agent",
	}
	opaque := func(v string) bool { return strings.HasPrefix(v, "${Token[") }
	if err := settings.Check(s, opaque); err != nil {
		t.Errorf("got %v, want none", err)
	}
	if err := settings.Check(s, nil); err == nil || !strings.Contains(err.Error(), "ISSUER") {
		t.Errorf("got %v, want an error that names ISSUER", err)
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

func TestDescribeCoversEveryVariable(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range settings.Describe(settings.Agent{}) {
		if v.Name == "" || v.Doc == "" || seen[v.Name] {
			t.Errorf("variable %+v lacks a name or a description, or stands twice", v)
		}
		seen[v.Name] = true
	}
}

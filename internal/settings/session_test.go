package settings_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
)

func TestSession(t *testing.T) {
	env := agentEnv()
	got, err := settings.Load[settings.Agent](lookup(env))
	idle, absolute := got.Lifetimes()
	if err != nil || idle != 0 || absolute != 0 || got.Logout != "provider" || got.IDTokenHint || got.TokenMediation {
		t.Errorf("defaults: got %+v, %v", got.Session, err)
	}
	for _, v := range settings.Variables(got) {
		if strings.HasPrefix(v.Name, "SESSION_") || v.Name == "TOKEN_MEDIATION" || v.Name == "ID_TOKEN_HINT" {
			t.Errorf("%s is in the environment though it says nothing", v.Name)
		}
	}

	env["SESSION_IDLE_LIFETIME"], env["SESSION_LIFETIME"] = "30m", " 8h "
	env["LOGOUT"], env["ID_TOKEN_HINT"], env["TOKEN_MEDIATION"] = "local", "true", "false"
	got, err = settings.Load[settings.Agent](lookup(env))
	idle, absolute = got.Lifetimes()
	if err != nil || idle != 30*time.Minute || absolute != 8*time.Hour || got.Logout != "local" || !got.IDTokenHint || got.TokenMediation {
		t.Errorf("got %+v, %v", got.Session, err)
	}
	written := map[string]string{}
	for _, v := range settings.Variables(got) {
		written[v.Name] = v.Value
	}
	if again, err := settings.Load[settings.Agent](lookup(written)); err != nil || again.Session != got.Session {
		t.Errorf("written and read back: got %+v, %v", again.Session, err)
	}
}

// What is not understood stops the Lambda: it must not come to mean "no limit".
func TestSessionRefusesMalformed(t *testing.T) {
	for _, tt := range []struct{ variable, value string }{
		{"SESSION_IDLE_LIFETIME", "30"},
		{"SESSION_IDLE_LIFETIME", "0s"},
		{"SESSION_IDLE_LIFETIME", "-1h"},
		{"SESSION_LIFETIME", "1 day"},
		{"SESSION_LIFETIME", "1500ms"},
		{"SESSION_LIFETIME", "8761h"},
		{"SESSION_LIFETIME", "999999999999h"},
		{"LOGOUT", "none"},
		{"ID_TOKEN_HINT", "yes"},
		{"TOKEN_MEDIATION", "TRUE"},
		{"TOKEN_MEDIATION", "1"},
	} {
		env := agentEnv()
		env[tt.variable] = tt.value
		_, err := settings.Load[settings.Agent](lookup(env))
		if err == nil || !strings.HasPrefix(err.Error(), "settings: "+tt.variable+" is malformed: expected ") {
			t.Errorf("%s=%q: got %v", tt.variable, tt.value, err)
		}
	}
}

// Bounds that the authorizer could not see are refused.
func TestSessionBoundsNeedAnExpiry(t *testing.T) {
	for _, name := range []string{"SESSION_IDLE_LIFETIME", "SESSION_LIFETIME"} {
		env := agentEnv()
		env["COOKIE_FORMAT"], env[name] = "curity", "1h"
		_, err := settings.Load[settings.Agent](lookup(env))
		if err == nil || !strings.HasPrefix(err.Error(), "settings: "+name+" is set: expected none with COOKIE_FORMAT curity") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

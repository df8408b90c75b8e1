package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestStageKeyRotation(t *testing.T) {
	for _, tt := range []struct {
		text      string
		every     time.Duration
		elsewhere bool
	}{
		{"", 0, false}, {"1d", 24 * time.Hour, false}, {"1000d", 1000 * 24 * time.Hour, false}, {"elsewhere", 0, true},
	} {
		every, elsewhere, err := stage{KeyRotation: tt.text, SessionKeyName: "prod/session-key"}.keyRotation()
		if err != nil || every != tt.every || elsewhere != tt.elsewhere {
			t.Errorf("%q: got %s, %t, %v", tt.text, every, elsewhere, err)
		}
	}
	for _, text := range []string{"d", "1001d", "Elsewhere", "elsewhere ", "-1d"} {
		if every, elsewhere, err := (stage{KeyRotation: text, SessionKeyName: "prod/session-key"}).keyRotation(); err == nil {
			t.Errorf("%q: got %s, %t", text, every, elsewhere)
		}
	}
}

// Two stages of two regions: the first makes, copies and rotates the key, the
// second reads its copy and rotates nothing.
func TestKeyRotationOfTwoRegions(t *testing.T) {
	for _, tt := range []struct {
		replicas, rotation string
		rotates            bool
	}{{"eu-west-1", "30d", true}, {"", "elsewhere", false}} {
		outdir, stderr, status := runApp(t, "sound", map[string]any{"stage": "cross-origin", "sessionKeyName": "prod/session-key",
			"sessionKeyReplicas": tt.replicas, "keyRotation": tt.rotation})
		if status != 0 {
			t.Fatalf("exit status %d: %s", status, stderr)
		}
		raw, err := os.ReadFile(filepath.Join(outdir, "TokenHandler-cross-origin.template.json"))
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]bool{
			`"AWS::SecretsManager::RotationSchedule"`: tt.rotates,
			`"TokenHandlerRotationFunction`:           tt.rotates,
			`"ENCRYPTION_KEY_SECRET_ARN"`:             true,
			`"ENCRYPTION_KEY"`:                        false,
		} {
			if strings.Contains(string(raw), text) != want {
				t.Errorf("keyRotation %s: the template has %s: %t", tt.rotation, text, !want)
			}
		}
	}
}

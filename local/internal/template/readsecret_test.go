package template

import (
	"strings"
	"testing"
)

const replicaARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/session-key"

// reading has every function with an environment read a secret.
func reading(variable any) func(map[string]any) {
	return func(resources map[string]any) {
		for _, r := range resources {
			properties, _ := r.(map[string]any)["Properties"].(map[string]any)
			if environment, ok := properties["Environment"].(map[string]any); ok {
				environment["Variables"].(map[string]any)["ENCRYPTION_KEY_SECRET_ARN"] = variable
			}
		}
	}
}

func TestReadSecrets(t *testing.T) {
	got := load(t, reading(replicaARN), Options{Secrets: map[string]string{"prod/session-key": "given"}}).ReadSecrets()
	if len(got) != 1 || got[0].ARN != replicaARN || got[0].Value.Reveal() != "given" {
		t.Errorf("got %v, want one of %s", got, replicaARN)
	}
	for _, other := range []string{"x", "arn:aws:kms:eu-west-1:123456789012:key/x", "arn:aws:secretsmanager:eu-west-1"} {
		if got := load(t, reading(other), Options{}).ReadSecrets(); len(got) != 0 {
			t.Errorf("%s: got %v, want no error", other, got)
		}
	}
}

func TestReadSecretWithoutValue(t *testing.T) {
	_, err := Load(assembly(t, reading(replicaARN)), "Fixture", Options{})
	if want := `environment variable ENCRYPTION_KEY_SECRET_ARN: "` + replicaARN + `" is no secret of the template, and has no value given`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

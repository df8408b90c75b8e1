package e2e

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// A Lambda that lacks a setting, or has a malformed one, ends at once and
// names it, without its value.
func TestLambdasRefuseToStart(t *testing.T) {
	t.Parallel()
	shared := map[string]string{
		"TRUSTED_WEB_ORIGINS": "https://www.example.com",
		"ENCRYPTION_KEY":      "4e4636356d65563e4c73233847503e3b21436e6f7629724950526f4b5e2e4e50",
	}
	authorizer := map[string]string{"DEPLOYMENT": "https://login.example.com spa"}
	maps.Copy(authorizer, shared)
	agent := map[string]string{
		"ISSUER": "https://login.example.com", "CLIENT_ID": "spa", "CLIENT_SECRET": "a secret", "REDIRECT_URI": "https://www.example.com/",
	}
	maps.Copy(agent, shared)

	for name, sound := range map[string]map[string]string{"authorizer": authorizer, "agent": agent} {
		binary := program(t, "./lambda/"+name)
		for variable := range sound {
			for _, kind := range []string{"missing", "malformed"} {
				t.Run(name+" "+variable+" "+kind, func(t *testing.T) {
					env := maps.Clone(sound)
					delete(env, variable)
					problem := "is missing|is required"
					if kind == "malformed" {
						problem = "must be"
						env[variable] = "mal\nformed"
					}
					cmd := exec.Command(binary)
					// An address where no Runtime API is: a Lambda that did start would fail, but later.
					cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=127.0.0.1:1", "PATH=" + os.Getenv("PATH")}
					for name, value := range env {
						cmd.Env = append(cmd.Env, name+"="+value)
					}
					var output bytes.Buffer
					cmd.Stdout, cmd.Stderr = &output, &output
					err := cmd.Run()
					said := output.String()
					if err == nil || !regexp.MustCompile(`\b`+variable+` (`+problem+`)`).MatchString(said) {
						t.Errorf("got %v and %q, want an exit that says that %s %s", err, said, variable, problem)
					}
					for _, value := range env {
						if strings.Contains(said, value) {
							t.Errorf("the message shows a value: %q", said)
						}
					}
				})
			}
		}
	}
}

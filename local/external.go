package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// bundledName is the issuer's host in the stages that the bundled provider is
// for, whatever the ports of a run are.
const bundledName = "login.example.localhost"

// external reports whether the stage has a provider of its own. That is used
// as it is given, and the bundled one is not started.
func (o options) external(root string) (bool, error) {
	file, err := os.ReadFile(filepath.Join(root, "cdk.json"))
	if err != nil {
		return false, fmt.Errorf("local: %w", err)
	}
	var config struct {
		Context struct {
			Stages map[string]struct {
				Issuer string `json:"issuer"`
			} `json:"stages"`
		} `json:"context"`
	}
	if err := json.Unmarshal(file, &config); err != nil {
		return false, fmt.Errorf("local: cdk.json: %w", err)
	}
	issuer := config.Context.Stages[o.stage].Issuer
	for _, field := range o.set {
		if value, ok := strings.CutPrefix(field, "issuer="); ok {
			issuer = value
		}
	}
	u, err := url.Parse(issuer)
	if err != nil || u.Hostname() == "" {
		return false, nil // synthesis says what is wrong with it
	}
	return u.Hostname() != bundledName && u.Scheme+"://"+u.Host != o.login(), nil
}

// readSecrets reads the values of secrets that the template only refers to,
// such as the client secret that a provider gave: a JSON object by name.
func readSecrets(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("local: -secrets: %w", err)
	}
	var values map[string]string
	if json.Unmarshal(file, &values) != nil {
		// The error of package json may quote a value.
		return nil, fmt.Errorf(`local: -secrets: expected %s to be a JSON object of strings, {"name of the secret":"value"}`, path)
	}
	return values, nil
}

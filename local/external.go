package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/local/internal/template"
)

// bundledName is the issuer's host in the stages that the bundled provider is
// for. The ports of a run do not matter.
const bundledName = "login.example.localhost"

// fields are those of a stage that say how it is run.
type fields struct {
	Issuer  string   `json:"issuer"`
	Account string   `json:"account"`
	Region  string   `json:"region"`
	Regions []string `json:"regions"`
	Origins []string `json:"origins"`
}

// read reads them from cdk.json, with the replacements of -c.
func (o options) read(root string) (fields, error) {
	file, err := os.ReadFile(filepath.Join(root, "cdk.json"))
	if err != nil {
		return fields{}, fmt.Errorf("local: %w", err)
	}
	var config struct {
		Context struct {
			Stages map[string]fields `json:"stages"`
		} `json:"context"`
	}
	if err := json.Unmarshal(file, &config); err != nil {
		return fields{}, fmt.Errorf("local: cdk.json: %w", err)
	}
	stage := config.Context.Stages[o.stage]
	for _, field := range o.set {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "issuer":
			stage.Issuer = value
		case "account":
			stage.Account = value
		case "region":
			stage.Region = value
		case "regions":
			stage.Regions = strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
		}
	}
	return stage, nil
}

// localOrigins are the stage's trusted origins on this machine: its first is
// www, the others keep the first label of their host. Origins that are on this
// machine already, such as a development server's, stay as they are.
func (o options) localOrigins(root string) ([]string, error) {
	stage, err := o.read(root)
	if err != nil {
		return nil, err
	}
	origins := []string{o.www()}
	for i, origin := range stage.Origins {
		u, err := url.Parse(origin)
		if i == 0 || err != nil || u.Hostname() == "" { // synthesis says if it is malformed
			continue
		}
		local := origin
		if host := u.Hostname(); strings.HasSuffix(host, bundledSite) || !isLoopback(host) {
			label, _, _ := strings.Cut(host, ".")
			if slices.Contains([]string{"www", "api", "login"}, label) {
				label = fmt.Sprintf("%s-%d", label, i+1)
			}
			local = o.origin(label, o.wwwPort)
		}
		if !slices.Contains(origins, local) {
			origins = append(origins, local)
		}
	}
	return origins, nil
}

// bundledSite is the site of the sample stages.
const bundledSite = ".example.localhost"

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// stack is the stack that is run, and where it would be: of a stage with
// regions the first's, which is the one that makes the key of the cookies.
func (o options) stack(root string) (name string, where template.Options, err error) {
	stage, err := o.read(root)
	if err != nil {
		return "", where, err
	}
	name = "TokenHandler-" + o.stage
	if len(stage.Regions) > 0 {
		stage.Region = stage.Regions[0]
		name += "-" + stage.Region
	}
	return name, template.Options{AccountID: stage.Account, Region: stage.Region}, nil
}

// external reports whether the stage has a provider of its own. That is used
// as it is given, and the bundled one is not started.
func (o options) external(root string) (bool, error) {
	stage, err := o.read(root)
	if err != nil {
		return false, err
	}
	u, err := url.Parse(stage.Issuer)
	if err != nil || u.Hostname() == "" {
		return false, nil // synthesis reports the mistake
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

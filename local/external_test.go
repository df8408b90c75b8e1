package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The bundled provider is started for the stages that are meant for it, on
// any port, and for no other.
func TestExternal(t *testing.T) {
	root := t.TempDir()
	cdk := `{"context":{"stages":{
		"local":{"issuer":"http://login.example.localhost:3002"},
		"theirs":{"issuer":"https://login.example.com"},
		"broken":{"issuer":"%"},
		"none":{}}}}`
	if err := os.WriteFile(filepath.Join(root, "cdk.json"), []byte(cdk), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		stage  string
		domain string
		set    []string
		want   bool
	}{
		{"local", "example.localhost", nil, false},
		{"local", "shop.localhost", nil, false},
		{"local", "example.localhost", []string{"clientId=x", "issuer=http://127.0.0.1:8080/realms/x"}, true},
		{"theirs", "example.localhost", nil, true},
		{"theirs", "shop.localhost", []string{"issuer=http://login.shop.localhost:4002"}, false},
		{"broken", "example.localhost", nil, false},
		{"none", "example.localhost", nil, false},
		{"missing", "example.localhost", nil, false},
	} {
		o := options{stage: tt.stage, domain: tt.domain, set: tt.set, loginPort: 4002}
		if got, err := o.external(root); got != tt.want || err != nil {
			t.Errorf("%s %v: got %t, %v", tt.stage, tt.set, got, err)
		}
	}
}

// Of a stage with regions the first one's stack is run, and every stack as if
// it were where it is to be: templates of a known region have its name in them.
func TestStack(t *testing.T) {
	root := t.TempDir()
	cdk := `{"context":{"stages":{"none":{},"one":{"account":"1","region":"eu-north-1"},"two":{"account":"2","regions":["eu-north-1","eu-west-1"]}}}}`
	if err := os.WriteFile(filepath.Join(root, "cdk.json"), []byte(cdk), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ stage, set, want, account, region string }{
		{"none", "", "TokenHandler-none", "", ""},
		{"one", "", "TokenHandler-one", "1", "eu-north-1"},
		{"one", "region=eu-west-1", "TokenHandler-one", "1", "eu-west-1"},
		{"one", "account=3", "TokenHandler-one", "3", "eu-north-1"},
		{"two", "", "TokenHandler-two-eu-north-1", "2", "eu-north-1"},
		{"two", "regions= us-east-1,eu-north-1", "TokenHandler-two-us-east-1", "2", "us-east-1"},
		{"two", "regions=", "TokenHandler-two", "2", ""},
	} {
		got, where, err := options{stage: tt.stage, set: []string{tt.set}}.stack(root)
		if got != tt.want || where.AccountID != tt.account || where.Region != tt.region || err != nil {
			t.Errorf("%s %s: got %s in %s %s, %v; want %s in %s %s", tt.stage, tt.set, got, where.AccountID, where.Region, err, tt.want, tt.account, tt.region)
		}
	}
}

// A provider of the stage's own keeps its endpoints and its routes.
func TestExternalOverrides(t *testing.T) {
	fields, err := options{stage: "github", domain: "example.localhost", wwwPort: 3000, set: []string{"scope=x"}}.overrides("..", true)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(fields, "\n")
	if want := "origins=http://www.example.localhost:3000\nredirectUri=http://www.example.localhost:3000/\npostLogoutRedirectUri=http://www.example.localhost:3000/\nscope=x"; got != want {
		t.Errorf("got %s", got)
	}
	fields, err = options{stage: "github", domain: "example.localhost", upstream: "http://127.0.0.1:8080"}.overrides("..", true)
	if err != nil || !strings.Contains(strings.Join(fields, "\n"), `"upstream":"http://127.0.0.1:8080/user/repos"`) {
		t.Errorf("with an upstream API of one's own: got %v, %v", fields, err)
	}
}

func TestReadSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.json")
	for text, ok := range map[string]bool{`{"a/b":"leak"}`: true, `{"a":7,"b":"leak"}`: false, `leak`: false} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		values, err := readSecrets(path)
		if (err == nil) != ok || ok && values["a/b"] != "leak" || err != nil && strings.Contains(err.Error(), "leak") {
			t.Errorf("%s: got %v, %v", text, values, err)
		}
	}
	if values, err := readSecrets(""); values != nil || err != nil {
		t.Errorf("got %v, %v", values, err)
	}
}

package main

import (
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/local/internal/template"
)

func TestConnectionsEnvironment(t *testing.T) {
	events := &template.WebSocketAPI{Host: "abcdef1234.execute-api.eu-west-1.amazonaws.com", Stage: "events"}
	other := &template.WebSocketAPI{Host: "otherapi00.execute-api.eu-west-1.amazonaws.com", Stage: "other"}
	c := &connections{domain: "127.0.0.1:3008", dir: "/tmp/x"}
	const variable = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"
	for _, tt := range []struct {
		name        string
		c           *connections
		runtime     string
		apis        []*template.WebSocketAPI
		environment template.Env
		want        map[string]string
	}{
		{"Node.js", c, "nodejs22.x", []*template.WebSocketAPI{events},
			template.Env{"CALLBACK": "https://abcdef1234.execute-api.eu-west-1.amazonaws.com/events", "PAGE": "wss://abcdef1234.execute-api.eu-west-1.amazonaws.com/events"},
			map[string]string{"CALLBACK": "https://127.0.0.1:3008/events", "PAGE": "wss://abcdef1234.execute-api.eu-west-1.amazonaws.com/events",
				variable: "https://127.0.0.1:3008/events", "NODE_EXTRA_CA_CERTS": "/tmp/x/local.pem"}},
		{"Go, with several APIs", c, "provided.al2023", []*template.WebSocketAPI{events, other},
			template.Env{"A": "https://otherapi00.execute-api.eu-west-1.amazonaws.com/other"},
			map[string]string{"A": "https://127.0.0.1:3008/other", "SSL_CERT_DIR": "/etc/ssl/certs:/etc/pki/tls/certs:/tmp/x"}},
		{"values of the template's own", c, "nodejs22.x", []*template.WebSocketAPI{events},
			template.Env{variable: "https://own.example", "NODE_EXTRA_CA_CERTS": "/own.pem"},
			map[string]string{variable: "https://own.example", "NODE_EXTRA_CA_CERTS": "/own.pem"}},
		{"no WebSocket API", nil, "nodejs22.x", nil, template.Env{"A": "b"}, map[string]string{"A": "b"}},
	} {
		f := template.Function{ConstructPath: "Stack/Events/Resource", Runtime: tt.runtime, Environment: tt.environment}
		tt.c.prepare(f, tt.apis)
		if d := cmp.Diff(tt.want, map[string]string(f.Environment)); d != "" {
			t.Errorf("%s: environment (-want +got):\n%s", tt.name, d)
		}
	}
	agent := template.Function{ConstructPath: "Stack/TokenHandler/AgentFunction/Resource", Environment: template.Env{"TRUSTED_WEB_ORIGINS": "https://www.example.com"}}
	c.prepare(agent, []*template.WebSocketAPI{events})
	if len(agent.Environment) != 1 {
		t.Errorf("the agent's environment is %d variables", len(agent.Environment))
	}
}

// A function in Go trusts the certificate of the commands, and no other program
// does. The test runs itself as this function.
func TestGoFunctionTrustsConnections(t *testing.T) {
	if address := os.Getenv("CONNECTIONS_OF_TEST"); address != "" {
		response, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("crypto/x509 reads SSL_CERT_DIR on Linux only")
	}
	c, err := serveConnections(http.NotFoundHandler(), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	f := template.Function{ConstructPath: "Stack/Events/Resource", Runtime: "provided.al2023", Environment: template.Env{}}
	c.prepare(f, nil)
	for _, trusted := range []bool{true, false} {
		function := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestGoFunctionTrustsConnections$")
		function.Env = []string{"CONNECTIONS_OF_TEST=https://" + c.address()}
		if trusted {
			function.Env = append(function.Env, "SSL_CERT_DIR="+f.Environment["SSL_CERT_DIR"])
		}
		if output, err := function.CombinedOutput(); (err == nil) != trusted {
			t.Errorf("trusted %t: got %v\n%s", trusted, err, output)
		}
	}
}

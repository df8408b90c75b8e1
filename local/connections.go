package main

import (
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tokenhandler/aws/local/internal/template"
)

// connections serves the @connections commands of WebSocket APIs to the
// Lambdas. It is nil if the template has no WebSocket API.
//
// Functions make its address as on AWS, https:// and then domainName and stage of
// an event, so it has a certificate, which those functions trust.
type connections struct {
	server *server
	domain string // host and port
	dir    string // has the certificate
}

// certificateName is the file of the certificate in its folder.
const certificateName = "local.pem"

// startConnections starts it with the first template that needs it.
func (r *runner) startConnections(t *template.Template) error {
	if r.connections != nil || len(t.WebSocketAPIs()) == 0 {
		return nil
	}
	var err error
	if r.connections, err = serveConnections(r.sockets.Management(), r.cert, r.options.socketsPort); err != nil {
		return err
	}
	r.console.part("sockets", "https://"+r.connections.domain+" for @connections commands", 0)
	return nil
}

// serveConnections serves commands with a certificate, a new one if it is nil.
func serveConnections(commands http.Handler, cert *certificate, port int) (*connections, error) {
	if cert == nil {
		var err error
		if cert, err = newCertificate(time.Now()); err != nil {
			return nil, err
		}
	}
	listeners, err := listen("the commands of WebSocket APIs", "-sockets-port", port)
	if err != nil {
		return nil, err
	}
	c := &connections{domain: listeners[0].Addr().String()}
	if c.dir, err = os.MkdirTemp("", "token-handler-"); err == nil {
		block := &pem.Block{Type: "CERTIFICATE", Bytes: cert.config.Certificates[0].Certificate[0]}
		err = os.WriteFile(filepath.Join(c.dir, certificateName), pem.EncodeToMemory(block), 0o644)
	}
	if err != nil {
		closeAll(listeners)
		return nil, fmt.Errorf("local: certificate: %w", err)
	}
	c.server = serve(commands, listeners, cert)
	return c, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// prepare completes the environment of a function: the address in the variable
// that AWS SDKs read, and in values of the template that name the API's endpoint,
// and the certificate for Node.js and Go. Our own Lambdas send no commands.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html
func (c *connections) prepare(f template.Function, apis []*template.WebSocketAPI) {
	if c == nil || ours(f) {
		return
	}
	for name, value := range f.Environment {
		for _, api := range apis {
			value = strings.ReplaceAll(value, "https://"+api.Host, "https://"+c.domain)
		}
		f.Environment[name] = value
	}
	set := func(name, value string) {
		if _, own := f.Environment[name]; !own {
			f.Environment[name] = value
		}
	}
	if len(apis) == 1 {
		set("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", "https://"+c.domain+"/"+apis[0].Stage)
	}
	if strings.HasPrefix(f.Runtime, "nodejs") {
		set("NODE_EXTRA_CA_CERTS", filepath.Join(c.dir, certificateName))
		return
	}
	// The folders of crypto/x509 on Linux, and this one. Other systems do not
	// read the variable.
	set("SSL_CERT_DIR", "/etc/ssl/certs:/etc/pki/tls/certs:"+c.dir)
}

// address is requestContext.domainName of events.
func (c *connections) address() string {
	if c == nil {
		return ""
	}
	return c.domain
}

func (c *connections) stop() {
	if c != nil {
		c.server.stop()
		_ = os.RemoveAll(c.dir)
	}
}

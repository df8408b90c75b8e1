package e2e

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

// breakage is one thing that is wrong with a system.
type breakage struct {
	name   string
	change func(*http.Response) // of a response
	want   string               // in the line of a failed check
}

// broken runs the smoke test against a proxy that breaks one thing at a time.
func broken(t *testing.T, s *system, smoke func(api string) (string, int), all []breakage) {
	t.Helper()
	for _, tt := range all {
		t.Run(tt.name, func(t *testing.T) {
			proxy := httptest.NewServer(newProxy(t, s, tt.change))
			defer proxy.Close()
			output, code := smoke(proxy.URL)
			wantFail(t, output, code, tt.want)
		})
	}
}

func wantFail(t *testing.T, output string, code int, want string) {
	t.Helper()
	for line := range strings.Lines(output) {
		if code == 1 && strings.HasPrefix(line, "fail") && strings.Contains(line, want) {
			return
		}
	}
	t.Errorf("exit status %d, want 1 and a failed %q\n%s", code, want, output)
}

type protocol struct{}

// newProxy passes requests on to the API and changes the responses. The request
// of a response has the protocol of the client in its context.
func newProxy(t *testing.T, s *system, change func(*http.Response)) *httputil.ReverseProxy {
	t.Helper()
	target, err := url.Parse(s.api)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			passOn(r, target)
			r.Out = r.Out.WithContext(context.WithValue(r.Out.Context(), protocol{}, r.In.ProtoMajor))
		},
		Transport:      newClient().http.Transport,
		ModifyResponse: func(r *http.Response) error { change(r); return nil },
	}
}

// https serves a handler over HTTP/2, with a certificate that the smoke test
// is told to trust.
func https(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	trust(server.Certificate())
	return server
}

// deaf is a listener that does not hear a header in one spelling. net/http has
// all headers in its own spelling before a handler sees them.
type deaf struct {
	net.Listener
	header string
}

func (d deaf) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	return deafConn{c, d.header}, err
}

type deafConn struct {
	net.Conn
	header string
}

func (c deafConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	// The length stays the same, so that the other offsets stay valid.
	copy(p, strings.Replace(string(p[:n]), "\r\n"+c.header+":", "\r\n"+strings.Repeat("x", len(c.header))+":", 1))
	return n, err
}

package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// gate is a proxy between Chromium and the API. The developer tools do not show
// the requests that the browser makes by itself for device binding. Here a test
// sees them and disturbs them.
type gate struct {
	flag chromedp.ExecAllocatorOption // leads Chromium through the gate

	mu      sync.Mutex
	disturb map[string]disturbance
	passed  []passed
}

// disturbance serves a request in place of the API, or hands it to the API.
type disturbance func(w http.ResponseWriter, r *http.Request, api http.Handler)

// passed is a request that has left the gate again.
type passed struct {
	path, session string // session is the one that the browser refreshes
	status        int    // 0: no response
}

func newGate(t *testing.T, s *system) *gate {
	t.Helper()
	at, err := url.Parse(s.api)
	if err != nil {
		t.Fatal(err)
	}
	target := &url.URL{Scheme: at.Scheme, Host: "127.0.0.1:" + at.Port()}
	api := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { passOn(r, target) },
		Transport: &http.Transport{TLSClientConfig: clientTLS()}}
	g := &gate{disturb: map[string]disturbance{}}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session := r.Header.Get("Sec-Secure-Session-Id")
		counted := &statusWriter{ResponseWriter: w}
		g.mu.Lock()
		disturb := g.disturb[r.URL.Path]
		if own := g.disturb[session]; own != nil {
			disturb = own
		}
		g.mu.Unlock()
		if disturb != nil {
			disturb(counted, r, api)
		} else {
			api.ServeHTTP(counted, r)
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.passed = append(g.passed, passed{r.URL.Path, session, counted.status})
	}))
	t.Cleanup(server.Close)
	trust(server.Certificate())
	g.flag = chromedp.Flag("host-resolver-rules", "MAP "+at.Host+" "+strings.TrimPrefix(server.URL, "https://"))
	return g
}

// at disturbs the requests of a path or of a session's refresh. Nil ends it.
func (g *gate) at(pathOrSession string, d disturbance) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.disturb[pathOrSession] = d
}

// count returns how many requests have passed.
func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.passed)
}

// since returns the requests of a path, or of a session's refresh, that passed
// after the first n requests.
func (g *gate) since(n int, pathOrSession string) []passed {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(g.passed[n:]), func(r passed) bool { return r.path != pathOrSession && r.session != pathOrSession })
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

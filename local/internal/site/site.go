// Package site serves the sample single page application of the local run: the files of one folder, with the
// security headers that a production host of a single page application should send as well.
//
// It is a file server for one purpose. It lists no directory, follows no link out of its folder, serves only the
// kinds of file a page is made of (no test, no hidden file, no README), and answers GET and HEAD only.
package site

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
)

// Config names the folder to serve and the address of the token handler.
type Config struct {
	// Dir is the application's folder; it holds index.html.
	Dir string
	// API is the origin of the API and the agent, as in "http://api.example.localhost:3001". The page may connect to
	// it and to its own origin only.
	API string
	// WebSockets lets the page open WebSockets of the API.
	WebSockets bool
	// AgentPath is the agent's base path on that origin, as in "/oauth-agent".
	AgentPath string
}

// Validate checks the configuration. The API is written into a header, so it must be exactly an origin.
func (c Config) Validate() error {
	if _, err := fs.Stat(os.DirFS(c.Dir), "index.html"); err != nil {
		return fmt.Errorf("site: folder of the application: %w", err)
	}
	if u, err := url.Parse(c.API); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" ||
		u.Scheme+"://"+u.Host != c.API || strings.ContainsAny(c.API, " ;,'\"*") {
		return fmt.Errorf("site: API: expected an origin such as http://api.example.localhost:3001, got %q", c.API)
	}
	if !strings.HasPrefix(c.AgentPath, "/") || path.Clean(c.AgentPath) != c.AgentPath || strings.ContainsAny(c.AgentPath, "?#\\") {
		return fmt.Errorf("site: agent path: expected a path such as /oauth-agent, got %q", c.AgentPath)
	}
	return nil
}

// contentTypes are the kinds of file a page is made of. A name that ends otherwise does not exist for a browser.
// They are written out because mime.TypeByExtension asks the machine, and nosniff makes a wrong answer fatal.
var contentTypes = map[string]string{
	".html":  "text/html; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".mjs":   "text/javascript; charset=utf-8",
	".wasm":  "application/wasm",
	".css":   "text/css; charset=utf-8",
	".svg":   "image/svg+xml",
	".png":   "image/png",
	".jpg":   "image/jpeg",
	".webp":  "image/webp",
	".avif":  "image/avif",
	".ico":   "image/x-icon",
	".woff2": "font/woff2",
}

// Handler serves the application. With a configuration that [Config.Validate] refuses it serves no file: every
// request gets 500 and the reason, so that a mistake is not mistaken for a page.
func Handler(c Config) http.Handler {
	s := &server{config: c, invalid: c.Validate()}
	s.configJSON, _ = json.Marshal(map[string]string{"api": c.API, "agentPath": c.AgentPath}) // two strings cannot fail
	return s
}

type server struct {
	config     Config
	invalid    error
	configJSON []byte
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.invalid != nil {
		plain(w, http.StatusInternalServerError, s.invalid.Error())
		return
	}
	securityHeaders(w.Header(), s.config.connect())
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		plain(w, http.StatusMethodNotAllowed, "GET and HEAD only")
	case r.URL.Path == "/config.json":
		send(w, "application/json", s.configJSON)
	case r.URL.Path == "/":
		s.file(w, "index.html")
	case s.file(w, strings.TrimPrefix(r.URL.Path, "/")):
	case isNavigation(r):
		// A route of the application, the provider's answer at the redirect URI among them: the page sorts it out.
		s.file(w, "index.html")
	default:
		plain(w, http.StatusNotFound, "not found")
	}
}

// connect is the source list of connections. An http source does not match ws URLs (CSP 3 section 6.7.2.8).
func (c Config) connect() string {
	if c.WebSockets {
		return c.API + " ws" + strings.TrimPrefix(c.API, "http")
	}
	return c.API
}

// securityHeaders sets the headers of every response, errors too.
func securityHeaders(h http.Header, connect string) {
	h.Set("Content-Security-Policy", strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"connect-src 'self' " + connect,
		"img-src 'self' data:",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
	}, "; "))
	// RFC 9700 section 4.2.4: the authorization response in the page's URL must not leave in a Referer.
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	// The local run is for changing things: the next reload shows the change. In production cache everything but
	// index.html and config.json.
	h.Set("Cache-Control", "no-store")
}

// file sends a file of the folder and reports whether there was one to send.
func (s *server) file(w http.ResponseWriter, name string) bool {
	contentType, ok := servable(name)
	if !ok {
		return false
	}
	// OpenInRoot refuses names and symbolic links that lead out of the folder.
	f, err := os.OpenInRoot(s.config.Dir, name)
	if err != nil {
		return false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return false
	}
	content, err := io.ReadAll(f)
	if err != nil {
		plain(w, http.StatusInternalServerError, "cannot read the file")
		return true
	}
	send(w, contentType, content)
	return true
}

// servable reports the content type of a name that may be served.
func servable(name string) (contentType string, ok bool) {
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") || strings.HasSuffix(strings.ToLower(name), ".test.js") {
		return "", false
	}
	for segment := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(segment, ".") || segment == "testing" || segment == "node_modules" {
			return "", false
		}
	}
	contentType, ok = contentTypes[path.Ext(name)]
	return contentType, ok
}

// isNavigation reports whether a browser asks for a page, rather than a script for data or a page for a part: only
// navigations name text/html.
func isNavigation(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		if mediaType, params, err := mime.ParseMediaType(part); err == nil && mediaType == "text/html" {
			q, err := strconv.ParseFloat(params["q"], 64)
			return params["q"] == "" || (err == nil && q > 0)
		}
	}
	return false
}

func send(w http.ResponseWriter, contentType string, content []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.Write(content) // to a HEAD request net/http sends the headers only; an error cannot be reported any more
}

func plain(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, message+"\n")
}

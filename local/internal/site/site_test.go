package site

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// spaDir is the real application.
const spaDir = "../../../spa"

const api = "http://api.example.localhost:3001"

var spa = Config{Dir: spaDir, API: api, AgentPath: "/oauth-agent"}

const navigation = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

func get(t *testing.T, h http.Handler, method, path, accept string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, "/", nil)
	r.URL.Path = path
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFiles(t *testing.T) {
	h := Handler(spa)
	const (
		html = "text/html; charset=utf-8"
		js   = "text/javascript; charset=utf-8"
	)
	for _, tt := range []struct {
		path, accept string
		status       int
		contentType  string
	}{
		{"/", navigation, 200, html},
		{"/", "", 200, html},
		{"/index.html", "", 200, html},
		{"/app.js", "*/*", 200, js},
		{"/client/token-handler.js", "*/*", 200, js},
		{"/style.css", "text/css,*/*;q=0.1", 200, "text/css; charset=utf-8"},
		{"/icon.svg", "image/*", 200, "image/svg+xml"},
		{"/config.json", "application/json", 200, "application/json"},

		// Routes of the application: for navigations only.
		{"/callback", navigation, 200, html},
		{"/orders/1", "text/html", 200, html},
		{"/orders/1", "TEXT/HTML;q=0.5", 200, html},
		{"/callback", "*/*", 404, ""},
		{"/callback", "", 404, ""},
		{"/callback", "application/json", 404, ""},
		{"/callback", "text/html;q=0, */*", 404, ""},
		{"/callback", "text/html-not", 404, ""},
		{"/missing.js", "*/*", 404, ""},

		// Files of the folder that are not part of the page.
		{"/client/token-handler.test.js", "*/*", 404, ""},
		{"/client/testing/scripted.js", "*/*", 404, ""},
		{"/client/token-handler.TEST.js", "*/*", 404, ""},
		{"/testing/scripted.js", "*/*", 404, ""},
		{"/testing", "*/*", 404, ""},
		{"/testing/", "*/*", 404, ""},
		{"/README.md", "*/*", 404, ""},
		{"/package.json", "*/*", 404, ""},

		// Names that are no names.
		{"//app.js", "*/*", 404, ""},
		{"/./app.js", "*/*", 404, ""},
		{"/app.js/", "*/*", 404, ""},
		{"/../spa/app.js", "*/*", 404, ""},
		{"/../go.mod", "*/*", 404, ""},
		{`/..\spa\app.js`, "*/*", 404, ""},
		{"/app.js\x00.html", "*/*", 404, ""},
		{"app.js\n", "*/*", 404, ""},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			r := get(t, h, method, tt.path, tt.accept)
			if r.StatusCode != tt.status {
				t.Errorf("%s %q Accept %q: got %d; want %d", method, tt.path, tt.accept, r.StatusCode, tt.status)
			}
			if got := r.Header.Get("Content-Type"); tt.contentType != "" && got != tt.contentType {
				t.Errorf("%s %q: got content type %q; want %q", method, tt.path, got, tt.contentType)
			}
		}
	}
}

// A browser that navigates to a file that is not served gets the page, never the file.
func TestNavigationNeverShowsWhatIsNotServed(t *testing.T) {
	h := Handler(spa)
	page := text(t, get(t, h, "GET", "/", ""))
	if !strings.Contains(page, `id="sign-in"`) {
		t.Fatal("the page has no sign-in button")
	}
	for _, path := range []string{"/client/token-handler.test.js", "/client/testing/scripted.js", "/client/package.json", "/README.md", "/package.json", "/../go.mod", "/testing/"} {
		if diff := cmp.Diff(page, text(t, get(t, h, "GET", path, navigation))); diff != "" {
			t.Errorf("%s: not the page (-want +got):\n%s", path, diff)
		}
	}
}

// An http source of a policy does not cover WebSockets of the same host.
func TestWebSocketsInPolicy(t *testing.T) {
	c := spa
	c.WebSockets = true
	got := get(t, Handler(c), "GET", "/", "").Header.Get("Content-Security-Policy")
	if want := "connect-src 'self' " + api + " ws" + strings.TrimPrefix(api, "http") + ";"; !strings.Contains(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	h := Handler(spa)
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' " + api +
			"; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		"Referrer-Policy":              "no-referrer", // rule 37: RFC 9700 section 4.2.4
		"X-Content-Type-Options":       "nosniff",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-store",
	}
	for _, path := range []string{"/", "/app.js", "/config.json", "/missing.js"} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			r := get(t, h, method, path, "")
			for name, value := range want {
				if got := r.Header.Values(name); !cmp.Equal(got, []string{value}) {
					t.Errorf("%s %s: %s: got %q; want %q", method, path, name, got, value)
				}
			}
		}
	}
}

func TestMethods(t *testing.T) {
	h := Handler(spa)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
		r := get(t, h, method, "/", navigation)
		if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: got %d, Allow %q", method, r.StatusCode, r.Header.Get("Allow"))
		}
	}
}

func TestConfigJSON(t *testing.T) {
	var got map[string]string
	if err := json.Unmarshal([]byte(text(t, get(t, Handler(spa), "GET", "/config.json", ""))), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"api": api, "agentPath": "/oauth-agent"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config.json (-want +got):\n%s", diff)
	}
}

// Over a real connection: HEAD has the length and no body, and an escaped path is no way out either.
func TestOverHTTP(t *testing.T) {
	s := httptest.NewServer(Handler(spa))
	defer s.Close()
	for _, tt := range []struct{ line, status string }{
		{"HEAD /app.js", "200"},
		{"GET /../../../go.mod", "404"},
		{"GET /%2e%2e/%2e%2e/go.mod", "404"},
		{"GET /..%2f..%2fgo.mod", "404"},
		{"GET /testing%2fscripted.js", "404"},
	} {
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, tt.line+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		answer, err := io.ReadAll(bufio.NewReader(conn))
		if err != nil {
			t.Fatal(err)
		}
		head, body, _ := strings.Cut(string(answer), "\r\n\r\n")
		if !strings.HasPrefix(head, "HTTP/1.1 "+tt.status) {
			t.Errorf("%s: got %q; want %s", tt.line, strings.SplitN(head, "\r\n", 2)[0], tt.status)
		}
		if strings.HasPrefix(tt.line, "HEAD") && (body != "" || !strings.Contains(head, "\r\nContent-Length: ")) {
			t.Errorf("%s: got a body of %d bytes, header %q", tt.line, len(body), head)
		}
	}
}

func TestLinksOutOfTheFolder(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.js")
	dir := t.TempDir()
	for name, content := range map[string]string{
		secret:                                "secret",
		filepath.Join(dir, "index.html"):      "page",
		filepath.Join(dir, "real.js"):         "real",
		filepath.Join(dir, ".hidden.js"):      "hidden",
		filepath.Join(dir, "node_modules.js"): "fine",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"out.js": secret, "in.js": "real.js"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.js"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "folder.js", "a.js"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h := Handler(Config{Dir: dir, API: api, AgentPath: "/oauth-agent"})
	for path, want := range map[string]int{
		"/real.js": 200, "/in.js": 200, "/node_modules.js": 200, "/out.js": 404, "/.hidden.js": 404, "/folder.js": 404,
		"/folder.js/a.js": 200, "/folder.js//a.js": 404, "/folder.js/../real.js": 404,
	} {
		if got := get(t, h, "GET", path, "").StatusCode; got != want {
			t.Errorf("%s: got %d; want %d", path, got, want)
		}
	}
}

func TestInvalidConfigServesNothing(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no folder", func(c *Config) { c.Dir = "nowhere" }, "site: folder of the application"},
		{"no page in the folder", func(c *Config) { c.Dir = t.TempDir() }, "site: folder of the application"},
		{"no API", func(c *Config) { c.API = "" }, "site: API"},
		{"API with a path", func(c *Config) { c.API = "http://localhost:3001/" }, "site: API"},
		{"API with a user", func(c *Config) { c.API = "http://a@localhost:3001" }, "site: API"},
		{"API of another scheme", func(c *Config) { c.API = "ftp://localhost" }, "site: API"},
		{"API that adds to the policy", func(c *Config) { c.API = "http://a;script-src" }, "site: API"},
		{"API that is a wildcard", func(c *Config) { c.API = "http://*" }, "site: API"},
		{"API with a line break", func(c *Config) { c.API = "http://a\r\nX: y" }, "site: API"},
		{"no agent path", func(c *Config) { c.AgentPath = "" }, "site: agent path"},
		{"agent path that is a host", func(c *Config) { c.AgentPath = "//evil.example" }, "site: agent path"},
		{"agent path with a query", func(c *Config) { c.AgentPath = "/a?b" }, "site: agent path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := spa
			tt.change(&c)
			if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("Validate: got %v; want %q…", err, tt.want)
			}
			for _, path := range []string{"/", "/app.js", "/config.json"} {
				if r := get(t, Handler(c), "GET", path, navigation); r.StatusCode != 500 {
					t.Errorf("%s: got %d; want 500", path, r.StatusCode)
				}
			}
		})
	}
	if err := spa.Validate(); err != nil {
		t.Errorf("the local run's configuration: %v", err)
	}
}

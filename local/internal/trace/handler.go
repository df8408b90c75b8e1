package trace

import (
	"embed"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed page
var page embed.FS

var files = map[string]struct{ name, contentType string }{
	"/":          {"page/index.html", "text/html; charset=utf-8"},
	"/trace.css": {"page/trace.css", "text/css; charset=utf-8"},
	"/trace.js":  {"page/trace.js", "text/javascript; charset=utf-8"},
}

// Handler serves the page and the records on a loopback port. It refuses other
// hosts (DNS rebinding) and requests of other origins.
func (l *Log) Handler(port int) http.Handler {
	hosts := []string{}
	for _, name := range []string{"127.0.0.1", "localhost", "[::1]"} {
		hosts = append(hosts, name+":"+strconv.Itoa(port))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case !slices.Contains(hosts, r.Host):
			http.Error(w, "unknown host", http.StatusMisdirectedRequest)
		case !sameOrigin(r):
			http.Error(w, "other origins may not read the trace", http.StatusForbidden)
		case r.Method == http.MethodPost && r.URL.Path == "/clear":
			l.Clear()
			w.WriteHeader(http.StatusNoContent)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			http.Error(w, "GET and HEAD only", http.StatusMethodNotAllowed)
		case r.URL.Path == "/events":
			l.events(w, r)
		case r.URL.Path == "/records":
			h.Set("Content-Type", "application/json")
			w.Write(l.JSON())
		default:
			f, ok := files[r.URL.Path]
			if !ok {
				http.NotFound(w, r)
				return
			}
			content, err := page.ReadFile(f.name)
			if err != nil {
				http.Error(w, "cannot read the file", http.StatusInternalServerError)
				return
			}
			h.Set("Content-Type", f.contentType)
			w.Write(content)
		}
	})
}

// sameOrigin reports whether the page itself, a person or a program of this
// machine asks. Browsers send Sec-Fetch-Site with every request to loopback.
func sameOrigin(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return r.Method != http.MethodPost || r.Header.Get("Sec-Fetch-Site") == "same-origin"
	}
	// A link to the page from elsewhere shows it to the person only.
	return r.Method == http.MethodGet && r.URL.Path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// events sends the records so far and then each new one, as server-sent events.
func (l *Log) events(w http.ResponseWriter, r *http.Request) {
	kept, more := l.subscribe()
	if more == nil {
		http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	defer l.unsubscribe(more)
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	// No value has a line break: it is JSON.
	fmt.Fprint(w, "event: reset\ndata: 0\n\n")
	for _, text := range kept {
		fmt.Fprintf(w, "data: %s\n\n", text)
	}
	_ = flush.Flush()
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	for {
		select {
		case text, ok := <-more:
			if !ok {
				return // the page reads too slowly and connects anew
			}
			fmt.Fprintf(w, "data: %s\n\n", text)
		case <-beat.C:
			fmt.Fprint(w, ": \n\n")
		case <-r.Context().Done():
			return
		}
		if flush.Flush() != nil {
			return
		}
	}
}

// Title makes a step's title of a method and a path or URL.
func Title(method, path string) string { return strings.TrimSpace(method + " " + path) }

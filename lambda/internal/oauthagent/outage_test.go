package oauthagent

import (
	"context"
	"io"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// A20, A22: a provider that is down, slow or broken ends no session. The agent
// returns 502 and sets no cookie. When the provider works again, the next
// refresh succeeds with the same cookies.
func TestOutageClearsNothing(t *testing.T) {
	for _, tt := range []struct {
		name   string
		outage http.HandlerFunc
	}{
		{"500", oauthtest.Answer(500, "text/html", "leak")},
		{"502", oauthtest.Answer(502, "text/html", "leak")},
		{"503 with invalid_grant", oauthtest.Answer(503, "application/json", `{"error":"invalid_grant"}`)},
		{"reset", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"no answer", func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // otherwise the server would not notice that the client gave up
			<-r.Context().Done()
		}},
		{"truncated", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "1000")
			w.Write([]byte(`{"error":"invalid_grant"`))
		}},
		{"HTML", oauthtest.Answer(200, "text/html", "invalid_grant")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dialects(t, func(w *world) {
				w.signIn()
				before := maps.Clone(w.cookies)
				w.provider.On["/token"] = tt.outage
				soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				got := w.do("POST", "refresh", func(r *http.Request) { *r = *r.WithContext(soon) })
				w.fails(got, 502, "authorization_server_error")
				if len(got.Cookies()) != 0 || !maps.Equal(before, w.cookies) {
					w.Errorf("got Set-Cookie %v", got.Header["Set-Cookie"])
				}
				delete(w.provider.On, "/token")
				w.refreshes()
			})
		})
	}
}

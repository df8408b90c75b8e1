package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/tokenhandler/aws/local/internal/trace"
)

// providerPaths are the endpoints of the bundled provider that agents and APIs
// call. Other paths can contain identifiers, so the trace does not show them.
var providerPaths = map[string]string{
	"/token": "Token endpoint", "/me": "UserInfo endpoint", "/jwks": "Key set", "/token/revocation": "Revocation endpoint",
	"/token/introspection": "Introspection endpoint", "/request": "Pushed authorization requests",
	"/.well-known/openid-configuration": "Discovery",
}

var errorCode = regexp.MustCompile(`^[a-z_]{3,40}$`)

// front is the provider's public side: it takes TLS off, and records the calls
// of the back channel.
func front(provider string, log *trace.Log) http.Handler {
	target := &url.URL{Scheme: "http", Host: provider}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.Out.Header.Set("X-Forwarded-Proto", "http")
			if r.In.TLS != nil {
				r.Out.Header.Set("X-Forwarded-Proto", "https")
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "the OpenID Provider does not answer", http.StatusBadGateway)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, known := providerPaths[r.URL.Path]
		if backChannel := strings.HasPrefix(r.Host, "127.0.0.1:"); !known || !backChannel {
			proxy.ServeHTTP(w, r)
			return
		}
		began := time.Now()
		seen := &watched{ResponseWriter: w}
		proxy.ServeHTTP(seen, r)
		s := trace.Step{Name: "provider", Title: trace.Title(r.Method, r.URL.Path), Result: "ok", MS: float64(time.Since(began).Microseconds()) / 1000,
			Note: fmt.Sprintf("%s of the OpenID Provider: status %d", name, seen.status)}
		if seen.status >= 400 {
			s.Result = "failed"
			if code := seen.error(); code != "" {
				s.Note += ", error " + code
			}
		}
		s.Note += "."
		log.Provider(s, began)
	})
}

// watched keeps the status, and of an error response the beginning of the body.
type watched struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *watched) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if w.status >= 400 && w.body.Len() < 4<<10 {
		w.body.Write(b[:min(len(b), 4<<10)])
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// error returns the error code of an OAuth error response (RFC 6749 section
// 5.2), never its description.
func (w *watched) error() string {
	var answer struct {
		Error string `json:"error"`
	}
	if json.NewDecoder(io.LimitReader(&w.body, 4<<10)).Decode(&answer) != nil || !errorCode.MatchString(answer.Error) {
		return ""
	}
	return answer.Error
}

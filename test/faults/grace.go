package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"time"
)

// graceTime is for how long a refresh token that was used may be used again.
const graceTime = time.Minute

// grace gives a provider a grace period, which oidc-provider does not have: a
// refresh token that comes again within [graceTime] gets the same response. Auth0,
// Okta and Cognito have such a setting (docs/providers.md).
type grace struct {
	provider http.Handler
	mu       sync.Mutex
	answers  map[string]kept // by refresh token
}

type kept struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (g *grace) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token := ""
	if r.URL.Path == "/token" {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if form, err := url.ParseQuery(string(body)); err == nil {
			token = form.Get("refresh_token")
		}
	}
	if token == "" {
		g.provider.ServeHTTP(w, r)
		return
	}
	// The second use waits for the first one.
	g.mu.Lock()
	defer g.mu.Unlock()
	answer, known := g.answers[token]
	if !known || time.Now().After(answer.until) {
		answer = kept{httptest.NewRecorder(), time.Now().Add(graceTime)}
		g.provider.ServeHTTP(answer, r)
		if answer.Code == http.StatusOK {
			g.answers[token] = answer
		}
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

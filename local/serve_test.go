package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOwnHosts(t *testing.T) {
	h := ownHosts(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for host, want := range map[string]int{
		"api.example.localhost:3001": 204, "api.example.localhost": 204, "localhost:3001": 204, "127.0.0.1:3001": 204, "[::1]:3001": 204,
		"API.Example.LOCALHOST:3001": 204, "LocalHost": 204,
		"evil.example:3001": 421, "api.example.localhost.evil.example:3001": 421, "evillocalhost": 421, "0.0.0.0": 421, "api.example.localhost.": 421, "10.0.0.1:3001": 421, "": 421,
	} {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: got %d, want %d", host, w.Code, want)
		}
	}
}

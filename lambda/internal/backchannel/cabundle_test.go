package backchannel

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A provider with a certificate of a private authority is called with the bundle
// only, and other servers are not trusted because of it.
func TestCABundle(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("{}")) }))
	defer server.Close()
	bundle := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	for name, tt := range map[string]struct {
		bundle, url string
		ok          bool
	}{
		"without":      {"", server.URL, false},
		"with":         {bundle, server.URL, true},
		"for its host": {bundle, "https://localhost:" + server.URL[len("https://127.0.0.1:"):], false},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequest("GET", tt.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := New(Config{CABundle: tt.bundle}).Do(context.Background(), r)
			if (err == nil) != tt.ok || tt.ok && answer.Status != 200 {
				t.Errorf("got %d, %v, want success %v", answer.Status, err, tt.ok)
			}
		})
	}
}

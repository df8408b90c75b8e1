package oauthagent

import "testing"

// A sign-in takes two requests of the page and one call of the provider's token
// endpoint. A new environment also reads the provider's metadata and keys, once.
func TestSignInProviderCalls(t *testing.T) {
	w := newWorld(t)
	paths := []string{"/.well-known/openid-configuration", "/token", "/jwks"}
	before := map[string]int{}
	for i, want := range []map[string]int{{paths[0]: 1, "/token": 1, "/jwks": 1}, {"/token": 1}, {"/token": 1}} {
		page := w.provider.Authorize(w, w.start())
		if got := w.end(page); got.json["handled"] != true {
			t.Fatalf("login/end: got %d %s", got.StatusCode, got.text)
		}
		calls := 0
		for _, path := range paths {
			n := w.provider.Requests(path) - before[path]
			before[path] += n
			calls += n
			if n != want[path] {
				t.Errorf("sign-in %d: %d requests to %s, want %d", i+1, n, path, want[path])
			}
		}
		t.Logf("sign-in: number %d of an environment: 2 requests of the page, %d calls of the provider", i+1, calls)
	}
}

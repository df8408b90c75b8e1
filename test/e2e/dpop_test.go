package e2e

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// TestDPoP runs the whole system with access tokens that are bound to a key of
// the session (RFC 9449). The provider is the real one and requires nonces. The
// sample upstream API verifies every proof, and so does this test, with the
// provider's introspection of the token.
func TestDPoP(t *testing.T) {
	s := start(t, "-c", "dpop=true", "-c", `routes=[{"path":"/orders","methods":["GET","POST"],"upstream":"{upstream}/orders","queryParameters":["page"]},`+
		`{"path":"/orders/{id}","methods":["GET"],"upstream":"{upstream}/orders/{id}"}]`)
	environments, err := lambdaEnvironments(s.out)
	if err != nil {
		skipOffLinux(t, err)
	}
	var agent map[string]string
	for _, env := range environments {
		if env["REDIRECT_URI"] != "" {
			agent = env
		}
	}
	opener, err := newSealer(s, agent["ENCRYPTION_KEY"])
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	keys := map[string]bool{} // private ones
	for _, classic := range []bool{false, true} {
		p := newPerson(s, classic)
		p.signIn(t)
		bound := func(suffix string) (key, token string) {
			t.Helper()
			name := "__Host-th-" + suffix
			c, err := opener.open(name, p.session()[name])
			text, ok := strings.CutPrefix(c.token, "dpop-bound-1-")
			if err != nil || !ok || len(text) < 50 {
				t.Fatalf("cookie %s: %v, with a key: %t", suffix, err, ok)
			}
			return text[:43], text[43:]
		}
		key, first := bound("at")
		if other, _ := bound("auth"); other != key || keys[key] {
			t.Error("the session has two keys, or that of another session")
		}
		keys[key] = true

		// upstream checks the requests that reached the API.
		upstream := func(method, path string, want int) string {
			t.Helper()
			before := s.recorder.count()
			status, answer, _ := p.call(t, method, path, "", p.header())
			if status != want || s.recorder.count() != before+1 {
				t.Fatalf("%s %s: got %d, %v; the API was called %d times", method, path, status, answer, s.recorder.count()-before)
			}
			r := s.recorder.last()
			token := verifyProof(t, s, agent, r, ids)
			if r.Header.Get("Cookie") != "" {
				t.Error("upstream got a cookie")
			}
			return token
		}
		if got := upstream("GET", "/orders", 200); got != first {
			t.Error("upstream got another token than the session's")
		}
		upstream("GET", "/orders?page=2", 200) // no query in htu
		upstream("POST", "/orders", 400)       // 415 comes down as 400; the proof is good
		upstream("GET", "/orders/7", 404)      // the sample has no such order, the proof is good
		upstream("GET", "/orders/%C3%A5%20;,=@$&+b", 404)

		// A proof of the client's own goes nowhere.
		status, _, _ := p.call(t, "GET", "/orders", "", p.header("DPoP", "e30.e30.c2ln"))
		if values := s.recorder.last().Header.Values("DPoP"); status != 200 || len(values) != 1 || values[0] == "e30.e30.c2ln" {
			t.Errorf("with a DPoP header of the client: got %d and %d headers", status, len(values))
		}
		// A stolen request is of no use without the key, and a proof is not
		// accepted twice.
		last := s.recorder.last()
		for name, change := range map[string]func(*http.Request){
			"the proof again": func(*http.Request) {},
			"no proof":        func(r *http.Request) { r.Header.Del("DPoP") },
			"as a bearer token": func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "DPoP", "Bearer", 1))
			},
		} {
			r, err := http.NewRequest("GET", s.recorder.server.URL+"/orders", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Authorization": last.Header["Authorization"], "Dpop": last.Header.Values("DPoP")}
			change(r)
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != 401 {
				t.Errorf("upstream with %s: got %d, want 401", name, answer.StatusCode)
			}
		}

		if status, answer, _ := p.call(t, "GET", "/oauth-agent/userInfo", "", p.header()); status != 200 || answer["sub"] != "user-7f3a" {
			t.Errorf("userInfo: got %d, %v", status, answer)
		}
		for range 2 {
			if status, answer, _ := p.call(t, "POST", "/oauth-agent/refresh", "", p.header()); status != 200 && status != 204 {
				t.Errorf("refresh: got %d, %v", status, answer)
			}
		}
		if after, token := bound("at"); after != key || token == first {
			t.Error("the refresh kept the token, or changed the key")
		}
		if got := upstream("GET", "/orders", 200); got == first {
			t.Error("upstream got the token from before the refresh")
		}
		if status, answer, _ := p.call(t, "POST", "/oauth-agent/logout", "", p.header()); status != 200 {
			t.Errorf("logout: got %d, %v", status, answer)
		}
		if seen := p.seen.String(); strings.Contains(seen, key) || strings.Contains(seen, "dpop-bound") || strings.Contains(seen, first) {
			t.Error("a response shows the key or the token")
		}
	}
	if err := s.stop(); err != nil {
		t.Errorf("after Ctrl-C: %v", err)
	}
	for key := range keys {
		if strings.Contains(s.output.String(), key) {
			t.Error("the output of the run shows a key")
		}
	}
}

// verifyProof makes the checks of RFC 9449 section 4.3 and 7.1 and returns the
// access token.
func verifyProof(t *testing.T, s *system, client map[string]string, r *http.Request, ids map[string]bool) string {
	t.Helper()
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "DPoP ")
	if values := r.Header.Values("DPoP"); !ok || len(values) != 1 || len(r.Header.Values("Authorization")) != 1 {
		t.Fatalf("upstream got %d DPoP headers, scheme DPoP: %t", len(values), ok)
	}
	jws, err := jose.ParseSignedCompact(r.Header.Get("DPoP"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	header := jws.Signatures[0].Protected
	if header.ExtraHeaders["typ"] != "dpop+jwt" || header.JSONWebKey == nil || !header.JSONWebKey.IsPublic() {
		t.Fatal("the proof's header has another typ, or no public key")
	}
	payload, err := jws.Verify(header.JSONWebKey)
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte(token))
	for name, want := range map[string]any{
		"htm": r.Method, "htu": "http://" + r.Host + r.URL.EscapedPath(),
		"ath": base64.RawURLEncoding.EncodeToString(hash[:]), "nonce": nil,
	} {
		if claims[name] != want {
			t.Errorf("proof: got %s %v, want %v", name, claims[name], want)
		}
	}
	id, _ := claims["jti"].(string)
	if issued, _ := claims["iat"].(float64); len(id) < 16 || ids[id] || time.Since(time.Unix(int64(issued), 0)).Abs() > 10*time.Second {
		t.Errorf("proof: got jti %q (again: %t), iat %v", id, ids[id], claims["iat"])
	}
	ids[id] = true

	thumbprint, err := header.JSONWebKey.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	var known struct {
		Active bool   `json:"active"`
		Type   string `json:"token_type"`
		Key    struct {
			Thumbprint string `json:"jkt"`
		} `json:"cnf"`
	}
	introspect(t, s, client, token, &known)
	if !known.Active || known.Type != "DPoP" ||
		known.Key.Thumbprint != base64.RawURLEncoding.EncodeToString(thumbprint) {
		t.Errorf("the provider says of the token: %+v; the proof's key is %x", known, thumbprint)
	}
	return token
}

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Rule 49, as far as the certified provider supports it: the client signs its
// requests and its assertions with a key, pushes the requests, and accepts only
// signed responses. For the user, the API and the page nothing changes.
func TestSignedAndPushed(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	values, err := json.Marshal(map[string]string{"spa/key": text})
	if err != nil {
		t.Fatal(err)
	}
	secrets := filepath.Join(t.TempDir(), "secrets.json")
	if err := os.WriteFile(secrets, values, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, "-secrets", secrets,
		"-c", "clientAuthentication=private_key_jwt", "-c", "clientPrivateKeySecretName=spa/key", "-c", "clientKeyId=k1",
		"-c", "pushAuthorizationRequests=true", "-c", "signAuthorizationRequests=true", "-c", "responseMode=jwt",
		"-c", "parEndpoint={back}/request")
	for _, classic := range []bool{false, true} {
		p := newPerson(s, classic)
		location := p.startLogin(t)
		u, err := url.Parse(location)
		if err != nil || len(u.Query()) != 2 || !u.Query().Has("request_uri") {
			t.Errorf("got the authorization URL %s, %v", location, err)
		}
		back := p.atProvider(t, location)
		if q := back.Query(); len(q) != 1 || strings.Count(q.Get("response"), ".") != 2 {
			t.Fatalf("the provider's response is %v", q)
		}
		status, answer := p.endLogin(t, back)
		if status != 200 || answer["is_logged_in"] != true {
			t.Fatalf("login/end: got %d, %v", status, answer)
		}
		if status, answer, _ := p.call(t, "GET", "/orders", "", p.header()); status != 200 {
			t.Errorf("GET /orders: got %d, %v", status, answer)
		}
		if status, answer, _ := p.call(t, "POST", "/oauth-agent/refresh", "", p.header()); status != 200 && status != 204 {
			t.Errorf("refresh: got %d, %v", status, answer)
		}
		// A page may send it twice: the session is the answer.
		if status, answer := p.endLogin(t, back); status != 200 || answer["is_logged_in"] != true {
			t.Errorf("the same response again: got %d, %v", status, answer)
		}
		if status, answer, _ := p.call(t, "POST", "/oauth-agent/logout", "", p.header()); status != 200 {
			t.Errorf("logout: got %d, %v", status, answer)
		}
		if status, answer := p.endLogin(t, back); status != 400 {
			t.Errorf("the same response after sign-out: got %d, %v", status, answer)
		}
	}
	if err := s.stop(); err != nil {
		t.Errorf("after Ctrl-C: %v", err)
	}
	if strings.Contains(s.output.String(), strings.Split(text, "\n")[1]) {
		t.Error("the output of the run shows the private key")
	}
}

package oauth_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/clientauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

func certificate(t *testing.T, name string) (*tls.Certificate, *x509.Certificate) {
	t.Helper()
	key := oauthtest.NewKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) settings.Secret {
		return settings.Secret(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	pair, err := clientauth.Certificate(encode("CERTIFICATE", der), encode("PRIVATE KEY", private))
	if err != nil {
		t.Fatal(err)
	}
	return pair, parsed
}

// Rule 33: mutual TLS (RFC 8705), at the endpoints that the metadata names for
// it, with client_id and without a secret.
func TestMutualTLS(t *testing.T) {
	registered, leaf := certificate(t, "spa")
	stranger, _ := certificate(t, "stranger")
	p, config := start(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := r.TLS.PeerCertificates
		if r.ParseForm(); len(shown) != 1 || !shown[0].PublicKey.(*ecdsa.PublicKey).Equal(leaf.PublicKey) || r.PostForm.Get("client_id") != oauthtest.ClientID {
			oauthtest.Answer(401, "application/json", `{"error":"invalid_client"}`)(w, r)
			return
		}
		if r.PostForm.Has("client_secret") || r.Header.Get("Authorization") != "" || r.PostForm.Has("client_assertion") {
			t.Error("more than one authentication method in a request")
		}
		p.Grant(w, r)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	defer server.Close()
	p.On["/token"] = func(http.ResponseWriter, *http.Request) { t.Error("the alias was not used") }
	p.Metadata = oauthtest.Set(map[string]any{"mtls_endpoint_aliases": map[string]any{"token_endpoint": server.URL + "/token"}})
	config.ClientSecret, config.Authentication = "", clientauth.TLS{}
	config.Transport = server.Client().Transport

	config.Certificate = registered
	mustSignIn(t, p, oauth.New(config))
	config.Certificate = stranger
	_, err := signIn(t, p, oauth.New(config))
	want(t, p, err, oauth.Unavailable)
}

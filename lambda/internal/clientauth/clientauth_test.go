package clientauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/clientauth"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func request() clientauth.Request {
	return clientauth.Request{
		Issuer: "https://login.example.com", TokenEndpoint: "https://login.example.com/token", ClientID: "spa:client",
		Header: http.Header{}, Form: url.Values{"grant_type": {"x"}},
	}
}

// A22, P19, rule 40: both are form-url-encoded before base64.
func TestBasic(t *testing.T) {
	r := request()
	if err := (clientauth.Basic{Secret: "s%c &:+"}).Authenticate(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	id, secret, ok := (&http.Request{Header: r.Header}).BasicAuth()
	if !ok || id != "spa%3Aclient" || secret != "s%25c+%26%3A%2B" || len(r.Form) != 1 {
		t.Errorf("got %q %q, form %v", id, secret, r.Form)
	}
}

func TestPost(t *testing.T) {
	r := request()
	if err := (clientauth.Post{Secret: "s%c"}).Authenticate(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	want := url.Values{"grant_type": {"x"}, "client_id": {"spa:client"}, "client_secret": {"s%c"}}
	if diff := cmp.Diff(want, r.Form); diff != "" || len(r.Header) != 0 {
		t.Error(diff, r.Header)
	}
}

func TestTLS(t *testing.T) {
	r := request()
	if err := (clientauth.TLS{}).Authenticate(t.Context(), r); err != nil || r.Form.Get("client_id") != "spa:client" || len(r.Header) != 0 {
		t.Errorf("got %v %v, %v", r.Form, r.Header, err)
	}
}

// Rule 49: aud is the issuer as a single string, jti is fresh, exp within a
// minute.
func TestPrivateKeyJWT(t *testing.T) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	signer := parse(t, key, "")
	seen := map[string]bool{}
	for _, tokenEndpoint := range []bool{false, true, false} {
		r := request()
		method := clientauth.PrivateKeyJWT{Signer: signer, Now: func() time.Time { return now }, TokenEndpointAudience: tokenEndpoint}
		if err := method.Authenticate(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if r.Form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || r.Form.Get("client_id") != "spa:client" || r.Form.Has("client_secret") || len(r.Header) != 0 {
			t.Errorf("got %v", r.Form)
		}
		jws, err := jose.ParseSignedCompact(r.Form.Get("client_assertion"), []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		payload, err := jws.Verify(key.Public())
		if err != nil || jws.Signatures[0].Header.KeyID != "k1" {
			t.Fatalf("key id %q: %v", jws.Signatures[0].Header.KeyID, err)
		}
		var claims map[string]any
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
		jti, _ := claims["jti"].(string)
		if len(jti) < 20 || seen[jti] {
			t.Errorf("got jti %q", jti)
		}
		seen[jti] = true
		delete(claims, "jti")
		audience := r.Issuer
		if tokenEndpoint {
			audience = r.TokenEndpoint
		}
		want := map[string]any{"iss": "spa:client", "sub": "spa:client", "aud": audience, "iat": float64(now.Unix()), "exp": float64(now.Unix() + 60)}
		if diff := cmp.Diff(want, claims); diff != "" {
			t.Error(diff)
		}
	}
}

func marshal(t *testing.T, kind string, der []byte, err error) settings.Secret {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return settings.Secret(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs8(t *testing.T, key any) settings.Secret {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return marshal(t, "PRIVATE KEY", der, err)
}

func parse(t *testing.T, key any, algorithm string) *clientauth.Key {
	t.Helper()
	signer, err := clientauth.ParseKey(pkcs8(t, key), algorithm, "k1")
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// Every algorithm: another library verifies the signature.
func TestSign(t *testing.T) {
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p521, _ := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	for _, tt := range []struct {
		key             crypto.Signer
		algorithm, want string
	}{
		{p256, "", "ES256"}, {p384, "", "ES384"}, {p521, "ES512", "ES512"}, {edKey, "", "EdDSA"},
		{rsaKey, "", "PS256"}, {rsaKey, "PS384", "PS384"}, {rsaKey, "PS512", "PS512"},
		{rsaKey, "RS256", "RS256"}, {rsaKey, "RS384", "RS384"}, {rsaKey, "RS512", "RS512"},
	} {
		t.Run(tt.want, func(t *testing.T) {
			// Often enough for an ECDSA signature with a leading zero.
			for range 20 {
				text, err := clientauth.Sign(t.Context(), parse(t, tt.key, tt.algorithm), "JWT", map[string]any{"a": "ö"})
				if err != nil {
					t.Fatal(err)
				}
				jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(tt.want)})
				if err != nil {
					t.Fatal(err)
				}
				if payload, err := jws.Verify(tt.key.Public()); err != nil || string(payload) != `{"a":"ö"}` {
					t.Fatalf("got %s, %v", payload, err)
				}
				if tt.key == crypto.Signer(rsaKey) {
					break
				}
			}
		})
	}
}

func TestParseKey(t *testing.T) {
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p224, _ := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	small, _ := rsa.GenerateKey(rand.Reader, 1024)
	sec1, err := x509.MarshalECPrivateKey(p256)
	ec := marshal(t, "EC PRIVATE KEY", sec1, err)
	public, err := x509.MarshalPKIXPublicKey(p256.Public())
	for _, tt := range []struct {
		name      string
		text      settings.Secret
		algorithm string
		ok        bool
	}{
		{"SEC 1", ec, "", true},
		{"PKCS #1", marshal(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), nil), "", true},
		{"PKCS #8", pkcs8(t, p256), "ES256", true},
		{"algorithm of another kind", pkcs8(t, p256), "PS256", false},
		{"algorithm of another curve", pkcs8(t, p256), "ES384", false},
		{"HMAC", pkcs8(t, rsaKey), "HS256", false},
		{"P-224", pkcs8(t, p224), "", false},
		{"small RSA", pkcs8(t, small), "", false},
		{"a public key", marshal(t, "PUBLIC KEY", public, err), "", false},
		{"two keys", ec + ec, "", false},
		{"no PEM", "leak", "", false},
		{"garbage", "-----BEGIN PRIVATE KEY-----\nbGVhaw==\n-----END PRIVATE KEY-----\n", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := clientauth.ParseKey(tt.text, tt.algorithm, "")
			if (err == nil) != tt.ok {
				t.Fatalf("got %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), "leak") || strings.Contains(err.Error(), "bGVhaw")) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

func TestCertificate(t *testing.T) {
	if _, err := clientauth.Certificate("leak", "leak"); err == nil || strings.Contains(err.Error(), "leak") {
		t.Errorf("got %v", err)
	}
}

type broken struct{}

func (broken) Algorithm() string                            { return "ES256" }
func (broken) KeyID() string                                { return "" }
func (broken) Sign(context.Context, []byte) ([]byte, error) { return nil, errors.New("no") }

func TestSignerFails(t *testing.T) {
	r := request()
	if err := (clientauth.PrivateKeyJWT{Signer: broken{}, Now: time.Now}).Authenticate(t.Context(), r); err == nil || r.Form.Has("client_assertion") {
		t.Errorf("got %v and the form %v", err, r.Form)
	}
}

// Raw accepts DER of the right length only.
func FuzzRaw(f *testing.F) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	der, _ := ecdsa.SignASN1(rand.Reader, key, make([]byte, 32))
	f.Add("ES256", der)
	f.Add("ES384", der)
	f.Add("ES256", []byte{0x30, 0x06, 2, 1, 0, 2, 1, 1})
	f.Add("ES256", []byte{0x30, 0x06, 2, 1, 0xff, 2, 1, 1})
	f.Fuzz(func(t *testing.T, algorithm string, der []byte) {
		raw, err := clientauth.Raw(algorithm, der)
		if size := map[string]int{"ES256": 64, "ES384": 96, "ES512": 132}[algorithm]; err == nil && (len(raw) != size || size == 0) {
			t.Errorf("%s: got %d bytes", algorithm, len(raw))
		}
	})
}

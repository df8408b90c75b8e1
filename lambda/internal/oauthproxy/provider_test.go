package oauthproxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/internal/settings"
)

const (
	issuer   = "https://login.example.com"
	audience = "https://api.example.com"
	// agentClient is the client that ID tokens are for.
	agentClient = "spa"
)

// provider is a key set and an introspection endpoint on a loopback port.
type provider struct {
	*httptest.Server
	key    *ecdsa.PrivateKey
	asked  atomic.Int32
	answer func(w http.ResponseWriter, token string) // nil: no introspection
}

func newProvider(t testing.TB) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/jwks":
			json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "1"}}})
		case p.answer != nil:
			p.asked.Add(1)
			p.answer(w, r.PostFormValue("token"))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

type object = map[string]any

// token signs the claims of a good access token with changes.
func (p *provider) token(t testing.TB, changes object) string {
	t.Helper()
	claims := object{"iss": issuer, "aud": audience, "sub": "user-1", "scope": "orders.read", "exp": testTime.Unix() + 60}
	for name, value := range changes {
		claims[name] = value
	}
	return signWith(t, p.key, claims)
}

func signWith(t testing.TB, key *ecdsa.PrivateKey, claims object) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// shared are the settings that both Lambdas need.
func shared() settings.Shared {
	return settings.Shared{
		Application: settings.Application{TrustedWebOrigins: []string{trusted}, SameOriginReads: true},
		CookieKey:   settings.CookieKey{Key: testKey},
	}
}

// proxyWith makes a proxy whose settings are changed.
func proxyWith(t testing.TB, change func(*settings.Authorizer)) *Proxy {
	t.Helper()
	s := settings.Authorizer{Shared: shared()}
	change(&s)
	p, err := newWithDefaults(s, func() time.Time { return testTime })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// verify turns verification on.
func (p *provider) verify(s *settings.Authorizer) {
	s.Provider.Issuer, s.Provider.JWKSEndpoint, s.AccessTokens.Audience = issuer, p.URL+"/jwks", []string{audience}
	s.Provider.ClientID = agentClient
}

// introspect turns phantom tokens on, with answers in JSON.
func (p *provider) introspect(s *settings.Authorizer) {
	s.PhantomToken.Enabled, s.PhantomToken.IntrospectionURL, s.PhantomToken.MediaType = true, p.URL+"/introspect?tenant=1", settings.MediaTypeJSON
	s.PhantomToken.ClientID, s.PhantomToken.ClientSecret = "gateway", "secret"
}

func (p *provider) answers(contentType, body string) {
	p.answer = func(w http.ResponseWriter, _ string) {
		w.Header().Set("Content-Type", contentType)
		w.Write([]byte(body))
	}
}

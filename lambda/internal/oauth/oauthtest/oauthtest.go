// Package oauthtest is a scripted OpenID Provider for tests. It follows
// the rules strictly, unless a test makes it misbehave. Other tests use a real
// provider.
package oauthtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The registered client.
const (
	ClientID     = "spa:client"
	ClientSecret = "a secret with % + & = : in it"
	RedirectURI  = "https://www.example.com/"
)

// Provider is the scripted provider. The fields may be changed between
// requests, not during one.
type Provider struct {
	// Now is its clock.
	Now func() time.Time
	// Subject is the user who signs in.
	Subject string
	// RedirectURI is the registered one.
	RedirectURI string

	// Metadata, Claims, TokenAnswer and UserInfo change the
	// messages: the metadata, the ID token's claims, the token and UserInfo answers.
	Metadata, Claims, TokenAnswer, UserInfo func(map[string]any)
	// Sign makes the ID token in place of [Provider.SignWith] and Key.
	Sign func(claims map[string]any) string
	// On replaces the handler of a path, such as "/token".
	On map[string]http.HandlerFunc

	Key *ecdsa.PrivateKey

	server   *httptest.Server
	mu       sync.Mutex
	pending  map[string]url.Values // authorization requests by code
	refresh  map[string]bool       // refresh tokens in force
	secrets  []string
	requests map[string]int
}

// New starts a provider that ends with the test.
func New(t testing.TB) *Provider {
	t.Helper()
	p := &Provider{
		Now: time.Now, Subject: "alice", RedirectURI: RedirectURI, Key: NewKey(), On: map[string]http.HandlerFunc{},
		pending: map[string]url.Values{}, refresh: map[string]bool{}, requests: map[string]int{},
	}
	p.server = httptest.NewServer(p)
	t.Cleanup(p.server.Close)
	p.secrets = []string{ClientSecret, url.QueryEscape(ClientSecret)}
	return p
}

// NewKey returns a P-256 key.
func NewKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// Issuer is its issuer identifier and the prefix of its endpoints.
func (p *Provider) Issuer() string { return p.server.URL }

// Secrets are all codes, tokens and credentials it knows of.
func (p *Provider) Secrets() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.secrets...)
}

// Requests counts the requests to a path.
func (p *Provider) Requests(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[path]
}

// secret makes a new secret, with characters that need encoding.
func (p *Provider) secret(kind string) string {
	s := kind + "+/&=%20~" + rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.secrets = append(p.secrets, s)
	return s
}

// Authorize is the user signing in: it checks the authorization request and
// returns the query of the authorization response.
func (p *Provider) Authorize(t testing.TB, authorizationURL string) url.Values {
	t.Helper()
	u, err := url.Parse(authorizationURL)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	for name, want := range map[string]string{
		"response_type": "code", "client_id": ClientID, "redirect_uri": p.RedirectURI, "code_challenge_method": "S256",
	} {
		if got := query[name]; len(got) != 1 || got[0] != want {
			t.Fatalf("authorization request: got %s %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"state", "nonce", "code_challenge", "scope"} {
		if len(query[name]) != 1 || query.Get(name) == "" {
			t.Fatalf("authorization request: got %s %q, want one", name, query[name])
		}
	}
	code := p.secret("code")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.secrets = append(p.secrets, query.Get("state"), query.Get("nonce"))
	p.pending[code] = query
	return url.Values{"code": {code}, "state": {query.Get("state")}}
}

func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests[r.URL.Path]++
	p.mu.Unlock()
	if handler := p.On[r.URL.Path]; handler != nil {
		handler(w, r)
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		p.metadata(w)
	case "/jwks", "/keys":
		answer(w, 200, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.Key.Public(), KeyID: "k1", Use: "sig", Algorithm: "ES256"}}})
	case "/token":
		p.Token(w, r)
	case "/userinfo":
		p.userInfo(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (p *Provider) metadata(w http.ResponseWriter) {
	m := map[string]any{
		"issuer": p.Issuer(), "authorization_endpoint": p.Issuer() + "/authorize", "token_endpoint": p.Issuer() + "/token",
		"userinfo_endpoint": p.Issuer() + "/userinfo", "jwks_uri": p.Issuer() + "/jwks", "end_session_endpoint": p.Issuer() + "/logout?tenant=1",
		"id_token_signing_alg_values_supported": []string{"ES256"},
	}
	change(p.Metadata, m)
	answer(w, 200, m)
}

// Token is the token endpoint. It is strict: it checks everything that the client must send.
func (p *Provider) Token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost {
		answer(w, 400, map[string]any{"error": "invalid_request"})
		return
	}
	// RFC 6749 section 2.3.1: both are form-url-encoded before.
	user, password, _ := r.BasicAuth()
	id, err1 := url.QueryUnescape(user)
	secret, err2 := url.QueryUnescape(password)
	if err1 != nil || err2 != nil || id != ClientID || secret != ClientSecret || r.PostForm.Has("client_secret") {
		answer(w, 401, map[string]any{"error": "invalid_client"})
		return
	}
	for name, values := range r.PostForm {
		if len(values) != 1 {
			answer(w, 400, map[string]any{"error": "invalid_request", "error_description": name + " repeats"})
			return
		}
	}
	p.Grant(w, r)
}

// Grant answers a token request whose form is parsed and whose client has been
// authenticated.
func (p *Provider) Grant(w http.ResponseWriter, r *http.Request) {
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		p.codeGrant(w, r.PostForm)
	case "refresh_token":
		p.refreshGrant(w, r.PostForm)
	default:
		answer(w, 400, map[string]any{"error": "unsupported_grant_type"})
	}
}

func (p *Provider) codeGrant(w http.ResponseWriter, form url.Values) {
	p.mu.Lock()
	request, known := p.pending[form.Get("code")]
	delete(p.pending, form.Get("code")) // single use
	p.secrets = append(p.secrets, form.Get("code_verifier"))
	p.mu.Unlock()
	if !known || form.Get("redirect_uri") != request.Get("redirect_uri") ||
		s256(form.Get("code_verifier")) != request.Get("code_challenge") {
		answer(w, 400, map[string]any{"error": "invalid_grant"})
		return
	}
	p.issue(w, request.Get("nonce"))
}

func s256(verifier string) string {
	challenge := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(challenge[:])
}

func (p *Provider) refreshGrant(w http.ResponseWriter, form url.Values) {
	p.mu.Lock()
	known := p.refresh[form.Get("refresh_token")]
	delete(p.refresh, form.Get("refresh_token")) // rotated
	p.mu.Unlock()
	if !known {
		answer(w, 400, map[string]any{"error": "invalid_grant"})
		return
	}
	p.issue(w, "")
}

func (p *Provider) issue(w http.ResponseWriter, nonce string) {
	access, refresh := p.secret("access"), p.secret("refresh")
	now := p.Now()
	claims := map[string]any{
		"iss": p.Issuer(), "sub": p.Subject, "aud": ClientID, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"name": "Zoë Ångström <&>",
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	change(p.Claims, claims)
	sign := p.Sign
	if sign == nil {
		sign = func(claims map[string]any) string { return SignWith(p.Key, "k1", jose.ES256, claims) }
	}
	idToken := sign(claims)
	p.mu.Lock()
	p.secrets = append(p.secrets, idToken)
	p.refresh[refresh] = true
	p.mu.Unlock()
	a := map[string]any{
		"access_token": access, "token_type": "bearer", "expires_in": 300, "refresh_token": refresh, "id_token": idToken,
		"unknown": "ignored",
	}
	change(p.TokenAnswer, a)
	answer(w, 200, a)
}

func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	known := false
	for _, s := range p.secrets {
		known = known || r.Header.Get("Authorization") == "Bearer "+s
	}
	p.mu.Unlock()
	if r.Method != http.MethodGet || !known {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		answer(w, 401, map[string]any{"error": "invalid_token"})
		return
	}
	info := map[string]any{"sub": p.Subject, "name": "Zoë Ångström <&>"}
	change(p.UserInfo, info)
	answer(w, 200, info)
}

// SignWith signs claims as a compact JWS.
func SignWith(key any, keyID string, alg jose.SignatureAlgorithm, claims map[string]any) string {
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", keyID)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		panic(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return text
}

// Unsigned makes a token with alg none.
func Unsigned(claims map[string]any) string {
	payload, _ := json.Marshal(claims)
	b64 := base64.RawURLEncoding.EncodeToString
	return b64([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + b64(payload) + "."
}

// PublicKeyBytes is the public key as the bytes that an HS256 confusion takes
// for a shared key.
func PublicKeyBytes(key crypto.Signer) []byte {
	text, err := json.Marshal(jose.JSONWebKey{Key: key.Public(), KeyID: "k1", Algorithm: "ES256"})
	if err != nil {
		panic(err)
	}
	return text
}

// Set returns a change of fields; nil deletes one.
func Set(fields map[string]any) func(map[string]any) {
	return func(m map[string]any) {
		maps.Copy(m, fields)
		maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	}
}

// Answer returns a handler with a fixed answer.
func Answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func change(f func(map[string]any), m map[string]any) {
	if f != nil {
		f(m)
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.Encode(body)
}

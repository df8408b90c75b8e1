// Package githubtest is a scripted server that speaks OAuth as GitHub documents
// it ("Authorizing OAuth apps"): no ID token, no refresh token, errors with
// status 200, JSON only on request, a user endpoint with a numeric id, and an
// API that takes the access token.
package githubtest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// The registered client.
const (
	ClientID     = "spa:client"
	ClientSecret = "a secret with % + & = : in it"
)

// Server is the scripted server. The fields may be changed between requests.
type Server struct {
	// FormOnly returns forms even if the client asks for JSON, as older servers
	// do.
	FormOnly bool
	// RedirectURI is the registered redirect URI.
	RedirectURI string
	// UserID is the id of the user who signs in.
	UserID int
	// Revoked makes the API refuse every token.
	Revoked bool

	server  *httptest.Server
	mu      sync.Mutex
	pending map[string]url.Values
	tokens  map[string]bool
	secrets []string
}

// New starts a server that ends with the test.
func New(t testing.TB, redirectURI string) *Server {
	t.Helper()
	g := &Server{RedirectURI: redirectURI, UserID: 583231, pending: map[string]url.Values{}, tokens: map[string]bool{}, secrets: []string{ClientSecret, url.QueryEscape(ClientSecret)}}
	g.server = httptest.NewServer(g)
	t.Cleanup(g.server.Close)
	return g
}

// URL is the server's origin. Issuer is its issuer, which like GitHub's has the
// path of the login pages.
func (g *Server) URL() string    { return g.server.URL }
func (g *Server) Issuer() string { return g.server.URL + "/login/oauth" }

// Secrets are all codes and tokens, and the client's secret.
func (g *Server) Secrets() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.secrets...)
}

func (g *Server) secret(prefix string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := prefix + rand.Text()
	g.secrets = append(g.secrets, s)
	return s
}

// Consent is the user on the consent page: it checks the request and returns
// the query of the response.
func (g *Server) Consent(t testing.TB, authorizationURL string) url.Values {
	t.Helper()
	u, err := url.Parse(authorizationURL)
	if err != nil || !strings.HasPrefix(authorizationURL, g.server.URL+"/login/oauth/authorize?") {
		t.Fatalf("got the authorization URL %q, %v", authorizationURL, err)
	}
	q := u.Query()
	if q.Get("client_id") != ClientID || q.Get("redirect_uri") != g.RedirectURI || q.Get("state") == "" || q.Get("scope") == "" || q.Get("code_challenge_method") != "S256" {
		t.Fatalf("authorization request: got %v", q)
	}
	for _, name := range []string{"nonce", "client_secret"} {
		if q.Has(name) {
			t.Fatalf("authorization request: got %s", name)
		}
	}
	code := g.secret("code")
	g.mu.Lock()
	defer g.mu.Unlock()
	g.secrets = append(g.secrets, q.Get("state"))
	g.pending[code] = q
	return url.Values{"code": {code}, "state": {q.Get("state")}}
}

func (g *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "POST /login/oauth/access_token":
		g.accessToken(w, r)
	case "GET /user":
		if g.authorized(w, r) {
			answer(w, 200, map[string]any{"login": "octocat", "id": g.UserID, "name": "Zoë Ångström"})
		}
	case "GET /user/repos":
		if g.authorized(w, r) {
			answer(w, 200, []any{map[string]any{"full_name": "octocat/Hello-World"}})
		}
	default:
		answer(w, 404, map[string]any{"message": "Not Found"})
	}
}

func (g *Server) authorized(w http.ResponseWriter, r *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case r.Header.Get("User-Agent") == "":
		answer(w, 403, map[string]any{"message": "Request forbidden by administrative rules. Please make sure your request has a User-Agent header"})
	case g.Revoked || !g.tokens[token]:
		answer(w, 401, map[string]any{"message": "Bad credentials"})
	default:
		return true
	}
	return false
}

func (g *Server) accessToken(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.URL.RawQuery != "" {
		answer(w, 400, nil)
		return
	}
	f := r.PostForm
	g.mu.Lock()
	request, known := g.pending[f.Get("code")]
	delete(g.pending, f.Get("code"))
	g.mu.Unlock()
	out := map[string]string{}
	switch {
	case f.Get("client_id") != ClientID || f.Get("client_secret") != ClientSecret:
		out["error"] = "incorrect_client_credentials"
	case !known || s256(f.Get("code_verifier")) != request.Get("code_challenge"):
		out["error"], out["error_description"] = "bad_verification_code", "The code passed is incorrect or expired."
	case f.Get("redirect_uri") != request.Get("redirect_uri"):
		out["error"] = "redirect_uri_mismatch"
	default:
		token := g.secret("gho_")
		g.mu.Lock()
		g.tokens[token] = true
		g.mu.Unlock()
		out["access_token"], out["token_type"], out["scope"] = token, "bearer", "read:user,repo"
	}
	if r.Header.Get("Accept") == "application/json" && !g.FormOnly {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		json.NewEncoder(w).Encode(out)
		return
	}
	form := url.Values{}
	for name, value := range out {
		form.Set(name, value)
	}
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	fmt.Fprint(w, form.Encode())
}

func s256(verifier string) string {
	challenge := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(challenge[:])
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

// Package providers tests the agent and the authorizer against the shapes of
// well-known providers, which lambda/testdata/providers describes: metadata,
// keys, token answers, refusals of a refresh, and both kinds of token. Each file
// names the public documents that it was written from. No product was run: its
// values are made up, and only the shapes are the product's.
package providers

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/backchannel"
	"github.com/tokenhandler/aws/lambda/internal/clientauth"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
	"github.com/tokenhandler/aws/lambda/internal/jwt"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauthagent"
	"github.com/tokenhandler/aws/lambda/internal/oauthproxy"
)

const (
	directory = "../../testdata/providers"
	clientID  = "spa-client"
	secret    = "a client secret"
	page      = "https://www.example.com/"
	bye       = "https://www.example.com/bye"
	cookieKey = "4e4636356d65563e4c73233847503e3b21436e6f7629724950526f4b5e2e4e50"
)

// shape is a file of testdata/providers. In its values $client, $sub, $nonce,
// $now, $exp, $at_hash, $access, $refresh, $id and $bye are replaced.
type shape struct {
	Provider string   `json:"provider"`
	Sources  []string `json:"sources"`
	Client   struct {
		Profile              string            `json:"profile"`
		Issuer               string            `json:"issuer"`
		Scope                string            `json:"scope"`
		ClientAuthentication string            `json:"clientAuthentication"`
		MetadataURL          string            `json:"metadataUrl"`
		AuthorizeEndpoint    string            `json:"authorizeEndpoint"`
		TokenEndpoint        string            `json:"tokenEndpoint"`
		UserInfoEndpoint     string            `json:"userInfoEndpoint"`
		AuthorizeParameters  map[string]string `json:"authorizeParameters"`
		AccessTokenIssuer    string            `json:"accessTokenIssuer"` // if it is not the issuer
	} `json:"client"`
	Metadata map[string]any    `json:"metadata"` // nil: it publishes no endpoint
	Response map[string]string `json:"response"` // parameters beside code and state
	Keys     struct {
		Algorithm jose.SignatureAlgorithm `json:"alg"`
		Members   map[string]any          `json:"members"` // of the key that signs
		Others    []map[string]any        `json:"others"`
	} `json:"keys"`
	Token     map[string]any `json:"token"`
	Refreshed map[string]any `json:"refreshed"` // nil: it issues no refresh token
	Refusals  []struct {
		Status      int    `json:"status"`
		ContentType string `json:"contentType"`
		Body        any    `json:"body"`
	} `json:"refusals"`
	IDToken     *signed   `json:"idToken"`
	AccessToken *struct { // nil: opaque
		signed
		Audience string `json:"audience"` // configured for verification
		Refused  string `json:"refused"`  // why verification refuses it
	} `json:"accessToken"`
	UserInfo map[string]any `json:"userinfo"` // nil: it has no such endpoint
	Logout   string         `json:"logout"`   // where the browser signs out; empty: nowhere
}

type signed struct {
	Header map[string]any `json:"header"`
	Claims map[string]any `json:"claims"`
}

func shapes(t *testing.T) map[string]shape {
	t.Helper()
	files, err := filepath.Glob(directory + "/*.json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]shape{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		var s shape
		if err := decoder.Decode(&s); err != nil || s.Provider == "" || len(s.Sources) == 0 {
			t.Fatalf("%s: %v, %d sources", file, err, len(s.Sources))
		}
		all[strings.TrimSuffix(filepath.Base(file), ".json")] = s
	}
	if len(all) < 18 {
		t.Fatalf("got %d shapes, want 18", len(all))
	}
	return all
}

// provider plays a shape at its real addresses: it is the transport of the
// agent and of the verifier.
type provider struct {
	t *testing.T
	shape
	key     crypto.Signer
	nonce   string
	refusal int // index of the refusal that a refresh gets; -1: no refusal
	serial  int
	revoked atomic.Int32
	now     time.Time
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	p.serve(w, r)
	return w.Result(), nil
}

func (p *provider) serve(w http.ResponseWriter, r *http.Request) {
	at := func(name, configured, fallback string) bool {
		for _, address := range []string{text(p.Metadata[name]), configured, fallback} {
			if address != "" {
				return r.URL.String() == address
			}
		}
		return false
	}
	github := p.Client.Profile == "github"
	choose := func(address string) string {
		if github {
			return address
		}
		return ""
	}
	metadata := strings.TrimSuffix(p.Client.Issuer, "/") + "/.well-known/openid-configuration"
	if p.Client.MetadataURL != "" {
		metadata = p.Client.MetadataURL
	}
	switch {
	case r.URL.String() == metadata && p.Metadata != nil:
		answer(w, 200, "application/json", p.Metadata)
	case at("jwks_uri", "", ""):
		answer(w, 200, "application/json", map[string]any{"keys": append([]map[string]any{p.publicKey()}, p.Keys.Others...)})
	case at("token_endpoint", p.Client.TokenEndpoint, choose("https://github.com/login/oauth/access_token")):
		p.token(w, r)
	case at("userinfo_endpoint", p.Client.UserInfoEndpoint, choose("https://api.github.com/user")):
		if r.Header.Get("Authorization") == "" || p.UserInfo == nil {
			http.Error(w, "unauthorized", 401)
			return
		}
		answer(w, 200, "application/json; charset=utf-8", p.fill(p.UserInfo, nil))
	case at("revocation_endpoint", "", ""):
		p.revoked.Add(1)
	default:
		http.NotFound(w, r)
	}
}

func (p *provider) publicKey() map[string]any {
	text, err := json.Marshal(jose.JSONWebKey{Key: p.key.Public(), KeyID: "signing"})
	if err != nil {
		p.t.Fatal(err)
	}
	var key map[string]any
	json.Unmarshal(text, &key)
	for name, value := range p.Keys.Members {
		key[name] = value
	}
	return key
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		p.t.Error("the token request is no form")
	}
	id, password, basic := r.BasicAuth()
	if p.Client.ClientAuthentication == "client_secret_post" {
		id, password = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	} else if !basic {
		p.t.Error("the token request has no credentials")
	}
	if password, _ = url.QueryUnescape(password); id != clientID || password != secret {
		answer(w, 401, "application/json", map[string]any{"error": "invalid_client"})
		return
	}
	template, nonce := p.Token, p.nonce
	if r.PostForm.Get("grant_type") == "refresh_token" {
		if p.refusal >= 0 {
			refusal := p.Refusals[p.refusal]
			answer(w, refusal.Status, refusal.ContentType, refusal.Body)
			return
		}
		template, nonce = p.Refreshed, ""
	}
	p.serial++
	values := map[string]string{"$refresh": fmt.Sprint("refresh-", p.serial), "$access": fmt.Sprint("opaque-", p.serial), "$nonce": nonce}
	if p.AccessToken != nil {
		values["$access"] = p.sign(p.AccessToken.signed, values)
	}
	if p.IDToken != nil {
		values["$at_hash"] = jwt.HalfHash(string(p.Keys.Algorithm), values["$access"])
		values["$id"] = p.sign(*p.IDToken, values)
	}
	answer(w, 200, "application/json;charset=UTF-8", p.fill(template, values))
}

func (p *provider) sign(s signed, values map[string]string) string {
	options := &jose.SignerOptions{}
	for name, value := range s.Header {
		if name != "alg" && name != "kid" {
			options.WithHeader(jose.HeaderKey(name), value)
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: p.Keys.Algorithm, Key: jose.JSONWebKey{Key: p.key, KeyID: "signing"}}, options)
	if err != nil {
		p.t.Fatal(err)
	}
	payload, err := json.Marshal(p.fill(s.Claims, values))
	if err != nil {
		p.t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		p.t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		p.t.Fatal(err)
	}
	return compact
}

// fill replaces the variables in a value, and leaves out a nonce that there is
// not.
func (p *provider) fill(value any, values map[string]string) any {
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, item := range v {
			if item == "$nonce" && values["$nonce"] == "" {
				continue
			}
			out[name] = p.fill(item, values)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = p.fill(item, values)
		}
		return out
	case string:
		switch v {
		case "$now":
			return p.now.Unix()
		case "$exp":
			return p.now.Add(time.Hour).Unix()
		case "$client":
			return clientID
		case "$sub":
			return "user-1"
		}
		if replaced, known := values[v]; known {
			return replaced
		}
	}
	return value
}

// world is an agent, an authorizer and a browser at one provider.
type world struct {
	*provider
	agent   http.Handler
	proxy   *oauthproxy.Proxy
	cookies map[string]string
	logs    bytes.Buffer
}

func newWorld(t *testing.T, s shape) *world {
	t.Helper()
	p := &provider{t: t, shape: s, refusal: -1, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	var err error
	if s.Keys.Algorithm == jose.ES256 {
		p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		p.key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return p.now }
	ring, err := cookie.NewRing(cookieKey)
	if err != nil {
		t.Fatal(err)
	}
	var authentication clientauth.Method = clientauth.Basic{Secret: secret}
	if s.Client.ClientAuthentication == "client_secret_post" {
		authentication = clientauth.Post{Secret: secret}
	}
	w := &world{provider: p, cookies: map[string]string{}}
	w.agent = oauthagent.New(oauthagent.Config{
		BasePath: "/oauth-agent", RedirectURI: page, PostLogoutRedirectURI: bye, Ring: ring, Names: cookie.NewNames("th"),
		Rules: csrf.Rules{TrustedOrigins: []string{"https://www.example.com"}, HeaderName: "x-th-csrf"},
		Provider: oauth.New(oauth.Config{
			Profile: s.Client.Profile, Issuer: s.Client.Issuer, MetadataURL: s.Client.MetadataURL, ClientID: clientID, Authentication: authentication,
			Scopes: s.Client.Scope, RedirectURI: page, PostLogoutRedirectURI: bye, AuthorizeParameters: s.Client.AuthorizeParameters,
			AuthorizeEndpoint: s.Client.AuthorizeEndpoint, TokenEndpoint: s.Client.TokenEndpoint, UserInfoEndpoint: s.Client.UserInfoEndpoint,
			Transport: p, Now: clock,
		}),
		Logger: slog.New(slog.NewJSONHandler(&w.logs, nil)), Now: clock,
	})
	w.proxy, err = oauthproxy.New(settings.Authorizer{Shared: settings.Shared{
		Application: settings.Application{TrustedWebOrigins: []string{"https://www.example.com"}},
		Cookies:     settings.Cookies{NamePrefix: "th"}, CookieKey: settings.CookieKey{Key: cookieKey},
	}}, clock)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// do makes a request of the browser to the agent, in the assistant dialect.
func (w *world) do(method, endpoint string, form url.Values) (int, map[string]any) {
	w.t.Helper()
	r := httptest.NewRequest(method, "/oauth-agent/"+endpoint, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://www.example.com")
	r.Header.Set("token-handler-version", "1")
	r.Header.Set("Cookie", w.cookieHeader())
	recorder := httptest.NewRecorder()
	w.agent.ServeHTTP(recorder, r)
	for _, c := range recorder.Result().Cookies() {
		if delete(w.cookies, c.Name); c.MaxAge >= 0 {
			w.cookies[c.Name] = c.Value
		}
	}
	var body map[string]any
	if text := recorder.Body.Bytes(); len(text) > 0 && json.Unmarshal(text, &body) != nil {
		w.t.Fatalf("%s answered %s", endpoint, text)
	}
	return recorder.Code, body
}

func (w *world) cookieHeader() string {
	var pairs []string
	for name, value := range w.cookies {
		pairs = append(pairs, name+"="+value)
	}
	return strings.Join(pairs, "; ")
}

// signIn does the whole login.
func (w *world) signIn() {
	w.t.Helper()
	status, body := w.do("POST", "login/start", nil)
	u, err := url.Parse(text(body["authorization_url"]))
	if status != 200 || err != nil {
		w.t.Fatalf("login/start: got %d %v, %v", status, body, err)
	}
	query := u.Query()
	want := text(w.Metadata["authorization_endpoint"])
	if want == "" {
		want = w.Client.AuthorizeEndpoint
	}
	if u.RawQuery = ""; want != "" && u.String() != want {
		w.t.Errorf("login/start: got %s, want %s", u, want)
	}
	for name, value := range w.Client.AuthorizeParameters {
		if query.Get(name) != value {
			w.t.Errorf("login/start: got %s %q, want %q", name, query.Get(name), value)
		}
	}
	w.nonce = query.Get("nonce")
	form := url.Values{"code": {"code"}, "state": {query.Get("state")}}
	for name, value := range w.Response {
		form.Set(name, value)
	}
	if status, body := w.do("POST", "login/end", form); status != 200 || body["is_logged_in"] != true {
		w.t.Fatalf("login/end: got %d %v; log: %s", status, body, &w.logs)
	}
}

// call makes a request through the authorizer and returns the token that goes
// upstream.
func (w *world) call() string {
	w.t.Helper()
	headers := map[string][]string{"Origin": {"https://www.example.com"}, "Cookie": {w.cookieHeader()}}
	d, err := w.proxy.Decide(w.t.Context(), &oauthproxy.Request{HTTPMethod: "GET", Resource: "/orders", MultiValueHeaders: headers})
	if err != nil || !d.Allow {
		w.t.Fatalf("the authorizer refused: %+v, %v", d, err)
	}
	return d.Token
}

// verify verifies a token as the authorizer does with verifyTokens.
func (w *world) verify(token string) error {
	clock := func() time.Time { return w.now }
	issuer := w.Client.Issuer
	if w.Client.AccessTokenIssuer != "" {
		issuer = w.Client.AccessTokenIssuer
	}
	audience, _ := w.fill(w.AccessToken.Audience, nil).(string)
	v := jwt.NewVerifier(jwt.Config{Issuer: issuer, Audience: []string{audience}, ClientID: clientID, Now: clock, Keys: jwt.NewKeySet(jwt.KeySetConfig{
		URL: text(w.Metadata["jwks_uri"]), Client: backchannel.New(backchannel.Config{Transport: w.provider}), Now: clock,
	})})
	claims, err := v.AccessToken(w.t.Context(), token, "")
	if err == nil && claims.Subject != "user-1" {
		w.t.Errorf("the access token names %q", claims.Subject)
	}
	return err
}

func TestProviders(t *testing.T) {
	for name, s := range shapes(t) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, s)
			w.signIn()
			first := w.call()
			if s.AccessToken != nil {
				if err := w.verify(first); (err == nil) != (s.AccessToken.Refused == "") {
					t.Errorf("verification: got %v, want it refused because of %q", err, s.AccessToken.Refused)
				}
			}
			if status, body := w.do("GET", "userInfo", nil); (status == 200) != (s.UserInfo != nil) {
				t.Errorf("userInfo: got %d %v", status, body)
			}
			if s.Refreshed != nil {
				for range 2 {
					w.now = w.now.Add(time.Minute)
					if status, body := w.do("POST", "refresh", nil); status != 200 {
						t.Fatalf("refresh: got %d %v; log: %s", status, body, &w.logs)
					}
				}
				if again := w.call(); again == first {
					t.Error("the refresh gave no new access token")
				}
				if _, body := w.do("GET", "session", nil); s.IDToken != nil && text(body["id_token_claims"].(map[string]any)["sub"]) != "user-1" {
					t.Errorf("session: got %v", body)
				}
			} else if status, body := w.do("POST", "refresh", nil); status != 401 || body["code"] != "session_expired" {
				t.Errorf("refresh without a refresh token: got %d %v", status, body)
			}

			// The refresh token is lost, in each form in which the provider
			// reports it.
			for i := range s.Refusals {
				w.refusal = -1
				w.signIn()
				w.refusal = i
				if status, body := w.do("POST", "refresh", nil); status != 401 || body["code"] != "session_expired" {
					t.Errorf("refusal %d: got %d %v", i, status, body)
				}
				if _, body := w.do("GET", "session", nil); body["is_logged_in"] != false || len(w.cookies) != 0 {
					t.Errorf("refusal %d: session afterwards: got %v, and %d cookies stay", i, body, len(w.cookies))
				}
			}

			w.refusal = -1
			w.signIn()
			w.revoked.Store(0)
			status, body := w.do("POST", "logout", nil)
			want := strings.NewReplacer("$client", clientID, "$bye", url.QueryEscape(bye)).Replace(s.Logout)
			if status != 200 || text(body["logout_url"]) != want || len(w.cookies) != 0 {
				t.Errorf("logout: got %d %v, want %s", status, body, want)
			}
			// Of the refresh token, or of the access token if there is no
			// refresh token.
			if revokes := text(s.Metadata["revocation_endpoint"]) != ""; (w.revoked.Load() == 1) != revokes {
				t.Errorf("got %d revocations, want one: %t", w.revoked.Load(), revokes)
			}
			for _, secret := range []string{secret, "user-1", "opaque-", "refresh-", "eyJ", "User One"} {
				if strings.Contains(w.logs.String(), secret) {
					t.Errorf("the log shows %q", secret)
				}
			}
		})
	}
}

// The table of docs/providers.md matches the shape of each provider.
func TestDocumentedTable(t *testing.T) {
	document, err := os.ReadFile("../../../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(document)) {
		if cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|"); len(cells) == 7 {
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows[cells[0]] = cells
		}
	}
	yes := func(b bool) string {
		if b {
			return "yes"
		}
		return "no"
	}
	for name, s := range shapes(t) {
		verifies := "opaque"
		if s.AccessToken != nil {
			verifies = yes(s.AccessToken.Refused == "")
		}
		want := []string{s.Provider, "`" + s.Client.Profile + "`", "`" + s.Client.Issuer + "`", yes(s.Refreshed != nil), verifies, yes(s.Logout != "")}
		if got := rows[s.Provider]; len(got) < 6 || strings.Join(got[:6], " | ") != strings.Join(want, " | ") {
			t.Errorf("%s: got %v, want | %s |", name, got, strings.Join(want, " | "))
		}
	}
}

func text(v any) string { s, _ := v.(string); return s }

func answer(w http.ResponseWriter, status int, contentType string, body any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	if s, ok := body.(string); ok {
		io.WriteString(w, s)
		return
	}
	json.NewEncoder(w).Encode(body)
}

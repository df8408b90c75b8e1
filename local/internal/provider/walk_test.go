package provider

import (
	"context"
	"encoding/json"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/tokenhandler/aws/internal/setup"
)

const (
	script       = "../../provider/provider.mjs"
	clientID     = "sample:spa"
	clientSecret = "cl&ent s%cret:+/=" // needs the encoding of RFC 6749 §2.3.1
	apiSecret    = "api s%cret:+"
	userPassword = "pass & wörd <>\""
	redirectURI  = "http://www.example.localhost:3000/callback"
	signedOutURI = "http://www.example.localhost:3000/?signed-out"
)

// log collects a provider's output.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(line + "\n")
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// freePort returns a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func testConfig(port string, l *log) Config {
	return Config{
		Script: script,
		Issuer: "http://login.example.localhost:" + port,
		Clients: []Client{{
			ID: clientID, Secret: clientSecret, Name: "Orders <b>&",
			RedirectURIs: []string{redirectURI}, PostLogoutRedirectURIs: []string{signedOutURI},
		}},
		ResourceServers: []ResourceServer{{ID: "orders-api", Secret: apiSecret}},
		Users: []User{
			{Subject: "u-1", Login: "zoe", Password: userPassword, Claims: map[string]any{
				"name": "Zoë Ångström", "email": "zoe@example.com", "email_verified": true,
			}},
			{Subject: "u-2", Login: "<script>", Password: "other", Claims: map[string]any{"name": "<img src=x>"}},
		},
		Log: l.add,
	}
}

// start starts a provider, with its package installed before, or skips the test where Node.js is missing.
func start(t *testing.T, change func(*Config)) (*Provider, Config, *log) {
	t.Helper()
	readScripts(t)
	if _, _, err := setup.Node(t.Context()); err != nil {
		t.Skip(err)
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := setup.Packages(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	l := &log{}
	cfg := testConfig(freePort(t), l)
	if change != nil {
		change(&cfg)
	}
	p, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p, cfg, l
}

// browser is an HTTP client with cookies that resolves every name to loopback, stops at redirects away from the
// provider, and fills in forms.
type browser struct {
	t      *testing.T
	client *http.Client
	issuer string
}

func newBrowser(t *testing.T, issuer string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, issuer: issuer, client: &http.Client{
		Jar:       jar,
		Transport: loopback(t),
		Timeout:   20 * time.Second,
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if !strings.HasPrefix(r.URL.String(), issuer+"/") {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}
}

func loopback(t *testing.T) *http.Transport {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// page is an answer of the provider; leaving is set when it sends the browser elsewhere.
type page struct {
	url     *url.URL
	status  int
	header  http.Header
	body    string
	leaving *url.URL
}

func (b *browser) do(r *http.Request) page {
	b.t.Helper()
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		b.t.Fatal(err)
	}
	p := page{url: resp.Request.URL, status: resp.StatusCode, header: resp.Header, body: styleTag.ReplaceAllString(string(body), "")}
	if location := resp.Header.Get("Location"); location != "" {
		if p.leaving, err = p.url.Parse(location); err != nil {
			b.t.Fatal(err)
		}
	}
	return p
}

func (b *browser) get(address string) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	return b.do(r)
}

var (
	formTag  = regexp.MustCompile(`(?s)<form\b([^>]*)>(.*?)</form>`)
	fieldTag = regexp.MustCompile(`<(?:input|button)\b([^>]*)>`)
	styleTag = regexp.MustCompile(`(?s)<style>.*</style>`)
	attrTag  = regexp.MustCompile(`\b([a-z]+)="([^"]*)"`)
)

func attributes(s string) map[string]string {
	m := map[string]string{}
	for _, a := range attrTag.FindAllStringSubmatch(s, -1) {
		m[a[1]] = html.UnescapeString(a[2])
	}
	return m
}

// form returns the request that submitting p's form by the button with this text makes.
func (b *browser) form(p page, button string, fill url.Values) *http.Request {
	b.t.Helper()
	m := formTag.FindStringSubmatch(p.body)
	if m == nil {
		b.t.Fatalf("no form at %s (%d):\n%s", p.url, p.status, p.body)
	}
	action, values := attributes(m[1])["action"], url.Values{}
	before, _, ok := strings.Cut(m[2], ">"+button+"</button>")
	if !ok {
		b.t.Fatalf("no button %q at %s:\n%s", button, p.url, p.body)
	}
	for _, f := range fieldTag.FindAllStringSubmatch(m[2], -1) {
		if a := attributes(f[1]); strings.HasPrefix(f[0], "<input") && a["name"] != "" {
			values.Set(a["name"], a["value"])
		}
	}
	a := attributes(before[strings.LastIndex(before, "<button"):])
	if a["name"] != "" {
		values.Set(a["name"], a["value"])
	}
	if a["formaction"] != "" {
		action = a["formaction"]
	}
	for name, v := range fill {
		if _, ok := values[name]; !ok {
			b.t.Fatalf("no field %q at %s", name, p.url)
		}
		values[name] = v
	}
	target, err := p.url.Parse(action)
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, target.String(), strings.NewReader(values.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Origin", b.issuer)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

func (b *browser) submit(p page, button string, fill url.Values) page {
	b.t.Helper()
	return b.do(b.form(p, button, fill))
}

// rp is the relying party. It does as the agent does, with the same libraries.
type rp struct {
	ctx      context.Context
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
	provider *oidc.Provider
}

func newRP(t *testing.T, issuer string) *rp {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), &http.Client{Transport: loopback(t), Timeout: 20 * time.Second})
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	return &rp{ctx: ctx, provider: provider, verifier: provider.Verifier(&oidc.Config{ClientID: clientID}), oauth: oauth2.Config{
		ClientID: clientID, ClientSecret: clientSecret, Endpoint: endpoint,
		RedirectURL: redirectURI, Scopes: []string{"openid", "profile", "email"},
	}}
}

func (r *rp) endpoint(t *testing.T, name string) string {
	t.Helper()
	var all map[string]any
	if err := r.provider.Claims(&all); err != nil {
		t.Fatal(err)
	}
	s, ok := all[name].(string)
	if !ok {
		t.Fatalf("no %s in the metadata", name)
	}
	return s
}

// call makes a back-channel request as a client, on 127.0.0.1 as the local run does.
func call(t *testing.T, endpoint, id, secret string, form url.Values) (int, map[string]any) {
	t.Helper()
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = "127.0.0.1:" + u.Port()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	if id != "" {
		r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body map[string]any
	json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&body)
	return resp.StatusCode, body
}

// signIn walks through login and consent, checking every step, and exchanges the code.
func signIn(t *testing.T, b *browser, r *rp) *oauth2.Token {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	p := b.get(r.oauth.AuthCodeURL("st-1", oauth2.S256ChallengeOption(verifier), oidc.Nonce("n-1")))
	if p.status != http.StatusOK || !strings.Contains(p.body, `name="password"`) {
		t.Fatalf("expected the login page, got %d:\n%s", p.status, p.body)
	}
	p = b.submit(p, "Sign in", url.Values{"login": {"zoe"}, "password": {userPassword}})
	if p.status != http.StatusOK || !strings.Contains(p.body, "Allow access?") {
		t.Fatalf("expected the consent page, got %d:\n%s", p.status, p.body)
	}
	p = b.submit(p, "Continue", nil)
	code := callback(t, p, b.issuer).Get("code")
	token, err := r.oauth.Exchange(r.ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// callback checks that p leads to the redirect URI with state and issuer, and returns its parameters.
func callback(t *testing.T, p page, issuer string) url.Values {
	t.Helper()
	if p.leaving == nil || !strings.HasPrefix(p.leaving.String(), redirectURI+"?") {
		t.Fatalf("expected a redirect to %s, got %d to %v:\n%s", redirectURI, p.status, p.leaving, p.body)
	}
	q := p.leaving.Query()
	if q.Get("state") != "st-1" || q.Get("iss") != issuer {
		t.Fatalf("callback: got state %q and iss %q; want st-1 and %q", q.Get("state"), q.Get("iss"), issuer)
	}
	return q
}

// readScripts reads the program, so that the go command knows that the result of the test depends on it. It does not
// see the files that node reads, and would show a cached result after a change.
func readScripts(t *testing.T) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(script))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(filepath.Dir(script), e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// copyScripts makes a copy of the program away from its packages.
func copyScripts(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range readScripts(t) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, filepath.Base(script))
}

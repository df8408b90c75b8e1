package introspection

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/lambda/internal/backchannel"
	"github.com/tokenhandler/aws/lambda/internal/calls"
	"github.com/tokenhandler/aws/lambda/internal/jwt"
)

const (
	clientID     = "gateway:client"
	clientSecret = "s%c&ret +/="
	opaque       = "opaque-token/+=&"
	issuer       = "https://login.example.com"
)

var testTime = time.Unix(1_800_000_000, 0)

// endpoint is an introspection endpoint that returns scripted responses and
// checks its requests.
type endpoint struct {
	*httptest.Server
	calls  atomic.Int32
	script func(w http.ResponseWriter, token string)
}

func newEndpoint(t *testing.T, mediaType string) *endpoint {
	t.Helper()
	e := &endpoint{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.calls.Add(1)
		id, secret, _ := r.BasicAuth()
		// P19: form-url-encoded before base64 (RFC 6749 section 2.3.1).
		if id != "gateway%3Aclient" || secret != "s%25c%26ret+%2B%2F%3D" {
			t.Errorf("got credentials %q and %q", id, secret)
		}
		// P2: the query belongs to the URL, and so does the port, without which
		// no request would come here.
		if r.URL.Path != "/oauth/introspect" || r.URL.RawQuery != "tenant=1" {
			t.Errorf("asked at %s", r.URL)
		}
		if r.Method != "POST" || r.Header.Get("Accept") != mediaType || r.PostFormValue("token_type_hint") != "access_token" {
			t.Errorf("got %s, Accept %q, hint %q", r.Method, r.Header.Get("Accept"), r.PostFormValue("token_type_hint"))
		}
		e.script(w, r.PostFormValue("token"))
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) answers(status int, contentType, body string) {
	e.script = func(w http.ResponseWriter, _ string) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		w.Write([]byte(body))
	}
}

func (e *endpoint) client(t testing.TB, change func(*Config)) *Client {
	t.Helper()
	cfg := Config{URL: e.URL + "/oauth/introspect?tenant=1", ClientID: clientID, ClientSecret: clientSecret,
		MediaType: JWT, MaxAge: time.Minute, Now: func() time.Time { return testTime }}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func unsigned(payload string) string { return b64(`{"alg":"ES256"}`) + "." + b64(payload) + ".c2ln" }

// signer signs with a key that its JWK set has.
type signer struct {
	*httptest.Server
	key *ecdsa.PrivateKey
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := &signer{key: key}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "1"}}})
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *signer) sign(t *testing.T, typ, payload string) string {
	t.Helper()
	j, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: s.key}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := j.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (s *signer) verifier(audience ...string) *jwt.Verifier {
	return newVerifier(s.URL, func() time.Time { return testTime }, audience...)
}

func newVerifier(url string, now func() time.Time, audience ...string) *jwt.Verifier {
	return jwt.NewVerifier(jwt.Config{Issuer: issuer, Audience: audience, Now: now, Keys: jwt.NewKeySet(jwt.KeySetConfig{
		URL: url, Client: backchannel.New(backchannel.Config{}), Now: now,
	})})
}

type outcome int

const (
	undecided outcome = iota
	inactive
	active
	foreign
)

// P1: only a clear yes is a yes. A clear no is a no. Everything else is an
// error: a response that was not understood lets no request pass.
func TestIntrospect(t *testing.T) {
	s := newSigner(t)
	exp := testTime.Unix() + 60
	jwtToken := unsigned(fmt.Sprintf(`{"sub":"user-1","scope":"a b","exp":%d}`, exp))
	claims := func(aud string, exp int64) string {
		return fmt.Sprintf(`{"iss":"%s","aud":"%s","sub":"user-1","scope":"a b","exp":%d}`, issuer, aud, exp)
	}
	answer := func(members string) string {
		return fmt.Sprintf(`{"iss":"%s","aud":"%s","iat":%d,"token_introspection":%s}`, issuer, clientID, testTime.Unix(), members)
	}
	good := fmt.Sprintf(`{"active":true,"sub":"user-1","scope":"a b","exp":%d,"token_type":"Bearer"}`, exp)
	verify := func(c *Config) { c.Verifier = s.verifier("api"); c.Issuer = issuer; c.Audience = []string{"api"} }
	signed := func(c *Config) { c.MediaType, c.Verifier = Signed, s.verifier() }
	plain := func(c *Config) { c.MediaType = JSON }
	strict := func(c *Config) { c.MediaType, c.Issuer, c.Audience = JSON, issuer, []string{"api"} }
	const js = "application/json"

	for _, tt := range []struct {
		name     string
		change   func(*Config)
		status   int
		typ      string
		body     string
		want     outcome
		upstream string
	}{
		{"jwt", nil, 200, JWT, jwtToken, active, jwtToken},
		{"jwt with a parameter in the type and a line break", nil, 200, "Application/JWT; charset=utf-8", jwtToken + "\n", active, jwtToken},
		{"jwt without expiry", nil, 200, JWT, unsigned(`{"sub":"user-1","scope":"a b"}`), active, unsigned(`{"sub":"user-1","scope":"a b"}`)},
		{"jwt: 204", nil, 204, "", "", inactive, ""},
		{"P1 jwt: active false as JSON", nil, 200, js, `{"active":false}`, inactive, ""},
		{"jwt: expired", nil, 200, JWT, unsigned(fmt.Sprintf(`{"exp":%d}`, testTime.Unix())), inactive, ""},
		{"P1 jwt: active false as JWT", nil, 200, JWT, `{"active":false}`, undecided, ""},
		{"jwt: active true as JSON", nil, 200, js, good, undecided, ""},
		{"jwt: as text", nil, 200, "text/plain", jwtToken, undecided, ""},
		{"jwt: without a type", nil, 200, "", jwtToken, undecided, ""},
		{"jwt: in another type", nil, 200, Signed, jwtToken, undecided, ""},
		{"jwt: HTML", nil, 200, "text/html", "<html>maintenance</html>", undecided, ""},
		{"jwt: HTML as jwt", nil, 200, JWT, "<html>maintenance</html>", undecided, ""},
		{"jwt: empty", nil, 200, JWT, "", undecided, ""},
		{"jwt: the opaque token again", nil, 200, JWT, opaque, undecided, ""},
		{"jwt: without signature", nil, 200, JWT, strings.TrimSuffix(jwtToken, "c2ln"), undecided, ""},
		{"jwt: splits the header", nil, 200, JWT, jwtToken + "\r\nX: y", undecided, ""},
		{"jwt: two", nil, 200, JWT, jwtToken + " " + jwtToken, undecided, ""},
		{"jwt: too large for a header", nil, 200, JWT, unsigned(`{"x":"` + strings.Repeat("x", MaxToken) + `"}`), undecided, ""},
		{"jwt: 401, our credentials", nil, 401, js, `{"error":"invalid_client"}`, undecided, ""},
		{"jwt: 403", nil, 403, js, `{"active":false}`, undecided, ""},
		{"jwt: 404", nil, 404, "text/html", "", undecided, ""},
		{"jwt: 429", nil, 429, "", "", undecided, ""},
		{"jwt: 500", nil, 500, js, `{"active":true}`, undecided, ""},
		{"jwt: 503 with a token", nil, 503, JWT, jwtToken, undecided, ""},
		{"jwt: 201", nil, 201, JWT, jwtToken, undecided, ""},
		{"jwt: redirect", nil, 302, JWT, jwtToken, undecided, ""},

		{"verified jwt", verify, 200, JWT, s.sign(t, "JWT", claims("api", exp)), active, ""},
		{"verified jwt: expired", verify, 200, JWT, s.sign(t, "JWT", claims("api", testTime.Unix())), inactive, ""},
		{"verified jwt: another audience", verify, 200, JWT, s.sign(t, "JWT", claims("x", exp)), undecided, ""},
		{"verified jwt: not signed", verify, 200, JWT, unsigned(claims("api", exp)), undecided, ""},
		{"verified jwt: alg none", verify, 200, JWT, b64(`{"alg":"none"}`) + "." + b64(claims("api", exp)) + ".", undecided, ""},

		{"RFC 9701", signed, 200, Signed, s.sign(t, "token-introspection+jwt", answer(good)), active, opaque},
		{"RFC 9701: inactive", signed, 200, Signed, s.sign(t, "token-introspection+jwt", answer(`{"active":false}`)), inactive, ""},
		{"RFC 9701: no without a signature", signed, 200, js, `{"active":false}`, inactive, ""},
		{"RFC 9701: yes without a signature", signed, 200, js, good, undecided, ""},
		{"RFC 9701: not signed", signed, 200, Signed, unsigned(answer(good)), undecided, ""},
		{"RFC 9701: another type of JWT", signed, 200, Signed, s.sign(t, "JWT", answer(good)), undecided, ""},
		{"RFC 9701: for another client", signed, 200, Signed, s.sign(t, "token-introspection+jwt", strings.Replace(answer(good), clientID, "x", 1)), undecided, ""},
		{"RFC 9701: active at the top only", signed, 200, Signed, s.sign(t, "token-introspection+jwt", strings.Replace(answer(`{}`), "{", `{"active":true,`, 1)), undecided, ""},
		{"RFC 9701: 204", signed, 204, "", "", undecided, ""},

		{"JSON", plain, 200, js, good, active, opaque},
		{"JSON without a token type", plain, 200, js, `{"active":true,"sub":"user-1","scope":"a b"}`, active, opaque},
		{"JSON: inactive", plain, 200, js, `{"active":false}`, inactive, ""},
		{"JSON: inactive in spite of more", plain, 200, js, `{"active":false,"sub":"user-1","exp":1900000000}`, inactive, ""},
		{"JSON: expired", plain, 200, js, fmt.Sprintf(`{"active":true,"exp":%d}`, testTime.Unix()), inactive, ""},
		{"JSON: not valid yet", plain, 200, js, fmt.Sprintf(`{"active":true,"nbf":%d}`, testTime.Unix()+60), inactive, ""},
		{"JSON: a refresh token", plain, 200, js, `{"active":true,"token_type":"refresh_token"}`, foreign, ""},
		{"JSON: bound to a certificate", plain, 200, js, `{"active":true,"token_type":"Bearer","cnf":{"x5t#S256":"x"}}`, foreign, ""},
		{"JSON: bound, without a type", plain, 200, js, `{"active":true,"cnf":{"jkt":"x"}}`, foreign, ""},
		{"JSON: bound to null", plain, 200, js, strings.Replace(good, "{", `{"cnf":null,`, 1), active, opaque},
		{"jwt: bound to a key", nil, 200, JWT, unsigned(`{"sub":"user-1","cnf":{"jkt":"x"}}`), foreign, ""},
		{"JSON: bound to a key", plain, 200, js, `{"active":true,"token_type":"DPoP"}`, foreign, ""},
		{"JSON: active as text", plain, 200, js, `{"active":"true"}`, undecided, ""},
		{"JSON: active as a number", plain, 200, js, `{"active":1}`, undecided, ""},
		{"JSON: active is null", plain, 200, js, `{"active":null}`, undecided, ""},
		{"JSON: no active", plain, 200, js, `{"sub":"user-1"}`, undecided, ""},
		{"JSON: active in another case", plain, 200, js, `{"Active":true}`, undecided, ""},
		{"JSON: active twice", plain, 200, js, `{"active":false,"active":true}`, undecided, ""},
		{"JSON: an array", plain, 200, js, `[{"active":true}]`, undecided, ""},
		{"JSON: null", plain, 200, js, `null`, undecided, ""},
		{"JSON: cut off", plain, 200, js, `{"active":true`, undecided, ""},
		{"JSON: more after it", plain, 200, js, good + good, undecided, ""},
		{"JSON: an expiry that cannot be read", plain, 200, js, `{"active":true,"exp":"soon"}`, undecided, ""},
		{"JSON: a scope that cannot be read", plain, 200, js, `{"active":true,"scope":7}`, undecided, ""},
		{"JSON: as text", plain, 200, "text/json", good, undecided, ""},
		{"JSON: as jwt", plain, 200, JWT, good, undecided, ""},
		{"JSON: 204", plain, 204, "", "", undecided, ""},
		{"JSON: too large", plain, 200, js, good + strings.Repeat(" ", backchannel.MaxBody), undecided, ""},

		{"issuer and audience", strict, 200, js, `{"active":true,"sub":"user-1","scope":"a b","iss":"` + issuer + `","aud":["x","api"]}`, active, opaque},
		{"an audience and no issuer", strict, 200, js, `{"active":true,"sub":"user-1","scope":"a b","aud":"api"}`, active, opaque},
		{"another issuer", strict, 200, js, `{"active":true,"iss":"https://evil.example","aud":"api"}`, foreign, ""},
		{"another audience", strict, 200, js, `{"active":true,"iss":"` + issuer + `","aud":"x"}`, foreign, ""},
		{"no audience", strict, 200, js, `{"active":true,"iss":"` + issuer + `"}`, foreign, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mediaType := JWT
			if tt.change != nil {
				c := Config{MediaType: JWT}
				tt.change(&c)
				mediaType = c.MediaType
			}
			e := newEndpoint(t, mediaType)
			e.answers(tt.status, tt.typ, tt.body)
			if tt.status == 302 {
				e.script = func(w http.ResponseWriter, _ string) { http.Redirect(w, &http.Request{}, e.URL, 302) }
			}
			c := e.client(t, tt.change)
			result, err := c.Introspect(context.Background(), opaque)
			got := undecided
			switch {
			case errors.Is(err, ErrForeign):
				got = foreign
			case err == nil && result.Active:
				got = active
			case err == nil:
				got = inactive
			}
			if got != tt.want {
				t.Fatalf("got %v, %v; want %v", got, err, tt.want)
			}
			if got != active && (result.Token != "" || result.Claims.Subject != "") {
				t.Errorf("something is known of a token that is not active: %+v", result)
			}
			if got == active && (result.Claims.Subject != "user-1" || !result.Claims.HasScopes([]string{"a", "b"}) ||
				tt.upstream != "" && result.Token != tt.upstream) {
				t.Errorf("got %+v", result)
			}
			if err != nil {
				for _, secret := range []string{opaque, clientSecret, "tenant", "user-1", "maintenance"} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("the error tells %q: %v", secret, err)
					}
				}
			}
			if got == undecided { // an error is not remembered
				before := e.calls.Load()
				c.Introspect(context.Background(), opaque)
				if e.calls.Load() != before+1 {
					t.Error("the error was remembered")
				}
			}
		})
	}
}

// The token arrives unchanged, with any characters in it.
func TestTheTokenIsEncoded(t *testing.T) {
	e := newEndpoint(t, JSON)
	e.script = func(w http.ResponseWriter, token string) {
		w.Header().Set("Content-Type", JSON)
		fmt.Fprintf(w, `{"active":%v}`, token == opaque)
	}
	result, err := e.client(t, func(c *Config) { c.MediaType = JSON }).Introspect(context.Background(), opaque)
	if err != nil || !result.Active {
		t.Errorf("got %v, %v", result.Active, err)
	}
}

// P1, P2: an endpoint that is missing, or does not respond in time.
func TestUnreachable(t *testing.T) {
	e := newEndpoint(t, JWT)
	slow := e.client(t, func(c *Config) { c.HTTP = backchannel.New(backchannel.Config{Timeout: 50 * time.Millisecond}) })
	e.script = func(http.ResponseWriter, string) { time.Sleep(200 * time.Millisecond) }
	if r, err := slow.Introspect(context.Background(), opaque); err == nil || r.Active {
		t.Errorf("slow: got %+v, %v", r, err)
	}
	c := e.client(t, nil)
	e.Close()
	if r, err := c.Introspect(context.Background(), opaque); err == nil || r.Active {
		t.Errorf("gone: got %+v, %v", r, err)
	}
}

func TestCache(t *testing.T) {
	for _, tt := range []struct {
		name   string
		exp    int64 // seconds from now; 0: no expiry
		maxAge time.Duration
		after  time.Duration
		calls  int32
	}{
		{"remembered", 600, time.Minute, 59 * time.Second, 1},
		{"up to the maximum", 600, time.Minute, time.Minute, 2},
		{"without expiry, up to the maximum", 0, time.Minute, time.Minute, 2},
		{"never longer than the token", 30, time.Minute, 30 * time.Second, 2},
		{"not at all", 600, 0, 0, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := testTime
			e := newEndpoint(t, JSON)
			body := `{"active":true}`
			if tt.exp != 0 {
				body = fmt.Sprintf(`{"active":true,"exp":%d}`, testTime.Unix()+tt.exp)
			}
			e.answers(200, JSON, body)
			c := e.client(t, func(c *Config) { c.MediaType, c.MaxAge, c.Now = JSON, tt.maxAge, func() time.Time { return now } })
			for range 2 {
				_, err := c.Introspect(context.Background(), opaque)
				if err != nil {
					t.Fatal(err)
				}
				now = now.Add(tt.after)
			}
			if e.calls.Load() != tt.calls {
				t.Errorf("got %d calls, want %d", e.calls.Load(), tt.calls)
			}
			// Another token is another entry.
			now = testTime
			if _, err := c.Introspect(context.Background(), opaque+"x"); err != nil || e.calls.Load() != tt.calls+1 {
				t.Errorf("another token: %v, %d calls", err, e.calls.Load())
			}
		})
	}
}

// A flood of refused tokens: each costs one call within five seconds, they do
// not push out active tokens, and few calls run at the same time.
func TestFloodOfRefusals(t *testing.T) {
	now := testTime
	e := newEndpoint(t, JSON)
	var running, most atomic.Int32
	e.script = func(w http.ResponseWriter, token string) {
		n := running.Add(1)
		defer running.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(time.Millisecond)
		w.Header().Set("Content-Type", JSON)
		switch {
		case token == opaque:
			fmt.Fprint(w, `{"active":true}`)
		case strings.HasPrefix(token, "foreign"):
			fmt.Fprint(w, `{"active":true,"token_type":"DPoP"}`)
		default:
			fmt.Fprint(w, `{"active":false}`)
		}
	}
	c := e.client(t, func(c *Config) { c.MediaType, c.Now = JSON, func() time.Time { return now } })
	ask := func(token string, wantActive bool, wantErr error) {
		t.Helper()
		if r, err := c.Introspect(context.Background(), token); r.Active != wantActive || !errors.Is(err, wantErr) {
			t.Errorf("%s: got %+v, %v", token, r, err)
		}
	}
	ask(opaque, true, nil)
	var group sync.WaitGroup
	for i := range 600 {
		group.Go(func() { ask(fmt.Sprint("junk-", i), false, nil) })
	}
	group.Wait()
	if got := most.Load(); got > 8 || got < 2 {
		t.Errorf("%d calls ran at the same time, want 2 to 8", got)
	}
	ask(opaque, true, nil)
	if got := e.calls.Load(); got != 601 {
		t.Errorf("got %d calls, want 601", got)
	}
	for range 600 {
		ask("junk-again", false, nil)
		ask("foreign", false, ErrForeign)
	}
	if got := e.calls.Load(); got != 603 {
		t.Errorf("got %d calls for two more tokens, want 603", got)
	}
	now = now.Add(calls.RefusedFor)
	ask("junk-again", false, nil)
	if got := e.calls.Load(); got != 604 {
		t.Errorf("got %d calls after %s, want 604", got, calls.RefusedFor)
	}
}

// A burst with one token makes one call, and one caller that goes away does not
// take the others along.
func TestSingleFlight(t *testing.T) {
	e := newEndpoint(t, JSON)
	release := make(chan struct{})
	e.script = func(w http.ResponseWriter, _ string) {
		<-release
		w.Header().Set("Content-Type", JSON)
		fmt.Fprint(w, `{"active":true}`)
	}
	c := e.client(t, func(c *Config) { c.MediaType, c.MaxAge = JSON, 0 })
	first, leave := context.WithCancel(context.Background())
	gone := make(chan error, 1)
	go func() { _, err := c.Introspect(first, opaque); gone <- err }()
	for e.calls.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if r, err := c.Introspect(context.Background(), opaque); err != nil || !r.Active {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
	leave()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the one that left got %v", err)
	}
	time.Sleep(20 * time.Millisecond)
	close(release)
	group.Wait()
	if e.calls.Load() != 1 {
		t.Errorf("got %d calls", e.calls.Load())
	}
}

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]Config{
		"media type":               {MediaType: "text/html"},
		"signed without a key set": {MediaType: Signed},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// FuzzRead: for any answer with status 200, a token is active
// only where JSON says so with true, or where a JWT that fits a header comes.
func FuzzRead(f *testing.F) {
	f.Add(JSON, JSON, `{"active":true}`)
	f.Add(JSON, JWT, `{"active":false}`)
	f.Add(JWT, JWT, unsigned(`{"exp":1900000000}`))
	f.Add(Signed, Signed, unsigned(`{"token_introspection":{"active":true}}`))
	verifier := newVerifier("http://127.0.0.1:1/", func() time.Time { return testTime })
	f.Fuzz(func(t *testing.T, asked, typ, body string) {
		c, err := New(Config{MediaType: asked, Verifier: verifier, Now: func() time.Time { return testTime }})
		if err != nil || asked == JWT { // with a verifier no unsigned answer passes
			c, _ = New(Config{MediaType: JWT, Now: func() time.Time { return testTime }})
			asked = JWT
		}
		r, err := c.read(context.Background(), opaque, backchannel.Answer{Status: 200, MediaType: typ, Body: []byte(body)})
		if err != nil || !r.Active {
			if r.Token != "" {
				t.Fatal("a token without a yes")
			}
			return
		}
		switch asked {
		case Signed:
			t.Fatal("this was not signed")
		case JSON:
			var answer map[string]any
			if typ != JSON || json.Unmarshal([]byte(body), &answer) != nil || answer["active"] != true || r.Token != opaque {
				t.Fatalf("active by %q", body)
			}
		case JWT:
			if typ != JWT || len(r.Token) > MaxToken || !isCompact(r.Token) || strings.Count(r.Token, ".") != 2 {
				t.Fatalf("token %q", r.Token)
			}
		}
	})
}

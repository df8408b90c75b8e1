package oauthproxy

import (
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
)

func newCachingProxy(t *testing.T, dialect settings.Dialect) *Proxy {
	t.Helper()
	p, err := newWithDefaults(settings.Authorizer{
		Shared:            shared(),
		AuthorizerCaching: settings.AuthorizerCaching{TTL: time.Minute, Dialect: dialect},
	}, func() time.Time { return testTime })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// With a cache, a request is allowed only if the key identifies it (P4). Without a
// cache every request here is allowed.
func TestCachingRefusesWhatTheKeyDoesNotTell(t *testing.T) {
	type h = map[string][]string
	good := sealed(t, testKey, cookie.Content{Session: session, Expires: testTime.Add(time.Hour), Token: testToken}, csrfContent())
	at, csrfCookie, _ := strings.Cut(good, "; ")
	version := []string{"1"}
	for _, tt := range []struct {
		name, dialect, method string
		headers               h
		message               string // "" means allowed
	}{
		{"assistant", "assistant", "POST", h{"Origin": {trusted}, "Cookie": {good}, "Token-Handler-Version": version}, ""},
		{"classic, safe method", "classic", "GET", h{"Origin": {trusted}, "Cookie": {good}}, ""},
		{"classic, unsafe method", "classic", "POST", h{"Origin": {trusted}, "Cookie": {good}, "x-th-csrf": {csrfValue}}, ""},

		{"no Origin, same-origin", "assistant", "GET", h{"Sec-Fetch-Site": {"same-origin"}, "Cookie": {good}, "token-handler-version": version}, messageKey},
		{"no Sec-Fetch-Site", "classic", "GET", h{"Origin": {trusted}, "Sec-Fetch-Site": {}, "Cookie": {good}}, messageKey},
		{"Origin twice the same", "classic", "GET", h{"Origin": {trusted, trusted}, "Cookie": {good}}, messageKey},
		{"two Cookie headers", "classic", "GET", h{"Origin": {trusted}, "Cookie": {at, csrfCookie}}, messageKey},
		{"two Cookie headers that differ in case", "classic", "GET", h{"Origin": {trusted}, "Cookie": {at}, "cookie": {csrfCookie}}, messageKey},
		{"assistant without its header", "assistant", "GET", h{"Origin": {trusted}, "Cookie": {good}}, messageKey},
		{"assistant with its header twice", "assistant", "POST", h{"Origin": {trusted}, "Cookie": {good}, "token-handler-version": {"1", "1"}}, messageKey},
		{"classic client where all are assistants", "assistant", "POST", h{"Origin": {trusted}, "Cookie": {good}, "x-th-csrf": {csrfValue}}, messageKey},
		{"assistant where all are classic", "classic", "POST", h{"Origin": {trusted}, "Cookie": {good}, "token-handler-version": version}, messageDialect},
		{"both headers where all are classic", "classic", "POST", h{"Origin": {trusted}, "Cookie": {good}, "x-th-csrf": {"junk"}, "token-handler-version": version}, messageDialect},
		{"CSRF header twice the same", "classic", "POST", h{"Origin": {trusted}, "Cookie": {good}, "x-th-csrf": {csrfValue, csrfValue}}, messageKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.headers["Sec-Fetch-Site"] == nil {
				tt.headers["Sec-Fetch-Site"] = []string{"same-site"}
			}
			r := request(tt.method, tt.headers)
			d := decide(t, newCachingProxy(t, settings.Dialect(tt.dialect)), r)
			if d.Allow != (tt.message == "") || d.Message != tt.message {
				t.Errorf("got allow %v, %q; want %q", d.Allow, d.Message, tt.message)
			}
			if d := decide(t, newProxy(t), r); !d.Allow {
				t.Errorf("without a cache: refused, %q", d.Message)
			}
		})
	}
}

// No result is used after the end of its token.
func TestCachingEndsWithTheToken(t *testing.T) {
	for _, tt := range []struct {
		left  time.Duration // 0: unknown
		allow bool
	}{{time.Hour, true}, {60*time.Second + undecided, true}, {60*time.Second + undecided - time.Second, false}, {time.Second, false}, {0, true}} {
		content := cookie.Content{Session: session, Token: testToken}
		if tt.left > 0 {
			content.Expires = testTime.Add(tt.left)
		}
		r := get(map[string][]string{"Origin": {trusted}, "Sec-Fetch-Site": {"same-site"}, "Cookie": {sealed(t, testKey, content, csrfContent())}})
		d := decide(t, newCachingProxy(t, "classic"), r)
		if d.Allow != tt.allow || !d.Allow && d.Code != contract.CodeTokenExpired {
			t.Errorf("%s left: got allow %v, code %q; want allow %v", tt.left, d.Allow, d.Code, tt.allow)
		}
	}
}

// Settings that are unsafe with a cache are refused at the start.
func TestCachingSettings(t *testing.T) {
	classic := settings.AuthorizerCaching{TTL: time.Minute, Dialect: settings.DialectClassic}
	for _, tt := range []struct {
		name string
		s    settings.Authorizer
	}{
		{"no dialect", settings.Authorizer{AuthorizerCaching: settings.AuthorizerCaching{TTL: time.Minute}}},
		{"no TTL", settings.Authorizer{AuthorizerCaching: settings.AuthorizerCaching{Dialect: settings.DialectClassic}}},
		{"ALLOW_TOKEN", settings.Authorizer{AuthorizerCaching: classic, Shared: settings.Shared{AccessTokens: settings.AccessTokens{AllowToken: true}}}},
		{"ROUTE_REQUIREMENTS", settings.Authorizer{AuthorizerCaching: classic, RouteRequirements: parse(`{"GET /a":{"scope":"a"}}`),
			Provider: settings.TokenIssuer{JWKSEndpoint: "https://login.example.com/jwks", Issuer: "https://login.example.com"},
			Shared:   settings.Shared{AccessTokens: settings.AccessTokens{Audience: []string{"a"}}}}},
	} {
		tt.s.Application, tt.s.CookieKey = shared().Application, shared().CookieKey
		if _, err := New(tt.s, time.Now); err == nil || !strings.Contains(err.Error(), "CACHE_TTL") {
			t.Errorf("%s: got %v, want an error that names CACHE_TTL", tt.name, err)
		}
	}
}

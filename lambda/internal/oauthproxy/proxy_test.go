package oauthproxy

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
)

const (
	testKey   = "4e4636356d65563e4c73233847503e3b21436e6f7629724950526f4b5e2e4e50"
	otherKey  = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	trusted   = "https://www.example.com"
	testToken = "opaque-access-token"
	csrfValue = "the-csrf-value"
)

var (
	testTime  = time.Unix(1_800_000_000, 0)
	session   = cookie.SessionID{1, 2, 3}
	names     = cookie.NewNames("th")
	arnPrefix = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/api/"
)

// newWithDefaults makes a proxy from settings without their defaults.
func newWithDefaults(s settings.Authorizer, now func() time.Time) (*Proxy, error) {
	settings.SetDefaults(&s)
	return New(s, now)
}

func newProxy(t testing.TB) *Proxy {
	t.Helper()
	p, err := newWithDefaults(settings.Authorizer{Shared: shared()}, func() time.Time { return testTime })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sealed returns the Cookie header of a signed-in browser.
func sealed(t testing.TB, key string, at, csrfCookie cookie.Content) string {
	t.Helper()
	ring, err := cookie.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	return names.AccessToken + "=" + names.Seal(ring, names.AccessToken, at) + "; " + names.CSRF + "=" + names.Seal(ring, names.CSRF, csrfCookie)
}

func accessToken(token string) cookie.Content {
	return cookie.Content{Session: session, Expires: testTime.Add(time.Minute), Token: token}
}

func csrfContent() cookie.Content { return cookie.Content{Session: session, Token: csrfValue} }

func decide(t testing.TB, p *Proxy, r *Request) Decision {
	t.Helper()
	d, err := p.Decide(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func get(headers map[string][]string) *Request { return request("GET", headers) }

func request(method string, headers map[string][]string) *Request {
	r := &Request{HTTPMethod: method, MethodArn: arnPrefix + method + "/orders", Headers: map[string]string{}, MultiValueHeaders: headers}
	for name, values := range headers {
		if len(values) > 0 {
			// The single-valued map holds the last value.
			r.Headers[name] = values[len(values)-1]
		}
	}
	return r
}

func TestDecide(t *testing.T) {
	good := sealed(t, testKey, accessToken(testToken), csrfContent())
	refreshCookie := func() string {
		ring, _ := cookie.NewRing(testKey)
		return names.AccessToken + "=" + names.Seal(ring, names.RefreshToken, cookie.Content{Session: session, Token: "refresh-token"})
	}()
	at, csrfOnly, _ := strings.Cut(good, "; ")
	secondAT, _, _ := strings.Cut(sealed(t, testKey, accessToken("another"), csrfContent()), "; ")
	_, secondCSRF, _ := strings.Cut(sealed(t, testKey, accessToken(testToken), cookie.Content{Session: session, Token: "another"}), names.CSRF+"=")
	type h = map[string][]string

	for _, tt := range []struct {
		name    string
		request *Request
		code    string // "" means Allow
		message string
	}{
		{"GET", get(h{"Origin": {trusted}, "Cookie": {good}}), "", ""},
		{"names in lower case, as over HTTP/2", get(h{"origin": {trusted}, "cookie": {good}}), "", ""},
		{"Cookie split by HTTP/2", get(h{"origin": {trusted}, "cookie": {csrfOnly, at}}), "", ""},
		{"HEAD", request("HEAD", h{"Origin": {trusted}, "Cookie": {good}}), "", ""},
		{"P8 same-origin GET without Origin", get(h{"sec-fetch-site": {"same-origin"}, "Cookie": {good}}), "", ""},
		{"POST with double submit", request("POST", h{"Origin": {trusted}, "Cookie": {good}, "x-th-csrf": {csrfValue}}), "", ""},
		{"P9 CSRF header in another case", request("POST", h{"Origin": {trusted}, "Cookie": {good}, "X-TH-CSRF": {csrfValue}}), "", ""},
		{"POST of the assistant dialect", request("POST", h{"Origin": {trusted}, "Cookie": {at}, "Token-Handler-Version": {"1"}}), "", ""},

		{"method override", get(h{"Origin": {trusted}, "Cookie": {good}, "x-http-method-override": {"DELETE"}}), contract.CodeUnauthorizedRequest, messageOverride},
		{"P3 bearer pass-through is off", get(h{"Authorization": {"Bearer junk"}}), contract.CodeUnauthorizedRequest, messageAuthorization},
		{"Authorization beside the cookie", get(h{"authorization": {"Bearer x"}, "Origin": {trusted}, "Cookie": {good}}), contract.CodeUnauthorizedRequest, messageAuthorization},
		{"empty Authorization", get(h{"authorization": {""}, "Origin": {trusted}, "Cookie": {good}}), contract.CodeUnauthorizedRequest, messageAuthorization},
		{"no Origin", get(h{"Cookie": {good}}), contract.CodeUnauthorizedRequest, string(csrf.OriginMissing)},
		{"untrusted Origin", get(h{"Origin": {"https://evil.example"}, "Cookie": {good}}), contract.CodeUnauthorizedRequest, string(csrf.OriginUntrusted)},
		{"two Origins", get(h{"Origin": {trusted}, "origin": {"https://evil.example"}, "Cookie": {good}}), contract.CodeUnauthorizedRequest, string(csrf.OriginAmbiguous)},
		{"POST without CSRF header", request("POST", h{"Origin": {trusted}, "Cookie": {good}}), contract.CodeUnauthorizedRequest, string(csrf.TokenMissing)},
		{"PATCH without CSRF header", request("PATCH", h{"Origin": {trusted}, "Cookie": {good}}), contract.CodeUnauthorizedRequest, string(csrf.TokenMissing)},
		{"an OPTIONS that is no preflight", request("OPTIONS", h{"Origin": {trusted}, "Cookie": {good}}), contract.CodeUnauthorizedRequest, string(csrf.TokenMissing)},
		{"POST with a wrong CSRF value", request("POST", h{"Origin": {trusted}, "Cookie": {good}, "x-th-csrf": {"guess"}}), contract.CodeUnauthorizedRequest, string(csrf.TokenMismatch)},
		{"two CSRF values", request("POST", h{"Origin": {trusted}, "Cookie": {good}, "x-th-csrf": {csrfValue, "guess"}}), contract.CodeUnauthorizedRequest, string(csrf.TokenAmbiguous)},
		{"CSRF header without cookie", request("POST", h{"Origin": {trusted}, "Cookie": {at}, "x-th-csrf": {csrfValue}}), contract.CodeUnauthorizedRequest, string(csrf.TokenMismatch)},
		{"empty CSRF header without cookie", request("POST", h{"Origin": {trusted}, "Cookie": {at}, "x-th-csrf": {""}}), contract.CodeUnauthorizedRequest, string(csrf.TokenMismatch)},
		{"P12 an access token as CSRF cookie", request("POST", h{"Origin": {trusted}, "x-th-csrf": {testToken},
			"Cookie": {at + "; " + names.CSRF + strings.TrimPrefix(at, names.AccessToken)}}), contract.CodeUnauthorizedRequest, string(csrf.TokenMismatch)},
		{"A9 a CSRF pair of another session", request("POST", h{"Origin": {trusted}, "x-th-csrf": {"planted"},
			"Cookie": {sealed(t, testKey, accessToken(testToken), cookie.Content{Session: cookie.SessionID{9}, Token: "planted"})}}), contract.CodeUnauthorizedRequest, messageOtherSession},
		{"unknown dialect version", get(h{"Origin": {trusted}, "Cookie": {good}, "token-handler-version": {"2"}}), contract.CodeUnauthorizedRequest, string(csrf.VersionUnknown)},
		{"P14 no cookie", get(h{"Origin": {trusted}}), contract.CodeUnauthorizedRequest, messageNoSession},
		{"other cookies only", get(h{"Origin": {trusted}, "Cookie": {"a=b; __host-th-at=x"}}), contract.CodeUnauthorizedRequest, messageNoSession},
		{"truncated", get(h{"Origin": {trusted}, "Cookie": {at[:len(at)-3]}}), contract.CodeUnauthorizedRequest, messageNotOpened},
		{"tampered", get(h{"Origin": {trusted}, "Cookie": {at[:len(at)-30] + "AAAA" + at[len(at)-26:]}}), contract.CodeUnauthorizedRequest, messageNotOpened},
		{"P12 G1 a refresh token as access token", get(h{"Origin": {trusted}, "Cookie": {refreshCookie}}), contract.CodeUnauthorizedRequest, messageNotOpened},
		{"sealed with another key", get(h{"Origin": {trusted}, "Cookie": {sealed(t, otherKey, accessToken(testToken), csrfContent())}}), contract.CodeUnauthorizedRequest, messageNotOpened},
		{"two access token cookies, one foreign", get(h{"Origin": {trusted}, "Cookie": {names.AccessToken + "=x; " + at}}), "", ""},
		{"two access token cookies of one session", get(h{"Origin": {trusted}, "Cookie": {at + "; " + secondAT}}), contract.CodeUnauthorizedRequest, messageAmbiguous + names.AccessToken},
		{"two CSRF cookies of one session", request("POST", h{"Origin": {trusted}, "Cookie": {good + "; " + names.CSRF + "=" + secondCSRF}, "x-th-csrf": {csrfValue}}), contract.CodeUnauthorizedRequest, messageAmbiguous + names.CSRF},
		{"a token that would split the header", get(h{"Origin": {trusted}, "Cookie": {sealed(t, testKey, accessToken("a\r\nX: y"), csrfContent())}}), contract.CodeUnauthorizedRequest, messageNotOpened},
		{"an empty token", get(h{"Origin": {trusted}, "Cookie": {sealed(t, testKey, accessToken(""), csrfContent())}}), contract.CodeUnauthorizedRequest, messageNotOpened},
		{"expired", get(h{"Origin": {trusted}, "Cookie": {sealed(t, testKey, cookie.Content{Session: session, Expires: testTime, Token: testToken}, csrfContent())}}), contract.CodeTokenExpired, messageExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, newProxy(t), tt.request)
			if d.Allow != (tt.code == "") || d.Code != tt.code || d.Message != tt.message {
				t.Fatalf("got allow %v, %q, %q; want %q, %q", d.Allow, d.Code, d.Message, tt.code, tt.message)
			}
			if d.Allow && d.Token != testToken {
				t.Errorf("got token %q", d.Token)
			}
			if !d.Allow && d.Token != "" {
				t.Error("a refusal carries a token")
			}
		})
	}
}

// Either map of the event may be missing; a header counts in whichever it is.
func TestDecideReadsBothHeaderMaps(t *testing.T) {
	good := sealed(t, testKey, accessToken(testToken), csrfContent())
	for _, tt := range []struct {
		name    string
		request Request
		allow   bool
	}{
		{"single values only", Request{Headers: map[string]string{"origin": trusted, "COOKIE": good}}, true},
		{"multiple values only", Request{MultiValueHeaders: map[string][]string{"origin": {trusted}, "COOKIE": {good}}}, true},
		{"an Authorization in one map", Request{Headers: map[string]string{"origin": trusted, "cookie": good, "AUTHORIZATION": "x"},
			MultiValueHeaders: map[string][]string{"origin": {trusted}, "cookie": {good}}}, false},
		{"an Origin that differs between the maps", Request{Headers: map[string]string{"Origin": "https://evil.example"},
			MultiValueHeaders: map[string][]string{"origin": {trusted}, "cookie": {good}}}, false},
		{"neither", Request{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.request.HTTPMethod = "GET"
			if d := decide(t, newProxy(t), &tt.request); d.Allow != tt.allow {
				t.Errorf("got allow %v, %q; want %v", d.Allow, d.Message, tt.allow)
			}
		})
	}
}

// The order of the decision: of two failures the first is told.
func TestDecideOrder(t *testing.T) {
	type h = map[string][]string
	for _, tt := range []struct {
		name    string
		headers h
		message string
	}{
		{"Authorization before origin", h{"Authorization": {"x"}, "Origin": {"https://evil.example"}}, messageAuthorization},
		{"origin before CSRF", h{"Origin": {"https://evil.example"}}, string(csrf.OriginUntrusted)},
		{"CSRF before cookie", h{"Origin": {trusted}}, string(csrf.TokenMissing)},
	} {
		if d := decide(t, newProxy(t), request("POST", tt.headers)); d.Message != tt.message {
			t.Errorf("%s: got %q, want %q", tt.name, d.Message, tt.message)
		}
	}
}

// A decision has AllowedOrigin for a trusted origin only, also if it is a refusal.
func TestDecideAllowedOrigin(t *testing.T) {
	type h = map[string][]string
	for _, tt := range []struct {
		name    string
		headers h
		want    string
	}{
		{"trusted, refused later", h{"Origin": {trusted}}, trusted},
		{"untrusted", h{"Origin": {"https://evil.example"}}, ""},
		{"refused before the origin", h{"Origin": {trusted}, "Authorization": {"x"}}, ""},
	} {
		if d := decide(t, newProxy(t), get(tt.headers)); d.AllowedOrigin != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, d.AllowedOrigin, tt.want)
		}
	}
}

func TestKeyRotation(t *testing.T) {
	p := newProxy(t)
	var err error
	if p.ring, err = cookie.NewRing(otherKey, testKey); err != nil {
		t.Fatal(err)
	}
	d := decide(t, p, get(map[string][]string{"Origin": {trusted}, "Cookie": {sealed(t, testKey, accessToken(testToken), csrfContent())}}))
	if !d.Allow {
		t.Errorf("a cookie sealed before the rotation is refused: %s", d.Message)
	}
}

// The principal of a session is the subject of its token, if that is a JWT.
func TestSubjectOfSession(t *testing.T) {
	jwt := func(payload string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
	}
	for token, want := range map[string]string{
		"opaque":                              "",
		"a.b":                                 "",
		jwt(`{"sub":"user-1"}`):               "user-1",
		jwt(`{"sub":"user-1","Sub":"admin"}`): "user-1",
		jwt(`{"SUB":"admin"}`):                "",
		jwt(`{"sub":"user-1","sub":"admin"}`): "",
		jwt(`{"sub":7}`):                      "",
		jwt(`{"sub":"a\nb"}`):                 "",
		jwt(`{"sub":"Zoë"}`):                  "",
		jwt(`not json`):                       "",
		"e30.!!!.c2ln":                        "",
		jwt(`{"sub":"` + strings.Repeat("x", 256) + `"}`): "",
	} {
		d, err := proxyWith(t, func(*settings.Authorizer) {}).decideToken(t.Context(), &Request{}, Decision{}, token, sealedToken, nil)
		if err != nil || !d.Allow || d.Subject != want {
			t.Errorf("%s: got %+v, %v; want the subject %q", token, d, err, want)
		}
	}
}

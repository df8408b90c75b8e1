package oauthproxy

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
)

// With phantom tokens, only a clear yes of the provider allows a request (P1). An
// unclear response is an error, which becomes 500. The same holds for callers with a
// token of their own (P22).
func TestPhantomTokens(t *testing.T) {
	phantom := "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"user-1"}`)) + ".c2ln"
	jwt := func(s *settings.Authorizer) { s.PhantomToken.MediaType = settings.MediaTypeJWT }
	refused, undecided := "refused", "undecided"
	for _, tt := range []struct {
		name      string
		change    func(*settings.Authorizer)
		typ, body string
		status    int
		want      string // the token upstream, refused or undecided
		code      string
	}{
		{"JSON", nil, "application/json", `{"active":true,"sub":"user-1","token_type":"Bearer"}`, 200, testToken, ""},
		{"JSON: inactive", nil, "application/json", `{"active":false}`, 200, refused, contract.CodeTokenExpired},
		{"JSON: a bound token", nil, "application/json", `{"active":true,"token_type":"DPoP"}`, 200, refused, contract.CodeUnauthorizedRequest},
		{"JSON: garbage", nil, "application/json", `{"active"`, 200, undecided, ""},
		{"JSON: HTML", nil, "text/html", `<html>`, 200, undecided, ""},
		{"JSON: 500", nil, "application/json", `{"active":true,"sub":"user-1","token_type":"Bearer"}`, 500, undecided, ""},
		{"JWT", jwt, "application/jwt", phantom, 200, phantom, ""},
		{"the JWT is the default", func(s *settings.Authorizer) { s.PhantomToken.MediaType = "" }, "application/jwt", phantom, 200, phantom, ""},
		{"JWT: 204", jwt, "", ``, 204, refused, contract.CodeTokenExpired},
		{"JWT: active false", jwt, "application/json", `{"active":false}`, 200, refused, contract.CodeTokenExpired},
		{"JWT: active false in its place", jwt, "application/jwt", `{"active":false}`, 200, undecided, ""},
		{"JWT: 401", jwt, "application/jwt", phantom, 401, undecided, ""},
	} {
		session := get(headers{"Origin": {trusted}, "Cookie": {sealed(t, testKey, accessToken(testToken), csrfContent())}})
		for way, r := range map[string]*Request{"session": session, "P22 bearer": get(headers{"Authorization": {"Bearer " + testToken}})} {
			t.Run(tt.name+", "+way, func(t *testing.T) {
				idp := newProvider(t)
				idp.answer = func(w http.ResponseWriter, token string) {
					if token != testToken {
						t.Errorf("asked about %q", token)
					}
					w.Header().Set("Content-Type", tt.typ)
					w.WriteHeader(tt.status)
					w.Write([]byte(tt.body))
				}
				p := proxyWith(t, func(s *settings.Authorizer) {
					s.AccessTokens.AllowToken = true
					idp.introspect(s)
					if tt.change != nil {
						tt.change(s)
					}
				})
				d, err := p.Decide(context.Background(), r)
				got := refused
				switch {
				case err != nil:
					got = undecided
				case d.Allow:
					got = d.Token
				}
				if got != tt.want || d.Code != tt.code {
					t.Fatalf("got %q, code %q, %v; want %q, %q", got, d.Code, err, tt.want, tt.code)
				}
				if d.Allow && d.Subject != "user-1" {
					t.Errorf("subject %q", d.Subject)
				}
				if idp.asked.Load() != 1 {
					t.Errorf("asked %d times", idp.asked.Load())
				}
			})
		}
	}
}

// The provider calls a refresh token active as well. Sealed by the agent under
// the access token's name it cannot be; a caller may well try.
func TestPhantomTokensOfUnknownType(t *testing.T) {
	idp := newProvider(t)
	idp.answers("application/json", `{"active":true}`)
	p := proxyWith(t, func(s *settings.Authorizer) { s.AccessTokens.AllowToken = true; idp.introspect(s) })
	if d := decide(t, p, get(headers{"Authorization": {"Bearer " + testToken}})); d.Allow || d.Message != messageForeign {
		t.Errorf("bearer: allow %v, %q", d.Allow, d.Message)
	}
	if d := decide(t, p, get(headers{"Origin": {trusted}, "Cookie": {sealed(t, testKey, accessToken(testToken), csrfContent())}})); !d.Allow {
		t.Errorf("session: %q", d.Message)
	}
}

// The cheap checks come first: the provider is not asked about requests that they refuse.
func TestPhantomTokensAreAskedAboutLast(t *testing.T) {
	idp := newProvider(t)
	idp.answers("application/json", `{"active":true}`)
	p := proxyWith(t, idp.introspect)
	good := sealed(t, testKey, accessToken(testToken), csrfContent())
	for name, r := range map[string]*Request{
		"origin":  get(headers{"Origin": {"https://evil.example"}, "Cookie": {good}}),
		"CSRF":    request("POST", headers{"Origin": {trusted}, "Cookie": {good}}),
		"cookie":  get(headers{"Origin": {trusted}, "Cookie": {good[:60]}}),
		"bearer":  get(headers{"Authorization": {"Bearer x"}}),
		"expired": get(headers{"Origin": {trusted}, "Cookie": {sealed(t, otherKey, accessToken(testToken), csrfContent())}}),
	} {
		if d := decide(t, p, r); d.Allow || idp.asked.Load() != 0 {
			t.Errorf("%s: allow %v, asked %d times", name, d.Allow, idp.asked.Load())
		}
	}
}

// If no decision is possible, the function fails, which the gateway returns as 500,
// and logs a line without secrets.
func TestUndecidedIsAnErrorAndALineInTheLog(t *testing.T) {
	var logged bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logged, nil)))
	defer slog.SetDefault(old)

	idp := newProvider(t)
	idp.answers("text/html", "the body of an answer")
	p := proxyWith(t, idp.introspect)
	good := sealed(t, testKey, accessToken(testToken), csrfContent())
	response, err := p.Handle(context.Background(), readEvent(t, good))
	if err == nil || response.PolicyDocument.Statement != nil || len(response.Context) != 0 {
		t.Fatalf("got %+v, %v; want only an error", response, err)
	}
	// This text would come out as 401 (aws-lambda-go, the authorizer example).
	if err.Error() == "Unauthorized" {
		t.Error("the error has the one text that means 401")
	}
	line := logged.String()
	if !strings.Contains(line, `"level":"ERROR"`) || !strings.Contains(line, "expected an answer of type application/json") ||
		!strings.Contains(line, "6b7f1a0e-6a4e-4d38-a0c5-3e3c8c0b8a11") {
		t.Errorf("logged %s", line)
	}
	for _, secret := range []string{testToken, "the body", "tenant=1", "secret\"", csrfValue, testKey} {
		if strings.Contains(line+err.Error(), secret) {
			t.Errorf("%q is told: %s %v", secret, line, err)
		}
	}
}

// A result of the gateway's cache must end with the token: also with one that
// the provider gives less time than the cookie has.
func TestCachingEndsWithTheIntrospectedToken(t *testing.T) {
	idp := newProvider(t)
	for left, want := range map[time.Duration]bool{30 * time.Second: false, time.Hour: true} {
		idp.answers("application/json", fmt.Sprintf(`{"active":true,"exp":%d}`, testTime.Add(left).Unix()))
		p := proxyWith(t, func(s *settings.Authorizer) {
			idp.introspect(s)
			s.AuthorizerCaching.TTL, s.AuthorizerCaching.Dialect = time.Minute, settings.DialectClassic
		})
		content := accessToken(testToken)
		content.Expires = testTime.Add(time.Hour)
		d := decide(t, p, get(headers{"Origin": {trusted}, "Sec-Fetch-Site": {"same-site"}, "Cookie": {sealed(t, testKey, content, csrfContent())}}))
		if d.Allow != want {
			t.Errorf("%s left: got allow %v, %q", left, d.Allow, d.Message)
		}
	}
}

func TestNewRefusesWhatIsIncomplete(t *testing.T) {
	idp := newProvider(t)
	for name, change := range map[string]func(*settings.Authorizer){
		"no introspection URL":        func(s *settings.Authorizer) { idp.introspect(s); s.PhantomToken.IntrospectionURL = "" },
		"no client":                   func(s *settings.Authorizer) { idp.introspect(s); s.PhantomToken.ClientID = "" },
		"no secret":                   func(s *settings.Authorizer) { idp.introspect(s); s.PhantomToken.ClientSecret = "" },
		"a secret without use":        func(s *settings.Authorizer) { s.PhantomToken.ClientSecret = "x" },
		"RFC 9701 without keys":       func(s *settings.Authorizer) { idp.introspect(s); s.PhantomToken.MediaType = settings.MediaTypeSigned },
		"keys without issuer":         func(s *settings.Authorizer) { idp.verify(s); s.Provider.Issuer = "" },
		"keys without audience":       func(s *settings.Authorizer) { idp.verify(s); s.AccessTokens.Audience = nil },
		"an audience without a check": func(s *settings.Authorizer) { s.AccessTokens.Audience = []string{"x"} },
		"demands on unchecked tokens": func(s *settings.Authorizer) { s.RouteRequirements = parse(`{"GET /a":{"scope":"x"}}`) },
		"an unknown media type":       func(s *settings.Authorizer) { idp.introspect(s); s.PhantomToken.MediaType = "text/html" },
	} {
		s := settings.Authorizer{Shared: shared()}
		change(&s)
		if _, err := newWithDefaults(s, time.Now); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Chosen claims go upstream in the context, only from a verified token or from
// introspection.
func TestClaimsGoUpstream(t *testing.T) {
	idp := newProvider(t)
	headers := settings.Texts{"X-User-Email": "email", "X-Roles": "roles", "X-Odd": "odd", "X-Absent": "absent"}
	token := idp.token(t, object{"email": "a@example.com", "roles": []string{"x", "y"}, "odd": "a\r\nb", "Absent": "leak"})
	want := map[string]any{"claim1": nil, "claim0": nil, "claim2": "x,y", "claim3": "a@example.com"}
	for name, change := range map[string]func(*settings.Authorizer){
		"verified":     idp.verify,
		"introspected": idp.introspect,
	} {
		idp.answers("application/json", `{"active":true,"token_type":"Bearer","email":"a@example.com","roles":["x","y"],"odd":7e999,"odd2":{}}`)
		p := proxyWith(t, func(s *settings.Authorizer) {
			s.AccessTokens.AllowToken, s.AccessTokens.ClaimHeaders = true, headers
			change(s)
		})
		r := get(map[string][]string{"Authorization": {"Bearer " + token}})
		r.MethodArn = arnPrefix + "GET/orders"
		answer, err := p.Handle(t.Context(), *r)
		if err != nil || answer.Context["token"] == nil {
			t.Fatalf("%s: got %v, %v", name, answer.Context, err)
		}
		for key, value := range want {
			if name == "introspected" && key == "claim1" {
				value = "7e999"
			}
			if answer.Context[key] != value {
				t.Errorf("%s: %s: got %v, want %v", name, key, answer.Context[key], value)
			}
		}
	}
	s := settings.Authorizer{Shared: settings.Shared{
		Application: settings.Application{TrustedWebOrigins: []string{trusted}}, CookieKey: settings.CookieKey{Key: testKey},
	}}
	s.AccessTokens.ClaimHeaders = headers
	if _, err := newWithDefaults(s, func() time.Time { return testTime }); err == nil {
		t.Error("claims of unverified tokens would go upstream")
	}
}

package oauthagent

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// unreachable is a network without a provider. It counts the attempts.
type unreachable struct{ tries int }

func (u *unreachable) RoundTrip(*http.Request) (*http.Response, error) {
	u.tries++
	return nil, errors.New("no network")
}

// FuzzAgent: no request makes the agent itself fail (5xx) or panic. Without a
// provider, no request gives a browser an access token, refresh token or ID
// token cookie, or a CSRF cookie without a session.
func FuzzAgent(f *testing.F) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ring, err := cookie.NewRing(currentKey)
	if err != nil {
		f.Fatal(err)
	}
	seal := func(name, token string) string {
		return name + "=" + names.Seal(ring, name, cookie.Content{Session: cookie.SessionID{1}, Expires: now.Add(time.Minute), Token: token})
	}
	login, err := json.Marshal(oauth.Login{State: "s", Nonce: "n", Verifier: strings.Repeat("v", 43)})
	if err != nil {
		f.Fatal(err)
	}
	idToken := oauthtest.Unsigned(map[string]any{"sub": "alice"})
	session := strings.Join([]string{
		seal(names.AccessToken, "a"), seal(names.RefreshToken, "r"), seal(names.IDToken, idToken), seal(names.CSRF, "c"),
		seal(names.Login(1), string(login)), seal(names.Login(2), "no login"),
	}, "; ")

	const form, JSON = "application/x-www-form-urlencoded", "application/json"
	for _, endpoint := range []string{"login/start", "login/end", "session", "userInfo", "claims", "refresh", "logout", "x"} {
		for _, method := range []string{"GET", "POST"} {
			f.Add(method, endpoint, origin, "1", "", "", "", "")
			f.Add(method, endpoint, origin, "", "c", session, JSON, "{}")
		}
	}
	f.Add("POST", "login/start", origin, "1", "", session, form, "prompt=login&ui_locales=sv")
	f.Add("POST", "login/start", origin, "", "", session, JSON, `{"extraParams":[{"key":"prompt","value":"login"}]}`)
	f.Add("POST", "login/end", origin, "1", "", session, form, "code=c&state=s&iss=x")
	f.Add("POST", "login/end", origin, "1", "", session, form, "error=login_required&state=s")
	f.Add("POST", "login/end", origin, "", "", session, JSON, `{"pageUrl":"https://www.example.com/?code=c&state=s"}`)
	f.Add("POST", "login/end", origin, "", "", seal(names.AccessToken, "a"), JSON, `{"pageUrl":"https://[::1%25]/?%"}`)
	f.Add("GET", "claims", origin, "", "", seal(names.AccessToken, "a")+"; "+seal(names.IDToken, "a.b.c"), "", "")

	f.Fuzz(func(t *testing.T, method, endpoint, from, version, csrfHeader, cookies, contentType, text string) {
		network := &unreachable{}
		clock := func() time.Time { return now }
		agent := New(Config{
			BasePath: "/oauth-agent", RedirectURI: oauthtest.RedirectURI, Ring: ring, Names: names, Now: clock,
			Rules:  csrf.Rules{TrustedOrigins: []string{origin}, HeaderName: "x-th-csrf"},
			Logger: slog.New(slog.DiscardHandler),
			Provider: oauth.New(oauth.Config{
				Issuer: "https://login.example", ClientID: "spa", ClientSecret: "s", Scopes: "openid", RedirectURI: oauthtest.RedirectURI,
				AuthorizeEndpoint: "https://login.example/a", TokenEndpoint: "https://login.example/t",
				UserInfoEndpoint: "https://login.example/u", JWKSEndpoint: "https://login.example/j", Transport: network, Now: clock,
			}),
		})
		r := httptest.NewRequest("GET", "/", nil)
		r.Method, r.URL.Path = method, "/oauth-agent/"+endpoint
		r.Body = io.NopCloser(strings.NewReader(text))
		for name, value := range map[string]string{
			"Origin": from, "Token-Handler-Version": version, "X-Th-Csrf": csrfHeader, "Cookie": cookies, "Content-Type": contentType,
		} {
			if value != "" {
				r.Header[name] = []string{value}
			}
		}
		w := httptest.NewRecorder()
		agent.ServeHTTP(w, r)

		if w.Code >= 500 && (network.tries == 0 || w.Code != 502) {
			// Only for an ID token cookie that we sealed around a malformed JWT.
			if !strings.Contains(w.Body.String(), "server_error") || !strings.Contains(cookies, names.IDToken) {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		}
		if w.Code != http.StatusNoContent && !json.Valid(w.Body.Bytes()) {
			t.Errorf("got the body %q", w.Body)
		}
		if from != origin && w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("origin %q was allowed", from)
		}
		opened := cookie.Parse(cookies)
		session := len(names.All(ring, opened, names.AccessToken)) > 0 || len(names.All(ring, opened, names.RefreshToken)) > 0
		for _, c := range w.Result().Cookies() {
			switch {
			case c.MaxAge < 0, strings.HasPrefix(c.Name, "__Host-th-login-"):
			case c.Name == names.CSRF && session:
			default:
				t.Errorf("cookie %s was set", c.Name)
			}
		}
	})
}

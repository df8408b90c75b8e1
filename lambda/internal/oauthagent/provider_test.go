package oauthagent

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/internal/githubtest"
	"github.com/tokenhandler/aws/lambda/internal/clientauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// useClient makes a new agent with another client of the same provider.
func (w *world) useClient(change func(*oauth.Config), agent func(*Config)) {
	w.Helper()
	w.reconfigure(func(c *Config) {
		config := oauth.Config{
			Issuer: w.provider.Issuer(), ClientID: oauthtest.ClientID, ClientSecret: oauthtest.ClientSecret, Scopes: "openid profile",
			RedirectURI: oauthtest.RedirectURI, Now: func() time.Time { return w.now },
		}
		change(&config)
		c.Provider = oauth.New(config)
		if agent != nil {
			agent(c)
		}
	})
}

// A static page signs in with GitHub. The agent, which knows the client secret,
// exchanges the code. The page shows the user, and a request to a route carries
// the token upstream. There is no ID token and no refresh token. The page gets
// no token at all.
func TestGitHubJourney(t *testing.T) {
	dialects(t, func(w *world) {
		g := githubtest.New(w, oauthtest.RedirectURI)
		w.useClient(func(c *oauth.Config) {
			*c = oauth.Config{
				Profile: "github", Issuer: g.Issuer(), ClientID: oauthtest.ClientID, Authentication: clientauth.Post{Secret: oauthtest.ClientSecret},
				Scopes: "read:user repo", RedirectURI: oauthtest.RedirectURI, Now: c.Now,
				AuthorizeEndpoint: g.URL() + "/login/oauth/authorize", TokenEndpoint: g.URL() + "/login/oauth/access_token", UserInfoEndpoint: g.URL() + "/user",
			}
		}, nil)
		got := w.end(g.Consent(w, w.start()))
		if got.StatusCode != 200 || got.json["isLoggedIn"] != true || got.json["handled"] != true {
			w.Fatalf("login/end: got %d %s", got.StatusCode, got.text)
		}
		w.has(names.AccessToken, names.CSRF)
		w.hasNot(names.RefreshToken, names.IDToken)

		got = w.do("GET", "session")
		if got.json["isLoggedIn"] != true || got.json["claims"] != nil || got.json["access_token_expires_in"] != nil {
			w.Errorf("session: got %s", got.text)
		}
		w.fails(w.do("GET", "claims"), 401, "unauthorized_request")
		if got := w.do("GET", "userInfo"); got.json["login"] != "octocat" || got.json["id"] != 583231.0 || !strings.Contains(got.text, "Zoë Ångström") {
			w.Errorf("userInfo: got %d %s", got.StatusCode, got.text)
		}

		// The protected route: the API accepts the token that the authorizer opens.
		content, err := names.OpenValue(w.ring, names.AccessToken, w.cookies[names.AccessToken])
		if err != nil {
			w.Fatal(err)
		}
		request := httptest.NewRequest("GET", g.URL()+"/user/repos", nil)
		request.RequestURI = ""
		request.Header.Set("Authorization", "Bearer "+content.Token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			w.Fatal(err)
		}
		defer response.Body.Close()
		if body, _ := io.ReadAll(response.Body); response.StatusCode != 200 || !bytes.Contains(body, []byte("octocat/Hello-World")) {
			w.Errorf("the API answered %d %s", response.StatusCode, body)
		}

		// Revoked at GitHub: the page learns that the token has expired. There is no
		// refresh token, so a refresh ends the session.
		g.Revoked = true
		w.fails(w.do("GET", "userInfo"), 401, "token_expired")
		w.fails(w.do("POST", "refresh"), 401, "session_expired")
		w.hasNot(names.Session()...)

		// B-S, A22: the log contains no token and no user data.
		for _, secret := range append(g.Secrets(), content.Token, "octocat") {
			if strings.Contains(w.logs.String(), secret) {
				w.Errorf("the log shows %q", secret)
			}
		}
	})
}

// GitHub's errors come with status 200. They become documented codes, and the
// cookies of an older session stay.
func TestGitHubErrors(t *testing.T) {
	w := newWorld(t)
	g := githubtest.New(t, oauthtest.RedirectURI)
	w.useClient(func(c *oauth.Config) {
		*c = oauth.Config{
			Profile: "github", Issuer: g.Issuer(), ClientID: oauthtest.ClientID, Authentication: clientauth.Post{Secret: oauthtest.ClientSecret},
			Scopes: "repo", RedirectURI: oauthtest.RedirectURI, Now: c.Now,
			AuthorizeEndpoint: g.URL() + "/login/oauth/authorize", TokenEndpoint: g.URL() + "/login/oauth/access_token", UserInfoEndpoint: g.URL() + "/user",
		}
	}, nil)
	w.end(g.Consent(w, w.start()))
	before := w.cookies[names.AccessToken]
	query := g.Consent(w, w.start())
	query.Set("code", "leak")
	w.fails(w.end(query), 400, "authorization_error")
	query = url.Values{"error": {"access_denied"}, "error_description": {"leak"}, "state": g.Consent(w, w.start())["state"]}
	w.fails(w.end(query), 400, "access_denied")
	if w.cookies[names.AccessToken] != before {
		t.Error("a failed login changed the existing session")
	}
}

// Only signed authorization responses are accepted, and only for a login that
// this browser began.
func TestSignedResponses(t *testing.T) {
	dialects(t, func(w *world) {
		w.useClient(func(c *oauth.Config) { c.ResponseMode = "jwt" }, nil)
		sign := func(query url.Values, change map[string]any) url.Values {
			claims := map[string]any{"iss": w.provider.Issuer(), "aud": oauthtest.ClientID, "exp": w.now.Add(time.Minute).Unix()}
			for name := range query {
				claims[name] = query.Get(name)
			}
			oauthtest.Set(change)(claims)
			return url.Values{"response": {oauthtest.SignWith(w.provider.Key, "k1", jose.ES256, claims)}}
		}
		query := w.provider.Authorize(w, w.start())
		// Downgraded: the same response, unsigned.
		w.fails(w.end(query), 400, "invalid_request")
		both := sign(query, nil)
		both.Set("code", query.Get("code"))
		w.fails(w.end(both), 400, "invalid_request")
		w.fails(w.end(sign(query, map[string]any{"aud": "leak"})), 400, "invalid_request")
		w.fails(w.end(sign(query, map[string]any{"iss": "https://leak.example"})), 400, "invalid_request")
		twice := sign(query, nil)
		twice.Add("response", "x")
		w.fails(w.end(twice), 400, "invalid_request")
		if !w.assistant {
			if got := w.endPage("https://www.example.com/elsewhere?" + sign(query, nil).Encode()); got.json["handled"] != false {
				w.Errorf("on another page: got %d %s", got.StatusCode, got.text)
			}
		}
		// A response that belongs to no login of this browser causes no request.
		before := w.provider.Requests("/jwks")
		w.fails(w.end(sign(query, map[string]any{"state": "leak"})), 400, "invalid_request")
		if w.provider.Requests("/jwks") != before {
			w.Error("a response without a login caused a request to the provider")
		}
		// The login can still end.
		if got := w.end(sign(query, nil)); got.StatusCode != 200 || got.json["handled"] != true || got.json["isLoggedIn"] != true {
			w.Fatalf("login/end: got %d %s", got.StatusCode, got.text)
		}
		// A11: a response is used once.
		codes := w.provider.Requests("/token")
		if got := w.end(sign(query, nil)); got.json["handled"] != true || w.provider.Requests("/token") != codes {
			w.Errorf("sent twice: got %d %s", got.StatusCode, got.text)
		}
		// Errors are signed, too, and belong to a login (A10, G11).
		query = w.provider.Authorize(w, w.start())
		w.fails(w.end(sign(url.Values{"error": {"access_denied"}, "state": query["state"]}, nil)), 400, "access_denied")
		w.fails(w.end(url.Values{"error": {"access_denied"}, "state": query["state"]}), 400, "invalid_request")
	})
}

// Rule 27: a login that was begun at another provider, or in another deployment
// with the same key, cannot end here. This includes its error responses.
func TestMixUp(t *testing.T) {
	dialects(t, func(w *world) {
		other := oauthtest.New(w)
		for _, values := range []url.Values{{"code": {"leak"}}, {"error": {"access_denied"}}} {
			state := w.provider.Authorize(w, w.start()).Get("state")
			values.Set("state", state)
			w.useClient(func(c *oauth.Config) { c.Issuer = other.Issuer() }, nil)
			w.fails(w.end(values), 400, "invalid_request")
			if !strings.Contains(w.logs.String(), "login was begun at another issuer") {
				w.Error("the log has no reason")
			}
			w.useClient(func(*oauth.Config) {}, nil)
		}
		if other.Requests("/token") != 0 {
			w.Error("a code was sent to a provider that did not issue it")
		}
	})
}

// Step-up: the agent checks the ID token against the level that the page asked
// for.
func TestStepUp(t *testing.T) {
	w := newWorld(t)
	w.useClient(func(c *oauth.Config) { c.EssentialACR = true }, func(c *Config) { c.ExtraParameters = []string{"acr_values", "max_age"} })
	w.signIn()
	before := w.cookies[names.AccessToken]
	for _, tt := range []struct {
		body   string
		claims map[string]any
		ok     bool
	}{
		{"acr_values=gold", map[string]any{"acr": "gold"}, true},
		{"acr_values=gold", map[string]any{"acr": "leak"}, false},
		{"max_age=60", map[string]any{"auth_time": w.now.Unix()}, true},
		{"max_age=60", map[string]any{"auth_time": w.now.Unix() - 3600}, false},
		{"max_age=60", nil, false},
	} {
		w.provider.Claims = oauthtest.Set(tt.claims)
		got := w.end(w.provider.Authorize(w, w.start(withBody("application/x-www-form-urlencoded", tt.body))))
		if tt.ok {
			if got.StatusCode != 200 {
				t.Errorf("%s: got %d %s", tt.body, got.StatusCode, got.text)
			}
			before = w.cookies[names.AccessToken]
			continue
		}
		w.fails(got, 400, "unmet_authentication_requirements")
		if w.cookies[names.AccessToken] != before {
			t.Error("a failed step-up changed the existing session")
		}
	}
	w.fails(w.do("POST", "login/start", withBody("application/x-www-form-urlencoded", "max_age=leak")), 400, "invalid_request")
}

// A page may ask for less scope if the settings allow it, and never for more.
func TestScopeOfAPage(t *testing.T) {
	w := newWorld(t)
	w.assistant = true
	form := func(scope string) option {
		return withBody("application/x-www-form-urlencoded", url.Values{"scope": {scope}}.Encode())
	}
	w.fails(w.do("POST", "login/start", form("openid")), 400, "invalid_request") // not by default
	w.useClient(func(*oauth.Config) {}, func(c *Config) { c.ExtraParameters = []string{"scope"} })
	if u := w.start(form("openid")); !strings.Contains(u, "&scope=openid&") {
		t.Errorf("got %s", u)
	}
	for _, scope := range []string{"openid leak", "profile", ""} {
		w.fails(w.do("POST", "login/start", form(scope)), 400, "invalid_request")
	}
	w.signIn()
	var asked []string
	w.provider.On["/token"] = func(rw http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		asked = append(asked, r.PostForm.Get("scope"))
		w.provider.Grant(rw, r)
	}
	if got := w.do("POST", "refresh", form("openid")); got.StatusCode != 200 || len(asked) != 1 || asked[0] != "openid" {
		t.Errorf("refresh: got %d %s, asked for %q", got.StatusCode, got.text, asked)
	}
	w.fails(w.do("POST", "refresh", form("openid leak")), 400, "invalid_request")
	w.fails(w.do("POST", "refresh", withBody("application/x-www-form-urlencoded", "prompt=none")), 400, "invalid_request")
	w.fails(w.do("POST", "refresh", withBody("application/json", `{"scope":"openid"}`)), 400, "invalid_request")
	w.has(names.Session()...)
}

// Every malformed response of a provider gets its documented code, and the
// cookies of the session stay.
func TestBadProviderKeepsTheSession(t *testing.T) {
	for _, tt := range []struct {
		name, contentType, body string
		answer                  int
		status                  int
		code                    string
	}{
		{"HTML", "text/html", "<leak>", 200, 502, "authorization_server_error"},
		{"error with 200", "application/json", `{"error":"invalid_grant"}`, 200, 502, "authorization_server_error"},
		{"500", "application/json", `{"error":"invalid_grant"}`, 500, 502, "authorization_server_error"},
		{"truncated", "application/json", `{"access_token":"leak`, 200, 502, "authorization_server_error"},
		{"10 MB", "application/json", `{"pad":"` + strings.Repeat("x", 10<<20) + `"}`, 200, 502, "authorization_server_error"},
		{"no access token", "application/json", `{"token_type":"bearer"}`, 200, 502, "authorization_server_error"},
		{"unknown token type", "application/json", `{"access_token":"leak","token_type":"mac"}`, 200, 502, "authorization_server_error"},
		{"duplicate key", "application/json", `{"access_token":"leak","access_token":"b","token_type":"bearer"}`, 200, 502, "authorization_server_error"},
		{"redirect", "text/plain", "", 307, 502, "authorization_server_error"},
		{"our credentials", "application/json", `{"error":"invalid_client"}`, 401, 502, "authorization_server_error"},
		{"refused", "application/json", `{"error":"invalid_request"}`, 400, 400, "authorization_error"},
		{"A22 text that says invalid_grant", "text/html", `invalid_grant`, 400, 400, "authorization_error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.signIn()
			before := w.cookies[names.RefreshToken]
			w.provider.On["/token"] = oauthtest.Answer(tt.answer, tt.contentType, tt.body)
			got := w.do("POST", "refresh")
			w.fails(got, tt.status, tt.code)
			if len(got.Cookies()) != 0 || w.cookies[names.RefreshToken] != before {
				t.Errorf("got Set-Cookie %v", got.Header["Set-Cookie"])
			}
			w.fails(w.end(w.provider.Authorize(w, w.start())), tt.status, tt.code)
			w.has(names.Session()...)
		})
	}
}

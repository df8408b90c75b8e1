package oauthproxy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
)

// A route that exchanges tokens sends its own token upstream, and never the
// session's. A failed exchange fails closed.
func TestExchange(t *testing.T) {
	answer := struct {
		status int
		body   string
	}{}
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answer.status)
		fmt.Fprint(w, answer.body)
	}))
	t.Cleanup(server.Close)
	const narrow = `{"access_token":"narrow","issued_token_type":"urn:ietf:params:oauth:token-type:jwt","token_type":"bearer","expires_in":60}`
	for _, tt := range []struct {
		name, resource, method string
		status                 int
		body                   string
		token, code            string // no code: Allow, no token and no code: an error
		calls                  int
	}{
		{"exchanged", "/orders", "GET", 200, narrow, "narrow", "", 1},
		{"of any method", "/bills", "DELETE", 200, narrow, "narrow", "", 1},
		{"a route without exchange", "/other", "GET", 500, "", testToken, "", 0},
		{"the token has ended", "/orders", "GET", 400, `{"error":"invalid_grant"}`, "", contract.CodeTokenExpired, 1},
		{"not for this user", "/orders", "GET", 403, `{"error":"access_denied"}`, "", contract.CodeAccessDenied, 1},
		{"the provider is down", "/orders", "GET", 503, ``, "", "", 2},
		{"our client is refused", "/orders", "GET", 401, `{"error":"invalid_client"}`, "", "", 2},
		{"no token", "/orders", "GET", 200, `{}`, "", "", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			calls, answer.status, answer.body = 0, tt.status, tt.body
			p := proxyWith(t, func(s *settings.Authorizer) {
				s.TokenExchange = settings.TokenExchange[settings.Secret]{URL: server.URL, ClientID: "exchanger", ClientSecret: "secret"}
				s.RouteRequirements = settings.Requirements{
					"GET /orders": {Exchange: &settings.Exchange{Audience: "orders"}},
					"ANY /bills":  {Exchange: &settings.Exchange{Scope: "bills"}},
				}
			})
			r := request(tt.method, headers{"Origin": {trusted}, "token-handler-version": {"1"}, "Cookie": {sealed(t, testKey, accessToken(testToken), csrfContent())}})
			r.Resource = tt.resource
			for range 2 {
				d, err := p.Decide(t.Context(), r)
				if (err != nil) != (tt.token == "" && tt.code == "") || d.Allow != (tt.token != "") || d.Token != tt.token || d.Code != tt.code {
					t.Errorf("got %+v, %v", d, err)
				}
			}
			if calls != tt.calls {
				t.Errorf("got %d calls for two requests, want %d", calls, tt.calls)
			}
		})
	}
}

package oauth

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/backchannel"
	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

const fuzzIssuer = "https://login.example"

func fuzzClient(profile string) *Client {
	return New(Config{Profile: profile, Issuer: fuzzIssuer, ClientID: "spa", ClientSecret: "secret", Scopes: "openid", RedirectURI: "https://www.example.com/"})
}

// FuzzMetadata: endpoints that come out of metadata are https URLs, those of a
// login are all there, and the metadata is of the configured issuer.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`{"issuer":"https://login.example","authorization_endpoint":"https://login.example/a","token_endpoint":"https://login.example/t","jwks_uri":"https://login.example/j","userinfo_endpoint":null}`))
	f.Add([]byte(`{"issuer":"https://login.example","Token_Endpoint":"http://x","mtls_endpoint_aliases":{"token_endpoint":"javascript:x"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		document, err := strictjson.Object(body)
		if err != nil {
			return
		}
		p, err := fuzzClient("oidc").read(document)
		if err != nil {
			if strings.Contains(err.Error(), "leak") {
				t.Errorf("the error quotes the metadata: %v", err)
			}
			return
		}
		if issuer, _ := strictjson.String(document, "issuer"); issuer != fuzzIssuer {
			t.Errorf("metadata of %q was accepted", issuer)
		}
		if p.Authorize == "" || p.Token == "" || p.JWKS == "" {
			t.Errorf("an endpoint is missing: %+v", p.endpoints)
		}
		for _, endpoint := range p.all() {
			if *endpoint != "" && !strings.HasPrefix(strings.ToLower(*endpoint), "https://") {
				t.Errorf("got the endpoint %q", *endpoint)
			}
		}
	})
}

// FuzzTokenAnswer: for any answer of the token endpoint, returned tokens fit a
// header and come from an answer of success, and an error never quotes the
// answer.
func FuzzTokenAnswer(f *testing.F) {
	f.Add(200, "application/json", `{"access_token":"a","token_type":"bearer","expires_in":"60","error":null}`)
	f.Add(400, "text/html", `{"error":"invalid_grant"}`)
	f.Add(401, "application/x-www-form-urlencoded", `error=token_inactive`)
	f.Add(200, "application/x-www-form-urlencoded", `access_token=a`)
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		if status < 200 || status > 599 {
			return
		}
		for _, profile := range []string{"oidc", "oauth2", "github"} {
			c := fuzzClient(profile)
			c.config.Now = func() time.Time { return time.Unix(1_800_000_000, 0) }
			w := httptest.NewRecorder()
			w.Header()["Content-Type"] = []string{contentType}
			w.WriteHeader(status)
			w.WriteString(body)
			c.channel = channelOf(w.Result())
			p := &provider{endpoints: endpoints{Token: fuzzIssuer + "/t"}}
			tokens, err := c.grant(t.Context(), p, map[string][]string{"grant_type": {"refresh_token"}, "refresh_token": {"r"}}, nil)
			if err != nil {
				if e := err.(*Error); e.Kind == InvalidGrant && (status >= 500 || status == 429 || status/100 == 3) {
					t.Errorf("%s: status %d ended the session", profile, status)
				}
				if len(body) > 40 && strings.Contains(err.Error(), body) {
					t.Errorf("the error quotes the answer: %v", err)
				}
				continue
			}
			if status != 200 || !visible(tokens.AccessToken) || tokens.RefreshToken != "" && !visible(tokens.RefreshToken) {
				t.Errorf("%s: got %+v of status %d", profile, tokens, status)
			}
		}
	})
}

type canned struct{ response *http.Response }

func (c canned) RoundTrip(*http.Request) (*http.Response, error) { return c.response, nil }

func channelOf(r *http.Response) *backchannel.Client {
	return backchannel.New(backchannel.Config{Transport: canned{r}})
}

// FuzzLogoutToken: for any claims that the provider signed, an accepted logout
// token is of this issuer, names a session or a user to end and has no nonce, and
// an error never quotes the claims.
func FuzzLogoutToken(f *testing.F) {
	f.Add([]byte(`{"iss":"https://login.example","aud":"spa","iat":1800000000,"jti":"1","sub":"u","events":{"http://schemas.openid.net/event/backchannel-logout":{}}}`))
	f.Add([]byte(`{"iss":"https://login.example","Aud":["spa"],"iat":"1800000000","jti":"1","sid":"s","nonce":null,"events":{"http://schemas.openid.net/event/backchannel-logout":[]}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		c := fuzzClient("oidc")
		now := time.Unix(1_800_000_000, 0)
		c.config.Now = func() time.Time { return now }
		token, err := c.readLogoutToken(payload)
		if err != nil {
			if token != (LogoutToken{}) || len(payload) > 40 && strings.Contains(err.Error(), string(payload)) {
				t.Errorf("got %+v beside %v", token, err)
			}
			return
		}
		var claims map[string]json.RawMessage
		if json.Unmarshal(payload, &claims) != nil || claims["nonce"] != nil || string(claims["iss"]) == "" || claims["events"] == nil || claims["aud"] == nil {
			t.Errorf("accepted %s", payload)
		}
		if token.ID == "" || token.Subject == "" && token.SID == "" || !token.Until.After(now) || token.Until.After(now.Add(time.Hour)) {
			t.Errorf("accepted %s as %+v", payload, token)
		}
	})
}
